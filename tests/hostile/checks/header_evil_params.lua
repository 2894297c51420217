local evil = setmetatable({}, { __index = function(_, k) return k end, __pairs = function() while true do end end })
return check { name = "header_evil_params", params = evil, needs = evil, tags = evil, run = function(cx) return cx.ok("x") end }
