-- NAME: a runbook in Lua: the same document as in YAML, where loops and functions help. `casebook run NAME` runs it.
local steps = {}
for _, interface in ipairs { "lo", "auto" } do
  local id = "rates_" .. interface
  steps[#steps + 1] = {
    id = id,
    title = "How much arrives at " .. interface,
    probe = "interfaces",
    with = { interface = interface },
    outcomes = {
      {
        when = id .. ".watched.rx.bits_per_second > params.high",
        verdict = "warning",
        say = "{{ " .. id .. ".watched.name }} receives {{ bitrate(" .. id .. ".watched.rx.bits_per_second) }}",
      },
      {
        verdict = "ok",
        say = "{{ " .. id .. ".watched.name }} is calm: {{ bitrate(" .. id .. ".watched.rx.bits_per_second) }} in",
      },
    },
  }
end

return runbook {
  name = "NAME",
  title = "Rates",
  summary = "Shows how much arrives where.",
  params = {
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch." },
    high = { type = "bitrate", default = "100Mbit/s", help = "The rate that counts as high." },
  },
  steps = steps,
}
