local s = ("a"):rep(300)
while true do pcall(string.gsub, s, (".-"):rep(30) .. "b", "x") end
