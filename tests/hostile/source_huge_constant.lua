as_file("return #[[" .. ("x"):rep(250000) .. "]]")
