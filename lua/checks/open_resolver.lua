-- A DNS server that resolves for strangers turns their small questions into big answers to somebody else. A graph at the
-- router shows it as a flood, and which direction is in depends on the side it is drawn from.
--
-- A question from an address of this host is not quite a stranger's: BIND takes the host's own networks for its friends unless
-- it is told otherwise, dnsmasq may do so. Such an answer is a reason to ask from outside, no proof. Big answers to addresses
-- elsewhere are a proof, whatever the server says.
local net = require "casebook.net"
local owners = require "casebook.owners"
local shares = require "casebook.shares"

-- Servers that tell the host's own addresses from strangers'.
local FAVOURS_OWN = { named = true, dnsmasq = true, ["systemd-resolve"] = true }

local function favours_own(name, software)
  if name ~= nil then return FAVOURS_OWN[name] == true end
  if software == nil then return true end
  -- BIND says a bare version number.
  return software:lower():find("dnsmasq", 1, true) ~= nil or software:lower():find("bind", 1, true) ~= nil or software:find("^9%.%d") ~= nil
end

local CONFIGURATION = {
  named = {
    ["do"] = "Allow recursion for your own networks only, in named.conf: options { allow-recursion { localhost; localnets; }; };",
    run = "rndc reconfig", undo = "take the line out again and run rndc reconfig",
    risk = "medium: clients outside of these networks lose name resolution; zones of your own are served as before",
  },
  unbound = {
    ["do"] = "Allow recursion for your own networks only, in unbound.conf: access-control: 10.0.0.0/8 allow; everything else is refused.",
    run = "unbound-control reload", undo = "take the line out again and run unbound-control reload",
    risk = "medium: clients outside of these networks lose name resolution",
  },
  dnsmasq = {
    ["do"] = "Answer the local networks only, in dnsmasq.conf: local-service, or interface= and bind-interfaces.",
    run = "systemctl restart dnsmasq", undo = "take the line out again and restart it",
    risk = "medium: clients outside of these networks lose name resolution",
  },
}

local function restrict(finding, listener, port)
  local process = value_or(listener, "process", nil, nil)
  local known = process ~= nil and CONFIGURATION[process.name] or nil
  if known ~= nil then
    finding:remedy { urgency = "now", ["do"] = known["do"], run = known.run, undo = known.undo, risk = known.risk }
  else
    finding:remedy {
      urgency = "now",
      ["do"] = "Allow recursion for your own networks only, in the configuration of " .. owners.name(listener, "the server") .. ".",
      risk = "medium: clients outside of these networks lose name resolution",
    }
  end
  return finding:remedy {
    urgency = "now",
    ["do"] = "Until that is done, let only inner networks ask.",
    run = {
      "nft add table inet casebook_dns",
      "nft add chain inet casebook_dns input '{ type filter hook input priority -10; policy accept; }'",
      sh("nft add rule inet casebook_dns input iif != lo udp dport {{ port }} ip saddr != '{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }' counter drop", { port = port }),
      sh("nft add rule inet casebook_dns input iif != lo udp dport {{ port }} ip6 saddr != '{ fc00::/7, fe80::/10 }' counter drop", { port = port }),
    },
    undo = "nft delete table inet casebook_dns",
    risk = "high if this server is the authority for zones: nobody outside could resolve them",
  }:remedy {
    urgency = "lasting",
    ["do"] = "Limit the rate of answers (BIND: rate-limit { responses-per-second 10; }; unbound: ip-ratelimit), so that nobody can be flooded through this host.",
    risk = "low: a client that asks very often is answered in part",
  }
end

return check {
  name = "open_resolver",
  summary = "Does a DNS server on this host answer recursive queries from strangers?",
  tags = { "dns", "amplification", "abuse" },
  symptoms = {
    "high traffic with little of it in", "abuse report about DNS amplification", "named logs disabling EDNS", "the router's graph shows a spike",
  },
  params = {
    port = { type = "port", default = 53, help = "The port of the DNS server." },
    interface = { type = "interface", default = "auto", help = "Where to look for abuse. auto is the interface of the default route." },
    window = { type = "duration", default = "5s", min = "1s", max = "10m", help = "How long to look for abuse." },
    amplification = {
      type = "number", default = 4, min = 1,
      help = "Bytes out per byte in, from which on answers look like amplification: ordinary ones are two to three times their questions, with headers.",
    },
    packets = {
      type = "integer", default = 50, min = 1,
      help = "Fewer answers in the window say nothing about a ratio: one client with one big record would do.",
    },
  },
  needs = { "sockets", "dns", "capture" },
  run = function(cx, params)
    local sockets = cx.probe("sockets", { window = "100ms", state = "listen", port = params.port })
    local outside, inside, any, by_tcp = {}, nil, nil, nil
    for _, listener in ipairs(sockets.listeners) do
      if listener.port ~= params.port or listener.connected then
        -- A client that happens to have this port.
      elseif listener.protocol == "tcp" then
        by_tcp = by_tcp or listener
      else
        if listener.any_address then
          any = any or listener
        elseif net.is_loopback(listener.address) then
          inside = inside or listener
        elseif #outside < 4 then
          outside[#outside + 1] = listener
        end
      end
    end
    local listener = any or outside[1]
    if listener == nil then
      if sockets.listeners_left_out > 0 then return cx.unknown("not all listeners could be listed") end
      if inside ~= nil then
        return cx.ok(("%s listens on loopback only, strangers cannot ask it"):format(owners.name(inside))):data(owners.data(inside))
      end
      if by_tcp ~= nil then
        return cx.ok(("%s listens on TCP port %d and not on UDP: nobody can be flooded through it"):format(owners.name(by_tcp), params.port))
      end
      return cx.ok(("nothing listens on port %d"):format(params.port))
    end

    -- A server on every address is asked at this host's own addresses, another one where it listens.
    local calls = { { "capture", { interface = params.interface, window = params.window } } }
    if any ~= nil then
      calls[#calls + 1] = { "dns", { as_stranger = true, port = params.port } }
    else
      for _, each in ipairs(outside) do
        calls[#calls + 1] = { "dns", { as_stranger = true, port = params.port, server = each.address } }
      end
    end
    local answers = cx.together(calls)
    local capture = answers[1]
    local name = owners.name(listener, "the server on port " .. params.port)
    local process = value_or(listener, "process", nil, nil)

    local found = {}
    -- Abuse that can be seen needs no further proof. That it is not seen now proves nothing.
    if capture.available then
      local rx, tx, packets, remote = 0, 0, 0, nil
      for _, endpoint in ipairs(capture.endpoints) do
        if endpoint.protocol == "udp" and value_or(endpoint, "port", nil, nil) == params.port then
          rx, tx, packets = rx + endpoint.bytes, tx + endpoint.tx_bytes, packets + endpoint.tx_packets
          remote = remote or value_or(endpoint, "top_remote", nil, nil)
        end
      end
      local ratio = shares.of(tx, rx)
      if packets >= params.packets and ratio ~= nil and ratio >= params.amplification then
        local sentence = ("%s sends %s for each byte that it is asked, %s in %s on UDP port %d"):format(
          name, plural(math.floor(ratio * 10 + 0.5) / 10, "byte"), bytes(tx), span(capture.seconds), params.port)
        if remote ~= nil then sentence = sentence .. ", most to " .. remote end
        local finding = cx.critical(sentence .. ": it is used as an amplifier")
        finding:data(owners.data(listener)):data { port = params.port, tx_bytes = tx, rx_bytes = rx, amplification = ratio, victim = remote, proven = true }
        restrict(finding, listener, params.port):remedy {
          urgency = "upstream",
          ["do"] = ("Ask the provider for flow records of UDP port %d, and tell them that it is being closed."):format(params.port),
          risk = "none",
        }
        found[#found + 1] = finding
      end
    end

    local open, refused, nearly, untold = {}, {}, {}, nil
    for index = 2, #calls do
      local dns = answers[index]
      local strangers = value_or(dns, "strangers", nil)
      if strangers ~= nil then
        for _, stranger in ipairs(strangers) do
          local recursion = value_or(stranger, "recursion", nil, nil)
          local software = value_or(stranger, "software", nil, nil)
          if recursion == nil then
            untold = untold or stranger
          elseif not recursion then
            refused[#refused + 1] = stranger
          elseif stranger.stranger_like and not favours_own(process ~= nil and process.name or nil, software) then
            open[#open + 1] = stranger
          else
            nearly[#nearly + 1] = stranger
          end
        end
      end
    end

    local function asked(rows)
      local servers = {}
      for index, row in ipairs(rows) do servers[index] = socket(row.server, row.port) end
      return join(servers, ", ", 4)
    end
    if #open > 0 then
      local first = open[1]
      local amplification = value_or(first.question, "amplification", nil, nil)
      local finding = cx.critical(("%s resolves for anyone: it answered a recursive question at %s%s"):format(name, asked(open),
        amplification and (", %.1f times its size"):format(amplification) or ""))
      finding:data(owners.data(listener)):data { port = params.port, servers = #open, software = value_or(first, "software", nil, nil), proven = false }
      found[#found + 1] = restrict(finding, listener, params.port)
    elseif #nearly > 0 and #found == 0 then
      local first = nearly[1]
      local public = first.server
      local finding = cx.warning(("%s resolves for this host's own address at %s; whether it does so for strangers only a question from outside can tell"):format(
        name, asked(nearly)))
      finding:data(owners.data(listener)):data { port = params.port, software = value_or(first, "software", nil, nil), proven = false }
      finding:remedy {
        urgency = "now",
        ["do"] = "Ask from a host outside of your networks. An answer with the flag ra and status NOERROR means that it is open; REFUSED is right.",
        run = sh("dig @{{ server }} -p {{ port }} . NS +time=2 +tries=1", { server = public, port = params.port }),
        risk = "none",
      }
      found[#found + 1] = restrict(finding, listener, params.port)
    end
    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    if untold ~= nil then
      local _ = untold.recursion
      return cx.unknown(("whether %s resolves for strangers could not be told"):format(name))
    end
    if #refused == 0 then return cx.unknown(("no address of this host was found at which %s could be asked"):format(name)) end
    -- A server that refuses can still be used as an amplifier, for the zones that it has.
    if not capture.available then
      return cx.unknown(("%s refuses to resolve for others, asked at %s; whether it is used as an amplifier could not be seen: %s"):format(
        name, asked(refused), capture.gap.why)):data { port = params.port }
    end
    -- An endpoint whose port could not be seen may be the one.
    for _, endpoint in ipairs(capture.endpoints) do local _ = endpoint.port end
    return cx.ok(("%s refuses to resolve for others: asked at %s"):format(name, asked(refused))):data(owners.data(listener)):data { port = params.port }
  end,
}
