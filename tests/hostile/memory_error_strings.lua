while true do pcall(error, ("x"):rep(10000000)) end
