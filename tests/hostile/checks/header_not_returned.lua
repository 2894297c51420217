check { name = "header_not_returned", run = function(cx) return cx.ok("x") end }
