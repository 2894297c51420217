local tags = {}
for i = 1, 500000 do tags[i] = "tag" .. i end
return check { name = "header_huge_list", tags = tags, run = function(cx) return cx.ok("x") end }
