xpcall(function()
  local evil <close> = setmetatable({}, { __close = function() while true do pcall(table.sort, { 3, 2, 1 }, function() while true do end end) end end })
  table.sort({ 5, 4, 3, 2, 1 }, function() while true do end end)
end, function() while true do end end)
while true do end
