-- What a check is given: `cx`. `ask` calls probes together and gives their evidence in the same order; `unknown_member`
-- says what a misspelt name should have been, and `said` notes the line of the script that gives a verdict.
local ask, unknown_member, said, about, is_known, params, now, window, vet_remedy = ...

local Finding = {}
local methods = {}
Finding.__index = function(_, name) return methods[name] or unknown_member("a finding", name, methods) end
Finding.__metatable = "finding"

local function wants(value, kind, what)
  if type(value) ~= kind then error(what .. " wants a " .. kind .. ", not a " .. type(value), 3) end
end

-- Figures that stand with the finding.
function methods:data(figures)
  wants(figures, "table", ":data")
  for name, figure in pairs(figures) do rawget(self, "figures")[name] = figure end
  return self
end

-- What to do about it.
function methods:remedy(remedy)
  wants(remedy, "table", ":remedy")
  vet_remedy(remedy)
  local remedies = rawget(self, "remedies")
  remedies[#remedies + 1] = remedy
  return self
end

-- The evidence that it rests on, where the check asked for more than it used.
function methods:evidence(...)
  local from = rawget(self, "from")
  for index = 1, select("#", ...) do from[#from + 1] = (select(index, ...)) end
  return self
end

local function finding(verdict)
  return function(sentence)
    if type(sentence) ~= "string" or sentence == "" then
      error("cx." .. verdict .. " wants a sentence, not " .. (sentence == "" and "an empty one" or "a " .. type(sentence)), 2)
    end
    return setmetatable({ verdict = verdict, sentence = sentence, figures = {}, remedies = {}, from = {} }, Finding)
  end
end

local cx = { params = params, now = now, window = window, about = about, known = is_known }
local verdicts = {}
for _, verdict in ipairs { "ok", "warning", "critical", "unknown", "skipped" } do
  cx[verdict], verdicts[verdict] = finding(verdict), true
end

function cx.probe(name, arguments)
  wants(name, "string", "cx.probe")
  if arguments ~= nil then wants(arguments, "table", "cx.probe") end
  return (ask { { name, arguments or {} } })[1]
end

function cx.together(asked)
  wants(asked, "table", "cx.together")
  local keys, calls = {}, {}
  for key, call in pairs(asked) do
    if type(key) ~= "string" then
      if type(call) ~= "table" or type(call[1]) ~= "string" then
        error("cx.together wants { probe = { parameters } } or a list of { \"probe\", { parameters } }", 2)
      end
    elseif type(call) ~= "table" then
      error("cx.together wants a table of parameters for " .. key .. ", not a " .. type(call), 2)
    end
    keys[#keys + 1] = key
  end
  -- Always in the same order, so that a replay finds the same evidence under the same names.
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  for index, key in ipairs(keys) do
    local call = asked[key]
    calls[index] = type(key) == "string" and { key, call } or { call[1], call[2] or {} }
  end
  local answers = {}
  for index, evidence in ipairs(ask(calls)) do answers[keys[index]] = evidence end
  return answers
end

local members = cx
return setmetatable({}, {
  __index = function(_, name)
    local member = members[name]
    if member == nil then return unknown_member("cx", name, members) end
    -- Noted when it is looked up: a call that ends its function leaves no line behind.
    if verdicts[name] then said() end
    return member
  end,
  __newindex = function() error("cx cannot be changed", 2) end,
  __metatable = "cx",
}), Finding
