---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `firewall`.
---@class casebook.firewall.Params
---@field window? string|number How long to watch the counters grow. `0s` reads them once: then there are totals, and no growth.

---@alias casebook.firewall.Nftables
---| "read" # Its rules were read.
---| "empty" # It has no table: it filters nothing.
---| "absent" # This kernel does not have it, or has not loaded it: it filters nothing.
---| "unread" # It could not be read, or only in part; the gap says why.

---@alias casebook.firewall.Kind
---| "nftables" # nf_tables; rules made with iptables-nft are here too.
---| "legacy" # ip_tables and ip6_tables.

---A holder of rules.
---@class casebook.firewall.Backend
---@field family string `ip`, `ip6`, `inet`, `netdev`, `bridge` or `arp`.
---@field kind casebook.firewall.Kind Its kind.
---@field tables integer How many tables it has.
---@field rules integer How many rules it has; policies are none.

---A list of `casebook.firewall.Backend` in evidence.
---@class casebook.firewall.Backends
---@field [integer] casebook.firewall.Backend
---@field first fun(self: casebook.firewall.Backends, pattern?: table|fun(item: casebook.firewall.Backend): boolean): casebook.firewall.Backend? the first item that fits, or nil
---@field where fun(self: casebook.firewall.Backends, pattern: table|fun(item: casebook.firewall.Backend): boolean): casebook.firewall.Backends the items that fit
---@field any fun(self: casebook.firewall.Backends, pattern?: table|fun(item: casebook.firewall.Backend): boolean): boolean whether an item fits
---@field count fun(self: casebook.firewall.Backends, pattern?: table|fun(item: casebook.firewall.Backend): boolean): integer how many items fit
---@field top fun(self: casebook.firewall.Backends, field: string, n?: integer): casebook.firewall.Backends the n items whose field is largest
---@field sum fun(self: casebook.firewall.Backends, field: string): number the sum of a field
---@field group fun(self: casebook.firewall.Backends, field: string): table<any, casebook.firewall.Backends> lists of the items by a field's value
---@field map fun(self: casebook.firewall.Backends, field: string|fun(item: casebook.firewall.Backend): any): any[] a list of one field
---@field sort fun(self: casebook.firewall.Backends, field: string, order?: "desc"): casebook.firewall.Backends the items in the order of a field
---@field totable fun(self: casebook.firewall.Backends): casebook.firewall.Backend[] the items as plain tables, converted at once

---Ports from the first to the last, both included.
---@class casebook.firewall.LocalPort
---@field first integer The first port.
---@field last integer The last port.

---A list of `casebook.firewall.LocalPort` in evidence.
---@class casebook.firewall.LocalPorts
---@field [integer] casebook.firewall.LocalPort
---@field first fun(self: casebook.firewall.LocalPorts, pattern?: table|fun(item: casebook.firewall.LocalPort): boolean): casebook.firewall.LocalPort? the first item that fits, or nil
---@field where fun(self: casebook.firewall.LocalPorts, pattern: table|fun(item: casebook.firewall.LocalPort): boolean): casebook.firewall.LocalPorts the items that fit
---@field any fun(self: casebook.firewall.LocalPorts, pattern?: table|fun(item: casebook.firewall.LocalPort): boolean): boolean whether an item fits
---@field count fun(self: casebook.firewall.LocalPorts, pattern?: table|fun(item: casebook.firewall.LocalPort): boolean): integer how many items fit
---@field top fun(self: casebook.firewall.LocalPorts, field: string, n?: integer): casebook.firewall.LocalPorts the n items whose field is largest
---@field sum fun(self: casebook.firewall.LocalPorts, field: string): number the sum of a field
---@field group fun(self: casebook.firewall.LocalPorts, field: string): table<any, casebook.firewall.LocalPorts> lists of the items by a field's value
---@field map fun(self: casebook.firewall.LocalPorts, field: string|fun(item: casebook.firewall.LocalPort): any): any[] a list of one field
---@field sort fun(self: casebook.firewall.LocalPorts, field: string, order?: "desc"): casebook.firewall.LocalPorts the items in the order of a field
---@field totable fun(self: casebook.firewall.LocalPorts): casebook.firewall.LocalPort[] the items as plain tables, converted at once

---What the rule selects.
---@class casebook.firewall.Matches
---@field complete boolean Whether the fields below hold every condition of the rule, so that exactly the packets they describe reach its verdict.
---@field inverted boolean Whether some condition is negated. It is then in the text only.
---@field family? string The IP version: `ip` or `ip6`. None when the rule takes both.
---@field interface? string The interface where the packets came in. A `*` at the end stands for any ending.
---@field protocols string[] `udp` `tcp` `icmp` `icmpv6`, or the protocol's number. Empty: any.
---@field local_ports casebook.firewall.LocalPorts Destination ports. Empty: any.
---@field remote_ports casebook.firewall.LocalPorts Source ports. Empty: any.
---@field sources string[] Source addresses, as networks: `10.0.0.0/8`. Empty: any.
---@field destinations string[] Destination addresses, as networks. Empty: any.

---A rule, or the policy of a base chain.
---@class casebook.firewall.Rule
---@field name string As reports name it: `nft inet filter input #4 (udp dport 27015 drop)`, `iptables filter INPUT policy DROP`.
---@field backend string `nftables` or `legacy`. Rules made with iptables-nft are in `nftables`.
---@field family string The family of its table: `ip`, `ip6`, `inet`, `netdev`, `bridge` or `arp`.
---@field table string Its table.
---@field chain string Its chain.
---@field hook? string The hook from which packets reach it, directly or by jumps: `input`. None when there are several, or none.
---@field priority? integer The priority of the base chain from which packets reach it. None when there are several, or none.
---@field hooks string[] All the hooks from which packets reach it.
---@field position integer Its place in the chain, from 1. A policy stands after the last rule.
---@field handle? integer Its handle, with which `nft delete rule` names it (`NFTA_RULE_HANDLE`).
---@field policy boolean Whether it is the policy of a base chain.
---@field text string The rule in the syntax of its tool, as far as it can be decoded. What cannot be is named: `xt match string`.
---@field verdict string What becomes of the packets: `drop` `reject` `accept` `return` `jump` `goto` `queue` `map` `log` `count` `continue`, or the name of another target, in lower case.
---@field drops boolean Whether the packets end here: dropped, rejected, or held in a tarpit; of a verdict map, whether some are.
---@field packets? integer Packets that the rule counted in the window. None when it has no counter, was not there at the beginning, or its counter went backwards. The kernel counts packets as it handles them: several that receive offload merged are one; and tables of type nat see only the first packet of a connection.
---@field bytes? integer Bytes that the rule counted in the window: lengths of IP packets with their IP header; see `link_header_included`.
---@field total_packets? integer Packets counted since the counter was last zeroed.
---@field total_bytes? integer Bytes counted since the counter was last zeroed.
---@field counter_exact boolean Whether the verdict took all packets that were counted. False when conditions stand between counter and verdict, when rules share a named counter, for a verdict map, and without a counter; then the figures are an upper bound.
---@field link_header_included boolean Whether the bytes include the link layer's header: so at the egress hook of a device, and for ARP packets that leave; not at any inbound hook.
---@field matches casebook.firewall.Matches What the rule selects.

---A list of `casebook.firewall.Rule` in evidence.
---@class casebook.firewall.Rules
---@field [integer] casebook.firewall.Rule
---@field first fun(self: casebook.firewall.Rules, pattern?: table|fun(item: casebook.firewall.Rule): boolean): casebook.firewall.Rule? the first item that fits, or nil
---@field where fun(self: casebook.firewall.Rules, pattern: table|fun(item: casebook.firewall.Rule): boolean): casebook.firewall.Rules the items that fit
---@field any fun(self: casebook.firewall.Rules, pattern?: table|fun(item: casebook.firewall.Rule): boolean): boolean whether an item fits
---@field count fun(self: casebook.firewall.Rules, pattern?: table|fun(item: casebook.firewall.Rule): boolean): integer how many items fit
---@field top fun(self: casebook.firewall.Rules, field: string, n?: integer): casebook.firewall.Rules the n items whose field is largest
---@field sum fun(self: casebook.firewall.Rules, field: string): number the sum of a field
---@field group fun(self: casebook.firewall.Rules, field: string): table<any, casebook.firewall.Rules> lists of the items by a field's value
---@field map fun(self: casebook.firewall.Rules, field: string|fun(item: casebook.firewall.Rule): any): any[] a list of one field
---@field sort fun(self: casebook.firewall.Rules, field: string, order?: "desc"): casebook.firewall.Rules the items in the order of a field
---@field totable fun(self: casebook.firewall.Rules): casebook.firewall.Rule[] the items as plain tables, converted at once

---A base chain: one that the kernel calls at a hook.
---@class casebook.firewall.Chain
---@field backend string `nftables` or `legacy`.
---@field family string The family of its table.
---@field table string Its table.
---@field chain string Its name.
---@field hook string Where the kernel calls it: `ingress` `prerouting` `input` `forward` `output` `postrouting` `egress`.
---@field priority integer Its place among the chains of the hook: lower ones are called first.
---@field policy string What becomes of packets on which no rule decided: `accept` or `drop`.
---@field packets? integer Packets that met the policy in the window. None where the policy has no counter: native nftables chains have none, those of iptables-nft and of legacy tables do.
---@field bytes? integer Bytes that met the policy in the window, as lengths of IP packets.
---@field device? string Of a netdev chain or an inet ingress chain, its devices.

---A list of `casebook.firewall.Chain` in evidence.
---@class casebook.firewall.Chains
---@field [integer] casebook.firewall.Chain
---@field first fun(self: casebook.firewall.Chains, pattern?: table|fun(item: casebook.firewall.Chain): boolean): casebook.firewall.Chain? the first item that fits, or nil
---@field where fun(self: casebook.firewall.Chains, pattern: table|fun(item: casebook.firewall.Chain): boolean): casebook.firewall.Chains the items that fit
---@field any fun(self: casebook.firewall.Chains, pattern?: table|fun(item: casebook.firewall.Chain): boolean): boolean whether an item fits
---@field count fun(self: casebook.firewall.Chains, pattern?: table|fun(item: casebook.firewall.Chain): boolean): integer how many items fit
---@field top fun(self: casebook.firewall.Chains, field: string, n?: integer): casebook.firewall.Chains the n items whose field is largest
---@field sum fun(self: casebook.firewall.Chains, field: string): number the sum of a field
---@field group fun(self: casebook.firewall.Chains, field: string): table<any, casebook.firewall.Chains> lists of the items by a field's value
---@field map fun(self: casebook.firewall.Chains, field: string|fun(item: casebook.firewall.Chain): any): any[] a list of one field
---@field sort fun(self: casebook.firewall.Chains, field: string, order?: "desc"): casebook.firewall.Chains the items in the order of a field
---@field totable fun(self: casebook.firewall.Chains): casebook.firewall.Chain[] the items as plain tables, converted at once

---What rules and policies that drop or reject counted in the window, at all hooks, outbound ones too.
---@class casebook.firewall.Dropped
---@field packets? integer Packets that were counted. None when none were seen and some could not be.
---@field bytes? integer Bytes that were counted: IP packets with their IP header, without the link layer's. None as for packets.
---@field complete boolean Whether this is all: every rule and policy that drops has a counter that says exactly what it dropped in the window. When false, the figures say "at least".

---What probe `firewall` observes: the firewall's rules: what each counted and dropped in the window.
---@class casebook.firewall.Evidence: casebook.Evidence
---@field seconds number Seconds between the two looks at the counters; 0 when there was one look.
---@field nftables casebook.firewall.Nftables How it stands with nftables.
---@field legacy casebook.firewall.Nftables How it stands with legacy iptables and ip6tables.
---@field backends casebook.firewall.Backends Who holds rules, by family and kind. Both kinds may do so at once.
---@field rules casebook.firewall.Rules Rules and policies that counted packets in the window or that can drop: those that counted most first.
---@field rules_left_out integer Rules of that sort that are not in the list, for want of room; those that dropped are kept first.
---@field chains casebook.firewall.Chains The base chains, with their hooks and policies.
---@field dropped casebook.firewall.Dropped What rules and policies that drop or reject counted in the window, at all hooks, outbound ones too.
---@field top_drop? casebook.firewall.Rule The rule or policy that dropped most packets in the window, if any did.
---@field uncounted_drops string[] Names of rules and policies that can drop without a counter that tells what: they have none, or conditions stand between counter and verdict. Native nftables policies never have one.
---@field uncounted_drops_left_out integer Rules and policies of that sort that are not in the list, for want of room.

