-- Why a login by SSH takes long. Several things cause it, and may do so at once: a server that is slow to say hello, names that
-- are looked up for each client, a host without CPU or memory to spare, and on old kernels a lack of random numbers. What
-- happens after the password (PAM, home directories on a network, the shell's own start) cannot be seen without logging in.
local net = require "casebook.net"
local owners = require "casebook.owners"
local sight = require "casebook.seen"

-- A reverse look-up that no resolver has at hand, when no client is connected: an address of documentation.
local STRANGER = "192.0.2.1"

-- What sshd says in place of its greeting to whom it turns away: up to 9.7 for MaxStartups, later for that and for penalties alike.
local TURNED_AWAY = {
  ["Exceeded MaxStartups"] = "too many connections wait to log in (MaxStartups)",
  ["Not allowed at this time"] = "too many connections wait to log in (MaxStartups), or the address of this host is under a penalty (PerSourcePenalties)",
}

local function turned_away(banner)
  return banner ~= nil and TURNED_AWAY[banner:match("^(.-)[%s%.]*$")] or nil
end

-- What sshd_config says, first word wins as sshd has it.
local function settings_of(file)
  local found, includes = {}, false
  for _, line in ipairs(file.lines) do
    local key, value = line.text:match("^%s*(%a+)[%s=]+\"?([^%s\"#]+)")
    if key ~= nil then
      key = key:lower()
      if key == "include" then includes = true end
      if key == "match" then break end
      found[key] = found[key] or value:lower()
    end
  end
  return found, includes
end

-- Whether sshd looks names up for UseDNS when the file does not say: up to OpenSSH 6.7 it did.
local function default_uses_dns(banner)
  local major, minor = (banner or ""):match("OpenSSH_(%d+)%.(%d+)")
  if major == nil then return nil end
  return tonumber(major) < 6 or (tonumber(major) == 6 and tonumber(minor) < 8)
end

return check {
  name = "ssh_login_delay",
  summary = "Why is a login by SSH slow: the server, name look-ups, or the host?",
  tags = { "ssh", "dns", "latency" },
  symptoms = { "ssh is slow", "login takes 10 seconds", "ssh hangs before the password", "typing lags" },
  params = {
    port = { type = "port", default = 22, help = "The port of the SSH server." },
    client = { type = "address", help = "An address that logs in slowly, to look its name up. Unless given: those of the clients that are connected." },
    slow = {
      type = "duration", default = "2s", min = "100ms",
      help = "A delay from which on people complain; a healthy login takes a few tenths of a second.",
    },
    patience = { type = "duration", default = "15s", min = "1s", max = "2m", help = "How long to wait for the server's first byte: some time-outs are 10 s." },
    window = { type = "duration", default = "3s", min = "1s", max = "1m", help = "How long to watch the host." },
    busy = { type = "share", default = "95%", help = "CPUs that are busy so far, with more than one task waiting for each, make a login wait for its turn." },
    stalled = { type = "share", default = "20%", help = "Share of the time in which all tasks waited for memory or disks, from which on every step of a login waits, too." },
    entropy = {
      type = "integer", default = 100, min = 1,
      help = "Bits below which kernels before 5.18 let programs wait for random numbers; later ones always have 256.",
    },
  },
  needs = { "sockets", "service", "dns", "file", "host", "sysctl" },
  run = function(cx, params)
    local sockets = cx.probe("sockets", { window = "100ms", port = params.port })
    local server = sockets.listeners:first { protocol = "tcp", port = params.port }
    if server == nil then return cx.skipped(("no SSH server listens on port %d"):format(params.port)) end

    local clients, known = {}, {}
    if params.client then
      clients[1] = params.client
    else
      for _, connection in ipairs(sockets.connections) do
        local address = connection.remote_address
        if connection.local_port == params.port and not known[address] and not net.is_loopback(address) and #clients < 4 then
          known[address] = true
          clients[#clients + 1] = address
        end
      end
    end
    local stand_in = #clients == 0
    if stand_in then clients[1] = STRANGER end

    local seen = cx.together {
      service = { targets = { socket(server.address, params.port) }, timeout = params.patience },
      dns = { addresses = clients, timeout = "5s", attempts = 1 },
      host = { window = params.window },
      sysctl = { names = { "kernel.random.entropy_avail" } },
      file = { paths = { "/etc/ssh/sshd_config" }, pattern = [[(?i)^\s*(UseDNS|GSSAPIAuthentication|MaxStartups|Include|Match)\b]] },
    }
    local service, dns, host = seen.service, seen.dns, seen.host
    local found, fine = {}, {}
    local name = owners.name(server, "the SSH server")

    -- Its queue, and how fast it says hello.
    local banner, first_byte
    local backlog = value_or(server, "backlog", nil, nil)
    if backlog ~= nil and server.queue > backlog then
      found[#found + 1] = cx.critical(("%s does not accept: %s wait, its backlog is %s"):format(
        name, plural(server.queue, "connection"), count(backlog))):data(owners.data(server)):data { queue = server.queue, backlog = backlog }
    end
    local answer = service.available and sight.first(service.services) or nil
    if answer ~= nil then
      banner, first_byte = value_or(answer, "banner", nil, nil), value_or(answer, "first_byte_seconds", nil, nil)
      local figures = { banner = banner, first_byte_seconds = first_byte, outcome = answer.outcome }
      local at = socket(answer.address, answer.port)
      if answer.refused then
        found[#found + 1] = cx.critical(("%s refuses connections"):format(at)):data(figures)
      elseif answer.timed_out or answer.silent then
        found[#found + 1] = cx.critical(("%s %s for %s"):format(at,
          answer.silent and "takes the connection and says nothing" or "does not take a connection", span(params.patience)))
          :data(figures):remedy {
            urgency = "now",
            ["do"] = "See whether password guessing fills it (MaxStartups), and what the server waits for.",
            run = sh("ss -tn state established '( sport = :{{ port }} )' | wc -l; journalctl -u ssh -u sshd -n 50", { port = params.port }),
            risk = "none",
          }
      elseif answer.outcome == "closed" then
        found[#found + 1] = cx.warning(("%s closes the connection without a word: too many are waiting to log in (MaxStartups), or this host is denied"):format(at))
          :data(figures)
      elseif turned_away(banner) ~= nil then
        found[#found + 1] = cx.critical(("%s turns logins away: %s"):format(at, turned_away(banner))):data(figures):remedy {
          urgency = "now",
          ["do"] = "See who holds connections open without logging in, and how many sshd lets wait.",
          run = sh("ss -tn state established '( sport = :{{ port }} )'; sshd -T | grep -Ei '^(maxstartups|persource|logingracetime)'; journalctl -u ssh -u sshd -n 50", { port = params.port }),
          risk = "none",
        }
      elseif banner ~= nil and banner:sub(1, 4) ~= "SSH-" then
        return cx.skipped(("what answers at %s does not speak SSH"):format(at)):data(figures)
      elseif first_byte ~= nil and first_byte >= params.slow then
        found[#found + 1] = cx.critical(("%s takes %s to say hello: the delay lies before any password, in the server's start or its look-ups (TCP wrappers)"):format(
          at, span(first_byte))):data(figures)
      elseif first_byte ~= nil then
        fine[#fine + 1] = ("says hello after %s"):format(span(first_byte))
      end
    end

    -- Names of clients.
    local lookups = dns.available and value_or(dns, "lookups", nil, nil) or nil
    local slowest
    for lookup in sight.items(lookups) do
      if value_or(lookup, "address", nil, nil) ~= nil and (slowest == nil or lookup.seconds > slowest.seconds) then slowest = lookup end
    end
    if slowest ~= nil and slowest.seconds >= params.slow then
      local file = seen.file.available and sight.first(seen.file.files) or nil
      local settings, includes, readable = {}, false, false
      if file ~= nil and value_or(file, "lines", nil, nil) ~= nil then
        readable = true
        settings, includes = settings_of(file)
      end
      local uses = settings.usedns
      local by_default = default_uses_dns(banner)
      local sentence = ("the name of %s takes %s to look up%s"):format(
        stand_in and "an address" or slowest.address, span(slowest.seconds), slowest.answered and "" or ", and is not found")
      local verdict = cx.warning
      if uses == "yes" or (uses == nil and by_default == true and readable and not includes) then
        verdict = cx.critical
        sentence = sentence .. (uses == "yes" and ", and each login waits for it (UseDNS yes)" or ", and each login waits for it (UseDNS is on in a server as old as this)")
      elseif uses == "no" then
        sentence = sentence .. "; the server does not wait for it (UseDNS no), but PAM, sudo and login shells may"
      elseif not readable then
        sentence = sentence .. "; whether logins wait for it (UseDNS) could not be read"
      else
        sentence = sentence .. "; whether logins wait for it (UseDNS) is not set in sshd_config" .. (includes and " itself" or "")
      end
      local servers = {}
      for resolver in sight.items(value_or(dns, "resolvers", nil, nil)) do
        if value_or(resolver, "answers", nil, nil) == false then servers[#servers + 1] = resolver.address end
      end
      if #servers > 0 then sentence = sentence .. ("; silent: %s"):format(join(servers, ", ")) end
      local finding = verdict(sentence):data {
        lookup_seconds = slowest.seconds, address = slowest.address, use_dns = uses, silent_resolvers = servers,
      }
      finding:remedy {
        urgency = "now",
        ["do"] = "Let the server do without names: set UseDNS no in sshd_config, and GSSAPIAuthentication no if nobody uses Kerberos.",
        run = "sshd -T | grep -Ei '^(usedns|gssapiauthentication)'; systemctl reload ssh || systemctl reload sshd",
        undo = "take the lines out again and reload",
        risk = "low: rules with host names in authorized_keys (from=) and Match Host no longer match",
      }
      if #servers > 0 then
        finding:remedy {
          urgency = "lasting",
          ["do"] = ("Take silent name servers out of /etc/resolv.conf, or mend the way to them: %s."):format(join(servers, ", ")),
          run = "cat /etc/resolv.conf",
          risk = "low",
        }
      end
      found[#found + 1] = finding
    elseif slowest ~= nil then
      fine[#fine + 1] = ("%s looked up in %s"):format(stand_in and "names are" or "the clients' names are", span(slowest.seconds))
    end

    -- The host.
    if host.available then
      local cpu, load, memory = value_or(host, "cpu", nil, nil), value_or(host, "load", nil, nil), value_or(host, "memory", nil, nil)
      local per_cpu = load ~= nil and value_or(load, "per_cpu", nil, nil) or nil
      if cpu ~= nil and per_cpu ~= nil and cpu.busy_share >= params.busy and per_cpu > 1 then
        found[#found + 1] = cx.warning(("the CPUs are %s busy, with %.1f tasks for each: a login waits for its turn"):format(percent(cpu.busy_share), per_cpu))
          :data { busy_share = cpu.busy_share, load_per_cpu = per_cpu }:remedy {
            urgency = "now", ["do"] = "See which processes use the CPUs.", run = "casebook probe processes window=5s", risk = "none",
          }
      end
      local pressure = value_or(host, "pressure", nil, nil)
      if pressure ~= nil then
        for _, kind in ipairs { { "memory_full", "memory" }, { "io_full", "disks" } } do
          local share = value_or(pressure, kind[1], nil, nil)
          if share ~= nil and share >= params.stalled then
            found[#found + 1] = cx.warning(("all tasks wait for %s during %s of the time: so does every login"):format(kind[2], percent(share)))
              :data { [kind[1]] = share }:remedy {
                urgency = "now", ["do"] = "See which processes hold the memory and use the disks.", run = "casebook probe processes window=5s", risk = "none",
              }
          end
        end
      end
      -- Memory by its size, where the kernel measures no pressure.
      if pressure == nil and memory ~= nil and memory.used_share >= 0.97 then
        found[#found + 1] = cx.warning(("memory is %s used: a login may have to wait for swap"):format(percent(memory.used_share)))
          :data { memory_used_share = memory.used_share }
      end
      if per_cpu ~= nil then fine[#fine + 1] = ("load %.2f for each CPU"):format(per_cpu) end
    end

    local entropy = seen.sysctl.available and seen.sysctl.settings:first { name = "kernel.random.entropy_avail" } or nil
    local bits = entropy ~= nil and value_or(entropy, "number", nil, nil) or nil
    if bits ~= nil and bits < params.entropy then
      found[#found + 1] = cx.warning(("the kernel has %s of randomness: key exchange may wait for more"):format(plural(bits, "bit")))
        :data { entropy_bits = bits }:remedy {
          urgency = "lasting",
          ["do"] = "Give the host a source of randomness: virtio-rng for a guest, rngd or haveged else.",
          run = "systemctl enable --now rngd || systemctl enable --now haveged",
          risk = "low",
        }
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    if #service.services == 0 or service.services[1].first_byte_seconds == nil then
      return cx.unknown(("how fast %s says hello could not be seen (%s)"):format(name, #service.services > 0 and service.services[1].outcome or "not asked"))
    end
    if service.services[1].banner == nil then return cx.unknown(("what %s says first could not be seen"):format(name)) end
    local _ = dns.lookups ~= nil and #dns.lookups
    if dns.lookups == nil then return cx.unknown("how long names take to look up could not be told: programs here do not ask the resolvers themselves") end
    if slowest == nil then return cx.unknown("no name of a client was looked up") end
    if host.cpu == nil or host.load == nil or host.memory == nil then return cx.unknown("how busy the host is could not be seen") end
    -- A kernel that measures no pressure, and a listener without a backlog, are answers; a gap is not.
    local pressure = host.pressure
    local _ = host.load.per_cpu, pressure and pressure.memory_full, pressure and pressure.io_full
    local _ = server.backlog, seen.sysctl.settings
    if entropy == nil or (entropy.exists and entropy.number == nil) then return cx.unknown("how much randomness the kernel has could not be seen") end
    return cx.ok(("%s: %s"):format(name, join(fine, ", "))):data(owners.data(server)):data {
      first_byte_seconds = first_byte, lookup_seconds = slowest.seconds, entropy_bits = bits,
    }
  end,
}
