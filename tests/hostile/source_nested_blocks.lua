as_file(("do "):rep(30000) .. ("end "):rep(30000))
