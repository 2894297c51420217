local army = {}
while true do
  local co = coroutine.create(function() while true do coroutine.yield(#army) end end)
  coroutine.resume(co)
  army[#army + 1] = co
end
