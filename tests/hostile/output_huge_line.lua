print(("x"):rep(10000000))
