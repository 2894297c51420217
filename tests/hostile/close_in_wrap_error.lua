while true do
  pcall(coroutine.wrap(function()
    local evil <close> = setmetatable({}, { __close = function() while true do pcall(error) end end })
    error("x")
  end))
end
