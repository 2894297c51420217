local meta = {}
local objects = {}
for i = 1, 1000 do objects[i] = setmetatable({}, meta) end
meta.__gc = function() while true do end end
for i = 1, 1000 do objects[i] = nil end
local ok = pcall(setmetatable, {}, setmetatable({ __gc = 1 }, { __index = function() return nil end }))
if ok then return "ESCAPED" end
while true do local t = {} end
