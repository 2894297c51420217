local function f(m) return re.gsub(m, ".", f) end
return re.gsub("x", ".", f)
