while true do pcall(string.rep, "x", 60000000) end
