check { name = "first", run = function(cx) return cx.ok("first") end }
return check { name = "header_twice", run = function(cx) return check { name = "third", run = print } end }
