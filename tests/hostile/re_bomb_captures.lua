return #re.groups(("ab"):rep(1000000), "((a|b){1,200}){1,20}(c|d)?$")
