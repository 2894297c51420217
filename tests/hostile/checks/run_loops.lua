return check { name = "run_loops", run = function() while true do end end }
