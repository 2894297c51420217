local co = coroutine.wrap(function() return ("x"):gsub("x", function() coroutine.yield(1) end) end)
local ok, e = pcall(co)
return tostring(ok)
