local step = (1 << 14) - 1
local t = {}
for i = 1, 9000 do t[i * step] = true end
while true do for i = 1, 9000 do local _ = t[-i * step] end end
