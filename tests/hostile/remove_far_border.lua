local t = {}
for k = 0, 61 do t[1 << k] = true end
table.remove(t, 1)
return #t
