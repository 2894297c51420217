-- The guards must not use what a script can replace.
type = function() return "table" end
getmetatable = function() return nil end
error = function() return "swallowed" end
select = function() while true do end end
rawget = function() return nil end
tostring = function() return {} end
table.concat = function() return nil end
local ok = pcall(setmetatable, {}, { __gc = function() while true do end end })
if ok then return "ESCAPED" end
print("x", 1, nil)
while true do pcall(function() while true do end end) end
