as_file("return " .. ("1 .. "):rep(60000) .. "1")
