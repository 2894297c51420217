-- A wrong clock breaks what compares times: certificates, one-time passwords, Kerberos, clusters, and every log that is held
-- against another host's. What time it is only a server of another host knows; here is seen whether somebody asks one.
local daemons = require "casebook.daemons"
local owners = require "casebook.owners"
local seen = require "casebook.seen"
local spans = require "casebook.spans"

local KEEPERS = { "chronyd", "ntpd", "openntpd", "systemd-timesyncd", "ptp4l", "phc2sys" }
local HARDWARE, ADJUSTED = "/sys/class/rtc/rtc0/since_epoch", "/etc/adjtime"
-- What keeps a clock is seldom sure of the time before so long after the start.
local SETTLING = 600

local function file_of(files, path)
  for file in seen.items(files.files) do
    if file.path == path then return file end
  end
  return nil
end

local function first_line(file)
  local lines = file ~= nil and value_or(file, "lines", nil, nil) or nil
  local line = lines ~= nil and value_or(lines, 1, nil, nil) or nil
  return line ~= nil and line.text or nil
end

-- How far the hardware's clock is ahead of the system's, in seconds; nil where there is none, or where it keeps the local time.
local function hardware_ahead(files)
  if not files.available then return nil end
  local adjusted = file_of(files, ADJUSTED)
  for line in seen.items(adjusted ~= nil and value_or(adjusted, "lines", nil, nil) or nil) do
    if line.text == "LOCAL" then return nil end
  end
  local said = first_line(file_of(files, HARDWARE))
  local seconds = said ~= nil and tonumber(said:match("^%d+$")) or nil
  -- It counts whole seconds.
  return seconds ~= nil and seconds + 0.5 - about(files).started or nil
end

local function keep_it(finding)
  return finding:remedy {
    urgency = "now",
    ["do"] = "See what the time is elsewhere, and whether this host's own service asks a server and gets an answer.",
    run = { "timedatectl timesync-status", "chronyc -n sources -v", "ntpq -pn" },
    risk = "none",
  }:remedy {
    urgency = "lasting",
    ["do"] = "Let one service keep the clock; UDP port 123 must be open to its servers.",
    run = "systemctl enable --now chronyd || systemctl enable --now chrony || systemctl enable --now systemd-timesyncd",
    undo = "systemctl disable --now chronyd || systemctl disable --now chrony || systemctl disable --now systemd-timesyncd",
    risk = "medium: the clock may be set at once, and programs see the time jump",
  }
end

return check {
  name = "time_off",
  summary = "Is the clock kept by a time server, and did it jump?",
  tags = { "time", "clock", "ntp" },
  symptoms = { "certificate is not yet valid", "one-time passwords are refused", "clock skew too great", "times in the logs are wrong" },
  params = {
    error = {
      type = "duration", default = "500ms", min = "1ms",
      help = "So far off by its keeper's own estimate is warned of: clusters and databases bear less than a second.",
    },
    uncertain = {
      type = "duration", default = "5s", min = "100ms",
      help = "So far off at most is warned of: the kernel adds half a millisecond a second, so nobody corrected it for three hours.",
    },
    hardware = {
      type = "duration", default = "1m", min = "2s",
      help = "So far off is the hardware's clock warned of: with its time the host starts the next time.",
    },
    since = { type = "duration", default = "1d", min = "10m", max = "30d", help = "How far back to look for jumps in the logs." },
  },
  needs = { "host", "sockets", "file", "logs" },
  run = function(cx, params)
    local looked = cx.together {
      host = { window = "100ms" },
      sockets = { window = "100ms", limit = 10000 },
      file = { paths = { HARDWARE, ADJUSTED } },
      logs = { since = params.since, patterns = { clock_wrong = {}, clock_unsynchronised = {} }, samples = 1 },
    }
    local host, logs = looked.host, looked.logs
    local clock = host.clock
    if clock == nil then return cx.unknown("whether anything keeps the clock was not told") end
    local keeper = daemons.running(looked.sockets, KEEPERS)
    local by = keeper ~= nil and owners.name(keeper) or nil
    local ahead = hardware_ahead(looked.file)
    local off = ahead ~= nil and math.abs(ahead) >= params.hardware
      and ("the hardware's clock is %s %s the system's"):format(span(math.abs(ahead)), ahead > 0 and "ahead of" or "behind") or nil
    local up = value_or(host, "uptime_seconds", nil, nil)
    local figures = { synchronised = clock.synchronised, hardware_ahead_seconds = ahead }
    local found = {}

    if not clock.synchronised then
      if by ~= nil and up ~= nil and up < SETTLING then
        return cx.unknown(("%s does not keep the clock yet: the host runs for %s only"):format(by, span(up))):data(figures)
      end
      local sentence
      if by ~= nil then
        sentence = ("%s runs and does not keep the clock: none of its servers answers, or it believes none"):format(by)
      elseif daemons.all_seen(looked.sockets) then
        sentence = "nothing keeps the clock: it drifts, by seconds a day"
      else
        sentence = "nothing keeps the clock; whether a service for it runs could not be seen"
      end
      local finding = keep_it(cx.warning(sentence .. (off and "; " .. off or ""))):data(figures)
      if keeper ~= nil then finding:data(owners.data(keeper)) end
      found[#found + 1] = finding
    else
      local estimated, most = clock.estimated_error_seconds, clock.maximum_error_seconds
      figures.estimated_error_seconds, figures.maximum_error_seconds = estimated, most
      if estimated >= params.error then
        found[#found + 1] = keep_it(cx.warning(("the clock is %s off by the estimate of what keeps it"):format(span(estimated)))):data(figures)
      elseif most >= params.uncertain then
        found[#found + 1] = keep_it(cx.warning(("the clock may be %s off: nobody corrected it for a long time"):format(span(most)))):data(figures)
      end
      if off ~= nil then
        found[#found + 1] = cx.warning(off .. ", which is kept: the host will start with a wrong time")
          :data(figures):remedy {
            urgency = "lasting",
            ["do"] = "Write the system's time into the hardware; one that loses it again needs a battery.",
            run = "hwclock --systohc",
            risk = "low: what the hardware said before is gone",
          }
      end
    end

    -- One jump after the start is how a clock without a battery begins.
    local jumps = logs.available and logs.patterns.clock_wrong or nil
    local last = jumps ~= nil and jumps.count > 0 and value_or(jumps, "last", nil, nil) or nil
    local at = last ~= nil and spans.parse_iso(last) or nil
    if at ~= nil and (up == nil or at > cx.now - up + SETTLING) then
      found[#found + 1] = cx.warning(("the clock was found wrong or set %s, last at %s: times in the logs jump there"):format(
        plural(jumps.count, "time"), last)):data(figures):data { jumps = jumps.count, last = last }:remedy {
          urgency = "now",
          ["do"] = "Read who set it and by how much. Two services that both keep it set it to and fro; a guest that was moved or stopped wakes up late.",
          run = "journalctl -u chronyd -u chrony -u ntpd -u ntpsec -u systemd-timesyncd --since '2 days ago'",
          risk = "none",
        }
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    for _, file in ipairs(looked.file.files) do
      local _ = file.exists and file.lines
    end
    for _, file in ipairs(logs.files) do local _ = file.path end
    local _ = logs.patterns.clock_unsynchronised.count, host.uptime_seconds
    if logs.patterns.clock_wrong.count > 0 and logs.patterns.clock_wrong.last == nil then
      return cx.unknown("the logs tell of jumps of the clock, and not when")
    end
    local sentence = ("the clock is kept%s, %s off by estimate and %s at most"):format(
      by and " by " .. by or "", span(clock.estimated_error_seconds), span(clock.maximum_error_seconds))
    return cx.ok(sentence):data(figures)
  end,
}
