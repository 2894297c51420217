return check { name = "run_gaps_kept", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local evidence, kept = cx.probe("logs", {}), {}
  for i = 1, 1e9 do kept[i] = evidence.gap end
end }
