-- Each has texts outside Lua's memory, until it is collected.
local long = string.rep("a", 3 * 1000 * 1000)
for i = 1, 1e9 do pcall(string.rep, long, long) pcall(re.test, "x", "(" .. i) pcall(shell, {}) pcall(require, long) end
