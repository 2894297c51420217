local s = ("a"):rep(100)
return s:find(("a*"):rep(40) .. "b")
