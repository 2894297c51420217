local ok, e = pcall(re.test, "x", "((((x{100}){100}){100}){100})")
if ok then return "ESCAPED" end
while true do pcall(re.test, "x", "((((x{100}){100}){100}){100})") end
