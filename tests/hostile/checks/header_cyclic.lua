local c = { name = "header_cyclic", run = function(cx) return cx.ok("x") end }
c.params = { again = c }
c.params.params = c.params
return check(c)
