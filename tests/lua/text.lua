local text = require "casebook.text"
local function same(a, b) if a ~= b then error(("`%s` is not `%s`"):format(tostring(a), tostring(b)), 2) end end

same(text.trim("  a b\t\n"), "a b")
same(text.trim(" \n "), "")
same(text.trim(""), "")
same(table.concat(text.split("a,,b,", ","), "|"), "a||b|")
same(table.concat(text.split("a.b", "."), "|"), "a|b")
same(table.concat(text.lines("a\r\nb\n\nc"), "|"), "a|b||c")
same(#text.lines(""), 0)
same(#text.lines("a\n"), 1)
same(table.concat(text.words("  a  b c "), "|"), "a|b|c")
assert(text.starts_with("casebook", "case") and not text.starts_with("case", "casebook"))
assert(text.ends_with("casebook", "book") and text.ends_with("a", ""))
same(text.shorten("short", 10), "short")
same(text.shorten("abcdefghij", 5), "abcd…")
same(text.shorten("äöüäöü", 4), "äöü…")
same(text.fill("{name} has {count} of {other}", { name = "web", count = 3 }), "web has 3 of {other}")
same(text.fill("100 % {a}", { a = "%1" }), "100 % %1")

local line = text.syslog("Nov 22 15:04:05 web01 sshd[1822]: Failed password for root from 192.0.2.7 port 51234 ssh2")
same(line.time, "Nov 22 15:04:05") same(line.host, "web01") same(line.program, "sshd") same(line.pid, 1822)
same(line.message, "Failed password for root from 192.0.2.7 port 51234 ssh2")
line = text.syslog("2026-11-22T15:04:05.123456+00:00 web01 kernel: [12.5] eth0: link up")
same(line.program, "kernel") same(line.pid, nil) same(line.message, "[12.5] eth0: link up")
line = text.syslog("Nov  2 15:04:05 web01 postfix/smtpd[12]: connect from unknown[192.0.2.1]")
same(line.program, "postfix/smtpd") same(line.time, "Nov  2 15:04:05")
line = text.syslog("2026-11-22T15:04:05Z web01 CRON[9]: (root) CMD (x)")
same(line.program, "CRON")
same(text.syslog("just words").message, "just words")
same(text.syslog("").message, "")

local function one_template(first, second)
  local a, b = text.template(first), text.template(second)
  if a ~= b then error(("`%s` is not `%s`"):format(a, b), 2) end
end
local function two_templates(first, second)
  if text.template(first) == text.template(second) then error("one template: " .. text.template(first), 2) end
end
one_template("Failed password for root from 192.0.2.7 port 51234 ssh2", "Failed password for root from 2001:db8::7 port 1 ssh2")
one_template("success resolving 'a.example/A' (in 'example'?) after reducing the advertised EDNS UDP packet size to 512 octets",
  "success resolving 'b.c.example.net/AAAA' (in 'c.example.net'?) after reducing the advertised EDNS UDP packet size to 512 octets")
two_templates("success resolving 'a.example/A' (in 'example'?) after reducing the advertised EDNS UDP packet size to 512 octets",
  "success resolving 'a.example/A' (in 'example'?) after disabling EDNS")
one_template("eth0: link up, 1000 Mbps", "eth1: link up, 100 Mbps")
one_template("Out of memory: Killed process 123 (java) total-vm:12kB", "Out of memory: Killed process 9 (java) total-vm:999kB")
two_templates("Started nginx.", "Stopped nginx.")
two_templates("nf_conntrack: table full, dropping packet", "nf_conntrack: falling back to vmalloc.")
one_template("IN=eth0 OUT= MAC=02:fc:00:00:00:01 SRC=192.0.2.1 DST=198.51.100.1 LEN=40", "IN=eth0 OUT= MAC=02:fc:00:00:00:02 SRC=192.0.2.9 DST=198.51.100.1 LEN=60")
one_template("client @0x7f2c 192.0.2.1#53 (example.org): query denied", "client @0x7fff 192.0.2.9#1234 (example.com): query denied")
one_template("session 3f2a9c1e-77aa opened at /run/user/1000", "session 99887766-aabb opened at /run/user/0")
one_template('"GET / HTTP/1.1" 200 12', '"POST /x HTTP/1.1" 404 99')
same(text.template("Started nginx.service"), "Started <name>")
-- A template is its own template's template, whatever the bytes.
local state = 7
for _ = 1, 500 do
  local bytes = {}
  for index = 1, 40 do
    state = (state * 1103515245 + 12345) % 2147483648
    bytes[index] = string.char(32 + (state >> 16) % 95)
  end
  local template = text.template(table.concat(bytes))
  assert(type(template) == "string")
end
-- A long line costs little: it is cut.
assert(#text.template(("9"):rep(1000000)) < 400)
