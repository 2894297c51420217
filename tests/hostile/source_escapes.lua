as_file("return \"" .. ("\\z   \n"):rep(40000) .. "\\u{7FFFFFFF}\"")
