-- Who sends: one network that can be blocked, a few, or sources all over that are forged or abused. It decides whether a rule on
-- this host can help at all.
local entropy = require "casebook.entropy"
local net = require "casebook.net"
local shares = require "casebook.shares"
local tables = require "casebook.tables"

-- Of the connections that a network sent by: how much came over those that this host opened.
local function asked_for(capture, network)
  local from, ours = 0, 0
  for _, flow in ipairs(capture.flows) do
    if flow.rx_bytes > 0 and net.group_of(flow.remote_address) == network then
      from = from + flow.rx_bytes
      if value_or(flow, "opened_by", nil, nil) == "local" then ours = ours + flow.rx_bytes end
    end
  end
  return shares.of(ours, from)
end

local function block(networks, interface)
  local v4, v6 = {}, {}
  for _, network in ipairs(networks) do
    local list = network:find(":", 1, true) and v6 or v4
    list[#list + 1] = network
  end
  local lines = {
    "nft add table netdev casebook",
    sh("nft add chain netdev casebook talkers '{ type filter hook ingress device \"{{ interface }}\" priority -500; }'", { interface = interface }),
  }
  local v4_list, v6_list = table.concat(v4, ","), table.concat(v6, ",")
  if #v4 > 0 then lines[#lines + 1] = sh("nft add rule netdev casebook talkers ip saddr '{ {{ list }} }' counter drop", { list = v4_list }) end
  if #v6 > 0 then lines[#lines + 1] = sh("nft add rule netdev casebook talkers ip6 saddr '{ {{ list }} }' counter drop", { list = v6_list }) end
  return lines
end

return check {
  name = "top_talkers_by_network",
  summary = "Who sends what comes in: one network, a few, or forged sources all over?",
  tags = { "traffic", "inbound", "flood", "capture" },
  symptoms = { "high inbound traffic", "DDoS", "who sends us all this", "the link is full" },
  params = {
    interface = { type = "interface", default = "auto", help = "Interface to watch. auto is the default route's." },
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch." },
    high = {
      type = "bitrate", default = "20Mbit/s",
      help = "Inbound traffic below this is calm, and who sends it only a matter of interest: a fifth of the smallest links that servers have.",
    },
    one = {
      type = "share", default = "50%",
      help = "A network that sends so much of the bytes is what the traffic is about: without it, there would be half.",
    },
    few = {
      type = "integer", default = 10, min = 2,
      help = "So many networks, together with the share `most`, are few enough to block them by hand.",
    },
    most = { type = "share", default = "80%", help = "What the few must send together, so that blocking them is a relief." },
    forged = {
      type = "share", default = "90%",
      help = "Source addresses per packet from which on sources are taken for forged: real senders send more than one packet.",
    },
    sample = {
      type = "integer", default = 1000, min = 1,
      help = "With fewer packets, how they spread says nothing: few packets have many sources by chance.",
    },
  },
  needs = { "capture" },
  run = function(cx, params)
    local capture = cx.probe("capture", { interface = params.interface, window = params.window, top = 256 })
    local remotes, rx = capture.remotes, capture.rx
    local rate = rx.bits_per_second
    if rate == nil then return cx.unknown("the burst has no duration") end
    local interface = capture.interface or "the file"
    if rx.packets == 0 then return cx.ok(("%s received nothing in %s"):format(interface, span(capture.seconds))) end

    -- Rows are heaviest first, so that what is not listed sends less than each of them. Shares are of all bytes received.
    local groups = net.by_network(remotes.top, { amount = "bytes" })
    local listed, amounts = 0, {}
    for _, group in ipairs(groups) do
      listed = listed + group.amount
      amounts[group.network] = group.amount
    end
    local function share_of(amount) return rx.bytes > 0 and amount / rx.bytes or 0 end
    local figures = {
      bits_per_second = rate, packets = rx.packets, addresses = remotes.distinct, networks = remotes.distinct_networks,
      listed_share = share_of(listed), top = {},
    }
    for index = 1, math.min(params.few, #groups) do
      local group = groups[index]
      figures.top[index] = {
        network = group.network, share = share_of(group.amount), addresses = group.addresses, kind = net.kind(group.items[1].address),
      }
    end
    -- The spread of what is listed stands for all only when little is not.
    if share_of(listed) >= 0.9 then
      figures.gini, figures.effective_networks = shares.gini(amounts), shares.effective(amounts)
      figures.entropy_bits = entropy.bits(amounts)
    end
    local ttl = capture.ttl
    if ttl ~= nil then figures.ttl_entropy_bits = ttl.entropy_bits end

    local top = groups[1]
    local in_all = ("%s receives %s, from %s in %s"):format(interface, bitrate(rate), plural(remotes.distinct, "address", "addresses"),
      plural(remotes.distinct_networks, "network"))
    local lost = capture.ring ~= nil and capture.ring.dropped > 0
      and (" (the capture lost %s, so that figures are too low)"):format(plural(capture.ring.dropped, "packet")) or ""
    if top == nil then return cx.ok(("%s receives %s, none of it IP%s"):format(interface, bitrate(rate), lost)):data(figures) end
    local heaviest = ("%s sends %s of it"):format(top.network, percent(share_of(top.amount)))
    if rate < params.high then
      -- What the ring lost is not in the rate.
      if capture.ring ~= nil and capture.ring.dropped > rx.packets / 10 then
        return cx.unknown(in_all .. lost):data(figures)
      end
      return cx.ok(("%s: calm; %s%s"):format(in_all, heaviest, lost)):data(figures)
    end

    local per_packet = remotes.per_packet
    local spread = remotes.distinct > 0 and remotes.distinct_networks / remotes.distinct or 0
    local upstream = {
      urgency = "upstream",
      ["do"] = ("Ask the provider to filter or to scrub; this host cannot relieve the link. %s, %s, since %s at the latest, from %s in %s."):format(
        bitrate(rate), plural(math.floor(rx.packets / capture.seconds), "packet a second", "packets a second"), value_or(capture, "started", "now", "now"),
        plural(remotes.distinct, "address", "addresses"), plural(remotes.distinct_networks, "network")),
      risk = "none",
    }
    if rx.packets >= params.sample and per_packet ~= nil and per_packet >= params.forged and spread >= 0.5 then
      local ttls = ttl ~= nil and ttl.entropy_bits <= 1.2 and (", with few TTLs (entropy %.1f bit)"):format(ttl.entropy_bits) or ""
      return cx.critical(("%s: nearly every packet has a source of its own%s; they are forged, no block by address helps%s"):format(in_all, ttls, lost))
        :data(figures):remedy(upstream):remedy {
          urgency = "now",
          ["do"] = "Look at what they send to: limit or drop by port and protocol, not by source.",
          run = "casebook run high-inbound-traffic",
          risk = "none",
        }
    end

    local function about(network)
      local kind = net.kind((network:gsub("/.*", "")))
      return kind ~= "public" and (" (%s addresses)"):format(kind) or ""
    end
    if share_of(top.amount) >= params.one then
      local ours = asked_for(capture, top.network)
      local sentence = ("%s: %s%s, from %s%s"):format(in_all, heaviest, about(top.network), plural(top.addresses, "address", "addresses"), lost)
      local kind = net.kind(top.items[1].address)
      if kind == "loopback" then
        return cx.warning(sentence .. ": programs of this host talk to one another"):data(figures):remedy {
          urgency = "now", ["do"] = "Find the two programs.", run = "casebook probe sockets window=5s", risk = "none",
        }
      end
      if ours ~= nil and ours >= 0.5 then
        return cx.warning(sentence .. ", over connections that this host opened"):data(figures):data {
          network = top.network, share = share_of(top.amount), asked_for_share = ours,
        }:remedy {
          urgency = "now",
          ["do"] = "It is a transfer that this host asked for: find the process, and slow it down or move it to a quieter hour.",
          run = "casebook probe sockets window=5s",
          risk = "none",
        }
      end
      local finding = cx.warning(sentence):data(figures):data { network = top.network, share = share_of(top.amount) }:remedy {
        urgency = "now",
        ["do"] = ("If nobody here expects traffic from %s, drop it before the IP stack."):format(top.network),
        run = block({ top.network }, interface),
        undo = "nft delete table netdev casebook",
        risk = "medium: nothing of that network gets through; make sure that it is not your own way in",
      }
      -- A private network has no abuse contact: its machines are somebody's here.
      if kind ~= "public" and kind ~= "documentation" then
        return finding:remedy {
          urgency = "lasting",
          ["do"] = ("Find the machine at %s and what it sends: the network is an inner one."):format(top.items[1].address),
          run = sh("ip neighbour show {{ address }}", { address = top.items[1].address }),
          risk = "none",
        }
      end
      return finding:remedy {
        urgency = "upstream",
        ["do"] = ("Tell the network's abuse contact and the provider: %s sends %s to this host."):format(
          top.network, bitrate(rate * share_of(top.amount))),
        run = sh("whois {{ address }}", { address = (top.network:gsub("/.*", "")) }),
        risk = "none",
      }
    end

    local together, needed = 0, nil
    for index, group in ipairs(groups) do
      if index > params.few then break end
      together = together + share_of(group.amount)
      if together >= params.most then needed = index break end
    end
    if needed ~= nil then
      local names = tables.map(tables.top(groups, needed, "amount"), "network")
      return cx.warning(("%s: %s send %s of it: %s%s"):format(in_all, plural(needed, "network"), percent(together), join(names, ", "), lost))
        :data(figures):data { few = names, share = together }:remedy {
          urgency = "now",
          ["do"] = "If nobody here expects traffic from them, drop it before the IP stack.",
          run = block(names, interface),
          undo = "nft delete table netdev casebook",
          risk = "medium: nothing of these networks gets through; make sure that none is your own way in",
        }:remedy(upstream)
    end
    return cx.warning(("%s: it comes from all over, %s, no block by address helps%s"):format(in_all, heaviest, lost)):data(figures):remedy(upstream)
  end,
}
