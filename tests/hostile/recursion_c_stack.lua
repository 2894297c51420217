local t = setmetatable({}, {})
getmetatable(t).__index = function(_, k) return t[k + 1] end
while true do pcall(function() return t[1] end) end
