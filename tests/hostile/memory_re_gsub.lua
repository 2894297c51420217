local s = ("x"):rep(1 << 20)
return #re.gsub(s, "x", s)
