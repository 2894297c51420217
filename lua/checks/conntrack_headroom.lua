-- When the table of tracked connections is full, the kernel drops the first packet of every new connection; those that are
-- open go on. It looks like a network that is broken for newcomers only.
local rates = require "casebook.rates"
local seen = require "casebook.seen"

-- What an entry takes in the kernel, with its extensions: about so many bytes.
local ENTRY_BYTES = 320

local function raise_limit(finding, tracked)
  local limit = value_or(tracked, "max", nil, nil)
  if limit == nil then return finding end
  local wanted = math.max(2 * limit, 65536)
  finding:remedy {
    urgency = "now",
    ["do"] = ("Raise the limit; %s entries take up to %s of kernel memory."):format(count(wanted), bytes(wanted * ENTRY_BYTES)),
    run = sh("sysctl -w net.netfilter.nf_conntrack_max={{ most }}", { most = wanted }),
    undo = sh("sysctl -w net.netfilter.nf_conntrack_max={{ most }}", { most = limit }),
    risk = "low, while that much memory is free",
  }
  local buckets = value_or(tracked, "buckets", nil, nil)
  -- The kernel's own proportion is one to one since Linux 5.15; at eight a look-up walks eight entries.
  if buckets ~= nil and wanted > 8 * buckets then
    finding:remedy {
      urgency = "lasting",
      ["do"] = "Give the hash table more buckets, so that its chains stay short.",
      run = sh("sysctl -w net.netfilter.nf_conntrack_buckets={{ buckets }}", { buckets = wanted // 4 }),
      undo = sh("sysctl -w net.netfilter.nf_conntrack_buckets={{ buckets }}", { buckets = buckets }),
      risk = "low: the table is locked for the moment of the change",
    }
  end
  return finding
end

local function first_of(tracked, field)
  return seen.first(value_or(tracked, field, nil, nil))
end

-- Who fills it, as far as the entries could be read: words and figures, nothing is judged by them.
local function filled_by(tracked)
  local parts, figures, untracked = {}, {}, nil
  local state = first_of(tracked, "tcp_states")
  if state ~= nil then parts[#parts + 1] = ("%s TCP in %s"):format(count(state.entries), state.state) end
  local source = first_of(tracked, "top_sources")
  if source ~= nil then
    parts[#parts + 1] = ("%s began %s"):format(source.address, percent(source.share))
    figures.top_source, figures.top_source_share = source.address, source.share
  end
  local service = first_of(tracked, "top_services")
  if service ~= nil then
    local port = value_or(service, "port", nil, nil)
    parts[#parts + 1] = ("%s go to %s %s"):format(percent(service.share), service.protocol,
      port and socket(service.address, port) or service.address)
    figures.top_destination, figures.top_protocol, figures.top_port = service.address, service.protocol, port
    figures.top_destination_share = service.share
    -- Half of the table for one port, and mostly without an answer: tracking that port is worth doing without.
    local with_ports = service.protocol == "tcp" or service.protocol == "udp"
    if port ~= nil and with_ports and service.share >= 0.5 and service.unreplied > service.entries / 2 then
      untracked = {
        urgency = "now",
        ["do"] = ("Do not track what nobody answers: packets to %s port %d."):format(service.protocol, port),
        run = {
          "nft add table inet casebook_notrack",
          "nft add chain inet casebook_notrack raw '{ type filter hook prerouting priority raw; }'",
          sh("nft add rule inet casebook_notrack raw {{ protocol }} dport {{ port }} notrack", { protocol = service.protocol, port = port }),
        },
        undo = "nft delete table inet casebook_notrack",
        risk = "medium: rules that ask for the state of these connections no longer match, nor does address translation",
      }
    end
  end
  return parts, figures, untracked
end

return check {
  name = "conntrack_headroom",
  summary = "Is the table of tracked connections full, or about to be, and what fills it?",
  tags = { "conntrack", "firewall", "nat" },
  symptoms = {
    "new connections fail, open ones go on", "nf_conntrack: table full, dropping packet", "connections time out at random",
  },
  params = {
    window = { type = "duration", default = "10s", min = "1s", max = "10m", help = "How long to watch the table and its counters." },
    high = {
      type = "share", default = "80%",
      help = "Used so far is warned of. From 95 % on the kernel throws out entries early, so there must be time to act before.",
    },
    soon = {
      type = "duration", default = "10m",
      help = "A table that would be full within this time, as fast as it grows now, is warned of: time enough for an operator to act.",
    },
    growth = {
      type = "share", default = "1%",
      help = "Growth in the window by less than this share of the limit says nothing about the minutes to come.",
    },
  },
  needs = { "conntrack" },
  run = function(cx, params)
    local tracked = cx.probe("conntrack", { window = params.window })
    if not tracked.tracking then return cx.skipped("this kernel tracks no connections") end

    -- What can be seen may speak for trouble. Whether all could be seen is asked below, before anything is called fine.
    local entries, limit = value_or(tracked, "count", nil, nil), value_or(tracked, "max", nil, nil)
    local share, trouble = value_or(tracked, "used_share", nil, nil), value_or(tracked, "trouble", nil, nil)
    local dropped = trouble ~= nil and value_or(trouble, "dropped", nil, nil) or nil
    local early = trouble ~= nil and value_or(trouble, "early_dropped", nil, nil) or nil
    local chains = trouble ~= nil and value_or(trouble, "chain_too_long", nil, nil) or nil
    local used = ""
    if entries ~= nil and limit ~= nil then used = (", %s of %s entries"):format(count(entries), count(limit)) end
    if share ~= nil then used = used .. (" (%s at most)"):format(percent(share)) end

    local found = {}
    local function add(verdict, sentence)
      local parts, figures, untracked = filled_by(tracked)
      if #parts > 0 then sentence = sentence .. "; " .. join(parts, ", ") end
      local finding = cx[verdict](sentence):data { count = entries, max = limit, used_share = share }:data(figures)
      raise_limit(finding, tracked)
      if untracked ~= nil then finding:remedy(untracked) end
      found[#found + 1] = finding
      return finding
    end

    if dropped ~= nil and dropped > 0 then
      add("critical", ("%s of new connections dropped in %s: the table of tracked connections is full%s"):format(
        plural(dropped, "packet"), span(tracked.seconds), used)):data { dropped = dropped }
    elseif share ~= nil and share >= 1 then
      add("critical", "the table of tracked connections is full" .. used)
    elseif early ~= nil and early > 0 then
      add("warning", ("%s thrown out of the table in %s to make room for new ones%s"):format(
        plural(early, "tracked connection"), span(tracked.seconds), used)):data { early_dropped = early }
    elseif share ~= nil and share >= params.high then
      add("warning", "the table of tracked connections fills up" .. used)
    end
    if chains ~= nil and chains > 0 then
      local buckets = value_or(tracked, "buckets", nil, nil)
      add("warning", ("%s dropped in %s because a chain of the hash table is too long%s"):format(
        plural(chains, "packet"), span(tracked.seconds), buckets and (", with %s"):format(plural(buckets, "bucket")) or ""))
    end
    local before = value_or(tracked, "count_before", nil, nil)
    if #found == 0 and entries ~= nil and limit ~= nil and before ~= nil and entries - before >= params.growth * limit then
      local rate = rates.per_second(before, entries, tracked.seconds)
      local left = rates.seconds_until(entries, limit, rate)
      if left ~= nil and left <= params.soon then
        add("warning", ("the table of tracked connections will be full in %s if it goes on growing by %s entries a second%s"):format(
          span(left), count(rate), used)):data { seconds_left = left, entries_per_second = rate }
      end
    end
    if #found > 0 then return found end

    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    if tracked.count == nil or tracked.max == nil or tracked.used_share == nil then
      return cx.unknown("the kernel does not say how full the table of tracked connections is")
    end
    if tracked.trouble == nil or tracked.trouble.dropped == nil then
      return cx.unknown("the kernel does not count the packets that found the table full" .. used)
    end
    -- A kernel that does not count these has no such trouble to tell of; a gap is another matter.
    local _ = tracked.trouble.early_dropped, tracked.trouble.chain_too_long, tracked.count_before
    local sentence = ("%s of %s entries (%s at most), nothing dropped in %s"):format(
      count(entries), count(limit), percent(share), span(tracked.seconds))
    local since_boot = value_or(tracked, "trouble_since_boot", nil, nil)
    local once = since_boot ~= nil and value_or(since_boot, "dropped", nil, nil) or nil
    if once ~= nil and once > 0 then
      sentence = sentence .. ("; %s dropped since boot: it has been full before"):format(plural(once, "packet"))
    end
    return cx.ok(sentence):data { count = entries, max = limit, used_share = share, dropped_since_boot = once }
  end,
}
