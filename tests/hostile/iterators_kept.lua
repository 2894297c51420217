-- Iterators are objects of the host, of which Lua sees little.
local kept = {}
for i = 1, 1e9 do kept[i] = { string.gmatch("a", "b"), re.gmatch("a", "b") } end
