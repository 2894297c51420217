local t = {}
for k = 0, 50 do t[1 << k] = true end
table.insert(t, 1, "x")
return #t
