return check { name = "run_data_shared_text", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local data, long = {}, string.rep("a", 10 * 1000 * 1000)
  for i = 1, 19000 do data["figure" .. i] = long end
  return cx.ok("x"):data(data)
end }
