as_file("return " .. ("- "):rep(120000) .. "1")
