if getmetatable("") then return "ESCAPED" end
local ok = pcall(setmetatable, "", {})
if ok then return "ESCAPED" end
string.format = function() return "mine" end
return ("x"):format()
