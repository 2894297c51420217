return check { name = "run_tampers_cx", run = function(cx, params)
  pcall(function() cx.ok = function() return "mine" end end)
  pcall(function() cx.now = 0 end)
  pcall(function() cx.params.x = 1 end)
  pcall(function() params.x = 1 end)
  pcall(setmetatable, cx, { __index = function() while true do end end })
  pcall(rawset, cx, "ok", nil)
  local m = getmetatable(cx)
  if type(m) == "table" then for k in pairs(m) do m[k] = nil end end
  return cx.ok("done")
end }
