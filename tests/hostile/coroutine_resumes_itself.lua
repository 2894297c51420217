local co
co = coroutine.create(function() while true do coroutine.resume(co) end end)
while true do coroutine.resume(co) end
