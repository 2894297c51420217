--- What could be seen of a list, whether or not a gap left it incomplete. It may speak for trouble. That there is none, only the
--- whole list can say: read it with `ipairs` or `#`, which end the check as unknown where a gap is.
---@class casebook.seen
local seen = {}

---Goes over the items that could be seen. A list that is not there at all has none.
---@generic T
---@param list T[]|nil
---@return fun(): T|nil
function seen.items(list)
  local at = 0
  return function()
    if list == nil then return nil end
    at = at + 1
    return value_or(list, at, nil, nil)
  end
end

---The first item, if one could be seen.
---@generic T
---@param list T[]|nil
---@return T|nil
function seen.first(list)
  if list == nil then return nil end
  return value_or(list, 1, nil, nil)
end

return seen
