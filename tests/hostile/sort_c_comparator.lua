local t = {}
for i = 1, 1000000 do t[i] = i end
table.sort(t, rawequal)
while true do pcall(table.sort, t, rawequal) end
