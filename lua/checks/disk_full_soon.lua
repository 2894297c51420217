-- A full file system stops databases, mail and logs at once, and often the login of those who come to help.
local owners = require "casebook.owners"
local rates = require "casebook.rates"
local seen = require "casebook.seen"

local function writers(processes)
  local most = processes.available and seen.first(value_or(processes, "top_disk", nil, nil)) or nil
  if most == nil then return "", nil end
  local io = value_or(most, "io", nil, nil)
  if io == nil or io.disk_written_bytes == 0 or processes.seconds == 0 then return "", nil end
  return ("; %s writes %s/s"):format(owners.name(most), bytes(io.disk_written_bytes / processes.seconds)), most
end

local function make_room(finding, place)
  return finding:remedy {
    urgency = "now",
    ["do"] = "See what takes the space; a file that was deleted and is still open takes it, too.",
    run = { sh("du -xh --max-depth=3 {{ place }} | sort -h | tail -20", { place = place }), "lsof +L1" },
    risk = "low: reads the whole tree",
  }:remedy {
    urgency = "now",
    ["do"] = "Old logs of the journal and packed packages can mostly go.",
    run = "journalctl --vacuum-size=200M",
    risk = "medium: older log entries are gone for good",
  }
end

return check {
  name = "disk_full_soon",
  summary = "Is a file system full, read-only after errors, hanging, or about to be full?",
  tags = { "disk", "space", "inodes" },
  symptoms = { "no space left on device", "read-only file system", "the database stopped", "df hangs" },
  params = {
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch file systems grow." },
    high = { type = "share", default = "90%", help = "Used so far is warned of: some space is needed to rotate logs and to install what helps." },
    severe = { type = "share", default = "98%", help = "Used so far is critical: a burst of logs takes the rest." },
    soon = { type = "duration", default = "1h", help = "A file system that would be full within this time, as fast as it grows now, is warned of." },
    growth = {
      type = "size", default = "16MiB",
      help = "Growth in the window by less says nothing about the hour to come: a flush of the page cache is as much.",
    },
  },
  needs = { "disk", "processes" },
  run = function(cx, params)
    local before = cx.probe("disk", { window = "100ms" })
    local writing = cx.probe("processes", { window = params.window })
    local after = cx.probe("disk", { window = "100ms" })
    local earlier = {}
    for _, filesystem in ipairs(before.filesystems) do earlier[filesystem.mount_point] = filesystem end

    local found, unseen, fullest = {}, nil, nil
    for _, place in ipairs(after.hanging) do
      found[#found + 1] = cx.critical(("%s does not answer: what uses it hangs"):format(place)):data { mount_point = place }:remedy {
        urgency = "now",
        ["do"] = "See whether its server or device is there; detach it if it is not coming back.",
        run = { sh("grep -F {{ place }} /proc/mounts", { place = place }), sh("umount -l {{ place }}", { place = place }) },
        undo = sh("mount {{ place }}", { place = place }),
        risk = "medium: programs keep what they have open on it, and lose what they wrote",
      }
    end
    for _, place in ipairs(after.forced_read_only) do
      found[#found + 1] = cx.critical(("%s was made read-only by the kernel after errors"):format(place)):data { mount_point = place }:remedy {
        urgency = "now",
        ["do"] = "Read what the kernel says of the device before anything else; save what can be read.",
        run = "dmesg --level=err,warn | tail -50",
        risk = "none",
      }
    end
    local hanging = {}
    for _, place in ipairs(after.hanging) do hanging[place] = true end
    for _, filesystem in ipairs(after.filesystems) do
      local place, share = filesystem.mount_point, value_or(filesystem, "used_share", nil, nil)
      if not filesystem.read_only and not hanging[place] then
        local inodes, available = value_or(filesystem, "inodes_share", nil, nil), value_or(filesystem, "available_bytes", nil, nil)
        if share == nil and value_or(filesystem, "bytes", nil, nil) ~= 0 then unseen = unseen or filesystem end
        if share ~= nil and (fullest == nil or share > fullest.share) then fullest = { share = share, place = place, available = available } end
        local figures = { mount_point = place, source = filesystem.source, used_share = share, available_bytes = available, inodes_share = inodes }
        local told = false
        local by, most = writers(writing)
        if share ~= nil and share >= params.high then
          told = true
          local verdict = share >= params.severe and cx.critical or cx.warning
          local finding = verdict(("%s is %s full, %s left%s"):format(place, percent(share), available and bytes(available) or "an unknown rest", by))
          found[#found + 1] = make_room(finding:data(figures), place)
        end
        if inodes ~= nil and inodes >= params.high then
          told = true
          local verdict = inodes >= params.severe and cx.critical or cx.warning
          found[#found + 1] = verdict(("%s has %s of its inodes in use: soon no file can be made, whatever the space"):format(place, percent(inodes)))
            :data(figures):remedy {
              urgency = "now",
              ["do"] = "Find the folder with the most files: sessions, mail queues, caches.",
              run = sh("du -x --inodes --max-depth=4 {{ place }} | sort -n | tail -20", { place = place }),
              risk = "low: reads the whole tree",
            }
        end
        local old = earlier[place]
        local used, was = value_or(filesystem, "used_bytes", nil, nil), old ~= nil and value_or(old, "used_bytes", nil, nil) or nil
        if not told and used ~= nil and was ~= nil and available ~= nil and used - was >= params.growth then
          -- The looks are a window and some milliseconds apart.
          local rate = (used - was) / math.max(writing.seconds, 1)
          local left = rates.seconds_until(0, available, rate)
          if left ~= nil and left <= params.soon then
            local finding = cx.warning(("%s will be full in %s if it goes on growing by %s/s: %s left%s"):format(
              place, span(left), bytes(rate), bytes(available), by))
            finding:data(figures):data { bytes_per_second = rate, seconds_left = left }
            if most ~= nil then finding:data(owners.data(most)) end
            found[#found + 1] = make_room(finding, place)
          end
        end
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    if unseen ~= nil and unseen.used_share == nil then
      return cx.unknown(("how full %s is could not be seen"):format(unseen.mount_point))
    end
    for _, filesystem in ipairs(after.filesystems) do
      if not filesystem.read_only then
        local old = earlier[filesystem.mount_point]
        local _ = filesystem.inodes_share, filesystem.used_bytes, filesystem.available_bytes, old and old.used_bytes
      end
    end
    if after.filesystems_left_out > 0 then
      return cx.unknown(("%s more than fit were not looked at"):format(plural(after.filesystems_left_out, "file system")))
    end
    if fullest == nil then return cx.ok("there is no file system that could fill up") end
    return cx.ok(("the fullest file system is %s with %s, %s left; none grows fast"):format(fullest.place, percent(fullest.share),
      fullest.available and bytes(fullest.available) or "an unknown rest")):data { mount_point = fullest.place, used_share = fullest.share }
  end,
}
