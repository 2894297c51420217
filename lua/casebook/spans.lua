--- Spans of time and moments. Moments are seconds since 1970-01-01 00:00 UTC, as `cx.now`.
---@class casebook.spans
local spans = {}

local UNITS = {
  ns = 1e-9, us = 1e-6, ms = 1e-3,
  s = 1, sec = 1, second = 1, seconds = 1,
  m = 60, min = 60, minute = 60, minutes = 60,
  h = 3600, hour = 3600, hours = 3600,
  d = 86400, day = 86400, days = 86400,
  w = 604800, week = 604800, weeks = 604800,
}

---Reads a span of time: `10s`, `5m`, `1h30m`, `1.5h`, `250ms`, `1 h 30 min`.
---@param text string
---@return number|nil seconds
---@return string|nil why why it is no span
function spans.parse(text)
  if type(text) ~= "string" then return nil, "a span of time is a text such as 10s" end
  local rest = text:match("^%s*(.-)%s*$")
  if rest == "" then return nil, "a span of time is a text such as 10s, not an empty one" end
  local seconds = 0
  while rest ~= "" do
    local number, unit, after = rest:match("^(%d+%.?%d*)%s*(%a*)%s*(.*)$")
    if number == nil then return nil, ("`%s` is no span of time; write it like 10s, 5m or 1h30m"):format(text) end
    if unit == "" then
      return nil, ("`%s` has no unit; write it like %ss"):format(text, number)
    end
    local scale = UNITS[unit]
    if scale == nil then
      return nil, ("`%s` is no unit of time; there are ms, s, m or min, h, d and w"):format(unit)
    end
    seconds = seconds + tonumber(number) * scale
    rest = after
  end
  return seconds
end

---Writes a span for people, with its two largest units: `250 ms`, `1.5 s`, `6 h 30 min`, `3 d 4 h`.
---@param seconds number
---@return string
function spans.format(seconds)
  if seconds ~= seconds then return "an unknown time" end
  if seconds < 0 then return "-" .. spans.format(-seconds) end
  if seconds == math.huge then return "for ever" end
  if seconds == 0 then return "0 s" end
  if seconds < 0.9995 then return ("%.3g ms"):format(seconds * 1000) end
  if seconds < 59.95 then
    local text = ("%.1f"):format(seconds):gsub("%.0$", "")
    return text .. " s"
  end
  local whole = math.floor(seconds + 0.5)
  if whole < 3600 then
    return spans.two(whole // 60, "min", whole % 60, "s")
  end
  local minutes = (whole + 30) // 60
  if minutes < 24 * 60 then return spans.two(minutes // 60, "h", minutes % 60, "min") end
  local hours = (whole + 1800) // 3600
  return spans.two(hours // 24, "d", hours % 24, "h")
end

---Two figures with their units; the second is left out when it is 0.
---@param large integer
---@param large_unit string
---@param small integer
---@param small_unit string
---@return string
function spans.two(large, large_unit, small, small_unit)
  local text = ("%d %s"):format(large, large_unit)
  if small > 0 then text = text .. (" %d %s"):format(small, small_unit) end
  return text
end

---The beginning of the step that a moment lies in: of its minute unless another step is given.
---@param moment number seconds since 1970
---@param step? integer seconds: 60 for minutes, 3600 for hours, 86400 for days (UTC)
---@return integer moment
function spans.truncate(moment, step)
  step = step or 60
  return math.floor(moment // step) * step
end

-- Days since 1970-01-01 of a day of the proleptic Gregorian calendar, after the years are made to begin in March.
local function days_from_civil(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local year_of_era = year - era * 400
  local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  local day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
  return era * 146097 + day_of_era - 719468
end

local function civil_from_days(days)
  days = days + 719468
  local era = days // 146097
  local day_of_era = days - era * 146097
  local year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
  local day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local shifted = (5 * day_of_year + 2) // 153
  local day = day_of_year - (153 * shifted + 2) // 5 + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local year = year_of_era + era * 400
  if month <= 2 then year = year + 1 end
  return year, month, day
end

---The date and time of a moment, in UTC.
---@param moment number seconds since 1970
---@return { year: integer, month: integer, day: integer, hour: integer, minute: integer, second: integer }
function spans.civil(moment)
  local whole = math.floor(moment)
  local year, month, day = civil_from_days(whole // 86400)
  local rest = whole % 86400
  return { year = year, month = month, day = day, hour = rest // 3600, minute = rest % 3600 // 60, second = rest % 60 }
end

---Writes a moment as ISO 8601 in UTC, without fractions: `2026-11-22T15:04:05Z`.
---@param moment number seconds since 1970
---@return string
function spans.iso(moment)
  local at = spans.civil(moment)
  return ("%04d-%02d-%02dT%02d:%02d:%02dZ"):format(at.year, at.month, at.day, at.hour, at.minute, at.second)
end

local LENGTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
  if month == 2 and year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) then return 29 end
  return LENGTHS[month]
end

---Reads a moment as RFC 3339 writes it: `2026-11-22T15:04:05.25+01:00`; a blank may stand for the `T`.
---@param text string
---@return number|nil moment seconds since 1970: an integer when there are no fractions
---@return string|nil why why it is no moment
function spans.parse_iso(text)
  if type(text) ~= "string" then return nil, "a moment is a text such as 2026-11-22T15:04:05Z" end
  local wrong = ("`%s` is no moment; write it like 2026-11-22T15:04:05Z"):format(text)
  local year, month, day, hour, minute, second, rest =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$")
  if year == nil then return nil, wrong end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  -- A leap second, :60, is the first second of the next minute: seconds since 1970 have no place for it.
  if month < 1 or month > 12 or day < 1 or day > days_in(year, month) or hour > 23 or minute > 59 or second > 60 then
    return nil, wrong
  end
  local fraction, zone = rest:match("^%.(%d+)(.*)$")
  if fraction == nil then zone = rest end
  local offset
  if zone == "Z" or zone == "z" then
    offset = 0
  else
    local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
    if sign == nil or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil, wrong end
    offset = (tonumber(hours) * 3600 + tonumber(minutes) * 60) * (sign == "-" and -1 or 1)
  end
  local moment = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
  if fraction ~= nil then return moment + tonumber("0." .. fraction) end
  return moment
end

return spans
