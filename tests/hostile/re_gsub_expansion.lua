-- One match and a short template make a text of gigabytes in one call.
local text = string.rep("a", 1000 * 1000)
re.gsub(text, "^a+", string.rep("$0", 3000))
return "expanded"
