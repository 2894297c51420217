--- Shannon entropy: how evenly counts are spread. Many equal sources are spoofed or reflected; real ones differ.
---@class casebook.entropy
local entropy = {}

local function sum(counts)
  local total, kinds = 0, 0
  for _, count in pairs(counts) do
    if count ~= count or count < 0 then error("a count is not negative, " .. tostring(count) .. " is", 3) end
    total = total + count
    if count > 0 then kinds = kinds + 1 end
  end
  return total, kinds
end

---The entropy of counts in bits: 0 when all is of one kind, log2(n) when n kinds are equally frequent.
---@param counts table<any, number> from a kind to how often it occurs; a list will do
---@return number|nil bits nil when nothing was counted
function entropy.bits(counts)
  local total = sum(counts)
  if total == 0 then return nil end
  local bits = 0
  for _, count in pairs(counts) do
    if count > 0 then
      local share = count / total
      bits = bits - share * math.log(share, 2)
    end
  end
  return math.max(0, bits)
end

---The entropy as a share of what as many kinds could have at most: 1 when all kinds are equally frequent.
---@param counts table<any, number>
---@return number|nil normalised 0 when all is of one kind; nil when nothing was counted
function entropy.normalised(counts)
  local total, kinds = sum(counts)
  if total == 0 then return nil end
  if kinds == 1 then return 0.0 end
  return math.min(1.0, entropy.bits(counts) / math.log(kinds, 2))
end

---The entropy as a share of what a sample of this size could have at most: 1 when no kind occurs twice. Entropy grows
---with the sample, so samples of different size are compared by this; below some 1,000 it says little.
---@param counts table<any, number>
---@return number|nil normalised nil when fewer than two were counted
function entropy.of_sample(counts)
  local total = sum(counts)
  if total < 2 then return nil end
  return math.min(1.0, entropy.bits(counts) / math.log(total, 2))
end

---Counts the values of a list.
---@param values any[]
---@return table<any, integer> counts
function entropy.count(values)
  local counts = {}
  for _, value in ipairs(values) do counts[value] = (counts[value] or 0) + 1 end
  return counts
end

return entropy
