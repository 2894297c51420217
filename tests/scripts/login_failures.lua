#!/usr/bin/env casebook
-- How many logins failed, and from where?
return check {
  name = "login_failures",
  summary = "How many logins over SSH failed lately?",
  params = {
    since = { type = "duration", default = "15min", help = "How far back" },
    many = { type = "integer", default = 100, min = 1, help = "Failures that are too many" },
  },
  needs = { "logs" },
  run = function(cx, params)
    local logs = cx.probe("logs", {
      since = params.since,
      patterns = { failed = "Failed password for .* from (?P<address>[0-9a-f.:]+)" },
      samples = 3,
    })
    local failed = logs.patterns.failed
    if failed.count == 0 then return cx.ok("no login failed") end
    local from = failed.captures.address:first {}
    local sample, found = re.gsub(failed.samples[1] or "", "[0-9]+", "N")
    log(sample, found, cx.about(logs).seconds)
    local sentence = count(failed.count) .. " logins failed"
    if from then sentence = sentence .. ", most from " .. from.value end
    local verdict = failed.count >= params.many and cx.warning or cx.ok
    return verdict(sentence):data { per_minute = failed.per_minute:top("lines", 5):totable(), at = cx.now }
  end,
}
