return check { name = "run_long_member", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local long = string.rep("a", 10 * 1000 * 1000)
  for _ = 1, 200 do pcall(function() return cx[long] end) pcall(function() return params[long] end) end
  return cx[long]
end }
