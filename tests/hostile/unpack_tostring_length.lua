return table.unpack(setmetatable({}, { __len = function() return "9999999999" end, __index = function() return 1 end }))
