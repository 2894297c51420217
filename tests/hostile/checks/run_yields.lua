return check { name = "run_yields", run = function(cx) coroutine.yield(cx.ok("yielded")) end }
