local kept
return check { name = "run_keeps_cx_in_coroutine", needs = { "sockets" }, run = function(cx)
  kept = coroutine.wrap(function() while true do coroutine.yield(cx.probe("sockets", {})) end end)
  while true do kept() end
end }
