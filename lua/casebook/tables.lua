--- Tables: sorted iteration, grouping, comparing, and text in columns. Lists of evidence do as well as plain ones.
---@class casebook.tables
local tables = {}

local RANKS = { number = 1, string = 2, boolean = 3 }

-- Any two keys can be compared: numbers before texts before the rest.
local function before(a, b)
  local left, right = RANKS[type(a)] or 4, RANKS[type(b)] or 4
  if left ~= right then return left < right end
  if left <= 2 then return a < b end
  return tostring(a) < tostring(b)
end

local function part(item, field)
  if field == nil then return item end
  if type(field) == "function" then return field(item) end
  return item[field]
end

---The keys of a map, sorted: numbers first, then texts.
---@generic K
---@param map table<K, any>
---@return K[]
function tables.keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, before)
  return keys
end

---The values of a map in the order of their keys.
---@generic V
---@param map table<any, V>
---@return V[]
function tables.values(map)
  local values = {}
  for index, key in ipairs(tables.keys(map)) do values[index] = map[key] end
  return values
end

---Goes over a map in the order of its keys. `pairs` gives another order each time, which no report should show.
---@generic K, V
---@param map table<K, V>
---@return fun(): K|nil, V|nil
function tables.sorted_pairs(map)
  local keys, at = tables.keys(map), 0
  return function()
    at = at + 1
    local key = keys[at]
    if key ~= nil then return key, map[key] end
  end
end

---The items of a list by the value of a field; items without it are left out.
---@generic T
---@param list T[]
---@param field string|fun(item: T): any
---@return table<any, T[]>
function tables.group(list, field)
  local groups = {}
  for _, item in ipairs(list) do
    local key = part(item, field)
    if key ~= nil then
      local group = groups[key]
      if group == nil then
        group = {}
        groups[key] = group
      end
      group[#group + 1] = item
    end
  end
  return groups
end

---How many items of a list have each value of a field.
---@generic T
---@param list T[]
---@param field? string|fun(item: T): any the item itself unless given
---@return table<any, integer>
function tables.count_by(list, field)
  local counts = {}
  for _, item in ipairs(list) do
    local key = part(item, field)
    if key ~= nil then counts[key] = (counts[key] or 0) + 1 end
  end
  return counts
end

---The sum of a field by the value of another.
---@generic T
---@param list T[]
---@param key string|fun(item: T): any
---@param amount string|fun(item: T): number|nil items without it add nothing
---@return table<any, number>
function tables.sum_by(list, key, amount)
  local sums = {}
  for _, item in ipairs(list) do
    local name, more = part(item, key), part(item, amount)
    if name ~= nil and more ~= nil then sums[name] = (sums[name] or 0) + more end
  end
  return sums
end

---The items with the largest values, largest first; of equal ones the earlier. Items without a value are left out.
---@generic T
---@param list T[]
---@param count integer how many at most
---@param field? string|fun(item: T): number|nil the item itself unless given
---@return T[]
function tables.top(list, count, field)
  local rows = {}
  for index, item in ipairs(list) do
    local value = part(item, field)
    if value ~= nil then rows[#rows + 1] = { value = value, index = index, item = item } end
  end
  table.sort(rows, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.index < b.index
  end)
  local found = {}
  for index = 1, math.min(count, #rows) do found[index] = rows[index].item end
  return found
end

---The entries of a map with the largest values, largest first; of equal ones the smaller key.
---@param map table<any, number>
---@param count? integer how many at most: all unless given
---@return { key: any, value: number }[]
function tables.ranking(map, count)
  local rows = {}
  for _, key in ipairs(tables.keys(map)) do rows[#rows + 1] = { key = key, value = map[key] } end
  return tables.top(rows, count or #rows, "value")
end

---A new map with the entries of all; a later map wins over an earlier one.
---@param ... table
---@return table
function tables.merge(...)
  local merged = {}
  for _, map in ipairs { ... } do
    for key, value in pairs(map) do merged[key] = value end
  end
  return merged
end

---A new list with what a function makes of each item; where it gives nil there is no item.
---@generic T, R
---@param list T[]
---@param field string|fun(item: T): R|nil
---@return R[]
function tables.map(list, field)
  local found = {}
  for _, item in ipairs(list) do
    local value = part(item, field)
    if value ~= nil then found[#found + 1] = value end
  end
  return found
end

---A new list of the items for which a function holds.
---@generic T
---@param list T[]
---@param holds fun(item: T): boolean
---@return T[]
function tables.where(list, holds)
  local found = {}
  for _, item in ipairs(list) do
    if holds(item) then found[#found + 1] = item end
  end
  return found
end

-- How deep tables may lie in one another: no evidence does so deeper.
local DEEPEST = 64

local function equal(a, b, depth)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  if depth > DEEPEST then error("tables lie in one another more than " .. DEEPEST .. " deep", 0) end
  for key, value in pairs(a) do
    if not equal(value, b[key], depth + 1) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

---Whether two values are the same, tables by what is in them.
---@param a any
---@param b any
---@return boolean
function tables.equal(a, b) return equal(a, b, 1) end

local function shown(value)
  if value == nil then return "-" end
  if math.type(value) == "float" then return ("%.4g"):format(value) end
  return (tostring(value):gsub("%c", " "))
end

---Rows as text in columns. Numbers stand at the right; what is nil is shown as `-`.
---@param rows table[]
---@param columns (string|{ [1]: string, title?: string, show?: fun(value: any): string })[] fields, in order
---@return string text lines without blanks at their end
function tables.text(rows, columns)
  local lines, widths, right = { {} }, {}, {}
  for at, column in ipairs(columns) do
    if type(column) == "string" then column = { column } end
    local title = column.title or column[1]:gsub("_", " ")
    lines[1][at] = title
    widths[at] = utf8.len(title) or #title
    right[at] = true
    for index, row in ipairs(rows) do
      local value = row[column[1]]
      if value ~= nil and type(value) ~= "number" then right[at] = false end
      local text = value ~= nil and column.show and column.show(value) or shown(value)
      lines[index + 1] = lines[index + 1] or {}
      lines[index + 1][at] = text
      widths[at] = math.max(widths[at], utf8.len(text) or #text)
    end
  end
  local texts = {}
  for index, cells in ipairs(lines) do
    local padded = {}
    for at, cell in ipairs(cells) do
      local blank = (" "):rep(widths[at] - (utf8.len(cell) or #cell))
      padded[at] = right[at] and blank .. cell or cell .. blank
    end
    texts[index] = table.concat(padded, "  "):gsub("%s+$", "")
  end
  return table.concat(texts, "\n")
end

return tables
