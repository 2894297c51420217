return check { name = "run_params_shared_text", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local names, long = {}, string.rep("a", 10 * 1000 * 1000)
  for i = 1, 19000 do names[i] = long end
  cx.probe("sysctl", { names = names })
end }
