return setmetatable({ check = true }, { __index = function() while true do end end })
