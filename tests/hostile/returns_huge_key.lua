return { [("x"):rep(10000000)] = 1 }
