return check { name = print, summary = coroutine.create(print), tags = { error }, params = function() end, needs = print, [print] = print, run = "not a function" }
