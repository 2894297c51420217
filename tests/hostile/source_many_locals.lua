local t = {}
for i = 1, 10000 do t[i] = "local x" .. i .. " = " .. i end
as_file(table.concat(t, "\n"))
