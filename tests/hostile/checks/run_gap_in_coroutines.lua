return check { name = "run_gap_in_coroutines", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local evidence, kept = cx.probe("logs", {}), {}
  while true do
    local co = coroutine.create(function() for _ in pairs(evidence) do end end)
    kept[#kept + 1] = { coroutine.resume(co) }
  end
end }
