---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `sysctl`.
---@class casebook.sysctl.Params
---@field names? string[] Names of settings: `net.ipv4.tcp_syncookies`. A part may be `*`: `net.ipv4.conf.*.rp_filter`. A name with slashes keeps the dots in its parts: `net/ipv4/conf/eth0.100/rp_filter`. At most 256 settings are read.

---A setting.
---@class casebook.sysctl.Setting
---@field name string Its name: `net.core.somaxconn`; with slashes when a part of it has a dot.
---@field exists boolean Whether this kernel has it. One that it lacks is a fact: its module is not loaded, or it is older or newer.
---@field value? string Its value as the kernel writes it, without the end of the line; null when it does not exist.
---@field number? integer The value as a number, when it is one.
---@field numbers? integer[] All its values as numbers, when they are: three for `net.ipv4.tcp_rmem`, one for most.

---A list of `casebook.sysctl.Setting` in evidence.
---@class casebook.sysctl.Settings
---@field [integer] casebook.sysctl.Setting
---@field first fun(self: casebook.sysctl.Settings, pattern?: table|fun(item: casebook.sysctl.Setting): boolean): casebook.sysctl.Setting? the first item that fits, or nil
---@field where fun(self: casebook.sysctl.Settings, pattern: table|fun(item: casebook.sysctl.Setting): boolean): casebook.sysctl.Settings the items that fit
---@field any fun(self: casebook.sysctl.Settings, pattern?: table|fun(item: casebook.sysctl.Setting): boolean): boolean whether an item fits
---@field count fun(self: casebook.sysctl.Settings, pattern?: table|fun(item: casebook.sysctl.Setting): boolean): integer how many items fit
---@field top fun(self: casebook.sysctl.Settings, field: string, n?: integer): casebook.sysctl.Settings the n items whose field is largest
---@field sum fun(self: casebook.sysctl.Settings, field: string): number the sum of a field
---@field group fun(self: casebook.sysctl.Settings, field: string): table<any, casebook.sysctl.Settings> lists of the items by a field's value
---@field map fun(self: casebook.sysctl.Settings, field: string|fun(item: casebook.sysctl.Setting): any): any[] a list of one field
---@field sort fun(self: casebook.sysctl.Settings, field: string, order?: "desc"): casebook.sysctl.Settings the items in the order of a field
---@field totable fun(self: casebook.sysctl.Settings): casebook.sysctl.Setting[] the items as plain tables, converted at once

---What probe `sysctl` observes: settings of the kernel by name.
---@class casebook.sysctl.Evidence: casebook.Evidence
---@field settings casebook.sysctl.Settings The settings, in the order in which they were named, those of a `*` by name.

