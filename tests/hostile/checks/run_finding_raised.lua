return check { name = "run_finding_raised", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  error(cx.critical("raised, not returned"))
end }
