for k in next, _G do if k ~= "pcall" then _G[k] = nil end end
while true do pcall(function() while true do end end) end
