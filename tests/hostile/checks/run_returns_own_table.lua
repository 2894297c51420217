return check { name = "run_returns_own_table", run = function() return { verdict = "ok", text = ("x"):rep(10000000), remedy = setmetatable({}, { __index = function() while true do end end }) } end }
