-- Stands in for the engine when the tests of the shipped checks run: evidence from literal values, strict about what could not
-- be seen, and findings as tables. mock(header, params, evidence, now) gives the findings, or the gap that was not caught.

local NotKnown = {}

local function not_known(gap, path)
  error(setmetatable({ gap = gap, path = path }, NotKnown), 0)
end

-- The gap under which a path lies, if any: `listeners.process` covers `listeners.process.pid` too.
local function gap_at(missing, path)
  for _, miss in ipairs(missing or {}) do
    for _, field in ipairs(miss.fields) do
      if path == field or path:sub(1, #field + 1) == field .. "." then return miss.gap end
    end
  end
end

local wrap
local raw = setmetatable({}, { __mode = "k" })

local function fits(item, pattern)
  if pattern == nil then return true end
  if type(pattern) == "function" then return pattern(item) end
  for name, wanted in pairs(pattern) do
    if item[name] ~= wanted then return false end
  end
  return true
end

local List = {}
function List:first(pattern)
  for _, item in ipairs(self) do if fits(item, pattern) then return item end end
end
function List:any(pattern) return self:first(pattern) ~= nil end
function List:where(pattern)
  local found = {}
  for _, item in ipairs(self) do if fits(item, pattern) then found[#found + 1] = item end end
  return setmetatable(found, { __index = List })
end
function List:count(pattern) return #self:where(pattern) end
function List:map(field)
  local found = {}
  for _, item in ipairs(self) do found[#found + 1] = type(field) == "function" and field(item) or item[field] end
  return found
end
function List:sum(field)
  local total = 0
  for _, item in ipairs(self) do total = total + item[field] end
  return total
end
function List:sort(field, order)
  local sorted = self:where()
  table.sort(sorted, function(a, b)
    if order == "desc" then return a[field] > b[field] end
    return a[field] < b[field]
  end)
  return sorted
end
function List:top(field, n)
  local sorted = self:sort(field, "desc")
  for index = #sorted, (n or 1) + 1, -1 do sorted[index] = nil end
  return sorted
end
function List:totable() return self:where() end

wrap = function(value, path, missing)
  if type(value) ~= "table" then return value end
  local is_list = #value > 0 or next(value) == nil
  local proxy = {}
  raw[proxy] = { value = value, path = path, missing = missing }
  return setmetatable(proxy, {
    __index = function(_, key)
      if type(key) == "number" then
        local item = value[key]
        if item == nil then
          local gap = gap_at(missing, path)
          if gap then not_known(gap, path) end
          return nil
        end
        return wrap(item, path, missing)
      end
      local below = path == "" and key or path .. "." .. key
      local field = value[key]
      if field == nil then
        local gap = gap_at(missing, below)
        if gap then not_known(gap, below) end
        if is_list and List[key] then return List[key] end
        return nil
      end
      return wrap(field, below, missing)
    end,
    __len = function()
      local gap = gap_at(missing, path)
      if gap then not_known(gap, path) end
      return #value
    end,
    __pairs = function()
      local keys, at = {}, 0
      for key in pairs(value) do keys[#keys + 1] = key end
      return function()
        at = at + 1
        if keys[at] == nil then return nil end
        return keys[at], wrap(value[keys[at]], path == "" and keys[at] or path .. "." .. keys[at], missing)
      end
    end,
  })
end

local function evidence_of(given, name)
  if given == nil then error("the test has no evidence of " .. name, 0) end
  if given.gap then
    local gap = given.gap
    return setmetatable({}, { __index = function(_, key)
      if key == "available" then return false end
      if key == "gap" then return gap end
      not_known(gap, key)
    end })
  end
  local body = wrap(given.output or {}, "", given.missing)
  local fields = getmetatable(body).__index
  getmetatable(body).__index = function(self, key)
    if key == "available" then return true end
    if key == "gap" then return nil end
    return fields(self, key)
  end
  return body
end

local Finding = {}
Finding.__index = Finding
function Finding:data(figures)
  self.figures = self.figures or {}
  for key, value in pairs(figures) do
    if raw[value] then value = raw[value].value end
    self.figures[key] = value
  end
  return self
end
function Finding:remedy(remedy)
  for key in pairs(remedy) do
    if not ({ urgency = 1, ["do"] = 1, run = 1, undo = 1, risk = 1 })[key] then error("a remedy has no " .. key, 2) end
  end
  assert(type(remedy["do"]) == "string", "a remedy needs a sentence")
  assert(({ now = 1, lasting = 1, upstream = 1 })[remedy.urgency or "now"], "no urgency " .. tostring(remedy.urgency))
  self.remedies[#self.remedies + 1] = remedy
  return self
end
function Finding:evidence() return self end

-- Plain stand-ins for the helpers; the figures are formatted by the engine's own.
function shell(word)
  word = tostring(word)
  if word:find("^[%w_./:@%%+=-]+$") then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end
-- As the engine fills commands in: values of the text's names, quoted.
function sh(text, values)
  return (text:gsub("{{ *([%w_]+) *}}", function(name)
    return shell(assert(values and values[name], "sh has no value for " .. name))
  end))
end
function log() end
function value_or(item, field, absent, ...)
  local unseen = select("#", ...) > 0
  local seen, value = pcall(function() return item[field] end)
  if not seen then
    if not unseen then error(value, 0) end
    return (...)
  end
  if value == nil then return absent end
  return value
end

-- The start of what a probe saw is the test's own time.
local started
function about(evidence) return { probe = "", started = started, seconds = 10, params = {}, loss = {}, missing = raw[evidence] and raw[evidence].missing or {} } end

function check(header) return header end

return function(header, params, evidence, now)
  local calls = {}
  local allowed = {}
  for _, name in ipairs(header.needs or {}) do allowed[name] = true end
  local function probe(name)
    if not allowed[name] then error("the check does not need " .. name, 2) end
    calls[name] = (calls[name] or 0) + 1
    local label = calls[name] == 1 and name or name .. "#" .. calls[name]
    return evidence_of(evidence[label], label)
  end
  local cx = { params = params, now = now, window = 10 }
  function cx.probe(name) return probe(name) end
  function cx.together(calls_of)
    local found = {}
    local names = {}
    for key in pairs(calls_of) do names[#names + 1] = key end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(names) do
      found[key] = probe(type(key) == "number" and calls_of[key][1] or key)
    end
    return found
  end
  started, cx.about = now, about
  function cx.known(e, path)
    local holder = raw[e]
    if holder == nil then return rawget(getmetatable(e) or {}, "__index") == nil or e.available ~= false end
    local value, at = holder.value, holder.path
    for name in path:gmatch("[^.]+") do
      at = at == "" and name or at .. "." .. name
      if type(value) == "table" then value = value[name] end
      if gap_at(holder.missing, at) and value == nil then return false end
    end
    return gap_at(holder.missing, at) == nil
  end
  for _, verdict in ipairs { "ok", "warning", "critical", "unknown", "skipped" } do
    cx[verdict] = function(sentence)
      assert(type(sentence) == "string", "a finding needs a sentence")
      return setmetatable({ verdict = verdict, sentence = sentence, remedies = {}, figures = {} }, Finding)
    end
  end
  local fine, answer = pcall(header.run, cx, params)
  if not fine then
    if getmetatable(answer) == NotKnown then
      return { { verdict = "unknown", sentence = answer.path .. ": " .. answer.gap.why, remedies = {}, figures = {} } }
    end
    error(answer, 0)
  end
  if answer == nil then error("the check gave no finding", 0) end
  if getmetatable(answer) == Finding then answer = { answer } end
  assert(#answer > 0, "the check gave no finding")
  return answer
end
