-- A module that checks require.
local rates = { _VERSION = "1" }

--- The share of a part, none where there is no whole.
function rates.share(part, whole)
  if not whole or whole == 0 then return nil end
  return part / whole
end

function rates.sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  local index = 0
  return function()
    index = index + 1
    local key = keys[index]
    if key ~= nil then return key, map[key] end
  end
end

local co = coroutine.wrap(function()
  for number = 1, 3 do coroutine.yield(number & 0xff | 1 << 3, number // 2, ~number) end
end)

while false do co() end
repeat local last = #rates until last == 0

return rates
