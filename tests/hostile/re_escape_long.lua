re.escape(string.rep("*", 12 * 1000 * 1000))
