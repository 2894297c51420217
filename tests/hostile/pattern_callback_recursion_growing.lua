local function f(s) return (s:gsub(".", function(c) return f(c .. c) end)) end
while true do pcall(f, "xy") end
