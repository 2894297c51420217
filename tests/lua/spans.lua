local spans = require "casebook.spans"
local function same(a, b) if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end end

for text, seconds in pairs {
  ["10s"] = 10, ["5m"] = 300, ["1h30m"] = 5400, ["1h 30 min"] = 5400, ["250ms"] = 0.25, ["1.5h"] = 5400, ["2d"] = 172800, ["1w"] = 604800,
  [" 3 s "] = 3, ["15min"] = 900, ["1d12h"] = 129600, ["0s"] = 0,
} do
  if math.abs(spans.parse(text) - seconds) > 1e-9 then error(text) end
end
for _, wrong in ipairs { "", "10", "s", "10x", "1h30", "-5s", "1..5s", "5 s s", "h5" } do
  local seconds, why = spans.parse(wrong)
  if seconds ~= nil or type(why) ~= "string" then error("read as a span: " .. wrong) end
end
same(spans.parse(10), nil)
for seconds, text in pairs {
  [0] = "0 s", [0.25] = "250 ms", [1] = "1 s", [1.5] = "1.5 s", [59] = "59 s", [59.97] = "1 min", [60] = "1 min", [90] = "1 min 30 s", [3600] = "1 h",
  [23400] = "6 h 30 min", [3599.6] = "1 h", [86399] = "1 d", [86400] = "1 d", [273600] = "3 d 4 h", [-90] = "-1 min 30 s", [0.0005] = "0.5 ms", [0.9999] = "1 s",
} do same(spans.format(seconds), text) end
same(spans.format(math.huge), "for ever")
same(spans.format(0 / 0), "an unknown time")
-- What is written is read again.
for seconds = 0, 200000, 37 do
  local read = assert(spans.parse(spans.format(seconds)))
  assert(math.abs(read - seconds) <= (seconds < 3600 and 0.5 or seconds < 86400 and 30 or 1800), seconds)
end

same(spans.iso(0), "1970-01-01T00:00:00Z")
same(spans.iso(951827696), "2000-02-29T12:34:56Z")
same(spans.iso(1795359845.9), "2026-11-22T15:04:05Z")
same(spans.iso(4107542400), "2100-03-01T00:00:00Z")
same(spans.iso(-1), "1969-12-31T23:59:59Z")
same(spans.parse_iso("1970-01-01T00:00:00Z"), 0)
same(spans.parse_iso("2026-11-22T16:04:05+01:00"), 1795359845)
same(spans.parse_iso("2026-11-22 10:04:05-05:00"), 1795359845)
same(spans.parse_iso("2026-11-22t15:04:05.25z"), 1795359845.25)
same(math.type(spans.parse_iso("2026-11-22T15:04:05Z")), "integer")
same(spans.parse_iso("2016-12-31T23:59:60Z"), spans.parse_iso("2017-01-01T00:00:00Z"))
for _, wrong in ipairs {
  "", "2026-11-22", "2026-11-22T15:04:05", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-11-31T00:00:00Z",
  "2026-11-22T24:00:00Z", "2026-11-22T15:60:00Z", "2026-11-22T15:04:05+1:00", "2026-11-22T15:04:05Zx", "2026-11-22T15:04:05.Z", "2026-00-22T15:04:05Z",
} do
  if spans.parse_iso(wrong) ~= nil then error("read as a moment: " .. wrong) end
end
assert(spans.parse_iso("2000-02-29T00:00:00Z"))
-- Every day of 800 years, there and back.
local day = spans.parse_iso("1700-01-01T00:00:00Z")
for _ = 1, 292194 // 7 do
  same(spans.parse_iso(spans.iso(day)), day)
  day = day + 86400 * 7
end
same(spans.truncate(1795359845), 1795359840)
same(spans.truncate(1795359845.9, 3600), 1795359600)
same(math.type(spans.truncate(1795359845.9)), "integer")
same(spans.truncate(-1), -60)
