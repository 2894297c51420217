pcall(error, "x", math.mininteger) pcall(error, "x", math.maxinteger) pcall(error, "x", 0 / 0) pcall(error, {}, {})
error("from here", 1)
