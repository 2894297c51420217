as_file("return " .. ("2 ^ "):rep(60000) .. "1")
