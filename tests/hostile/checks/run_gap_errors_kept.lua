return check { name = "run_gap_errors_kept", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local evidence, kept = cx.probe("logs", {}), {}
  for i = 1, 1e9 do kept[i] = select(2, pcall(function() return evidence.lines end)) end
end }
