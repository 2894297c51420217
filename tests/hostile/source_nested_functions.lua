as_file(("function f() "):rep(10000) .. ("end "):rep(10000))
