---@meta

-- Written by `casebook generate`. Changes here are lost.

---@alias casebook.service.Request
---| "none" # Nothing: SSH, SMTP, FTP, POP3 and IMAP speak first.
---| "http" # `HEAD PATH HTTP/1.1`, and nothing after it.

---The parameters of probe `service`.
---@class casebook.service.Params
---@field address? string The address of the service, one of this host's. `0.0.0.0` and `::` mean loopback.
---@field port? number Its TCP port.
---@field targets? string[] Several services instead: `127.0.0.1:22`, `[::1]:25`; 16 at most.
---@field request? casebook.service.Request What to say when the connection stands.
---@field path? string The path that `request: http` asks for.
---@field host? string The host that `request: http` names; unless given, the address.
---@field from? string The address of this host to connect from, so that the service looks up that one's name; unless given, the kernel chooses, for a service at loopback a loopback address, whose name stands in /etc/hosts.
---@field timeout? string|number How long to wait for the connection and the first byte together; 2 minutes at most.
---@field allow_remote? boolean Asks to connect to other hosts; that takes `--allow remote`, too.

---@alias casebook.service.Outcome
---| "answered" # It sent something.
---| "silent" # The connection stood, and nothing came in time.
---| "closed" # It closed the connection without a word.
---| "refused" # Nobody listens there.
---| "timed_out" # The connection did not come about in time.
---| "unreachable" # There is no way to it.
---| "blocked" # This host itself refused to connect: a firewall rule or policy (`EPERM`).
---| "interrupted" # The run was ended before.

---One service and how it answered.
---@class casebook.service.Service
---@field address string The address that was connected to.
---@field port integer Its TCP port.
---@field from? string The address that the connection came from; null when there was none. A service may look its name up.
---@field outcome casebook.service.Outcome How it ended.
---@field connected boolean Whether the connection came about.
---@field refused boolean Whether nobody listens there (TCP reset to the SYN).
---@field timed_out boolean Whether the connection did not come about in time: SYNs are dropped, or the accept queue is full.
---@field silent boolean Whether the connection came about and no byte followed in time. Many services wait for the client to speak first.
---@field connect_seconds? number Time until the connection stood, in seconds; null when it never did. The kernel accepts before the service does.
---@field first_byte_seconds? number Time from the connection to the first byte of the service, in seconds; null when none came.
---@field seconds number All the time that it took, in seconds.
---@field banner? string The first line that the service sent, at most 512 bytes; null when none came.
---@field protocol? string What the banner speaks: `ssh`, `http`, `smtp`, `ftp`, `pop3`, `imap`; null when that is not plain.
---@field http_status? integer The status of an HTTP answer: 200.

---A list of `casebook.service.Service` in evidence.
---@class casebook.service.Services
---@field [integer] casebook.service.Service
---@field first fun(self: casebook.service.Services, pattern?: table|fun(item: casebook.service.Service): boolean): casebook.service.Service? the first item that fits, or nil
---@field where fun(self: casebook.service.Services, pattern: table|fun(item: casebook.service.Service): boolean): casebook.service.Services the items that fit
---@field any fun(self: casebook.service.Services, pattern?: table|fun(item: casebook.service.Service): boolean): boolean whether an item fits
---@field all fun(self: casebook.service.Services, pattern: table|fun(item: casebook.service.Service): boolean): boolean whether all items fit
---@field count fun(self: casebook.service.Services, pattern?: table|fun(item: casebook.service.Service): boolean): integer how many items fit
---@field top fun(self: casebook.service.Services, field: string|(fun(item: casebook.service.Service): any), n: integer): casebook.service.Services the n items whose field is largest
---@field sum fun(self: casebook.service.Services, field: string): number the sum of a field
---@field group fun(self: casebook.service.Services, field: string): table<any, casebook.service.Services> lists of the items by a field's value
---@field map fun(self: casebook.service.Services, field: string|fun(item: casebook.service.Service): any): any[] a list of one field
---@field sort fun(self: casebook.service.Services, field: string, order?: "asc"|"desc"): casebook.service.Services the items in the order of a field
---@field take fun(self: casebook.service.Services, n: integer): casebook.service.Services the first n items
---@field seen fun(self: casebook.service.Services): casebook.service.Services the items that were seen, as if the list were complete
---@field totable fun(self: casebook.service.Services): casebook.service.Service[] the items as plain tables, converted at once

---What probe `service` observes: how long local services take to be connected to and to say their first byte.
---@class casebook.service.Evidence: casebook.Evidence
---@field services casebook.service.Services The services, in the order in which they were named.

