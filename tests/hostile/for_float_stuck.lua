for x = 1e300, 2e300, 1 do end
