local function same(a, b) if a ~= b then error(("`%s` is not `%s`"):format(tostring(a), tostring(b)), 2) end end

function value_or(item, field, default)
  local known, value = pcall(function() return item[field] end)
  if not known or value == nil then return default end
  return value
end

local seen = require "casebook.seen"
local incomplete = setmetatable({ "a", "b" }, { __index = function() error("not known") end })

local function all(list)
  local found = {}
  for item in seen.items(list) do found[#found + 1] = item end
  return table.concat(found, " ")
end
same(all { "a", "b", "c" }, "a b c")
same(all(incomplete), "a b")
same(all {}, "")
same(all(nil), "")
same(seen.first { "a" }, "a")
same(seen.first(incomplete), "a")
same(seen.first(setmetatable({}, { __index = function() error("not known") end })), nil)
same(seen.first(nil), nil)
-- Reading the whole list is another matter.
assert(not pcall(function() for _ in ipairs(incomplete) do end end))
