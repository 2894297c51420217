if pcall(function() for i = 1, 2, 0 do end end) then return "ESCAPED" end
for i = 1, 2, 1e-300 do end
