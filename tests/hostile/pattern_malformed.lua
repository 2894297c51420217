for _, p in ipairs({ "%", "[", "[^", "[%", "(", ")", "%1", "%b", "%bx", "%f", "%fa", "((((", "(()", "[]", "[]]", "[a-", "[%a-", "%g(", ("("):rep(40) }) do
  pcall(string.find, "abc", p)
  pcall(string.gsub, "abc", p, "%1%9")
  pcall(string.gmatch("abc", p))
end
while true do end
