local t = {}
t.a = t
return value_or(t, string.rep("a.", 4000) .. "b", "none")
