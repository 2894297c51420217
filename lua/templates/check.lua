-- NAME: which sockets let datagrams or connections wait. Replace it with your own question; `casebook check NAME` runs it,
-- `casebook lint` reads it, `casebook test` tests it.
return check {
  name = "NAME",
  summary = "Which listening sockets let their clients wait",
  tags = { "sockets" },
  symptoms = { "clients wait for an answer" },
  params = {
    most = { type = "integer", default = 100, min = 0, help = "How many may wait: a service that keeps up has none." },
  },
  needs = { "sockets" },
  run = function(cx, params)
    local e = cx.probe("sockets", { window = "1s" })
    local waiting = e.listeners:where(function(listener) return listener.queue > params.most end)
    local worst = waiting:top("queue", 1)[1]
    if worst == nil then
      return cx.ok("no more than " .. count(params.most) .. " wait at any of " .. #e.listeners .. " listening sockets")
    end
    local place = worst.protocol .. " port " .. worst.port
    return cx.warning(plural(worst.queue, "client waits", "clients wait") .. " at " .. place)
      :data { port = worst.port, waiting = worst.queue }
      :remedy {
        urgency = "now",
        ["do"] = "See what keeps the owner of " .. place .. " from reading",
        run = sh("ss -lnp 'sport = :{{ port }}'", { port = worst.port }),
        risk = "none",
      }
  end,
}
