local e = {}
e.e = e
setmetatable(e, { __index = e, __metatable = e })
error(e)
