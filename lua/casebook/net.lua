--- Internet addresses: reading, writing, networks, sets with fast look-up, and what kind of address one is.
---
--- `net.parse` makes an address of a text, `net.format` a text of an address. In between it is an opaque string: two are equal
--- when they are the same address, whatever way they were written, so they are good keys of tables. Functions that take either
--- cannot mistake one for the other. In an opaque string a byte for the family, 4 or 6, stands before the bytes of the address.
---@class casebook.net
local net = {}

---@alias casebook.net.Address string made by net.parse

---@class casebook.net.Network
---@field address casebook.net.Address its first address
---@field prefix integer length of its prefix in bits

local V4, V6 = "\4", "\6"
local MAPPED = V6 .. ("\0"):rep(10) .. "\xff\xff"

local function parse_v4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a == nil then return nil end
  local bytes = {}
  for index, part in ipairs { a, b, c, d } do
    -- 010 is 8 for some programs and 10 for others: no address is written so.
    if #part > 3 or (#part > 1 and part:sub(1, 1) == "0") then return nil end
    local number = tonumber(part)
    if number > 255 then return nil end
    bytes[index] = number
  end
  return V4 .. string.char(table.unpack(bytes))
end

local function groups_of(text)
  local groups = {}
  if text == "" then return groups end
  for group in (text .. ":"):gmatch("(.-):") do
    if not group:find("^%x%x?%x?%x?$") then return nil end
    groups[#groups + 1] = tonumber(group, 16)
  end
  return groups
end

local function parse_v6(text)
  -- Two hexadecimal groups are as good as an IPv4 address at the end.
  local front, tail = text:match("^(.*:)([%d%.]+)$")
  if front ~= nil and tail:find(".", 1, true) then
    local bytes = parse_v4(tail)
    if bytes == nil then return nil end
    text = ("%s%x:%x"):format(front, (">I2"):unpack(bytes, 2), ((">I2"):unpack(bytes, 4)))
  end
  local before, after = text:match("^(.-)::(.*)$")
  local groups
  if before ~= nil then
    local left, right = groups_of(before), groups_of(after)
    if left == nil or right == nil or #left + #right > 7 then return nil end
    groups = left
    for _ = 1, 8 - #left - #right do groups[#groups + 1] = 0 end
    for _, group in ipairs(right) do groups[#groups + 1] = group end
  else
    groups = groups_of(text)
    if groups == nil or #groups ~= 8 then return nil end
  end
  return V6 .. string.pack(">I2I2I2I2I2I2I2I2", table.unpack(groups))
end

---Reads an address. A zone, `%eth0`, is left away. Unusual forms of IPv4 (octal, hexadecimal, fewer parts) are refused.
---@param text string
---@return casebook.net.Address|nil address
---@return string|nil why why it is none
function net.parse(text)
  if type(text) ~= "string" then return nil, "an address is a text such as 192.0.2.1" end
  local address
  -- No address is longer than this, whatever somebody writes into a log line.
  if #text <= 64 then
    if text:find(":", 1, true) then
      address = parse_v6(text:match("^([^%%]*)%%[%w_.@-]+$") or text)
    else
      address = parse_v4(text)
    end
  end
  if address == nil then return nil, ("`%s` is no IP address"):format(text:sub(1, 64)) end
  return address
end

local function is_address(value)
  if type(value) ~= "string" then return false end
  local family = value:byte(1)
  return (family == 4 and #value == 5) or (family == 6 and #value == 17)
end

local function checked(address)
  if not is_address(address) then error("not an address: make one with net.parse", 3) end
  return address
end

local function bits_of(address) return (#address - 1) * 8 end

---4 or 6.
---@param address casebook.net.Address
---@return integer family
function net.family(address) return (checked(address):byte(1)) end

---The bytes of an address, in network order: 4 or 16.
---@param address casebook.net.Address
---@return string bytes
function net.bytes(address) return checked(address):sub(2) end

---The IPv4 address that an IPv6 one stands for, `::ffff:192.0.2.1`; any other address as it is.
---@param address casebook.net.Address
---@return casebook.net.Address
function net.unmap(address)
  if checked(address):sub(1, 13) == MAPPED then return V4 .. address:sub(14) end
  return address
end

---An IPv4 address as an integer from 0 to 2^32 - 1.
---@param address casebook.net.Address
---@return integer|nil number nil for IPv6
function net.integer(address)
  if net.family(address) ~= 4 then return nil end
  return ((">I4"):unpack(address, 2))
end

---The IPv4 address of an integer.
---@param number integer from 0 to 2^32 - 1
---@return casebook.net.Address
function net.from_integer(number)
  local whole = math.tointeger(number)
  if whole == nil or whole < 0 or whole > 0xffffffff then error("no IPv4 address: " .. tostring(number), 2) end
  return V4 .. (">I4"):pack(whole)
end

local function format_v4(address) return ("%d.%d.%d.%d"):format(address:byte(2, 5)) end

---Writes an address as RFC 5952 asks: lower case, the longest run of zeros as `::`, `::ffff:192.0.2.1` for mapped ones.
---@param address casebook.net.Address
---@return string
function net.format(address)
  if net.family(address) == 4 then return format_v4(address) end
  local stands_for = net.unmap(address)
  if stands_for ~= address then return "::ffff:" .. format_v4(stands_for) end
  local groups = { (">I2I2I2I2I2I2I2I2"):unpack(address, 2) }
  -- The longest run of two or more zeros; of equal ones the first.
  local best, length, run = nil, 1, 0
  for index = 1, 8 do
    run = groups[index] == 0 and run + 1 or 0
    if run > length then best, length = index - run + 1, run end
  end
  local function hexadecimal(from, to)
    local texts = {}
    for index = from, to do texts[#texts + 1] = ("%x"):format(groups[index]) end
    return table.concat(texts, ":")
  end
  if best == nil then return hexadecimal(1, 8) end
  return hexadecimal(1, best - 1) .. "::" .. hexadecimal(best + length, 8)
end

local function with_host_bits(address, prefix, ones)
  if prefix >= bits_of(address) then return address end
  -- The byte of the family comes first.
  local whole = 1 + prefix // 8
  local rest = prefix % 8
  local bytes = address:sub(1, whole)
  local fill = ones and "\xff" or "\0"
  if rest > 0 then
    local byte = address:byte(whole + 1)
    local hosts = 0xff >> rest
    bytes = bytes .. string.char(ones and (byte | hosts) or (byte & ~hosts & 0xff))
    whole = whole + 1
  end
  return bytes .. fill:rep(#address - whole)
end

local function checked_prefix(address, prefix)
  local whole = math.tointeger(prefix)
  if whole == nil or whole < 0 or whole > bits_of(address) then
    error(("a prefix is 0 to %d bits long here, not %s"):format(bits_of(address), tostring(prefix)), 3)
  end
  return whole
end

---The network that an address lies in.
---@param address casebook.net.Address
---@param prefix integer length in bits
---@return casebook.net.Network
function net.network(address, prefix)
  checked(address)
  prefix = checked_prefix(address, prefix)
  return { address = with_host_bits(address, prefix, false), prefix = prefix }
end

---Reads a network, `192.0.2.0/24`; an address alone is the network of that address only.
---@param text string
---@return casebook.net.Network|nil network
---@return string|nil why why it is none, as when it has host bits: `192.0.2.1/24`
function net.cidr(text)
  if type(text) ~= "string" then return nil, "a network is a text such as 192.0.2.0/24" end
  local head, length = text:match("^([^/]*)/(%d%d?%d?)$")
  local address, why = net.parse(head or text)
  if address == nil then return nil, why end
  local prefix = tonumber(length or bits_of(address))
  if prefix > bits_of(address) then
    return nil, ("`%s` has a prefix of more than %d bits"):format(text, bits_of(address))
  end
  local network = net.network(address, prefix)
  if network.address ~= address then
    return nil, ("`%s` has host bits; the network is %s"):format(text, net.format_network(network))
  end
  return network
end

---Writes a network: `192.0.2.0/24`.
---@param network casebook.net.Network
---@return string
function net.format_network(network) return ("%s/%d"):format(net.format(network.address), network.prefix) end

---The last address of a network.
---@param network casebook.net.Network
---@return casebook.net.Address
function net.last(network) return with_host_bits(network.address, network.prefix, true) end

---Whether an address lies in a network.
---@param network casebook.net.Network
---@param address casebook.net.Address
---@return boolean
function net.contains(network, address)
  return #network.address == #checked(address) and with_host_bits(address, network.prefix, false) == network.address
end

---The network by which senders are told apart, as text: a /24 of IPv4 and a /48 of IPv6 unless other lengths are given.
---A text that is no address is given back as it is.
---@param address string|casebook.net.Address an address, or its text
---@param v4? integer prefix of IPv4: 24 unless given
---@param v6? integer prefix of IPv6: 48 unless given
---@return string
function net.group_of(address, v4, v6)
  local parsed = is_address(address) and address or net.parse(address)
  if parsed == nil then return address end
  parsed = net.unmap(parsed)
  return net.format_network(net.network(parsed, net.family(parsed) == 4 and (v4 or 24) or (v6 or 48)))
end

---Items by the network of their address, heaviest first.
---@param items table[] rows with an address as text, such as `capture.remotes.top`
---@param options? { address?: string, amount?: string, v4?: integer, v6?: integer } the names of the fields (`address`, `bytes`) and the prefixes (24, 48)
---@return { network: string, amount: number, addresses: integer, items: table[] }[] groups
function net.by_network(items, options)
  options = options or {}
  local field, amount = options.address or "address", options.amount or "bytes"
  local found, list, seen = {}, {}, {}
  for _, item in ipairs(items) do
    local name = net.group_of(item[field], options.v4, options.v6)
    local group = found[name]
    if group == nil then
      group = { network = name, amount = 0, addresses = 0, items = {} }
      found[name], seen[name] = group, {}
      list[#list + 1] = group
    end
    group.amount = group.amount + item[amount]
    group.items[#group.items + 1] = item
    if not seen[name][item[field]] then
      seen[name][item[field]] = true
      group.addresses = group.addresses + 1
    end
  end
  table.sort(list, function(a, b)
    if a.amount ~= b.amount then return a.amount > b.amount end
    return a.network < b.network
  end)
  return list
end

-- By number: strings compare by the rules of the locale, addresses must not.
local function before(a, b)
  if #a ~= #b then return #a < #b end
  for at = 2, #a, 4 do
    local left, right = (">I4"):unpack(a, at), (">I4"):unpack(b, at)
    if left ~= right then return left < right end
  end
  return false
end

---Whether one address comes before another: IPv4 before IPv6, then by number.
---@param a casebook.net.Address
---@param b casebook.net.Address
---@return boolean
function net.before(a, b) return before(checked(a), checked(b)) end

local function as_address(value)
  if is_address(value) then return value end
  local parsed, why = net.parse(value)
  if parsed == nil then error(why, 3) end
  return parsed
end

---@class casebook.net.Set
---@field ranges { first: string, last: string }[] disjoint and in order
local Set = {}
Set.__index = Set

---A set of addresses, made of networks and addresses. Looking one up takes as many steps as its size has binary digits.
---@param members (string|casebook.net.Network)[] texts such as `10.0.0.0/8` or `192.0.2.1`, or networks
---@return casebook.net.Set
function net.set(members)
  local ranges = {}
  for _, member in ipairs(members) do
    local network, why = member, nil
    if type(member) == "string" then network, why = net.cidr(member) end
    if network == nil then error(why, 2) end
    ranges[#ranges + 1] = { first = network.address, last = net.last(network) }
  end
  table.sort(ranges, function(a, b)
    if a.first ~= b.first then return before(a.first, b.first) end
    return before(a.last, b.last)
  end)
  local merged = {}
  for _, range in ipairs(ranges) do
    local previous = merged[#merged]
    -- Networks either lie within one another or apart.
    if previous ~= nil and #previous.last == #range.first and not before(previous.last, range.first) then
      if before(previous.last, range.last) then previous.last = range.last end
    else
      merged[#merged + 1] = { first = range.first, last = range.last }
    end
  end
  return setmetatable({ ranges = merged }, Set)
end

---Whether an address is in the set. A mapped address, `::ffff:192.0.2.1`, counts as the IPv4 address that it stands for.
---@param address string|casebook.net.Address an address, or its text
---@return boolean
function Set:contains(address)
  local wanted = net.unmap(as_address(address))
  local low, high = 1, #self.ranges
  while low <= high do
    local middle = (low + high) // 2
    local range = self.ranges[middle]
    if before(wanted, range.first) then
      high = middle - 1
    elseif before(range.last, wanted) then
      low = middle + 1
    else
      return true
    end
  end
  return false
end

---@class casebook.net.Table
---@field prefixes { [4]: integer[], [6]: integer[] } lengths in use, longest first
---@field values table<integer, table<string, any>>
local Table = {}
Table.__index = Table

---A table of routes: from networks to values, asked by the longest prefix that fits.
---@param routes table<string, any> from a network's text to a value that is not nil
---@return casebook.net.Table
function net.table(routes)
  local prefixes, values = { [4] = {}, [6] = {} }, { [4] = {}, [6] = {} }
  for text, value in pairs(routes) do
    local network, why = net.cidr(text)
    if network == nil then error(why, 2) end
    local family = net.family(network.address)
    local of_length = values[family][network.prefix]
    if of_length == nil then
      of_length = {}
      values[family][network.prefix] = of_length
      table.insert(prefixes[family], network.prefix)
    end
    of_length[network.address] = value
  end
  for _, lengths in pairs(prefixes) do table.sort(lengths, function(a, b) return a > b end) end
  return setmetatable({ prefixes = prefixes, values = values }, Table)
end

---The value of the longest prefix that an address lies in.
---@param address string|casebook.net.Address an address, or its text
---@return any value nil when no network fits
---@return casebook.net.Network|nil network the one that fits
function Table:match(address)
  local wanted = net.unmap(as_address(address))
  local family = net.family(wanted)
  for _, prefix in ipairs(self.prefixes[family]) do
    local first = with_host_bits(wanted, prefix, false)
    local value = self.values[family][prefix][first]
    if value ~= nil then return value, { address = first, prefix = prefix } end
  end
  return nil, nil
end

-- The IANA registries of special-purpose addresses, as far as they tell who may send from there.
local KINDS = net.table {
  ["0.0.0.0/8"] = "unspecified", ["10.0.0.0/8"] = "private", ["100.64.0.0/10"] = "cgnat", ["127.0.0.0/8"] = "loopback",
  ["169.254.0.0/16"] = "link-local", ["172.16.0.0/12"] = "private", ["192.0.0.0/24"] = "reserved",
  ["192.0.2.0/24"] = "documentation", ["192.88.99.0/24"] = "reserved", ["192.168.0.0/16"] = "private",
  ["198.18.0.0/15"] = "benchmark", ["198.51.100.0/24"] = "documentation", ["203.0.113.0/24"] = "documentation",
  ["224.0.0.0/4"] = "multicast", ["240.0.0.0/4"] = "reserved", ["255.255.255.255/32"] = "broadcast",
  ["::/128"] = "unspecified", ["::1/128"] = "loopback", ["64:ff9b:1::/48"] = "private", ["100::/64"] = "reserved",
  ["2001:2::/48"] = "benchmark", ["2001:db8::/32"] = "documentation", ["3fff::/20"] = "documentation",
  ["5f00::/16"] = "reserved", ["fc00::/7"] = "private", ["fe80::/10"] = "link-local", ["ff00::/8"] = "multicast",
}

---@alias casebook.net.Kind
---| "public" # anybody on the Internet may have it
---| "private" # RFC 1918, IPv6 unique local (fc00::/7)
---| "cgnat" # 100.64.0.0/10, between a provider and its customers
---| "loopback"
---| "link-local"
---| "multicast"
---| "broadcast" # 255.255.255.255
---| "unspecified" # 0.0.0.0/8 and ::
---| "documentation" # for examples: such a sender is forged
---| "benchmark" # 198.18.0.0/15, 2001:2::/48
---| "reserved"

---What kind of address it is. A mapped one is of the kind of its IPv4 address.
---@param address string|casebook.net.Address an address, or its text
---@return casebook.net.Kind
function net.kind(address) return (KINDS:match(address)) or "public" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_public(address) return net.kind(address) == "public" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_private(address) return net.kind(address) == "private" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_loopback(address) return net.kind(address) == "loopback" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_link_local(address) return net.kind(address) == "link-local" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_cgnat(address) return net.kind(address) == "cgnat" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_multicast(address) return net.kind(address) == "multicast" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_documentation(address) return net.kind(address) == "documentation" end

---@param address string|casebook.net.Address
---@return boolean
function net.is_unspecified(address) return net.kind(address) == "unspecified" end

---Address and port as they are written together: `192.0.2.1:53`, `[2001:db8::1]:53`.
---@param address string
---@param port integer|nil
---@return string
function net.endpoint(address, port)
  if port == nil then return address end
  if address:find(":", 1, true) then return ("[%s]:%d"):format(address, port) end
  return ("%s:%d"):format(address, port)
end

return net
