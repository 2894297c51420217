return check { name = "run_returns_nothing", run = function() end }
