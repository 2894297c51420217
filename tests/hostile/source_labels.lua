local t = {}
for i = 1, 20000 do t[i] = "::l" .. i .. "::" end
while true do pcall(as_file, table.concat(t)) end
