return check { name = "run_data_doubling", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local data = { 1 }
  for _ = 1, 60 do data = { data, data } end
  return cx.ok("x"):data { data = data }
end }
