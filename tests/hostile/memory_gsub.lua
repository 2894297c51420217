local s = ("x"):rep(1 << 20)
return #s:gsub("x", s)
