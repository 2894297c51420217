-- A datagram that finds the socket's buffer full is gone, and nobody is told: the sender never learns, the program never sees.
local owners = require "casebook.owners"
local sight = require "casebook.seen"

local function larger_buffers(finding, kernel, listener)
  if not kernel.available then return finding end
  local maximum = value_or(kernel.settings, "rmem_max", nil, nil)
  if maximum == nil then return finding end
  local wanted = math.max(8 * 1024 * 1024, 2 * maximum)
  local asks = listener ~= nil and value_or(listener, "receive_buffer", nil, nil) or nil
  local why = "A larger buffer bridges a burst, and nothing more; the service must ask for one and be restarted."
  if asks ~= nil then why = ("Its buffer is %s now. "):format(bytes(asks)) .. why end
  return finding:remedy {
    urgency = "now",
    ["do"] = "Let sockets have larger buffers. " .. why,
    run = sh("sysctl -w net.core.rmem_max={{ most }}", { most = wanted }),
    undo = sh("sysctl -w net.core.rmem_max={{ most }}", { most = maximum }),
    risk = "low: each socket may take that much memory",
  }
end

return check {
  name = "udp_buffer_drops",
  summary = "Which service loses UDP datagrams because it reads too slowly?",
  tags = { "udp", "drops", "sockets" },
  symptoms = { "lost syslog lines", "gaps in metrics", "DNS answers get lost", "choppy voice", "UDP packet loss" },
  params = {
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch the counters grow." },
    port = { type = "port", help = "Look at sockets on this port only. The kernel's counters are of all." },
    tolerable = {
      type = "number", default = 1, min = 0,
      help = "Datagrams a second that a socket may lose before it is critical: a burst now and then loses some, a reader that is too slow loses all the time.",
    },
    full = { type = "share", default = "80%", help = "A buffer that is filled so far at the end of the window is warned of." },
  },
  needs = { "sockets", "kernel" },
  run = function(cx, params)
    local ask = { window = params.window, state = "listen" }
    if params.port then ask.port = params.port end
    local seen = cx.together { sockets = ask, kernel = { window = params.window } }
    local sockets, kernel = seen.sockets, seen.kernel
    local found, named, earlier, looked = {}, 0, {}, 0

    if sockets.available then
      local seconds = sockets.seconds
      for listener in sight.items(sockets.listeners) do
        if listener.protocol ~= "udp" then goto next end
        looked = looked + 1
        -- Whether it could be seen is asked below, when nothing was found.
        local drops = value_or(listener, "drops", nil, nil)
        local buffer = value_or(listener, "receive_buffer", nil, nil)
        local place = socket(listener.address, listener.port)
        local figures = {
          address = listener.address, port = listener.port, drops = drops, drops_total = value_or(listener, "drops_total", nil, nil),
          queue = listener.queue, receive_buffer = buffer,
        }
        if drops ~= nil and drops > 0 then
          named = named + drops
          local verdict = seconds > 0 and drops / seconds > params.tolerable and cx.critical or cx.warning
          local finding = verdict(("%s lost %s in %s on %s: its buffer of %s was full"):format(
            owners.name(listener), plural(drops, "datagram"), span(seconds), place, buffer and bytes(buffer) or "unknown size"))
          finding:data(owners.data(listener)):data(figures)
          larger_buffers(finding, kernel, listener):remedy {
            urgency = "lasting",
            ["do"] = "Let the service read faster: more threads or sockets (SO_REUSEPORT), less work per datagram; or stop the sender that sends too much.",
            run = "casebook probe capture window=10s top=50",
            risk = "none",
          }
          found[#found + 1] = finding
        elseif drops ~= nil and buffer ~= nil and buffer > 0 and listener.queue >= params.full * buffer then
          found[#found + 1] = cx.warning(("%s is about to lose datagrams on %s: %s of %s wait to be read"):format(
            owners.name(listener), place, bytes(listener.queue), bytes(buffer))):data(owners.data(listener)):data(figures)
        elseif value_or(listener, "drops_total", 0, 0) > 0 then
          earlier[#earlier + 1] = ("%s %s"):format(place, count(listener.drops_total))
        end
        ::next::
      end
    end

    local lost, memory
    if kernel.available then
      lost, memory = value_or(kernel.udp, "rcvbuf_errors", nil, nil), value_or(kernel.udp, "mem_errors", nil, nil)
      if memory ~= nil and memory > 0 then
        found[#found + 1] = cx.critical(("%s dropped in %s because UDP as a whole is out of memory"):format(
          plural(memory, "datagram"), span(kernel.seconds))):data { mem_errors = memory }:remedy {
          urgency = "now",
          ["do"] = "See which sockets hold the memory, and raise net.ipv4.udp_mem (in pages) if it is well used.",
          run = "ss -uanm; sysctl net.ipv4.udp_mem",
          risk = "none",
        }
      end
      -- Some came to sockets that were closed since, or of another port than was asked for.
      if lost ~= nil and lost > 0 and named == 0 and not params.port then
        found[#found + 1] = larger_buffers(cx.warning(("%s lost at full buffers in %s, of a socket that cannot be named"):format(
          plural(lost, "datagram"), span(kernel.seconds))):data { rcvbuf_errors = lost }, kernel, nil)
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    for _, listener in ipairs(sockets.listeners:where { protocol = "udp" }) do
      if listener.drops == nil or listener.receive_buffer == nil then
        return cx.unknown(("the kernel does not count what each socket drops (source: %s)"):format(sockets.source))
      end
    end
    if sockets.listeners_left_out > 0 then
      return cx.unknown(plural(sockets.listeners_left_out, "socket") .. " more than fit were not looked at")
    end
    if not params.port then
      if kernel.udp.rcvbuf_errors == nil or kernel.udp.mem_errors == nil then return cx.unknown("this kernel does not count what UDP loses") end
    end
    local sentence = looked == 0 and "no UDP socket, and no datagram lost"
      or ("%s: none lost a datagram in %s"):format(plural(looked, "UDP socket"), span(sockets.seconds))
    if #earlier > 0 then sentence = sentence .. "; lost earlier: " .. join(earlier, ", ", 3) end
    return cx.ok(sentence):data { sockets = looked }
  end,
}
