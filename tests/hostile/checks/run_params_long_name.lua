return check { name = "run_params_long_name", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  pcall(cx.probe, "sysctl", { [string.rep("a", 10 * 1000 * 1000)] = 1 })
  cx.probe(string.rep("a", 10 * 1000 * 1000))
end }
