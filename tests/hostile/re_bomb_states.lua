return re.test(("ab"):rep(1000000), "[ab]*a[ab]{900}c")
