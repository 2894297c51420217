-- Who sends us UDP that we did not ask for: datagrams for ports where nothing listens, and "answers" from amplifiers (DNS, NTP,
-- memcached …) that this host never asked anything.

-- Whether a socket takes what is sent to an address. One on `::` counts for IPv4, too: the host does not say whether it is
-- for IPv6 only, and in doubt nobody is accused.
local function takes(listener, address)
  if listener.any_address then return listener.address == "::" or not address:find(":", 1, true) end
  return listener.address == address
end

-- How many datagrams came to an endpoint that nobody waited for. A connected socket takes what its peer sends and nothing
-- else; and where this host has sent something, those to whom it sent may answer.
local function unasked(endpoint, listeners, flows)
  local peers, answered = {}, endpoint.tx_packets > 0
  for _, listener in ipairs(listeners or {}) do
    if takes(listener, endpoint.address) then
      if not listener.connected then return 0 end
      peers[socket(listener.remote_address, listener.remote_port)] = true
      answered = true
    end
  end
  if not answered then return endpoint.packets end
  local packets = 0
  for _, flow in ipairs(flows or {}) do
    local expected = flow.tx_packets > 0 or peers[socket(flow.remote_address, flow.remote_port)]
    if flow.local_address == endpoint.address and not expected then packets = packets + flow.rx_packets end
  end
  return packets
end

local function sender(endpoint)
  local remote, share = endpoint.top_remote, endpoint.top_remote_share
  if remote ~= nil and share ~= nil and share >= 0.5 then return remote end
  return endpoint.remotes and plural(endpoint.remotes, "address", "addresses") or "many addresses"
end

return check {
  name = "unasked_udp",
  summary = "Who sends us UDP that we did not ask for?",
  tags = { "udp", "flood", "reflection", "capture" },
  symptoms = { "UDP flood", "who sends us this UDP", "answers to questions we never asked" },
  params = {
    interface = { type = "interface", default = "auto", help = "Interface to watch. auto is the default route's." },
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch." },
    some = {
      type = "number", default = 10, min = 0,
      help = "Unasked datagrams a second that are worth a warning. The Internet's scanners alone send about one.",
    },
    high = { type = "bitrate", default = "20Mbit/s", help = "So much of it is critical: a fifth of the smallest links of servers." },
  },
  needs = { "capture", "sockets", "kernel" },
  run = function(cx, params)
    local seen = cx.together {
      capture = { interface = params.interface, window = params.window },
      sockets = { window = params.window, state = "listen" },
      kernel = { window = params.window },
    }
    local capture, sockets, kernel = seen.capture, seen.sockets, seen.kernel

    -- Without packets the kernel still counts what no socket took. It does not say who sent it.
    if not capture.available and kernel.available then
      local lost = value_or(kernel.udp, "no_ports", 0, 0)
      if lost / kernel.seconds >= params.some then
        return cx.warning(("%s came for ports where nothing listens; who sent them could not be seen: %s"):format(
          plural(lost, "UDP datagram"), capture.gap.why)):data { datagrams = lost }
      end
    end
    -- From here on the first field of something that could not be seen ends the check as unknown, with the reason.
    local seconds = capture.seconds
    local function verdict(bits_per_second) return bits_per_second >= params.high and cx.critical or cx.warning end

    -- 1. Ports where nothing listens.
    local listeners = sockets.listeners:where({ protocol = "udp" }):group("port")
    local flows = capture.flows:where({ protocol = "udp", class = "to_us" }):group("local_port")
    if sockets.listeners_left_out > 0 then
      return cx.unknown(plural(sockets.listeners_left_out, "socket") .. " more than fit were not looked at")
    end
    local datagrams, size, all, worst, most = 0, 0, 0, nil, 0
    for _, endpoint in ipairs(capture.endpoints:where { protocol = "udp" }) do
      -- Later fragments have no port.
      local port, packets = endpoint.port, 0
      if port ~= nil and endpoint.packets > 0 then packets = unasked(endpoint, listeners[port], flows[port]) end
      all, datagrams = all + endpoint.packets, datagrams + packets
      size = size + ratio(packets, endpoint.packets) * endpoint.bytes
      if packets > most then worst, most = endpoint, packets end
    end

    local found = {}
    if worst ~= nil and datagrams / seconds >= params.some then
      local place = socket(worst.address, worst.port)
      local bits = size * 8 / seconds
      found[1] = verdict(bits)(("%s/s (%s) come for UDP ports where nothing listens, most for %s from %s"):format(
        plural(math.floor(datagrams / seconds + 0.5), "datagram"), bitrate(bits), place, sender(worst)))
        :data { datagrams = datagrams, bits_per_second = bits, address = worst.address, port = worst.port, share = ratio(most, datagrams) }
        :remedy {
          urgency = "now",
          ["do"] = ("Drop what comes for %s before the IP stack, where it costs least."):format(place),
          run = {
            "nft add table netdev casebook",
            sh("nft add chain netdev casebook in '{ type filter hook ingress device \"{{ interface }}\" priority -500; }'",
              { interface = capture.interface }),
            sh("nft add rule netdev casebook in {{ family }} daddr {{ address }} udp dport {{ port }} counter drop",
              { family = worst.address:find(":", 1, true) and "ip6" or "ip", address = worst.address, port = worst.port }),
          },
          undo = "nft delete table netdev casebook",
          risk = "low: nothing listens there",
        }
    end

    -- 2. Amplifiers that answer questions which this host never asked, whether or not somebody listens where they go.
    for _, service in ipairs(capture.reflection) do
      local packets = service.packets * service.unsolicited_share
      if packets / seconds >= params.some then
        local bits = service.bytes * service.unsolicited_share * 8 / seconds
        found[#found + 1] = verdict(bits)(("%s reflection: %s/s (%s) from UDP port %d of about %s, and this host sent %s there"):format(
          service.service, plural(math.floor(packets / seconds + 0.5), "answer"), bitrate(bits), service.port,
          plural(service.reflectors, "address", "addresses"), plural(service.requests_sent, "question")))
          :data { service = service.service, source_port = service.port, reflectors = service.reflectors, datagrams = packets }
          :remedy {
            urgency = "upstream",
            ["do"] = ("Ask the provider to drop UDP from source port %d to this host: %s of it fill the link before any rule here sees them."):format(
              service.port, bitrate(bits)),
            risk = ("medium: this host's own questions to %s get no answer either"):format(service.service),
          }
      end
    end
    if #found > 0 then return found end

    -- 3. What could not be told may be unasked, too.
    local lost = capture.ring and capture.ring.dropped or 0
    local others = capture.other_endpoints:where({ protocol = "udp" }):sum("packets")
    if (datagrams + lost + others) / seconds >= params.some then
      return cx.unknown(("%s were lost by the capture and %s went to more ports than it lists"):format(
        plural(lost, "packet"), plural(others, "datagram")))
    end
    return cx.ok(("%s received %s in %s, %s of them for ports where nothing listens"):format(
      capture.interface, plural(all + others, "UDP datagram"), span(seconds), count(datagrams)))
      :data { datagrams = datagrams, received = all + others }
  end,
}
