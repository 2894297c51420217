-- All keys fall into one chain once the table grows to twice its size, which one instruction does.
local size = 18
local step = (1 << size + 1) - 1
local t = {}
for i = 1, (1 << size) + 1 do t[i * step] = true end
return "grown"
