while true do
  pcall(function()
    local evil <close> = setmetatable({}, { __close = function() while true do end end })
    error("x")
  end)
end
