--- Rates from samples of counters. What cannot be known is nil with the reason, never a negative rate and never 0.
---@class casebook.rates
local rates = {}

---How much a counter grew between two looks.
---
---A counter that went down was reset, or it wrapped. With `width` a fall from the upper half of the counter's range into
---the lower half is taken as one wrap; every other fall is unknown.
---@param earlier number|nil the counter at the first look
---@param later number|nil the counter at the second look
---@param width? integer bits of the counter if it can wrap: 32 for SNMP's `ifInOctets`
---@return number|nil growth nil when it is not known
---@return string|nil why why it is not known
function rates.growth(earlier, later, width)
  if earlier == nil or later == nil then return nil, "there is no sample" end
  if later >= earlier then return later - earlier end
  if width == nil then return nil, "the counter went down: it was reset or it wrapped" end
  if width < 1 or width > 62 then error("a counter has 1 to 62 bits, not " .. tostring(width), 2) end
  local range = 1 << width
  if earlier < range and earlier >= range // 2 and later < range // 2 then return range - earlier + later end
  return nil, "the counter went down: it was reset"
end

---The rate of a counter between two looks.
---@param earlier number|nil the counter at the first look
---@param later number|nil the counter at the second look
---@param seconds number|nil the time between them
---@param width? integer bits of the counter if it can wrap
---@return number|nil per_second nil when it is not known
---@return string|nil why why it is not known
function rates.per_second(earlier, later, seconds, width)
  if seconds == nil or seconds ~= seconds or seconds <= 0 then return nil, "no time passed between the samples" end
  local growth, why = rates.growth(earlier, later, width)
  if growth == nil then return nil, why end
  return growth / seconds
end

---The rates between the samples of a series, one fewer than there are samples.
---@param samples table[] list of samples in order of time
---@param at string the field with the time in seconds
---@param value string the field with the counter
---@param width? integer bits of the counter if it can wrap
---@return { at: number, per_second: number|nil, why: string|nil }[] rates `at` is the time of the later sample
function rates.series(samples, at, value, width)
  local found, before = {}, nil
  for _, sample in ipairs(samples) do
    if before ~= nil then
      local rate, why = rates.per_second(before[value], sample[value], sample[at] - before[at], width)
      found[#found + 1] = { at = sample[at], per_second = rate, why = why }
    end
    before = sample
  end
  return found
end

---The mean of a list of numbers.
---@param values number[]
---@return number|nil mean nil for an empty list
function rates.mean(values)
  local total, number = 0, 0
  for _, value in ipairs(values) do total, number = total + value, number + 1 end
  if number == 0 then return nil end
  return total / number
end

---The largest of a list of numbers, and its position.
---@param values number[]
---@return number|nil peak nil for an empty list
---@return integer|nil position
function rates.peak(values)
  local peak, position
  for index, value in ipairs(values) do
    if peak == nil or value > peak then peak, position = value, index end
  end
  return peak, position
end

---The peak as a multiple of the mean: 1 for a steady stream, much more for bursts.
---@param values number[]
---@return number|nil burstiness nil for an empty list, or when nothing flowed
function rates.peak_to_mean(values)
  local mean = rates.mean(values)
  if mean == nil or mean == 0 then return nil end
  return rates.peak(values) / mean
end

---A quantile, linear between the two nearest values: 0.5 is the median.
---@param values number[] in any order; the list is not changed
---@param q number from 0 to 1
---@return number|nil quantile nil for an empty list
function rates.quantile(values, q)
  if q ~= q or q < 0 or q > 1 then error("a quantile lies between 0 and 1, not at " .. tostring(q), 2) end
  local sorted = {}
  for index, value in ipairs(values) do sorted[index] = value end
  if #sorted == 0 then return nil end
  table.sort(sorted)
  local place = 1 + (#sorted - 1) * q
  local below = math.floor(place)
  local above = math.min(below + 1, #sorted)
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below)
end

---The exponentially weighted moving average after each value, beginning with the first value itself.
---@param values number[] evenly spaced
---@param weight number what the newest value counts for: above 0, at most 1
---@return number[] averages as many as there are values
function rates.ewma(values, weight)
  if weight ~= weight or weight <= 0 or weight > 1 then
    error("a weight is above 0 and at most 1, not " .. tostring(weight), 2)
  end
  local averages, average = {}, nil
  for index, value in ipairs(values) do
    average = average == nil and value or average + weight * (value - average)
    averages[index] = average
  end
  return averages
end

---The weight of `ewma` with which a value counts for half after so many seconds.
---@param half_life number seconds after which a value counts for half
---@param interval number seconds between the values
---@return number weight
function rates.weight(half_life, interval)
  if not (half_life > 0 and interval > 0) then error("half-life and interval must be above 0", 2) end
  return 1 - 0.5 ^ (interval / half_life)
end

---How long until a level reaches its limit, if it goes on growing like this.
---@param level number|nil where it is now
---@param limit number|nil where it ends
---@param per_second number|nil how fast it grows
---@return number|nil seconds 0 when it is there already, `math.huge` when it does not grow, nil when a figure is not known
function rates.seconds_until(level, limit, per_second)
  if level == nil or limit == nil then return nil end
  if level >= limit then return 0 end
  if per_second == nil then return nil end
  if per_second <= 0 then return math.huge end
  return (limit - level) / per_second
end

return rates
