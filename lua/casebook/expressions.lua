-- Helpers for conditions and {{ }} in runbooks. They see plain data only. A field that could not be seen makes the whole
-- expression unknown, also inside these functions; so does the end of a list that is not complete.
local H = {}

-- A pattern is a function of the item, or a table of fields that must be equal.
local function fits(item, pattern)
  if pattern == nil then return true end
  if type(pattern) == "function" then return pattern(item) end
  -- A field that is known to differ settles it, whatever else is not known and whichever comes first.
  if type(item) == "table" then
    for name, wanted in pairs(pattern) do
      local known = rawget(item, name)
      if known ~= nil and known ~= wanted then return false end
    end
  end
  for name, wanted in pairs(pattern) do
    if item[name] ~= wanted then return false end
  end
  return true
end

function H.first(list, pattern)
  for _, item in ipairs(list) do
    if fits(item, pattern) then return item end
  end
  return nil
end

function H.where(list, pattern)
  local found = {}
  for _, item in ipairs(list) do
    if fits(item, pattern) then found[#found + 1] = item end
  end
  return found
end

function H.any(list, pattern) return H.first(list, pattern) ~= nil end

function H.all(list, pattern)
  for _, item in ipairs(list) do
    if not fits(item, pattern) then return false end
  end
  return true
end

local function part(item, field)
  if field == nil then return item end
  if type(field) == "function" then return field(item) end
  return item[field]
end

function H.sum(list, field)
  local total = 0
  for _, item in ipairs(list) do total = total + part(item, field) end
  return total
end

function H.map(list, field)
  local parts = {}
  for index, item in ipairs(list) do parts[index] = part(item, field) end
  return parts
end

function H.most(list, field)
  local best, most
  for _, item in ipairs(list) do
    local value = part(item, field)
    if most == nil or value > most then best, most = item, value end
  end
  return best
end

function H.index(list, field)
  local items = {}
  for _, item in ipairs(list) do
    local key = part(item, field)
    if key ~= nil and items[key] == nil then items[key] = item end
  end
  return items
end

function H.take(list, count)
  local taken = {}
  for index = 1, count do
    if list[index] == nil then break end
    taken[index] = list[index]
  end
  return taken
end

function H.join(list, separator, count)
  count = count or 8
  local texts = {}
  for index = 1, math.min(count, #list) do texts[index] = tostring(list[index]) end
  local text = table.concat(texts, separator or ", ")
  if #list > count then text = text .. " and " .. (#list - count) .. " more" end
  return text
end

function H.contains(whole, wanted)
  if type(whole) == "string" then return text_contains(whole, wanted) end
  for _, item in ipairs(whole) do
    if item == wanted then return true end
  end
  return false
end

-- a / b, and 0 when there is nothing to divide by.
function H.ratio(a, b)
  if b == 0 then return 0 end
  return a / b
end

function H.plural(number, one, many)
  return count(number) .. " " .. (number == 1 and one or many or one .. "s")
end

return H
