local weak = setmetatable({}, { __mode = "k" })
local last = {}
for i = 1, 1e9 do
  local key = {}
  weak[last] = key
  weak[key] = { last, key }
  last = key
end
