-- Two queues stand before a service: half-open connections (SYN queue), and complete ones that the program has yet to accept
-- (accept queue). The listener's backlog limits both. A full one looks the same to clients: connections time out.
local owners = require "casebook.owners"
local sight = require "casebook.seen"

-- What a counter has grown by. The kernel may lack it: then nothing can be said of it, and not that it is 0.
local COUNTERS = { "listen_overflows", "listen_drops", "syncookies_sent", "req_q_full_drop", "req_q_full_do_cookies" }

local function place(listener) return socket(listener.address, listener.port) end

local function keep(finding, listener)
  return finding:data(owners.data(listener)):data {
    address = listener.address, port = listener.port, queue = listener.queue, backlog = listener.backlog,
    syn_recv = listener.syn_recv,
  }
end

local function raise_backlog(finding, listener, settings)
  local somaxconn = value_or(settings, "somaxconn", nil, nil)
  local capped = somaxconn ~= nil and listener ~= nil and listener.backlog == somaxconn
  local wanted = math.max(4096, 2 * (somaxconn or 0))
  if capped then
    finding:remedy {
      urgency = "lasting",
      ["do"] = "Let listeners have longer queues: this one has all that net.core.somaxconn allows. The service must be "
        .. "restarted to ask anew. It only buys time unless the service accepts faster.",
      run = sh("sysctl -w net.core.somaxconn={{ most }}", { most = wanted }),
      undo = sh("sysctl -w net.core.somaxconn={{ most }}", { most = somaxconn }),
      risk = "low: more connections wait, and each takes some memory",
    }
  elseif listener ~= nil then
    finding:remedy {
      urgency = "lasting",
      ["do"] = ("Raise the backlog in the service's own configuration (listen … backlog=, ListenBackLog, Backlog=): it asked "
        .. "for %s, and the kernel would allow %s."):format(count(listener.backlog), somaxconn and count(somaxconn) or "more"),
      risk = "low: more connections wait, and each takes some memory",
    }
  end
  return finding
end

local function accepts_too_slowly(cx, listener, kernel, seconds)
  local overflows = value_or(kernel.tcp, "listen_overflows", nil, nil)
  local sentence = ("%s accepts too slowly on %s: %s wait, its backlog is %s"):format(
    owners.name(listener), place(listener), plural(listener.queue, "connection"), count(listener.backlog))
  if overflows ~= nil and overflows > 0 then
    sentence = sentence .. ("; %s in %s found a full queue"):format(plural(overflows, "handshake"), span(seconds))
  end
  local finding = keep(cx.critical(sentence), listener)
  local service = owners.service(listener)
  finding:remedy {
    urgency = "now",
    ["do"] = "See what the service waits for (its workers, a database, a disk), and restart it if it hangs.",
    run = service and sh("systemctl restart {{ service }}", { service = service }) or sh("ss -ltnp 'sport = :{{ port }}'", { port = listener.port }),
    risk = service and "medium: a restart ends its open connections" or "none",
  }
  return raise_backlog(finding, listener, kernel.settings)
end

return check {
  name = "syn_backlog",
  summary = "Do listeners have room for new connections, half-open and complete ones?",
  tags = { "tcp", "listeners", "syn-flood" },
  symptoms = { "connections time out", "connection refused now and then", "the web site is slow to connect", "SYN flood" },
  params = {
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch the counters grow." },
    port = { type = "port", help = "Judge the queues of listeners on this port only. The counters are of all ports." },
    full = {
      type = "share", default = "80%",
      help = "A queue that is filled so far is warned of: a burst of one round trip can take the rest.",
    },
    half_open = {
      type = "integer", default = 64, min = 1,
      help = "Fewer half-open connections to a listener are no trouble whatever its backlog: a busy service has some.",
    },
  },
  needs = { "sockets", "kernel" },
  run = function(cx, params)
    local ask = { window = params.window, state = "listen" }
    if params.port then ask.port = params.port end
    local seen = cx.together { sockets = ask, kernel = { window = params.window } }
    local sockets, kernel = seen.sockets, seen.kernel
    local found, unread = {}, nil

    -- Queues, as they were at the end of the window.
    local listeners, longest, half_open = 0, nil, 0
    if sockets.available then
      for listener in sight.items(sockets.listeners) do
        if listener.protocol ~= "tcp" then goto next end
        listeners, half_open = listeners + 1, math.max(half_open, listener.syn_recv)
        -- Whether it could be seen is asked below, when nothing was found.
        local backlog = value_or(listener, "backlog", nil, nil)
        if backlog == nil then
          unread = listener
        elseif listener.queue > backlog then
          if kernel.available then
            found[#found + 1] = accepts_too_slowly(cx, listener, kernel, kernel.seconds)
          else
            found[#found + 1] = keep(cx.critical(("%s accepts too slowly on %s: %s wait, its backlog is %s"):format(
              owners.name(listener), place(listener), plural(listener.queue, "connection"), count(backlog))), listener)
          end
        elseif backlog > 0 and listener.queue >= params.full * backlog then
          found[#found + 1] = keep(cx.warning(("%s is about to fall behind on %s: %s wait to be accepted, its backlog is %s"):format(
            owners.name(listener), place(listener), plural(listener.queue, "connection"), count(backlog))), listener)
        end
        if backlog ~= nil and listener.syn_recv >= math.max(params.half_open, params.full * backlog) then
          found[#found + 1] = keep(cx.warning(("%s half-open connections to %s (%s), its backlog is %s: a SYN flood, or answers that get lost"):format(
            count(listener.syn_recv), place(listener), owners.name(listener), count(backlog))), listener)
        end
        if longest == nil or listener.queue > longest.queue then longest = listener end
        ::next::
      end
    end

    -- Counters, of the whole network namespace.
    local absent, grew = {}, {}
    if kernel.available then
      local seconds = kernel.seconds
      for _, name in ipairs(COUNTERS) do
        local value = value_or(kernel.tcp, name, nil, nil)
        if value == nil then absent[#absent + 1] = name else grew[name] = value end
      end
      local figures = {}
      for name, value in pairs(grew) do figures[name] = value end
      local overflows, dropped = grew.listen_overflows or 0, grew.req_q_full_drop or 0
      local cookies, setting = grew.syncookies_sent or 0, value_or(kernel.settings, "tcp_syncookies", nil, nil)
      if dropped > 0 then
        local finding = cx.critical(("%s dropped in %s at a full SYN queue, and SYN cookies are off"):format(plural(dropped, "SYN"), span(seconds)))
        finding:data(figures):remedy {
          urgency = "now",
          ["do"] = "Turn SYN cookies on: then a full SYN queue keeps nobody out.",
          run = "sysctl -w net.ipv4.tcp_syncookies=1",
          undo = sh("sysctl -w net.ipv4.tcp_syncookies={{ was }}", { was = setting or 0 }),
          risk = "low: connections made by cookie have fewer TCP options",
        }
        found[#found + 1] = finding
      end
      local full_now = false
      for _, finding in ipairs(found) do full_now = full_now or finding.verdict == "critical" end
      if overflows > 0 and not full_now then
        found[#found + 1] = cx.warning(("%s in %s found the accept queue of some listener full; by the end none was"):format(
          plural(overflows, "handshake"), span(seconds))):data(figures):remedy {
          urgency = "now",
          ["do"] = "Watch which listener it is: the one whose Recv-Q reaches its Send-Q.",
          run = "watch -n 0.2 'ss -ltn'",
          risk = "none",
        }
      end
      if cookies > 0 and setting ~= 2 then
        found[#found + 1] = cx.warning(("%s SYN cookies were sent in %s: a SYN queue is full, new connections come through all the same"):format(
          count(cookies), span(seconds))):data(figures):remedy {
          urgency = "now",
          ["do"] = "Find out who sends the SYNs, and whether they complete their handshakes.",
          run = "casebook probe capture window=10s",
          risk = "none",
        }
      end
      if setting == 0 then
        found[#found + 1] = cx.warning("SYN cookies are off: a SYN flood of a few packets a second would keep everybody out"):data {
          tcp_syncookies = setting, tcp_max_syn_backlog = value_or(kernel.settings, "tcp_max_syn_backlog", nil, nil),
        }:remedy {
          urgency = "lasting",
          ["do"] = "Turn SYN cookies on; they are only used when a queue is full.",
          run = "sysctl -w net.ipv4.tcp_syncookies=1",
          undo = "sysctl -w net.ipv4.tcp_syncookies=0",
          risk = "low: connections made by cookie have fewer TCP options",
        }
      end
      if setting == nil then absent[#absent + 1] = "tcp_syncookies" end
    end

    -- What was found stands, whatever else could not be seen.
    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    local _ = #sockets.listeners
    if unread ~= nil and unread.backlog == nil then
      return cx.unknown(("the kernel does not tell the backlogs of listeners (source: %s)"):format(sockets.source))
    end
    for _, name in ipairs(COUNTERS) do
      if kernel.tcp[name] == nil then return cx.unknown("this kernel does not say: " .. join(absent, ", ")) end
    end
    if kernel.settings.tcp_syncookies == nil then return cx.unknown("this kernel does not say whether SYN cookies are on") end
    -- A listener that is not in the list may be the one that is full.
    if sockets.listeners_left_out > 0 then
      return cx.unknown(plural(sockets.listeners_left_out, "listener") .. " more than fit were not looked at")
    end
    if listeners == 0 then
      return cx.ok(params.port and ("nothing listens on TCP port %d"):format(params.port) or "nothing listens on TCP")
    end
    return cx.ok(("%s: the longest queue is %s of %s, at most %s half-open, no overflow in %s"):format(
      plural(listeners, "TCP listener has room", "TCP listeners have room"), count(longest.queue), count(longest.backlog), count(half_open),
      span(kernel.seconds))):data { listeners = listeners, longest_queue = longest.queue, half_open = half_open }
  end,
}
