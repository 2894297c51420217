return (("a"):rep(1000000)):find(".*b")
