local function sort() table.sort({ 1, 2, 3 }, function(a, b) sort() return a < b end) end
sort()
