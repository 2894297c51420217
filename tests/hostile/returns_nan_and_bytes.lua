return { 0 / 0, 1 / 0, -1 / 0, "\xff\xfe", math.mininteger, "\0" }
