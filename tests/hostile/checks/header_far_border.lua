local tags = {}
for k = 0, 61 do tags[1 << k] = "t" end
return check { name = "header_far_border", tags = tags, run = function(cx) return cx.ok("x") end }
