local t = {}
for i = 1, 900000 do t[i] = i end
while true do pcall(function() return select("#", table.unpack(t)) end) end
