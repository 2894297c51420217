-- CLOSE_WAIT: the other side has closed, the program has not. Such a connection never ends by itself; a program that forgets
-- to close holds one more descriptor for each, until it has no more.
local owners = require "casebook.owners"
local tables = require "casebook.tables"

return check {
  name = "close_wait_leak",
  summary = "Does a program forget to close connections that the other side has closed?",
  tags = { "tcp", "sockets", "leak" },
  symptoms = { "too many open files", "the service hangs after some days", "connections pile up in CLOSE_WAIT" },
  params = {
    many = {
      type = "integer", default = 100, min = 1,
      help = "So many connections of one program in CLOSE_WAIT are warned of: a program that closes at once has a few at any moment.",
    },
    severe = {
      type = "integer", default = 800, min = 1,
      help = "So many are critical: most services may have 1,024 descriptors, and need some of them.",
    },
    again = {
      type = "duration", default = "5s", min = "1s", max = "1m",
      help = "How long to wait before the second look. What is in CLOSE_WAIT at both looks is not being closed just now.",
    },
  },
  needs = { "sockets" },
  run = function(cx, params)
    local first = cx.probe("sockets", { window = "100ms", state = "close_wait", limit = 10000 })
    local total = first.counts.tcp_close_wait
    if total < params.many then
      return cx.ok(("%s in CLOSE_WAIT, fewer than the %s that would be worth a look"):format(
        plural(total, "connection"), count(params.many))):data { close_wait = total }
    end

    -- The window is only the time between the looks.
    local second = cx.probe("sockets", { window = params.again, state = "close_wait", limit = 10000 })
    local function key(connection)
      return ("%s %d %s %d"):format(connection.local_address, connection.local_port, connection.remote_address, connection.remote_port)
    end
    local before = {}
    for _, connection in ipairs(first.connections) do before[key(connection)] = true end
    local stayed, unread = {}, 0
    for _, connection in ipairs(second.connections) do
      if before[key(connection)] then
        stayed[#stayed + 1] = connection
        if connection.rx_queue > 0 then unread = unread + 1 end
      end
    end
    local left_out = second.connections_left_out + first.connections_left_out

    local by_owner = tables.group(stayed, function(connection)
      local process = value_or(connection, "process", nil, nil)
      return process ~= nil and process.pid or "unseen"
    end)
    local found = {}
    for _, pid in ipairs(tables.keys(by_owner)) do
      local own = by_owner[pid]
      -- Those of different unseen processes are not told apart: then their sum is at most what each may have.
      if #own >= params.many then
        local one = own[1]
        local ports = tables.ranking(tables.count_by(own, "local_port"), 1)[1]
        local remotes = tables.ranking(tables.count_by(own, "remote_address"), 1)[1]
        local verdict = #own >= params.severe and cx.critical or cx.warning
        local finding = verdict(("%s holds %s in CLOSE_WAIT for %s and more: it forgets to close, %s on local port %d, %s from %s"):format(
          owners.name(one), plural(#own, "connection"), span(params.again), count(ports.value), ports.key, count(remotes.value), remotes.key))
        finding:data(owners.data(one)):data {
          close_wait = #own, local_port = ports.key, remote_address = remotes.key, with_unread_bytes = unread,
        }
        local service = owners.service(one)
        finding:remedy {
          urgency = "now",
          ["do"] = service and "Restart the service: that closes them all, and it has its descriptors back."
            or "Restart the program by the means that started it: that closes them all, and it has its descriptors back.",
          run = service and sh("systemctl restart {{ service }}", { service = service }) or nil,
          risk = "medium: its open connections end",
        }:remedy {
          urgency = "lasting",
          ["do"] = "Let the program close a connection when it reads its end, also after errors and timeouts; tell its developers which peer it is.",
          risk = "none",
        }
        found[#found + 1] = finding
      end
    end
    if #found > 0 then return found end
    -- What is not listed may be what stays.
    if left_out > 0 then
      return cx.unknown(("%s in CLOSE_WAIT, more than are listed"):format(plural(total, "connection")))
    end
    return cx.ok(("%s in CLOSE_WAIT, %s of them for %s and more, no program has %s"):format(
      plural(total, "connection"), count(#stayed), span(params.again), count(params.many))):data { close_wait = total, stayed = #stayed }
  end,
}
