-- What strangers can talk to, as far as addresses say. Whether a firewall keeps them out is not judged here: a rule set is read
-- by `casebook probe firewall`, and only a look from outside settles it.
local net = require "casebook.net"
local owners = require "casebook.owners"
local text = require "casebook.text"

-- Services that should answer nobody but their own clients: because they ask for no password, give away the host, or turn small
-- questions into big answers for somebody else.
local SENSITIVE = {
  ["tcp/2375"] = "the Docker API without TLS: whoever reaches it is root", ["tcp/2379"] = "etcd", ["tcp/3306"] = "MySQL",
  ["tcp/5432"] = "PostgreSQL", ["tcp/6379"] = "Redis", ["tcp/9200"] = "Elasticsearch", ["tcp/11211"] = "memcached",
  ["tcp/27017"] = "MongoDB", ["tcp/10250"] = "the kubelet API", ["tcp/5900"] = "VNC", ["tcp/3389"] = "RDP",
  ["tcp/445"] = "SMB", ["tcp/139"] = "NetBIOS", ["tcp/2049"] = "NFS", ["tcp/111"] = "portmap", ["tcp/512"] = "rexec",
  ["tcp/513"] = "rlogin", ["tcp/514"] = "rsh", ["tcp/23"] = "telnet", ["tcp/5984"] = "CouchDB", ["tcp/9042"] = "Cassandra",
  ["tcp/1433"] = "SQL Server", ["tcp/8086"] = "InfluxDB", ["tcp/2181"] = "ZooKeeper", ["tcp/5672"] = "RabbitMQ",
  ["tcp/6000"] = "X11", ["tcp/873"] = "rsync",
  ["udp/11211"] = "memcached, which reflects up to 51,000 bytes for each one", ["udp/19"] = "chargen, which reflects",
  ["udp/17"] = "qotd, which reflects", ["udp/111"] = "portmap, which reflects", ["udp/137"] = "NetBIOS, which reflects",
  ["udp/161"] = "SNMP, which reflects and tells much", ["udp/389"] = "CLDAP, which reflects", ["udp/1900"] = "SSDP, which reflects",
  ["udp/5353"] = "mDNS, which reflects", ["udp/69"] = "TFTP", ["udp/514"] = "syslog, which believes everybody",
}

local function expected_ports(list)
  local expected = {}
  for _, word in ipairs(text.split(list, ",")) do
    word = text.trim(word)
    if word ~= "" then
      local port, protocol = word:match("^(%d+)/(%a+)$")
      port, protocol = port or word:match("^%d+$"), protocol
      if port == nil or (protocol ~= nil and protocol ~= "tcp" and protocol ~= "udp") then
        error(("`%s` is no port; write them like 22,443/tcp,53/udp"):format(word), 0)
      end
      for _, each in ipairs { "tcp", "udp" } do
        if protocol == nil or protocol == each then expected[each .. "/" .. math.tointeger(tonumber(port))] = true end
      end
    end
  end
  return expected
end

-- From where an address can be reached. Documentation addresses count as public: they stand for such.
local function reach(address)
  local kind = net.kind(address)
  if kind == "public" or kind == "documentation" or kind == "benchmark" then return "public" end
  if kind == "loopback" then return "loopback" end
  return "private"
end

return check {
  name = "listener_exposure",
  summary = "What listens on addresses that others can reach, and which process is it?",
  tags = { "security", "listeners", "exposure" },
  symptoms = { "what is open on this host", "is the database open to the Internet", "abuse report", "after a break-in" },
  params = {
    expected = {
      type = "string", default = "22,80,443",
      help = "Ports that may be open, with or without a protocol: 22,443/tcp,53/udp. The default is what a web server shows.",
    },
    ephemeral = {
      type = "port", default = 32768,
      help = "UDP sockets from this port on are taken for clients that wait for an answer: the kernel gives them these ports.",
    },
  },
  needs = { "sockets", "interfaces" },
  run = function(cx, params)
    local expected = expected_ports(params.expected)
    -- The addresses are as good after a short look.
    local seen = cx.together { sockets = { window = "100ms", state = "listen" }, interfaces = { window = "1s", samples = 2 } }
    local sockets, interfaces = seen.sockets, seen.interfaces

    local public, own, unlisted = {}, 0, interfaces.interfaces_left_out
    for _, interface in ipairs(interfaces.interfaces) do
      unlisted = unlisted + interface.addresses_left_out
      if interface.up then
        for _, address in ipairs(interface.addresses) do
          own = own + 1
          if reach(address.address) == "public" then public[#public + 1] = address.address end
        end
      end
    end

    local critical, warned, fine, local_only = {}, {}, 0, 0
    for _, listener in ipairs(sockets.listeners) do
      local client = listener.protocol == "udp" and (listener.connected or listener.port >= params.ephemeral)
      local where = "private"
      if listener.any_address then
        if #public > 0 then where = "public" end
      else
        where = reach(listener.address)
      end
      local key = ("%s/%d"):format(listener.protocol, listener.port)
      if where == "loopback" then
        local_only = local_only + 1
      elseif not client then
        local sensitive = SENSITIVE[key]
        local row = {
          protocol = listener.protocol, port = listener.port, address = listener.address, reach = where, service = sensitive,
          listener = listener,
        }
        if expected[key] then
          fine = fine + 1
        elseif sensitive and where == "public" then
          critical[#critical + 1] = row
        elseif sensitive or where == "public" then
          warned[#warned + 1] = row
        else
          fine = fine + 1
        end
      end
    end

    local function told(row)
      local on = row.listener.any_address and "every address" or row.address
      return ("%s port %d on %s (%s)%s"):format(row.protocol:upper(), row.port, on, owners.name(row.listener),
        row.service and ", " .. row.service or "")
    end
    local function finding(verdict, rows, what, advise)
      local sentences, ports = {}, {}
      for index, row in ipairs(rows) do
        sentences[index] = told(row)
        local figures = owners.data(row.listener)
        figures.protocol, figures.port, figures.address, figures.reach = row.protocol, row.port, row.address, row.reach
        ports[index] = figures
      end
      local one = rows[1]
      local made = cx[verdict](("%s: %s"):format(what, join(sentences, "; ", 6))):data { exposed = ports, public_addresses = public }
      if not advise then return made end
      local from = one.listener.any_address and one.port or ("%s port %d"):format(one.address, one.port)
      local service = owners.service(one.listener)
      made:remedy {
        urgency = "now",
        ["do"] = ("Let nobody but its clients reach %s: bind it to 127.0.0.1 or to an inner address, or close the port."):format(told(one)),
        run = {
          "nft add table inet casebook_closed",
          "nft add chain inet casebook_closed input '{ type filter hook input priority -10; policy accept; }'",
          sh("nft add rule inet casebook_closed input iif != lo ct state new {{ protocol }} dport {{ port }} counter drop",
            { protocol = one.protocol, port = one.port }),
        },
        undo = "nft delete table inet casebook_closed",
        risk = "medium: its clients on other hosts lose it, too; add a rule that accepts them first",
      }:remedy {
        urgency = "lasting",
        ["do"] = service and ("Set the address that %s listens on (%s) in its configuration, or disable it if nobody needs it."):format(service, from)
          or "Set the address that it listens on in its configuration, or remove what nobody needs.",
        run = service and sh("systemctl cat {{ service }}", { service = service }) or sh("ss -lnp 'sport = :{{ port }}'", { port = one.port }),
        risk = "none",
      }
      return made
    end

    local found = {}
    if #critical > 0 then found[#found + 1] = finding("critical", critical, "open to the Internet as far as addresses say", true) end
    if #warned > 0 then
      local what = #public > 0 and "open, and not expected" or "open to all networks that reach this host"
      found[#found + 1] = finding("warning", warned, what, #critical == 0)
    end
    if #found > 0 then return found end
    if sockets.listeners_left_out > 0 or unlisted > 0 then
      return cx.unknown("not all listeners or addresses of this host were listed")
    end
    local sentence = ("%s as expected (%s), %s on loopback only"):format(
      plural(fine, "listener is", "listeners are"), params.expected, count(local_only))
    if #public == 0 then
      sentence = sentence .. ("; none of the %s is public, but a router before the host may forward to it"):format(plural(own, "address", "addresses"))
    end
    return cx.ok(sentence):data { public_addresses = public, listeners = fine, loopback = local_only }
  end,
}
