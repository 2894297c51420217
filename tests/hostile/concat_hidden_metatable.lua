local t = setmetatable({}, { __len = function() return 1 << 40 end, __index = function() return "" end, __metatable = {} })
pcall(table.concat, t)
pcall(table.insert, t, 1, 2)
pcall(table.remove, t, 1)
pcall(table.sort, t, rawequal)
pcall(table.unpack, t)
while true do end
