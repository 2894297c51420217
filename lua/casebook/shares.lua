--- Shares of a whole, and how concentrated they are: is it one sender or everybody.
---@class casebook.shares
local shares = {}

local function numbers(values)
  local found = {}
  for _, value in pairs(values) do
    if value ~= value or value < 0 then error("a share is of amounts that are not negative, not of " .. tostring(value), 3) end
    found[#found + 1] = value
  end
  return found
end

local function descending(values)
  local found = numbers(values)
  table.sort(found, function(a, b) return a > b end)
  return found
end

local function total(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum
end

---A part as a share of a whole.
---@param part number|nil
---@param whole number|nil
---@return number|nil share nil when one is not known, or the whole is nothing
function shares.of(part, whole)
  if part == nil or whole == nil or whole == 0 then return nil end
  return part / whole
end

---The amounts of a map or list as shares of their sum, largest first.
---@param amounts table<any, number> from a key to an amount
---@return { key: any, amount: number, share: number|nil }[] shares of equal amounts the one whose key's text is smaller comes first
function shares.list(amounts)
  local sum = total(numbers(amounts))
  local found = {}
  for key, amount in pairs(amounts) do
    found[#found + 1] = { key = key, amount = amount, share = shares.of(amount, sum) }
  end
  table.sort(found, function(a, b)
    if a.amount ~= b.amount then return a.amount > b.amount end
    return tostring(a.key) < tostring(b.key)
  end)
  return found
end

---The share that the largest amounts have together.
---@param amounts table<any, number>
---@param k? integer how many: 1 unless said
---@return number|nil share nil when there is nothing
function shares.top(amounts, k)
  local sorted = descending(amounts)
  local sum = total(sorted)
  if sum == 0 then return nil end
  local largest = 0
  for index = 1, math.min(k or 1, #sorted) do largest = largest + sorted[index] end
  return largest / sum
end

---How many of the largest amounts it takes to have a share of the whole: "3 of 900 networks send 90 %".
---@param amounts table<any, number>
---@param share number above 0, at most 1
---@return integer|nil count nil when there is nothing
function shares.needed(amounts, share)
  if share ~= share or share <= 0 or share > 1 then error("a share is above 0 and at most 1, not " .. tostring(share), 2) end
  local sorted = descending(amounts)
  local sum = total(sorted)
  if sum == 0 then return nil end
  local reached = 0
  for index, amount in ipairs(sorted) do
    reached = reached + amount
    -- Sums of fractions may end a hair below the whole.
    if reached >= share * sum * (1 - 1e-12) then return index end
  end
  return #sorted
end

---The Gini coefficient: 0 when all amounts are equal, close to 1 when one has everything.
---@param amounts table<any, number>
---@return number|nil gini nil when there is nothing
function shares.gini(amounts)
  local sorted = descending(amounts)
  local sum, number = total(sorted), #sorted
  if sum == 0 then return nil end
  local weighted = 0
  -- Ranks run from the smallest amount, which is the last one here.
  for index, amount in ipairs(sorted) do weighted = weighted + (number - index + 1) * amount end
  return math.max(0, 2 * weighted / (number * sum) - (number + 1) / number)
end

---How many equal senders would be as concentrated: the inverse of the sum of the squared shares. 1 means one has all.
---@param amounts table<any, number>
---@return number|nil senders nil when there is nothing
function shares.effective(amounts)
  local found = numbers(amounts)
  local sum = total(found)
  if sum == 0 then return nil end
  local squares = 0
  for _, amount in ipairs(found) do squares = squares + (amount / sum) ^ 2 end
  return 1 / squares
end

return shares
