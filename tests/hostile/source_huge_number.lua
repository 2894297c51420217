as_file("return " .. ("9"):rep(120000) .. "e" .. ("9"):rep(120000))
