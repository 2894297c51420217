local s = ("x"):rep(900000)
local t = {}
for i = 1, 20 do t[i] = s .. i end
local all = {}
for i = 1, 100000 do all[i] = t[i % 20 + 1] end
table.sort(all)
