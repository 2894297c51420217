local all = {}
for i = 1, 100000 do all[i] = setmetatable({}, { __mode = "kv" }) end
while true do for i = 2, #all do all[i][all[i - 1]] = all[1] end end
