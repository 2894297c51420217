while true do
  table.sort({ 3, 2, 1 }, function(a, b) return ask(a) < ask(b) end)
  pcall(string.gsub, "abc", ".", function() return ask(1) end)
end
