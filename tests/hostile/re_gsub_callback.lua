local function f(m) return re.gsub(m[0], ".", f) end
return re.gsub("x", ".", f)
