local s = ("a "):rep(2000000)
local n = 0
while true do for _ in s:gmatch("%f[%w]%w+%f[%W]") do n = n + 1 end end
