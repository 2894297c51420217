return check { name = "run_together_army", needs = { "sockets" }, run = function(cx)
  local all = {}
  for i = 1, 100000 do all[i] = { "sockets", {} } end
  return cx.ok(tostring(cx.together(all)))
end }
