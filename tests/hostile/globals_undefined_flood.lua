for i = 1, 1e5 do _G["name" .. i] = i end
while true do pcall(function() return undefined_name end) end
