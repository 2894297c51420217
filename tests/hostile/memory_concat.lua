local big = ("x"):rep(1 << 20)
local t = {}
for i = 1, 100000 do t[i] = big end
return #table.concat(t)
