return check { name = "run_raises_finding", run = function(cx) error(cx.critical("raised")) end }
