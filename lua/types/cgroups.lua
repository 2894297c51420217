---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `cgroups`.
---@class casebook.cgroups.Params
---@field window? string|number How long to watch. 0 looks once: limits, memory, and what was counted ever.
---@field limit? number Most groups in the list: 1 to 200.

---A control group.
---@class casebook.cgroups.Group
---@field path string Its path from the root that is seen from here, `/` for that itself; control characters escaped.
---@field unit? string The systemd unit or the container that it is, or is part of; none where its path does not tell.
---@field cpu_share? number CPU time in the window as a share of one CPU (`usage_usec` of `cpu.stat`; `cpuacct.usage`).
---@field cpus? number How many CPUs' worth of time it may use (`cpu.max`; `cpu.cfs_quota_us`); none without a limit of its own.
---@field periods? integer Periods of its quota in the window in which it had something to do (`nr_periods`); none without a quota.
---@field throttled_periods? integer Those of them in which it used its quota up and was held back (`nr_throttled`).
---@field throttled_share? number The second as a share of the first.
---@field throttled_seconds? number How long its threads were held back in the window, all CPUs together, in seconds (`throttled_usec`, `throttled_time`).
---@field cpu_waited_share? number Share of the window in which something in it waited for a CPU (`some` of `cpu.pressure`, version 2).
---@field memory_bytes? integer Memory that it uses, page cache included (`memory.current`; `memory.usage_in_bytes`).
---@field memory_limit_bytes? integer The most memory that it may use (`memory.max`; `memory.limit_in_bytes`); none without a limit of its own.
---@field oom_kills? integer Processes of it that were killed for want of memory in the window, by whatever limit or the host's (`oom_kill`): with those of the groups in it in version 2, its own alone in version 1.
---@field oom_kills_ever? integer The same since it was made.
---@field limit_reached? integer How often its own limit of memory left no room in the window. Version 2: `oom` of `memory.events.local`, or, before Linux 5.2, of `memory.events`, which includes the groups in it. Version 1: `memory.failcnt`, which counts the times that room was made, too.

---A list of `casebook.cgroups.Group` in evidence.
---@class casebook.cgroups.Groups
---@field [integer] casebook.cgroups.Group
---@field first fun(self: casebook.cgroups.Groups, pattern?: table|fun(item: casebook.cgroups.Group): boolean): casebook.cgroups.Group? the first item that fits, or nil
---@field where fun(self: casebook.cgroups.Groups, pattern: table|fun(item: casebook.cgroups.Group): boolean): casebook.cgroups.Groups the items that fit
---@field any fun(self: casebook.cgroups.Groups, pattern?: table|fun(item: casebook.cgroups.Group): boolean): boolean whether an item fits
---@field all fun(self: casebook.cgroups.Groups, pattern: table|fun(item: casebook.cgroups.Group): boolean): boolean whether all items fit
---@field count fun(self: casebook.cgroups.Groups, pattern?: table|fun(item: casebook.cgroups.Group): boolean): integer how many items fit
---@field top fun(self: casebook.cgroups.Groups, field: string|(fun(item: casebook.cgroups.Group): any), n: integer): casebook.cgroups.Groups the n items whose field is largest
---@field sum fun(self: casebook.cgroups.Groups, field: string): number the sum of a field
---@field group fun(self: casebook.cgroups.Groups, field: string): table<any, casebook.cgroups.Groups> lists of the items by a field's value
---@field map fun(self: casebook.cgroups.Groups, field: string|fun(item: casebook.cgroups.Group): any): any[] a list of one field
---@field sort fun(self: casebook.cgroups.Groups, field: string, order?: "asc"|"desc"): casebook.cgroups.Groups the items in the order of a field
---@field take fun(self: casebook.cgroups.Groups, n: integer): casebook.cgroups.Groups the first n items
---@field seen fun(self: casebook.cgroups.Groups): casebook.cgroups.Groups the items that were seen, as if the list were complete
---@field totable fun(self: casebook.cgroups.Groups): casebook.cgroups.Group[] the items as plain tables, converted at once

---What probe `cgroups` observes: control groups (units, containers): CPU time, throttling, pressure, memory and its limits, kills.
---@class casebook.cgroups.Evidence: casebook.Evidence
---@field seconds number Length of the window in seconds, as measured; 0 without one.
---@field hierarchy string Where the figures come from: `v2` or `v1`.
---@field seen integer Control groups that were looked at.
---@field complete boolean Whether all were, and all could be read. When false, the list is of the part that was.
---@field groups casebook.cgroups.Groups Those that were held back or had a process killed for want of memory, then those that used most CPU time; `limit` of them, without groups that did nothing. A group's CPU time, pressure and memory include those of the groups in it; periods and throttling are of its own quota alone.
---@field groups_left_out integer Groups that did something and are not in the list.
---@field left_out_throttled_seconds? number How long the one of them that was held back longest was, all CPUs together, in seconds; none without a window or where the controller `cpu` is not there.

