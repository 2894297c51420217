for _, t in ipairs({ io, os, debug, package }) do
  if getmetatable(t) then return "ESCAPED" end
  if pcall(setmetatable, t, {}) then return "ESCAPED" end
  if next(t) ~= nil then return "ESCAPED" end
  if pcall(function() t.x = 1 end) then return "ESCAPED" end
  if pcall(function() return t() end) then return "ESCAPED" end
  rawset(t, "open", function() return "mine" end)
end
return io.open()
