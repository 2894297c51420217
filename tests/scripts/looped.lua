-- A runbook that is put together by a loop.
local steps, causes = {}, {}

for _, probe in ipairs { "host", "kernel" } do
  steps[#steps + 1] = {
    id = probe, title = "What " .. probe .. " says", probe = probe,
    outcomes = { { verdict = "ok", say = "{{ " .. probe .. ".seconds }} s" } },
  }
end

return runbook { name = "looped", title = "Looped", steps = steps, causes = causes }
