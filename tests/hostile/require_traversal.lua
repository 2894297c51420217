local names = {
  "../secret", "..secret", "...secret", "up.secret", "up/secret", "link", "/etc/passwd", "folder/../../secret",
  "folder.", ".folder", "folder..deep", "good\0", "good\0.x", "secret\0", "", ".", "..", "GOOD", "good.lua", "go od",
  "file:///etc/passwd", "%2e%2e%2fsecret", "~.secret", "C:secret", "endless", "pipe", "loop", "large", "code", "cycle",
  ("a."):rep(100000) .. "a", ("x"):rep(300), "casebook", "casebook.", "casebook.expressions", "casebook.../secret", "casebook.nothing", "é",
}
local bad = {}
for _, name in ipairs(names) do
  local ok, e = pcall(require, name)
  if ok then bad[#bad + 1] = "ESCAPED " .. name end
end
for _, name in ipairs({ {}, print, true, 1.5, -1 }) do pcall(require, name) end
pcall(require)
return { bad, require("good").answer, require("folder.deep") }
