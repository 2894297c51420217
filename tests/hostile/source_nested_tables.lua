as_file("return " .. ("{"):rep(120000) .. ("}"):rep(120000))
