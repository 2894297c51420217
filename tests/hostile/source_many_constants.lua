local t = {}
for i = 1, 30000 do t[i] = i .. ".5" end
as_file("return {" .. table.concat(t, ",") .. "}")
