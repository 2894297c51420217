while true do pcall(re.test, ("é"):rep(100000), "(?iu)(\\pL|\\w|\\pM){50}x") end
