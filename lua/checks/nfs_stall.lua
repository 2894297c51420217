-- A server of NFS that does not answer holds up every process that touches its files: they wait and cannot be killed, the load
-- climbs, and logins hang that only look into a home directory.
local owners = require "casebook.owners"
local seen = require "casebook.seen"

local PORT = 2049
-- Where in the kernel a process waits that waits for NFS: the calls of RPC, and NFS's own.
local WAITS = { "^nfs", "^rpc_", "^__rpc_" }

local function waits_for_nfs(place)
  for _, pattern in ipairs(WAITS) do
    if place:find(pattern) then return true end
  end
  return false
end

local KERNEL = {
  nfs_silent = { match = [[nfs4?: server (?P<server>\S+) not responding]], program = { "kernel" } },
  nfs_back = { match = [[nfs4?: server (?P<server>\S+) OK]], program = { "kernel" } },
}

local function server_of(source) return source:match("^%[?([^%]]-)%]?:/") or source end

-- Processes that wait at both looks, and how many of those that wait could not be asked where.
local function stuck(before, after)
  local earlier, found, untold = {}, {}, 0
  for row in seen.items(before.available and value_or(before, "blocked", nil, nil) or nil) do earlier[row.process.pid] = true end
  for row in seen.items(after.available and value_or(after, "blocked", nil, nil) or nil) do
    if earlier[row.process.pid] then
      local place = value_or(row, "waits_in", nil, nil)
      if place == nil then
        untold = untold + 1
      elseif waits_for_nfs(place) then
        found[#found + 1] = row
      end
    end
  end
  return found, untold
end

local function see_the_server(finding, mount)
  local place, server = mount and mount.mount_point or nil, mount and server_of(mount.source) or nil
  finding:remedy {
    urgency = "now",
    ["do"] = "See whether the server is there and its NFS answers; when it comes back, all goes on by itself and nothing is lost.",
    run = server and { sh("ping -c 3 -W 2 {{ server }}", { server = server }), sh("timeout 5 rpcinfo -t {{ server }} nfs", { server = server }) }
      or "nfsstat -m",
    risk = "none",
  }
  if place ~= nil then
    finding:remedy {
      urgency = "now",
      ["do"] = "If it does not come back: end its calls and take the file system away from those who come anew.",
      run = sh("umount -f -l {{ place }}", { place = place }),
      undo = sh("mount {{ place }}", { place = place }),
      risk = "high: programs lose what they wrote and the server does not have yet",
    }
  end
  return finding
end

return check {
  name = "nfs_stall",
  summary = "Does a file system of NFS keep processes waiting?",
  tags = { "nfs", "mounts", "hang" },
  symptoms = { "df hangs", "ls hangs", "the load is high and the CPUs are idle", "logins hang", "processes cannot be killed" },
  params = {
    again = {
      type = "duration", default = "3s", min = "1s", max = "1m",
      help = "How long to wait before the second look: who waits at both looks does not wait for one slow answer.",
    },
    since = { type = "duration", default = "1h", min = "1m", max = "7d", help = "How far back to look in the kernel's log for servers that did not respond." },
    retransmits = {
      type = "integer", default = 3, min = 1,
      help = "Segments to a server that were sent again in that time are warned of from so many on: a healthy way loses none.",
    },
  },
  needs = { "disk", "processes", "logs", "sockets" },
  run = function(cx, params)
    local before = cx.probe("processes", { window = "100ms", limit = 200 })
    local looked = cx.together {
      disk = { window = "100ms" },
      sockets = { window = params.again, limit = 10000 },
      logs = { since = params.since, patterns = KERNEL, samples = 1 },
    }
    local after = cx.probe("processes", { window = "100ms", limit = 200 })
    local disk, logs, found = looked.disk, looked.logs, {}

    local mounts, by_place = {}, {}
    for filesystem in seen.items(disk.available and disk.filesystems or nil) do
      by_place[filesystem.mount_point] = filesystem
      if filesystem.kind:find("^nfs") then mounts[#mounts + 1] = filesystem end
    end
    for place in seen.items(disk.available and disk.hanging or nil) do
      local mount = by_place[place]
      if mount == nil or mount.kind:find("^nfs") then
        found[#found + 1] = see_the_server(cx.critical(("%s does not answer%s: what uses it waits and cannot be killed"):format(place,
          mount and (" (%s)"):format(mount.source) or "")):data { mount_point = place, source = mount and mount.source }, mount)
      end
    end

    local waiting, untold = stuck(before, after)
    if #waiting > 0 then
      local one = waiting[1]
      found[#found + 1] = see_the_server(cx.critical(("%s for NFS for %s and more, %s among them (in %s)"):format(
        #waiting == 1 and "1 process waits" or ("%s processes wait"):format(count(#waiting)), span(params.again), owners.name(one), one.waits_in))
        :data(owners.data(one)):data { waiting = #waiting, waits_in = one.waits_in }, #mounts == 1 and mounts[1] or nil)
    end

    local silent = logs.available and value_or(logs.patterns, "nfs_silent", nil, nil) or nil
    local back = logs.available and value_or(logs.patterns, "nfs_back", nil, nil) or nil
    if silent ~= nil and silent.count > 0 then
      local servers = value_or(silent.captures, "server", nil, nil)
      local server = seen.first(servers)
      local last, again = value_or(silent, "last", nil, nil), back ~= nil and back.count > 0 and value_or(back, "last", nil, nil) or nil
      local over = last ~= nil and again ~= nil and again >= last
      local verdict = over and cx.warning or cx.critical
      found[#found + 1] = see_the_server(verdict(("the kernel says that %s does not respond: %s since %s%s"):format(
        server ~= nil and "the NFS server " .. server.value or "an NFS server", plural(silent.count, "time"), value_or(silent, "first", "some time", "some time"),
        over and (", and that it is back since %s"):format(again) or "")):data { server = server and server.value, times = silent.count, over = over },
        #mounts == 1 and mounts[1] or nil)
    end

    for connection in seen.items(looked.sockets.available and value_or(looked.sockets, "connections", nil, nil) or nil) do
      if connection.remote_port == PORT then
        local again = value_or(connection, "retransmits", nil, nil)
        local figures = { remote_address = connection.remote_address, unacknowledged_bytes = connection.tx_queue, retransmits = again }
        if connection.state == "syn_sent" then
          found[#found + 1] = see_the_server(cx.critical(("no connection to the NFS server %s comes about"):format(connection.remote_address)):data(figures), nil)
        elseif again ~= nil and again >= params.retransmits then
          found[#found + 1] = see_the_server(cx.warning(("%s were sent again to the NFS server %s in %s, and %s are not acknowledged"):format(
            plural(again, "segment"), connection.remote_address, span(looked.sockets.seconds), bytes(connection.tx_queue))):data(figures), nil)
        end
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    for _, filesystem in ipairs(disk.filesystems) do local _ = filesystem.kind end
    local _ = #disk.hanging
    for _, looked_once in ipairs { before, after } do
      for _, row in ipairs(looked_once.blocked) do local _ = row.process.pid end
    end
    if disk.filesystems_left_out > 0 then
      return cx.unknown(("%s more than fit were not looked at"):format(plural(disk.filesystems_left_out, "file system")))
    end
    if not (before.complete and after.complete) then return cx.unknown("not all processes could be looked at in time") end
    if untold > 0 then
      for _, row in ipairs(after.blocked) do local _ = row.waits_in end
      return cx.unknown(("%s; where in the kernel could not be seen"):format(untold == 1 and "1 process is blocked" or ("%s processes are blocked"):format(count(untold))))
    end
    for _, connection in ipairs(looked.sockets.connections) do
      if connection.remote_port == PORT then local _ = connection.retransmits, connection.state end
    end
    if looked.sockets.connections_left_out > 0 then
      return cx.unknown(("%s more than are listed, one of them may lead to an NFS server"):format(plural(looked.sockets.connections_left_out, "connection")))
    end
    if #mounts == 0 then return cx.skipped("no file system of NFS is mounted, and no process waits for one") end
    for _, file in ipairs(logs.files) do local _ = file.path end
    local _ = logs.patterns.nfs_silent.count
    return cx.ok(("%s of NFS answer, and no process waits for them"):format(plural(#mounts, "file system"))):data { mounts = #mounts }
  end,
}
