local ok = pcall(table.move, {}, math.mininteger, math.maxinteger, 1)
if ok then return "ESCAPED" end
ok = pcall(table.move, {}, 1, math.maxinteger, 2)
if ok then return "ESCAPED" end
ok = pcall(table.move, {}, "1", 1e15, 2)
if ok then return "ESCAPED" end
table.move({}, -1 << 62, 1 << 62, 1)
