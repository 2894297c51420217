return check { name = ("n"):rep(10000000), summary = ("s"):rep(10000000), run = function(cx) return cx.ok("x") end }
