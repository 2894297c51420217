return check { name = "run_about_kept", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local evidence, kept = cx.probe("logs", {}), {}
  for i = 1, 1e9 do kept[i] = cx.about(evidence) end
end }
