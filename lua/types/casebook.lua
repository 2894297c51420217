---@meta

-- Written by `casebook generate`. Changes here are lost.

---The name of a probe.
---@alias casebook.ProbeName "host"|"interfaces"|"devices"|"processes"|"cgroups"|"units"|"disk"|"space"|"sockets"|"namespaces"|"capture"|"firewall"|"conntrack"|"kernel"|"drops"|"logs"|"dns"|"service"|"file"|"sysctl"|"ledger"

---The type of a parameter.
---@alias casebook.ParamType "interface"|"duration"|"bitrate"|"size"|"share"|"integer"|"number"|"string"|"path"|"address"|"port"|"boolean"

---What `check` is given.
---@class casebook.Check
---@field name string the name by which it is called: lower case, digits and `_`; the file is called so, too
---@field summary string what it finds out, in one line
---@field tags? string[] words that it is found by
---@field symptoms? string[] complaints that call for it: "the server is slow"
---@field params? table<string, casebook.Param> what can be set when it is run, by name
---@field needs? casebook.ProbeName[] the probes that it may call; calling another is an error
---@field run fun(cx: casebook.Context, params: table): casebook.Finding|casebook.Finding[] looks and judges: gives back a finding or a list of them, of which the gravest counts

---A parameter.
---@class casebook.Param
---@field type casebook.ParamType what its value must be
---@field default? any its value when none is given; without one it is false until it is given
---@field min? any the least value
---@field max? any the greatest value
---@field choices? any[] the values that it can have
---@field help? string what it is for, and the reason for its default
---@field required? boolean its value must be given
---@field secret? boolean its value is kept out of cases and reports

---A command that `sh` made.
---@class casebook.Command

---A text of the script, what `sh` made, or a list of both.
---@alias casebook.Commands string|casebook.Command|(string|casebook.Command)[]

---What to do about a finding.
---@class casebook.Remedy
---@field urgency? "now"|"lasting"|"upstream" when and where it helps; now, when it is not said
---@field ["do"] string what to do, as a sentence; `do` is a word of Lua's own, so it is written ["do"]
---@field run? casebook.Commands commands, ready to paste: a text that stands in the script, sh(text, values) where something is filled in, or a list of both, one for each line
---@field undo? casebook.Commands commands that take it back, written like run
---@field risk? string what may go wrong: none, low, medium or high, and why

---What `runbook` is given.
---@class casebook.Runbook: casebook.runbook.Runbook

---Why something could not be seen.
---@class casebook.Gap
---@field tried string what was tried
---@field reason string the kind of failure: denied, absent, timed_out, malformed, cancelled or failed
---@field why string why it failed
---@field to_fix string? what would let it succeed
local Gap = {}

---Where evidence comes from.
---@class casebook.About
---@field probe string the probe that looked
---@field started number when it began to look, in seconds since 1970
---@field seconds number how long it looked
---@field params table<string, any> its parameters, defaults filled in
---@field loss string[] what was lost while looking, as sentences
---@field missing table[] what could not be seen: fields and gap of each part
local About = {}

---What a probe saw.
---@class casebook.Evidence
---@field available boolean false when the probe could not look at all; gap says why
---@field gap casebook.Gap? why the probe could not look; nil when it could
local Evidence = {}

---A verdict with its sentence.
---@class casebook.Finding
local Finding = {}

---keeps figures with the finding, by name
---@param figures table<string, any>
---@return casebook.Finding
function Finding:data(figures) end

---says what to do; may be called more than once
---@param remedy casebook.Remedy
---@return casebook.Finding
function Finding:remedy(remedy) end

---names the evidence that it rests on, when that is not all that the check has seen
---@param ... casebook.Evidence
---@return casebook.Finding
function Finding:evidence(...) end

---Calls of probes, by the probe's name.
---@class casebook.Calls
---@field host? casebook.host.Params load, CPU, memory, swap, pressure, uptime, kernel, distribution, virtualisation, clock
---@field interfaces? casebook.interfaces.Params traffic, drops, errors, speed and addresses of each network interface
---@field devices? casebook.devices.Params network devices: driver, link, rings, queues, offloads, XDP, queueing disciplines, losses that the driver counts, interrupts
---@field processes? casebook.processes.Params the processes that use most CPU time, memory, storage and open files; those that hang
---@field cgroups? casebook.cgroups.Params control groups (units, containers): CPU time, throttling, pressure, memory and its limits, kills
---@field units? casebook.units.Params systemd's units: which live, which failed and how, which are started again and again, which are at a limit
---@field disk? casebook.disk.Params file systems and disks: space, inodes, read-only or hanging; load and waiting times
---@field space? casebook.space.Params what takes the space of a file system: folders, files, deleted files that are still open
---@field sockets? casebook.sockets.Params sockets with their processes, queues, drops, and TCP and UDP bytes per process and connection
---@field namespaces? casebook.namespaces.Params containers, pods and machines in other network namespaces, with their traffic and sockets
---@field capture? casebook.capture.Params a timed burst of packets: flows, remotes, ports, protocols, receivers
---@field firewall? casebook.firewall.Params the firewall's rules: what each counted and dropped in the window
---@field conntrack? casebook.conntrack.Params tracked connections: the table against its limit, what fills it, address translation
---@field kernel? casebook.kernel.Params protocol, softnet and conntrack counters that grew in the window
---@field drops? casebook.drops.Params why the kernel dropped packets in the window, by its own reasons
---@field logs? casebook.logs.Params lines of the log files in a span of time, by named patterns with their captures
---@field dns? casebook.dns.Params how long forward and reverse look-ups take per resolver, and whether a server resolves for strangers
---@field service? casebook.service.Params how long local services take to be connected to and to say their first byte
---@field file? casebook.file.Params lines of text files that are named, secrets left out; certificates; how many files are in a folder
---@field sysctl? casebook.sysctl.Params settings of the kernel by name
---@field ledger? casebook.ledger.Params where the bytes went that came in by the watched interfaces, and where those came from that left
---@field [integer] table a probe's name and its parameters

---Evidence, by the probe's name.
---@class casebook.Answers
---@field host casebook.host.Evidence load, CPU, memory, swap, pressure, uptime, kernel, distribution, virtualisation, clock
---@field interfaces casebook.interfaces.Evidence traffic, drops, errors, speed and addresses of each network interface
---@field devices casebook.devices.Evidence network devices: driver, link, rings, queues, offloads, XDP, queueing disciplines, losses that the driver counts, interrupts
---@field processes casebook.processes.Evidence the processes that use most CPU time, memory, storage and open files; those that hang
---@field cgroups casebook.cgroups.Evidence control groups (units, containers): CPU time, throttling, pressure, memory and its limits, kills
---@field units casebook.units.Evidence systemd's units: which live, which failed and how, which are started again and again, which are at a limit
---@field disk casebook.disk.Evidence file systems and disks: space, inodes, read-only or hanging; load and waiting times
---@field space casebook.space.Evidence what takes the space of a file system: folders, files, deleted files that are still open
---@field sockets casebook.sockets.Evidence sockets with their processes, queues, drops, and TCP and UDP bytes per process and connection
---@field namespaces casebook.namespaces.Evidence containers, pods and machines in other network namespaces, with their traffic and sockets
---@field capture casebook.capture.Evidence a timed burst of packets: flows, remotes, ports, protocols, receivers
---@field firewall casebook.firewall.Evidence the firewall's rules: what each counted and dropped in the window
---@field conntrack casebook.conntrack.Evidence tracked connections: the table against its limit, what fills it, address translation
---@field kernel casebook.kernel.Evidence protocol, softnet and conntrack counters that grew in the window
---@field drops casebook.drops.Evidence why the kernel dropped packets in the window, by its own reasons
---@field logs casebook.logs.Evidence lines of the log files in a span of time, by named patterns with their captures
---@field dns casebook.dns.Evidence how long forward and reverse look-ups take per resolver, and whether a server resolves for strangers
---@field service casebook.service.Evidence how long local services take to be connected to and to say their first byte
---@field file casebook.file.Evidence lines of text files that are named, secrets left out; certificates; how many files are in a folder
---@field sysctl casebook.sysctl.Evidence settings of the kernel by name
---@field ledger casebook.ledger.Evidence where the bytes went that came in by the watched interfaces, and where those came from that left
---@field [integer] table in the order of the calls

---What `run` works with.
---@class casebook.Context
---@field params table<string, any> the parameters, the same as the second argument of run
---@field now number seconds since 1970, UTC; in a replay the recorded time
---@field window number the window of the run, in seconds
local Context = {}

---looks: runs a probe and gives its evidence. A probe that watches takes its window's time
---@param name string
---@param params? table
---@return casebook.Evidence
---@overload fun(name: "host", params?: casebook.host.Params): casebook.host.Evidence
---@overload fun(name: "interfaces", params?: casebook.interfaces.Params): casebook.interfaces.Evidence
---@overload fun(name: "devices", params?: casebook.devices.Params): casebook.devices.Evidence
---@overload fun(name: "processes", params?: casebook.processes.Params): casebook.processes.Evidence
---@overload fun(name: "cgroups", params?: casebook.cgroups.Params): casebook.cgroups.Evidence
---@overload fun(name: "units", params?: casebook.units.Params): casebook.units.Evidence
---@overload fun(name: "disk", params?: casebook.disk.Params): casebook.disk.Evidence
---@overload fun(name: "space", params?: casebook.space.Params): casebook.space.Evidence
---@overload fun(name: "sockets", params?: casebook.sockets.Params): casebook.sockets.Evidence
---@overload fun(name: "namespaces", params?: casebook.namespaces.Params): casebook.namespaces.Evidence
---@overload fun(name: "capture", params?: casebook.capture.Params): casebook.capture.Evidence
---@overload fun(name: "firewall", params?: casebook.firewall.Params): casebook.firewall.Evidence
---@overload fun(name: "conntrack", params?: casebook.conntrack.Params): casebook.conntrack.Evidence
---@overload fun(name: "kernel", params?: casebook.kernel.Params): casebook.kernel.Evidence
---@overload fun(name: "drops", params?: casebook.drops.Params): casebook.drops.Evidence
---@overload fun(name: "logs", params?: casebook.logs.Params): casebook.logs.Evidence
---@overload fun(name: "dns", params?: casebook.dns.Params): casebook.dns.Evidence
---@overload fun(name: "service", params?: casebook.service.Params): casebook.service.Evidence
---@overload fun(name: "file", params?: casebook.file.Params): casebook.file.Evidence
---@overload fun(name: "sysctl", params?: casebook.sysctl.Params): casebook.sysctl.Evidence
---@overload fun(name: "ledger", params?: casebook.ledger.Params): casebook.ledger.Evidence
function Context.probe(name, params) end

---runs several probes over one window: { sockets = {…}, capture = {…} } gives evidence by the same keys, { {"sockets", {…}}, … } a list
---@param calls casebook.Calls
---@return casebook.Answers
function Context.together(calls) end

---where evidence comes from: probe, seconds, params, loss
---@param evidence casebook.Evidence
---@return casebook.About
function Context.about(evidence) end

---whether a field could be seen, as in cx.known(e, "listeners.process"); never an error itself
---@param evidence table
---@param path string
---@return boolean
function Context.known(evidence, path) end

---a finding: looked, and fine
---@param sentence string
---@return casebook.Finding
function Context.ok(sentence) end

---a finding: looked, and worth attention
---@param sentence string
---@return casebook.Finding
function Context.warning(sentence) end

---a finding: looked, and bad
---@param sentence string
---@return casebook.Finding
function Context.critical(sentence) end

---a finding: could not look or not judge
---@param sentence string
---@return casebook.Finding
function Context.unknown(sentence) end

---a finding: does not apply here
---@param sentence string
---@return casebook.Finding
function Context.skipped(sentence) end

---declares a check: return check { … }
---@param header casebook.Check
---@return casebook.Check
function check(header) end

---declares a runbook: return runbook { … }
---@param header casebook.Runbook
---@return casebook.Runbook
function runbook(header) end

---declares tests of a check or runbook: return test { … }
---@param tests casebook.test.Tests
---@return casebook.test.Tests
function test(tests) end

---writes a line to stderr, bounded
---@param ... any
function log(...) end

---the same as cx.about: where evidence comes from
---@param evidence casebook.Evidence
---@return casebook.About
function about(evidence) end

---a command for `run` and `undo`: the text with {{ name }} filled in from the values, each quoted for the shell
---@param text string
---@param values? table<string, string|number>
---@return casebook.Command
function sh(text, values) end

---the word quoted for the shell, for a sentence; commands take it by sh
---@param word any
---@return string
function shell(word) end

---a bit rate for people: 84.2 Mbit/s
---@param bits_per_second number
---@return string
function bitrate(bits_per_second) end

---a size for people: 56.4 MB
---@param bytes number
---@return string
function bytes(bytes) end

---a share for people: 99.4 %
---@param share number
---@return string
function percent(share) end

---a number for people: 9,957
---@param number number
---@return string
function count(number) end

---a span of time for people: 6 h 30 min
---@param seconds number
---@return string
function span(seconds) end

---1 packet, 2 packets
---@param count number
---@param one string
---@param many? string
---@return string
function plural(count, one, many) end

---a process for people: sshd (pid 1822, ssh.service)
---@param process table
---@return string
function who(process) end

---address and port: 192.0.2.1:53 or [2001:db8::1]:53
---@param address string
---@param port? integer
---@return string
function socket(address, port) end

---the first item that fits, or nil; a pattern is a table of fields or a function
---@param list table
---@param pattern? table|fun(item: any): boolean
---@return any
function first(list, pattern) end

---the items that fit
---@param list table
---@param pattern table|fun(item: any): boolean
---@return table
function where(list, pattern) end

---whether an item fits
---@param list table
---@param pattern? table|fun(item: any): boolean
---@return boolean
function any(list, pattern) end

---whether all items fit
---@param list table
---@param pattern table|fun(item: any): boolean
---@return boolean
function all(list, pattern) end

---the item whose field is largest, or nil
---@param list table
---@param field string|fun(item: any): number
---@return any
function most(list, field) end

---the sum of a field over a list
---@param list table
---@param field? string|fun(item: any): number
---@return number
function sum(list, field) end

---the list of one field
---@param list table
---@param field string|fun(item: any): any
---@return table
function map(list, field) end

---a map from a field's value to the first item that has it
---@param list table
---@param field string|fun(item: any): any
---@return table
function index(list, field) end

---the first items
---@param list table
---@param count integer
---@return table
function take(list, count) end

---the items in one text, at most count of them
---@param list table
---@param separator? string
---@param count? integer
---@return string
function join(list, separator, count) end

---whether a list has an item, or a text a part
---@param whole table|string
---@param part any
---@return boolean
function contains(whole, part) end

---a / b, and 0 when b is 0
---@param a number
---@param b number
---@return number
function ratio(a, b) end

---a field, or `absent` where the host says that there is none. Where a gap says that it could not be seen the whole is unknown; with a fourth argument it is `unseen` then: for words in sentences, never for a judgement
---@param item table?
---@param field string|integer
---@param absent any
---@param unseen? any
---@return any
function value_or(item, field, absent, unseen) end

---in conditions: whether x could be seen, never unknown itself; in checks `known(item, field)`
---@param item any
---@param field string|integer
---@return boolean
function known(item, field) end

---Regular expressions in linear time.
---@class casebook.re
re = {}

---whether the text has a match
---@param text string
---@param pattern string
---@return boolean
function re.test(text, pattern) end

---the captures of the first match, or all of it where there are none; nil without a match. A group that took no part is false
---@param text string
---@param pattern string
---@return string?
---@return any ...
function re.match(text, pattern) end

---the first match as a table: [0] all of it, [1] the first group, and groups with a name by it: re.groups(line, "from (?P<address>\\S+)").address; nil without a match
---@param text string
---@param pattern string
---@return table<string|integer, string|false>?
function re.groups(text, pattern) end

---where the first match begins and ends, in bytes from 1, and its captures
---@param text string
---@param pattern string
---@param init? integer
---@return integer?
---@return integer?
---@return any ...
function re.find(text, pattern, init) end

---the captures of every match, for a loop
---@param text string
---@param pattern string
---@return fun(): string?
---@return any ...
function re.gmatch(text, pattern) end

---the text with its matches replaced, and how many there were
---@param text string
---@param pattern string
---@param replacement string|table|fun(...: string): string?
---@param n? integer
---@return string
---@return integer
function re.gsub(text, pattern, replacement, n) end

---the pattern that matches this text alone
---@param text string
---@return string
function re.escape(text) end

