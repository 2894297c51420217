shell(string.rep("'", 10 * 1000 * 1000))
