local ok, e = pcall(require, "../secret")
local meta = getmetatable(e)
if type(meta) == "table" and meta.__gc then return "ESCAPED" end
pcall(function() e.x = 1 end)
return tostring(e)
