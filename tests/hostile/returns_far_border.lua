local t = {}
for k = 0, 61 do t[1 << k] = true end
return t
