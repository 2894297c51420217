--- Text: lines, and the templates of log lines. To look for something in logs use the module `re`, which is linear in time.
---@class casebook.text
local text = {}

---Without blanks at either end.
---@param whole string
---@return string
function text.trim(whole)
  local from = whole:find("%S")
  if from == nil then return "" end
  local to = #whole
  while whole:find("^%s", to) do to = to - 1 end
  return whole:sub(from, to)
end

---The parts of a text between a separator, which is plain text; empty parts are kept.
---@param whole string
---@param separator string
---@return string[]
function text.split(whole, separator)
  if separator == "" then error("a separator has at least one character", 2) end
  local parts, from = {}, 1
  while true do
    local first, last = whole:find(separator, from, true)
    if first == nil then break end
    parts[#parts + 1] = whole:sub(from, first - 1)
    from = last + 1
  end
  parts[#parts + 1] = whole:sub(from)
  return parts
end

---The lines of a text; one without an end of line at its end is a line too.
---@param whole string
---@return string[]
function text.lines(whole)
  local lines = text.split(whole, "\n")
  if lines[#lines] == "" then lines[#lines] = nil end
  for index, line in ipairs(lines) do
    if line:byte(-1) == 13 then lines[index] = line:sub(1, -2) end
  end
  return lines
end

---The words of a text.
---@param whole string
---@return string[]
function text.words(whole)
  local words = {}
  for word in whole:gmatch("%S+") do words[#words + 1] = word end
  return words
end

---Whether a text begins with another.
---@param whole string
---@param beginning string
---@return boolean
function text.starts_with(whole, beginning) return whole:sub(1, #beginning) == beginning end

---Whether a text ends with another.
---@param whole string
---@param ending string
---@return boolean
function text.ends_with(whole, ending) return ending == "" or whole:sub(-#ending) == ending end

---The first characters of a text, with an ellipsis when something is left away. Characters are not cut apart.
---@param whole string
---@param most integer characters at most, the ellipsis included
---@return string
function text.shorten(whole, most)
  local length = utf8.len(whole)
  if length == nil then
    return #whole <= most and whole or whole:sub(1, math.max(0, most - 1)) .. "…"
  end
  if length <= most then return whole end
  if most < 1 then return "" end
  return whole:sub(1, utf8.offset(whole, most) - 1) .. "…"
end

---@class casebook.text.Line
---@field time string|nil the time as it is written
---@field host string|nil
---@field program string|nil
---@field pid integer|nil
---@field message string

---The parts of a line that syslog wrote, with the old time (`Nov 22 15:04:05`) or the new one (RFC 3339). Of a line in
---another form, the message is all of it.
---@param line string
---@return casebook.text.Line
function text.syslog(line)
  local time, rest = line:match("^(%a%a%a +%d+ %d%d:%d%d:%d%d) (.*)$")
  if time == nil then time, rest = line:match("^(%d%d%d%d%-%d%d%-%d%dT[%d:.]+[%dZ:+-]*) (.*)$") end
  if time == nil then return { message = line } end
  local host, after = rest:match("^(%S+) (.*)$")
  if host == nil then return { time = time, message = rest } end
  local program, pid, message = after:match("^([^%s%[%]:]+)%[(%d+)%]: ?(.*)$")
  if program == nil then program, message = after:match("^([^%s%[%]:]+): ?(.*)$") end
  if program == nil then return { time = time, host = host, message = after } end
  return { time = time, host = host, program = program, pid = pid and math.tointeger(tonumber(pid)), message = message }
end

-- A word that differs from line to line without the message being another one.
local function mask(word)
  local front, core, back = word:match("^([%(%[%{<\"'`=@#]*)(.-)([%)%]%}>\"'`,;:.!?]*)$")
  if core == "" then return word end
  local name, value = core:match("^([%a_][%w_.-]*=)(.+)$")
  if name ~= nil then return front .. name .. mask(value) .. back end
  local masked
  if core:find("^%d+%.%d+%.%d+%.%d+$") or core:find("^%d+%.%d+%.%d+%.%d+[:/#]%d+$") then
    masked = "<address>"
  elseif core:find("^[%x:.]+$") and select(2, core:gsub(":", "")) >= 2 and core:find("%x") then
    -- Times and link addresses look the same, and differ as much.
    masked = core:find("^%d%d?:%d%d:%d%d$") and "<time>" or "<address>"
  elseif core:find("^/.*/") or core:find("^/[%w._-]+$") then
    masked = "<path>"
  elseif core:find("^[%w._+-]+@[%w.-]+$") then
    masked = "<name>"
  elseif core:find("^[+-]?[%d.,]+%%?$") or core:find("^0x%x+$") then
    masked = "<number>"
  elseif #core >= 8 and core:find("^[%x-]+$") and core:find("%d") then
    masked = "<id>"
  elseif core:find("^[%w_-]+%.[%w_.-]+%a[%w]*%.?$") and not core:find("^%d+%.%d") then
    masked = "<name>"
  elseif core:find("%d") then
    -- eth0 and eth1, worker-17 and worker-18 are of one kind.
    masked = core:gsub("%d+", "<number>")
  else
    return word
  end
  return front .. masked .. back
end

---What is constant in a message: numbers, addresses, names, paths, ids and times are masked. Two lines with the same
---template say the same about different things. What stands in quotes is masked as a whole.
---@param message string a message without time and host, as `text.syslog(line).message`
---@return string
function text.template(message)
  -- More would tell no more.
  local part = message:sub(1, 300):gsub('"[^"]*"', '"<text>"'):gsub("'[^' ]*'", "'<text>'")
  local words = text.words(part)
  for index, word in ipairs(words) do
    if not word:find("^[\"']<text>[\"'][,;:.]?$") then words[index] = mask(word) end
  end
  return table.concat(words, " ")
end

---Fills places in a text: `text.fill("{name} has {count}", {name = "web", count = 3})`. A place without a value stays.
---@param pattern string
---@param values table<string, any>
---@return string
function text.fill(pattern, values)
  return (pattern:gsub("{([%w_]+)}", function(name)
    local value = values[name]
    if value == nil then return nil end
    return tostring(value)
  end))
end

return text
