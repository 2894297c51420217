return _G[string.rep("x", 10 * 1000 * 1000)]
