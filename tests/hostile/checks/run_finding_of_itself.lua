return check { name = "run_finding_of_itself", run = function(cx)
  local f = cx.ok("x")
  pcall(function() f:data { f = f } end)
  pcall(function() f:evidence(f) end)
  pcall(function() f:remedy(f) end)
  pcall(function() f.verdict = "critical" end)
  return { f, f, { f } }
end }
