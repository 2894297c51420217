error(setmetatable({}, { __name = ("\27[31m"):rep(1000000), __tostring = function() return 42 end }))
