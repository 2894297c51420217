as_file("\0\1\2\xff\xfe return 1 \27[31m")
