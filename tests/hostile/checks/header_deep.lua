local t = {}
for i = 1, 100000 do t = { t } end
return check { name = "header_deep", params = t, run = function(cx) return cx.ok("x") end }
