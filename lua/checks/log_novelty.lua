-- A kind of message that was never there before is worth reading, however few there are. Kinds are told apart by what is left of
-- a line when numbers, addresses and names are masked; whether one is new, the older logs say.
local spans = require "casebook.spans"
local tables = require "casebook.tables"
local text = require "casebook.text"

-- Lines are sampled by the first letter of their message, so that a kind that floods the log does not hide the others.
local HEAD = [[(?:^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|^\d{4}-\d\d-\d\dT\S+) \S+ [^\s\[:]+(?:\[\d+\])?: ?]]
local TROUBLE = [[(?i)\b(?:error|fail(?:ed|ure|ing)?|fatal|panic|oops|critical|denied|refused|timed? ?out|unreachable|overflow|full|corrupt\w*|out of memory|segfault|kill(?:ed)?|dropp?(?:ed|ing)?|warn(?:ing)?)\b]]

local function discovery()
  local patterns = { any = "^.", trouble = TROUBLE, other = HEAD .. "[^A-Za-z0-9]", digit = HEAD .. "[0-9]" }
  for letter in ("abcdefghijklmnopqrstuvwxyz"):gmatch(".") do
    patterns["letter_" .. letter] = HEAD .. "[" .. letter .. letter:upper() .. "]"
  end
  return patterns
end

-- Lines of access logs differ in every word: what is new there is a matter of its own. A line that begins with a logger's time is
-- none, whatever a stranger made a program say.
local function is_access(line)
  return not line:find("^%u%l%l +%d") and not line:find("^%d%d%d%d%-%d%d%-%d%d")
    and line:find("[%[]%d%d/%a%a%a/%d%d%d%d:%d%d:") ~= nil
end

local function without_time(message)
  return (message
    :gsub("^%[?%a%a%a %a%a%a +%d+ %d%d:%d%d:[%d.]+ %d%d%d%d%]? ?", "")
    :gsub("^%d%d%-%a%a%a%-%d%d%d%d %d%d:%d%d:[%d.]+ ?", "")
    :gsub("^%d%d%d%d[-/]%d%d[-/]%d%d[ T]%d%d:%d%d:[%d.,]+Z? ?", "")
    :gsub("^%[ *%d+%.%d+%] ", ""))
end

-- The regular expression of a kind: what is constant as it stands, what is masked as anything.
local function expression_of(program, template, cut)
  local words = {}
  for index, word in ipairs(text.words(template)) do
    if word:find("\\", 1, true) then
      -- Control characters are shown escaped, and stand in the log as they are.
      words[index] = [[.*?]]
    else
      local parts, from = {}, 1
      while true do
        local first, last, kind = word:find("<(%a+)>", from)
        parts[#parts + 1] = re.escape(word:sub(from, (first or 0) - 1))
        if first == nil then break end
        parts[#parts + 1] = kind == "text" and [[[^"]*?]] or [[\S+?]]
        from = last + 1
      end
      words[index] = table.concat(parts)
    end
  end
  local expression = table.concat(words, [[\s+]])
  if program ~= nil then expression = [[\s]] .. re.escape(program) .. [[(?:\[\d+\])?:\s*(?:\[\s*[\d.]+\]\s)?]] .. expression end
  return cut and expression or expression .. [[\s*$]]
end

return check {
  name = "log_novelty",
  summary = "Which kinds of log message appeared just now that were never there before?",
  tags = { "logs", "novelty" },
  symptoms = { "what changed", "something is wrong since an hour ago", "strange log messages" },
  params = {
    since = { type = "duration", default = "15m", min = "1m", max = "2d", help = "What counts as new: kinds seen for the first time within this time." },
    history = { type = "duration", default = "7d", min = "1h", help = "How far back to look for each kind: a week holds what happens once a week." },
    dir = { type = "path", help = "The directory of the logs. Unless given: /var/log." },
    least = {
      type = "integer", default = 1, min = 1,
      help = "Lines of a new kind from which on it is told: one is enough, as a kernel says it once.",
    },
    coverage = {
      type = "share", default = "98%",
      help = "Share of the recent lines whose kind must be known before nothing is called new: samples may miss a rare kind.",
    },
    kinds = { type = "integer", default = 250, min = 10, max = 1000, help = "Kinds to look up in the older logs at most, the most frequent of each letter first." },
    budget = { type = "duration", default = "10s", min = "1s", max = "5m", help = "How long to read older logs at most." },
  },
  needs = { "logs" },
  run = function(cx, params)
    local to = spans.iso(cx.now)
    local turn = spans.iso(cx.now - params.since)
    local function ask(question)
      if params.dir then question.dir = params.dir end
      return cx.probe("logs", question)
    end
    -- Reading a list that a gap left incomplete to its end ends the check as unknown, with the gap.
    local function demand_all(logs)
      for _, file in ipairs(logs.files) do local _ = file.path end
    end
    local recent = ask { since = params.since, ["until"] = to, patterns = discovery(), samples = 40, budget = params.budget }

    local kinds, order = {}, {}
    for name, hits in tables.sorted_pairs(recent.patterns) do
      for _, line in ipairs(hits.samples) do
        if not is_access(line) then
          local parts = text.syslog(line)
          local cut = #line >= 290
          local message = without_time(parts.message)
          -- The last word of a line that was cut may be half a word.
          if cut then message = message:gsub("%s*%S+$", "") end
          local template = text.template(message)
          if template ~= "" then
            local key = (parts.program or "") .. "\0" .. template
            local kind = kinds[key]
            if kind == nil then
              kind = { program = parts.program, template = template, sample = line, samples = 0, trouble = false, cut = cut }
              kinds[key] = kind
              order[#order + 1] = kind
            end
            kind.samples = kind.samples + 1
            kind.trouble = kind.trouble or name == "trouble"
          end
        end
      end
    end
    if #order == 0 then
      local _ = recent.patterns.any.count
      -- Of what could not be read, reading the figure ends the check as unknown.
      if recent.lines == 0 and #recent.files == 0 then return cx.unknown(("there is no log file in %s"):format(recent.dir)) end
      if recent.hits > 0 then return cx.skipped("the logs hold nothing but access lines") end
      demand_all(recent)
      return cx.ok(("nothing was logged since %s"):format(turn)):data { lines = 0 }
    end
    local left_out = #order - params.kinds
    -- Trouble first: it is what must not be left out.
    table.sort(order, function(a, b)
      if a.trouble ~= b.trouble then return a.trouble end
      if a.samples ~= b.samples then return a.samples > b.samples end
      return a.template < b.template
    end)
    local patterns, expressions = {}, {}
    for index, kind in ipairs(order) do
      if index > params.kinds then break end
      kind.name = ("kind_%d"):format(index)
      kind.expression = expression_of(kind.program, kind.template, kind.cut)
      patterns[kind.name] = kind.expression
      expressions[index] = "(?:" .. kind.expression .. ")"
    end

    local again = tables.merge(patterns, { any = "^.", access = { kind = "access" }, looked = table.concat(expressions, "|") })
    local now = ask { since = params.since, ["until"] = to, patterns = again, samples = 1, budget = params.budget }
    local before = ask { since = params.history, ["until"] = turn, patterns = patterns, samples = 1, budget = params.budget }

    local known_lines = now.patterns.any.count - now.patterns.access.count
    local looked = math.min(now.patterns.looked.count, known_lines)
    local share = known_lines > 0 and looked / known_lines or 1
    local older = value_or(before, "lines", 0, 0)
    -- A log that begins within the window has nothing to compare with: then everything would be new.
    if older == 0 then
      if before.lines == 0 then return cx.unknown(("no log reaches back before %s: nothing to compare with"):format(turn)) end
    end

    local new, known_kinds = {}, 0
    for _, kind in ipairs(order) do
      if kind.name ~= nil then
        if before.patterns[kind.name].count == 0 then
          local hits = now.patterns[kind.name]
          if hits.count >= params.least then
            new[#new + 1] = { program = kind.program, template = kind.template, count = hits.count, first = hits.first, last = hits.last, sample = kind.sample }
          end
        else
          known_kinds = known_kinds + 1
        end
      end
    end

    local compared = ("%s of %s before"):format(plural(older, "line"), spans.format(params.history))
    if #new > 0 then
      -- What could not be read may hold the kind: then it cannot be called new.
      demand_all(before)
      table.sort(new, function(a, b) return a.count > b.count end)
      local texts = {}
      for index, kind in ipairs(new) do
        texts[index] = ("%s× %s"):format(count(kind.count), text.shorten((kind.program and kind.program .. ": " or "") .. kind.template, 120))
      end
      local one = new[1]
      local longest = ""
      for _, part in ipairs(text.split(one.template:gsub("<%a+>", "\0"), "\0")) do
        if #part > #longest then longest = part end
      end
      return cx.warning(("%s in the last %s that %s not hold: %s"):format(plural(#new, "kind of message", "kinds of message"), span(params.since),
        compared .. (older == 1 and " does" or " do"), join(texts, "; ", 3))):data { new = new, known_kinds = known_kinds, share_looked_at = share }:remedy {
        urgency = "now",
        ["do"] = ("Read these lines where they stand; the first of the most frequent came at %s."):format(one.first),
        run = sh("grep -rnF -- {{ text }} {{ folder }}", { text = text.trim(longest), folder = recent.dir }),
        risk = "none",
      }
    end
    if left_out > 0 or share < params.coverage then
      return cx.unknown(("nothing new among the kinds that were sampled, but the kind of %s in %s is not known"):format(
        plural(math.max(known_lines - looked, 0), "line"), span(params.since))):data { share_looked_at = share, kinds = known_kinds }
    end
    demand_all(recent)
    demand_all(now)
    return cx.ok(("%s in the last %s, of %s: all in %s"):format(plural(known_lines, "line"), span(params.since),
      plural(known_kinds, "kind"), compared)):data { lines = known_lines, kinds = known_kinds, share_looked_at = share }
  end,
}
