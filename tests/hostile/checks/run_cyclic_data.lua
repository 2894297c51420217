return check { name = "run_cyclic_data", run = function(cx)
  local d = {}
  d.d = d
  return cx.ok("x"):data(d)
end }
