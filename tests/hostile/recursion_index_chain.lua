local t = {}
for i = 1, 3000 do t = setmetatable({}, { __index = t }) end
pcall(function() return t.x end)
local a, b = {}, {}
setmetatable(a, { __index = b })
setmetatable(b, { __index = a })
while true do pcall(function() return a.x end) end
