local function loop() while true do end end
return setmetatable({}, { __index = loop, __pairs = loop, __len = loop, __tostring = loop, __name = loop, __metatable = loop })
