local co = coroutine.create(function()
  local evil <close> = setmetatable({}, { __close = function() while true do end end })
  while true do end
end)
coroutine.resume(co)
while true do coroutine.close(co) end
