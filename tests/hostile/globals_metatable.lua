setmetatable(_G, { __index = function(t, k) while true do end end, __newindex = function() while true do end end })
return undefined
