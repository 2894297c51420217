local long, tags = string.rep("a", 5 * 1000 * 1000), {}
for i = 1, 1000 do tags[i] = long end
return check { name = "header_long_shared_text", summary = "x", tags = tags, run = function(cx) return cx.ok("x") end }
