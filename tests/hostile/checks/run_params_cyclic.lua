return check { name = "run_params_cyclic", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local names = {}
  names[1] = names
  cx.probe("sysctl", { names = names })
end }
