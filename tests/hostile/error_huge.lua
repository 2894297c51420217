error(("x"):rep(15000000))
