local net = require "casebook.net"

local function same(a, b) if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end end
local function round(text) return net.format((assert(net.parse(text)))) end

-- RFC 5952, sections 2 and 4, and its neighbours.
for written, canonical in pairs {
  ["2001:db8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1", ["2001:0db8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1",
  ["2001:db8::1:0:0:1"] = "2001:db8::1:0:0:1", ["2001:db8::0:1:0:0:1"] = "2001:db8::1:0:0:1",
  ["2001:0db8::1:0:0:1"] = "2001:db8::1:0:0:1", ["2001:DB8:0:0:1::1"] = "2001:db8::1:0:0:1",
  ["2001:db8:0:1:1:1:1:1"] = "2001:db8:0:1:1:1:1:1", ["2001:0:0:1:0:0:0:1"] = "2001:0:0:1::1",
  ["2001:db8:0:0:0:0:2:1"] = "2001:db8::2:1", ["::"] = "::", ["0:0:0:0:0:0:0:0"] = "::", ["::1"] = "::1",
  ["1::"] = "1::", ["1:0:0:2:0:0:0:0"] = "1:0:0:2::", ["0:0:1:0:0:0:0:1"] = "0:0:1::1", ["::ffff:192.0.2.128"] = "::ffff:192.0.2.128",
  ["::FFFF:c000:0280"] = "::ffff:192.0.2.128", ["64:ff9b::192.0.2.33"] = "64:ff9b::c000:221", ["fe80::1%eth0"] = "fe80::1",
  ["1:2:3:4:5:6:7::"] = "1:2:3:4:5:6:7:0", ["::2:3:4:5:6:7:8"] = "0:2:3:4:5:6:7:8", ["192.0.2.1"] = "192.0.2.1",
  ["0.0.0.0"] = "0.0.0.0", ["255.255.255.255"] = "255.255.255.255", ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"] = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa",
} do same(round(written), canonical) end

for _, wrong in ipairs {
  "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "0x7f.1.1.1", ":", ":::", "1::2::3", "12345::",
  "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "g::", "1.2.3.4:80", "::1.2.3", "::1.2.3.256", "1.2.3.4::", "[::1]",
  "fe80::1%", "::1%a b", "1:2:3:4:5:6:7:1.2.3.4", ("1"):rep(100), ("1:"):rep(100), "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7",
} do
  local address, why = net.parse(wrong)
  if address ~= nil then error("read as an address: " .. wrong) end
  assert(why:find("no IP address"), why)
end
same(net.parse(nil), nil)

-- Every address is what it is written as: a walk over the space with a fixed multiplier.
local state = 12345
local function random(limit)
  state = (state * 6364136223846793005 + 1442695040888963407)
  return (state >> 33) % limit
end
local function random_v6()
  local groups = {}
  for index = 1, 8 do groups[index] = random(3) == 0 and random(65536) or 0 end
  return groups
end
for _ = 1, 2000 do
  local groups = random_v6()
  local full = ("%x:%x:%x:%x:%x:%x:%x:%x"):format(table.unpack(groups))
  local address = assert(net.parse(full))
  local short = net.format(address)
  same(net.parse(short), address)
  same(round(short), short)
  assert(#short <= math.max(#full, #"::ffff:255.255.255.255"), short)
  assert(not short:find(":::"), short)
  local number = random(1 << 31) * 2 + random(2)
  local v4 = net.from_integer(number)
  same(net.integer(v4), number)
  same(net.parse(net.format(v4)), v4)
  same(net.family(v4), 4)
  same(net.family(address), 6)
end

-- Networks.
local network = assert(net.cidr("198.51.100.0/22"))
same(net.format_network(network), "198.51.100.0/22")
same(net.format(net.last(network)), "198.51.103.255")
assert(net.contains(network, (net.parse("198.51.102.7"))))
assert(not net.contains(network, (net.parse("198.51.104.0"))))
assert(not net.contains(network, (net.parse("2001:db8::1"))))
same(net.format_network((assert(net.cidr("2001:db8::/33")))), "2001:db8::/33")
same(net.format(net.last((assert(net.cidr("2001:db8::/33"))))), "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff")
same(net.format_network((assert(net.cidr("192.0.2.7")))), "192.0.2.7/32")
same(net.format_network((assert(net.cidr("::1")))), "::1/128")
same(net.format_network((assert(net.cidr("0.0.0.0/0")))), "0.0.0.0/0")
for _, wrong in ipairs { "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "/24", "192.0.2.0/2x", "::/129", "x/1", "192.0.2.0/-1" } do
  assert(net.cidr(wrong) == nil, wrong)
end
assert(select(2, net.cidr("192.0.2.1/24")):find("192.0.2.0/24", 1, true))
for prefix = 0, 32 do
  local within = net.network((net.parse("203.0.113.77")), prefix)
  local mask = prefix == 0 and 0 or (0xffffffff << (32 - prefix)) & 0xffffffff
  same(net.integer(within.address), net.integer((net.parse("203.0.113.77"))) & mask)
  same(net.integer(net.last(within)), net.integer(within.address) | (~mask & 0xffffffff))
end
assert(not pcall(net.network, (net.parse("1.2.3.4")), 33))
assert(not pcall(net.family, "1.2.3.4"))

-- Groups.
same(net.group_of("198.51.100.77"), "198.51.100.0/24")
same(net.group_of("2001:db8:1:2::3"), "2001:db8:1::/48")
same(net.group_of("::ffff:198.51.100.77"), "198.51.100.0/24")
same(net.group_of("198.51.100.77", 16), "198.51.0.0/16")
same(net.group_of("nonsense"), "nonsense")
local groups = net.by_network {
  { address = "192.0.2.1", bytes = 10 }, { address = "192.0.2.2", bytes = 30 }, { address = "198.51.100.1", bytes = 25 },
  { address = "192.0.2.2", bytes = 5 }, { address = "2001:db8::1", bytes = 1 },
}
same(#groups, 3)
same(groups[1].network, "192.0.2.0/24")
same(groups[1].amount, 45)
same(groups[1].addresses, 2)
same(#groups[1].items, 3)
same(groups[3].network, "2001:db8::/48")

-- A set says the same as looking through all of its members.
local members = {}
for _ = 1, 300 do
  local prefix = 8 + random(25)
  members[#members + 1] = net.format_network(net.network(net.from_integer(random(1 << 31) * 2), prefix))
end
for _ = 1, 100 do
  local address = assert(net.parse(("%x:%x::"):format(random(65536), random(65536))))
  members[#members + 1] = net.format_network(net.network(address, 16 + random(17)))
end
local set, networks = net.set(members), {}
for index, member in ipairs(members) do networks[index] = assert(net.cidr(member)) end
for index = 1, 2000 do
  local address
  if index % 4 == 0 then address = assert(net.parse(("%x:%x::1"):format(random(65536), random(65536))))
  elseif index % 4 == 1 then address = networks[1 + random(#networks)].address
  elseif index % 4 == 2 then address = net.last(networks[1 + random(#networks)])
  else address = net.from_integer(random(1 << 31) * 2 + random(2)) end
  local expected = false
  for _, candidate in ipairs(networks) do
    if net.contains(candidate, address) then expected = true break end
  end
  same(set:contains(address), expected)
end
local edges = net.set { "10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "::1" }
assert(edges:contains("10.0.0.0") and edges:contains("10.255.255.255") and edges:contains("192.0.2.1") and edges:contains("::1"))
assert(not edges:contains("9.255.255.255") and not edges:contains("11.0.0.0") and not edges:contains("192.0.2.2") and not edges:contains("::2"))
assert(edges:contains("::ffff:10.2.3.4"))
assert(not net.set({}):contains("10.0.0.1"))
assert(not pcall(net.set, { "10.0.0.1/8" }))
assert(not pcall(edges.contains, edges, "nonsense"))
-- A text of four characters is no address of four bytes.
assert(not net.set({ "49.58.58.50" }):contains("1::2"))

-- Longest prefix.
local routes = net.table { ["0.0.0.0/0"] = "default", ["10.0.0.0/8"] = "ten", ["10.1.0.0/16"] = "ten-one", ["::/0"] = "six", ["2001:db8::/32"] = "doc" }
same((routes:match("10.1.2.3")), "ten-one")
same((routes:match("10.2.2.3")), "ten")
same((routes:match("192.0.2.1")), "default")
same((routes:match("2001:db8::1")), "doc")
same((routes:match("2002::")), "six")
same(net.format_network((select(2, routes:match("10.1.2.3")))), "10.1.0.0/16")
same((net.table({}):match("10.0.0.1")), nil)

-- Kinds.
for text, kind in pairs {
  ["8.8.8.8"] = "public", ["2606:4700::1"] = "public", ["10.1.2.3"] = "private", ["172.31.255.255"] = "private", ["172.32.0.0"] = "public",
  ["192.168.1.1"] = "private", ["100.64.0.1"] = "cgnat", ["100.128.0.0"] = "public", ["127.0.0.53"] = "loopback", ["169.254.169.254"] = "link-local",
  ["224.0.0.251"] = "multicast", ["239.255.255.250"] = "multicast", ["240.0.0.1"] = "reserved", ["255.255.255.255"] = "broadcast", ["0.0.0.0"] = "unspecified",
  ["192.0.2.1"] = "documentation", ["198.51.100.1"] = "documentation", ["203.0.113.9"] = "documentation", ["198.19.0.1"] = "benchmark", ["::"] = "unspecified",
  ["::1"] = "loopback", ["fe80::1"] = "link-local", ["fd00::1"] = "private", ["ff02::1"] = "multicast", ["2001:db8::1"] = "documentation", ["::ffff:10.0.0.1"] = "private",
  ["3fff::1"] = "documentation", ["fec0::1"] = "public",
} do same(text .. " " .. net.kind(text), text .. " " .. kind) end
assert(net.is_private("10.0.0.1") and net.is_loopback("::1") and net.is_link_local("fe80::1") and net.is_cgnat("100.64.1.1"))
assert(net.is_multicast("ff02::1") and net.is_documentation("203.0.113.1") and net.is_public("1.1.1.1") and net.is_unspecified("::"))
same(net.endpoint("192.0.2.1", 53), "192.0.2.1:53")
same(net.endpoint("2001:db8::1", 53), "[2001:db8::1]:53")
same(net.endpoint("2001:db8::1"), "2001:db8::1")
assert(net.before((net.parse("255.0.0.0")), (net.parse("::"))))
