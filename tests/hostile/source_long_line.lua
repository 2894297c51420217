as_file("local x = 1 " .. ("x = x + 1 "):rep(25000))
