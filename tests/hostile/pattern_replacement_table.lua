local evil = setmetatable({}, { __index = function(t, k) while true do end end })
return ("x"):gsub("x", evil)
