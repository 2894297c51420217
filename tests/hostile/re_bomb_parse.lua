pcall(re.test, "x", ("("):rep(1000000))
pcall(re.test, "x", ("(?:"):rep(100000) .. (")"):rep(100000))
pcall(re.test, "x", ("a|"):rep(5000000))
pcall(re.test, "x", "[" .. ("a-z"):rep(1000000) .. "]")
while true do end
