-- Answers of each service that the capture knows as a reflector, asked for by nobody.
local services = {
  qotd = 17, chargen = 19, dns = 53, tftp = 69, portmap = 111, ntp = 123, netbios = 137, snmp = 161, xdmcp = 177, cldap = 389,
  slp = 427, isakmp = 500, rip = 520, ipmi = 623, openvpn = 1194, mssql = 1434, ssdp = 1900, ["apple-remote-desktop"] = 3283,
  rdp = 3389, stun = 3478, ["ws-discovery"] = 3702, ["ipsec-nat"] = 4500, sip = 5060, sentinel = 5093, ["nat-pmp"] = 5351,
  mdns = 5353, coap = 5683, bittorrent = 6881, ubiquiti = 10001, mitel = 10074, memcached = 11211, steam = 27015, plex = 32414,
  jenkins = 33848, dvr = 37810, bacnet = 47808, ["tcp-synack"] = 443,
}

local function answers(service, share)
  local protocol = service == "tcp-synack" and "tcp" or "udp"
  return {
    service = service, protocol = protocol, port = services[service], local_address = "192.0.2.1", local_port = 40000,
    packets = 9000 * share, bytes = 9000000 * share, mean_packet_bytes = 1000, reflectors = 60, requests_sent = 0,
    unsolicited_share = 1, share = share, answer_share = 0.9,
  }
end

local function seen(reflection)
  local remotes = { distinct = 60, top = { { address = "198.51.100.1" } }, widest = {} }
  return {
    output = {
      seconds = 10, started = "2026-01-01T00:00:00Z", rx = { packets = 10000, bytes = 10000000 }, reflection = reflection,
      remotes = remotes, ttl = { entropy_bits = 3 },
    },
  }
end

local names = {}
for service in pairs(services) do names[#names + 1] = service end
table.sort(names)

local tests = {}
for _, service in ipairs(names) do
  tests[#tests + 1] = {
    name = "answers of " .. service .. " that nobody asked for are a reflection",
    evidence = { traffic = seen { answers(service, 0.9) } },
    expect = { first_cause = "reflection-" .. service, causes = { ["reflection-" .. service] = "certain" } },
  }
end
tests[#tests + 1] = {
  name = "answers of several services that nobody asked for are one attack",
  evidence = { traffic = seen { answers("ntp", 0.5), answers("memcached", 0.4) } },
  expect = { first_cause = "reflection-multi-vector", causes = { ["reflection-ntp"] = ">= likely", ["reflection-memcached"] = ">= likely" } },
}
tests[#tests + 1] = {
  name = "answers that this host asked for are no reflection",
  evidence = { traffic = seen { (function() local asked = answers("ntp", 0.9); asked.unsolicited_share, asked.requests_sent = 0, 9000; return asked end)() } },
  expect = { causes = { ["reflection-ntp"] = "< likely" } },
}
return test { runbook = "high-inbound-traffic", tests = tests }
