local meta = {}
meta.__concat = function(a, b) return a .. b end
meta.__eq = function(a, b) return a == b end
meta.__lt = function(a, b) return a < b end
meta.__len = function(a) return #a end
meta.__call = function(a) return a() end
local a, b = setmetatable({}, meta), setmetatable({}, meta)
while true do
  pcall(function() return a .. b end)
  pcall(function() return a == b end)
  pcall(function() return a < b end)
  pcall(function() return #a end)
  pcall(function() return a() end)
end
