return check { name = "run_data_evidence_many_times", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local evidence, data = cx.probe("sockets", {}), {}
  for i = 1, 19000 do data["figure" .. i] = evidence end
  return cx.ok("x"):data(data)
end }
