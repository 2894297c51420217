-- A process that may open no more files can neither accept a connection nor open its log to say so.
local owners = require "casebook.owners"
local seen = require "casebook.seen"

return check {
  name = "file_descriptors",
  summary = "Is a process, or the whole host, about to run out of file descriptors?",
  tags = { "files", "limits", "processes" },
  symptoms = { "too many open files", "accept failed", "the service stops answering after some days" },
  params = {
    high = {
      type = "share", default = "80%",
      help = "A process that uses so much of its limit is warned of: what is left goes in one burst of connections.",
    },
    severe = { type = "share", default = "95%", help = "From so much on it is critical: services begin to refuse connections before the last one." },
  },
  needs = { "processes", "sysctl" },
  run = function(cx, params)
    local answers = cx.together { processes = { window = "100ms" }, sysctl = { names = { "fs.file-nr" } } }
    local processes, found, nearest = answers.processes, {}, nil

    local uses = processes.available and value_or(processes, "top_open_files", nil, nil) or nil
    for use in seen.items(uses) do
      local share, limit = value_or(use, "open_files_share", nil, nil), value_or(use, "open_files_limit", nil, nil)
      if share ~= nil and (nearest == nil or share > nearest.share) then nearest = { share = share, use = use } end
      if share ~= nil and limit ~= nil and share >= params.high then
        local process = use.process
        local verdict = share >= params.severe and cx.critical or cx.warning
        local finding = verdict(("%s has %s files and sockets open, and may open %s (%s)"):format(
          owners.name(use), count(use.open_files), count(limit), percent(share)))
        finding:data(owners.data(use)):data { open_files = use.open_files, limit = limit, share = share }:remedy {
          urgency = "now",
          ["do"] = "Let the running process open more, without a restart.",
          run = sh("prlimit --pid {{ pid }} --nofile={{ most }}:", { pid = process.pid, most = limit * 4 }),
          undo = sh("prlimit --pid {{ pid }} --nofile={{ most }}:", { pid = process.pid, most = limit }),
          risk = "low: the hard limit may be lower, then give both; the process may take more memory",
        }:remedy {
          urgency = "now",
          ["do"] = "See what it holds: a leak grows by one kind, mostly sockets in CLOSE_WAIT.",
          run = sh("ls -l /proc/{{ pid }}/fd | awk '{print $NF}' | sed 's/[0-9]\\+/N/g' | sort | uniq -c | sort -n | tail", { pid = process.pid }),
          risk = "none",
        }
        local service = owners.service(use)
        if service ~= nil then
          finding:remedy {
            urgency = "lasting",
            ["do"] = "Raise the service's own limit, and mend the leak if it is one.",
            run = sh("systemctl edit {{ service }}   # [Service] LimitNOFILE={{ most }}", { service = service, most = limit * 4 }),
            undo = sh("systemctl revert {{ service }}", { service = service }),
            risk = "low",
          }
        end
        found[#found + 1] = finding
      end
    end

    local setting = answers.sysctl.available and answers.sysctl.settings:first { name = "fs.file-nr" } or nil
    local numbers = setting ~= nil and value_or(setting, "numbers", nil, nil) or nil
    local used, most
    if numbers ~= nil and #numbers == 3 then
      used, most = numbers[1], numbers[3]
      if most > 0 and used >= params.high * most then
        local verdict = used >= params.severe * most and cx.critical or cx.warning
        found[#found + 1] = verdict(("the whole host has %s files open, and may open %s (%s)"):format(
          count(used), count(most), percent(used / most))):data { host_open_files = used, host_limit = most }:remedy {
          urgency = "now",
          ["do"] = "Let the host open more, then find the process that holds them.",
          run = sh("sysctl -w fs.file-max={{ most }}", { most = most * 2 }),
          undo = sh("sysctl -w fs.file-max={{ most }}", { most = most }),
          risk = "low",
        }
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    if processes.top_open_files == nil then return cx.unknown("how many files processes have open could not be seen") end
    local _ = #processes.top_open_files
    if not processes.complete then return cx.unknown("not all processes could be looked at in time") end
    for _, use in ipairs(processes.top_open_files) do
      -- Without a limit it cannot run out; a limit that a gap hid ends the check here.
      if use.open_files == nil then return cx.unknown(("how many files %s has open could not be seen"):format(owners.name(use))) end
      local _ = use.open_files_limit, use.open_files_share
    end
    if used == nil then
      local again = answers.sysctl.settings:first { name = "fs.file-nr" }
      local _ = again ~= nil and again.numbers
      return cx.unknown("the kernel does not say how many files are open on the whole host")
    end
    local sentence = ("the host has %s of %s files open"):format(count(used), count(most))
    if nearest ~= nil then
      sentence = sentence .. ("; nearest to its limit is %s with %s"):format(owners.name(nearest.use), percent(nearest.share))
    end
    return cx.ok(sentence):data { host_open_files = used, host_limit = most, nearest_share = nearest and nearest.share }
  end,
}
