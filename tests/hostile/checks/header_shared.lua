local t = { "x" }
for i = 1, 40 do t = { t, t, t, t } end
return check { name = "header_shared", params = t, run = function(cx) return cx.ok("x") end }
