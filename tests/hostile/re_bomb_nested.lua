return re.test(("a"):rep(100000), "(a*)*(a*)*(a*)*b")
