---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `ledger`.
---@class casebook.ledger.Params

---@alias casebook.ledger.Kind
---| "process" # A socket of a process took it.
---| "firewall_rule" # A firewall rule or policy dropped or rejected it.
---| "kernel_drop" # The kernel dropped it, for a named reason.
---| "no_listener" # Nothing listens on that port; the kernel answered with a reset or an ICMP error.
---| "socket_full" # A socket is there but its queue was full.
---| "kernel" # The kernel itself is the receiver: ICMP, IGMP, a SYN that waits in a backlog.
---| "forwarded" # Routed on to somebody else.
---| "not_for_us" # Unicast frames for another machine's link address.
---| "broadcast" # Broadcast.
---| "multicast" # Multicast.
---| "non_ip" # ARP and other protocols that are not IP.
---| "unseen_owner" # A socket took it, but its owner could not be seen.

---The process that received it.
---@class casebook.ledger.Process
---@field pid integer Process id.
---@field name string Its name (`/proc/PID/comm`, 15 bytes at most), control characters escaped.
---@field user? string The user that it runs as.
---@field unit? string The systemd unit or container from its cgroup.

---One line of the account.
---@class casebook.ledger.Entry
---@field kind casebook.ledger.Kind What kind of end it is.
---@field label string For people: "sshd (pid 1822, ssh.service)".
---@field bytes integer Bytes on the wire, link headers included.
---@field packets integer Packets on the wire.
---@field share number Share of the interface's bytes.
---@field protocol? string Transport protocol, where one applies: `tcp`, `udp`, `icmp` …
---@field address? string Local address, where one applies.
---@field port? integer Local port, where one applies.
---@field process? casebook.ledger.Process The process that received it.
---@field rule? string The firewall rule that dropped it, as it is named in the report.

---A list of `casebook.ledger.Entry` in evidence.
---@class casebook.ledger.Entrys
---@field [integer] casebook.ledger.Entry
---@field first fun(self: casebook.ledger.Entrys, pattern?: table|fun(item: casebook.ledger.Entry): boolean): casebook.ledger.Entry? the first item that fits, or nil
---@field where fun(self: casebook.ledger.Entrys, pattern: table|fun(item: casebook.ledger.Entry): boolean): casebook.ledger.Entrys the items that fit
---@field any fun(self: casebook.ledger.Entrys, pattern?: table|fun(item: casebook.ledger.Entry): boolean): boolean whether an item fits
---@field count fun(self: casebook.ledger.Entrys, pattern?: table|fun(item: casebook.ledger.Entry): boolean): integer how many items fit
---@field top fun(self: casebook.ledger.Entrys, field: string, n?: integer): casebook.ledger.Entrys the n items whose field is largest
---@field sum fun(self: casebook.ledger.Entrys, field: string): number the sum of a field
---@field group fun(self: casebook.ledger.Entrys, field: string): table<any, casebook.ledger.Entrys> lists of the items by a field's value
---@field map fun(self: casebook.ledger.Entrys, field: string|fun(item: casebook.ledger.Entry): any): any[] a list of one field
---@field sort fun(self: casebook.ledger.Entrys, field: string, order?: "desc"): casebook.ledger.Entrys the items in the order of a field
---@field totable fun(self: casebook.ledger.Entrys): casebook.ledger.Entry[] the items as plain tables, converted at once

---Shares of the inbound bytes by kind of end.
---@class casebook.ledger.Shares
---@field process number Taken by processes, named or not.
---@field firewall_rule number Dropped or rejected by the firewall.
---@field kernel_drop number Dropped by the kernel for another reason.
---@field no_listener number For ports where nothing listens.
---@field socket_full number Dropped because a socket's queue was full.
---@field kernel number Taken by the kernel itself: ICMP, half-open connections.
---@field forwarded number Routed on.
---@field not_for_us number Frames for other machines.
---@field broadcast number Broadcast.
---@field multicast number Multicast.
---@field non_ip number ARP and the like.

---What probe `ledger` observes: where the inbound bytes of the watched interface went.
---@class casebook.ledger.Evidence: casebook.Evidence
---@field interface string The interface.
---@field bytes integer Bytes that the interface counted in the window, link headers included (`IFLA_STATS64` rx_bytes).
---@field packets integer Packets that the interface counted in the window.
---@field seconds number Length of the window in seconds.
---@field entries casebook.ledger.Entrys Where they went.
---@field unexplained_bytes integer Bytes that no entry explains.
---@field unexplained_share? number The same as a share of all; none when nothing came in.
---@field disagreements string[] Figures of different sources that disagree, as sentences with both.
---@field shares casebook.ledger.Shares Shares of the inbound bytes by kind of end.
---@field top? casebook.ledger.Entry The heaviest entry; none when nothing came in.

