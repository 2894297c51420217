as_file(("x"):rep(250000) .. " = 1")
