return check { name = "run_data_long_keys", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local data, long = {}, string.rep("a", 10 * 1000 * 1000)
  for _ = 1, 15 do data = { [long] = data } end
  return cx.ok("x"):data(data)
end }
