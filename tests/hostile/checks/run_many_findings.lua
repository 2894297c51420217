return check { name = "run_many_findings", run = function(cx)
  local all = {}
  for i = 1, 50000 do all[i] = cx.critical(("x"):rep(100)) end
  return all
end }
