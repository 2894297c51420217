local t = {}
for i = 1, 12000 do t[i] = "do goto l" .. i .. " end" end
while true do pcall(as_file, table.concat(t, " ")) end
