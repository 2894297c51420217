local co = coroutine.wrap(function() while true do coroutine.yield(ask(1)) end end)
while true do co() end
