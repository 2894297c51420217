local long, params = string.rep("a", 5 * 1000 * 1000), { 1 }
for _ = 1, 22 do params = { [long] = params } end
return check { name = "header_long_keys_deep", summary = "x", params = params, run = function(cx) return cx.ok("x") end }
