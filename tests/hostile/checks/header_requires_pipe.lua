require("pipe")
return check { name = "header_requires_pipe", summary = "x", run = function(cx) return cx.ok("x") end }
