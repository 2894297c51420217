for i = math.maxinteger - 1, math.maxinteger do end
for i = math.mininteger, math.mininteger + 1, 1 do end
for i = 1, math.huge do end
