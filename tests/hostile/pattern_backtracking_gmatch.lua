for _ in ("a"):rep(400):gmatch((".-"):rep(25) .. "b") do end
