---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `drops`.
---@class casebook.drops.Params
---@field window? string|number How long to watch.

---One reason and how often it occurred.
---@class casebook.drops.Reason
---@field reason string The kernel's name of it (`enum skb_drop_reason`): `NETFILTER_DROP`.
---@field meaning string What it means.
---@field packets integer Packets dropped for it in the window.

---A list of `casebook.drops.Reason` in evidence.
---@class casebook.drops.Reasons
---@field [integer] casebook.drops.Reason
---@field first fun(self: casebook.drops.Reasons, pattern?: table|fun(item: casebook.drops.Reason): boolean): casebook.drops.Reason? the first item that fits, or nil
---@field where fun(self: casebook.drops.Reasons, pattern: table|fun(item: casebook.drops.Reason): boolean): casebook.drops.Reasons the items that fit
---@field any fun(self: casebook.drops.Reasons, pattern?: table|fun(item: casebook.drops.Reason): boolean): boolean whether an item fits
---@field count fun(self: casebook.drops.Reasons, pattern?: table|fun(item: casebook.drops.Reason): boolean): integer how many items fit
---@field top fun(self: casebook.drops.Reasons, field: string, n?: integer): casebook.drops.Reasons the n items whose field is largest
---@field sum fun(self: casebook.drops.Reasons, field: string): number the sum of a field
---@field group fun(self: casebook.drops.Reasons, field: string): table<any, casebook.drops.Reasons> lists of the items by a field's value
---@field map fun(self: casebook.drops.Reasons, field: string|fun(item: casebook.drops.Reason): any): any[] a list of one field
---@field sort fun(self: casebook.drops.Reasons, field: string, order?: "desc"): casebook.drops.Reasons the items in the order of a field
---@field totable fun(self: casebook.drops.Reasons): casebook.drops.Reason[] the items as plain tables, converted at once

---What probe `drops` observes: why the kernel dropped packets in the window, by its own reasons.
---@class casebook.drops.Evidence: casebook.Evidence
---@field seconds number Length of the window in seconds, as measured.
---@field scope string What the figures cover: "all network namespaces of the machine, both directions".
---@field reasons? casebook.drops.Reasons Reasons whose count grew in the window, most packets first; null when the kernel gives no reasons (before 5.17).
---@field reasons_watched integer How many reasons were told apart, including those that did not occur.
---@field total_packets integer Packets dropped in the window, whatever the reason.
---@field other_packets? integer Packets dropped for reasons that are not told apart.
---@field netfilter_packets? integer Packets dropped by firewall rules and policies (`NETFILTER_DROP`).
---@field no_socket_packets? integer Packets that no socket wanted (`NO_SOCKET`).
---@field socket_full_packets? integer Packets whose socket had no room (`SOCKET_RCVBUFF`, `SOCKET_BACKLOG`).

