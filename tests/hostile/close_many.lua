local meta = { __close = function() while true do end end }
local function nest(n)
  local evil <close> = setmetatable({}, meta)
  if n > 0 then nest(n - 1) end
  while true do end
end
nest(150)
