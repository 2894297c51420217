local t = {}
for i = 1, 200000 do t[i] = "xxxxxxxxxx" end
print(table.unpack(t))
