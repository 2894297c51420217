---@meta

-- Written by `casebook generate`. Changes here are lost.

---@alias casebook.logs.Kind
---| "syslog" # What programs hand to the logger: each line names the program that wrote it.
---| "kernel" # The kernel's own log, as dmesg shows it.
---| "access" # Requests to a web server: address, status and bytes are the server's words, the rest is the client's.
---| "application" # The log of one application, in a form of its own.

---Lines of one author.
---@class casebook.logs.Pattern
---@field match? string A Rust regular expression that the message begins with; of an access log, the request (`POST /login`). Unless given: the expression and the programs of the built-in pattern of that name; of an access log, every request.
---@field program? string[] The programs whose lines count, as syslog lines name them: a list, or one text with commas between them. `kernel` stands for the kernel. An application that keeps its own files is known by their folder (`named`, `bind`: named; nginx; apache2; httpd).
---@field kind? casebook.logs.Kind The kind of log whose lines count. Unless given: any but access logs.

---The parameters of probe `logs`.
---@class casebook.logs.Params
---@field dir? string The directory of the logs. Unless given: what the environment variable CASEBOOK_LOG_DIR names, else /var/log.
---@field files? string[] The files to read, as paths or with `*` and `?`, in `dir`; their rotations are read too. No name leads out of `dir`: that directory is all that is read. If empty, the files that distributions and daemons usually write: messages, syslog, kern.log, auth.log, secure, daemon.log, maillog, mail.log, cron, firewalld, fail2ban.log, ufw.log, the logs of named, nginx, Apache, and the journal: in /var/log/journal and /run/log/journal the files of this machine, in another `dir` all that are there. A name that ends in `.journal` is that of a file of the journal.
---@field since? string|number How far back to look from `until`.
---@field ["until"] string? The end of the span to look at: `2026-11-22T15:04:05Z`, or `2026-11-22 15:04:05` in the local zone. Unless given: now.
---@field patterns? table<string, string|casebook.logs.Pattern> What to look for: names, each with `match`, a Rust regular expression that the message begins with, and whose lines count: `program` (`sshd, sshd-session`) or `kind` (`syslog`, `kernel`, `application`, or `access` for requests, which `match` then begins with). Who wrote a line is told by the frame that the logger puts around the message, never by the message. Named groups are counted by value, of requests also `client`, `path`, `agent` and `status`. Without `match` the built-in pattern of that name is meant. An expression alone is looked for in all lines of all logs, wherever it stands: what it finds may be what a stranger wrote, addresses included. Bytes are matched, not characters: `.` is any byte, `\w` and `\d` are ASCII. If empty, a built-in set, each bound to the programs that write such lines: failed SSH logins, requests to web servers, full conntrack and neighbour tables, SYN floods, martians, out of memory, firewall LOG lines, failing DNS look-ups, links that change, bad UDP checksums, TCP memory, and lines that loggers suppressed.
---@field units? string[] The units of systemd whose entries of the journal count: `ssh.service`, or `ssh` for short; also what systemd itself says of them. Log files do not name a unit, and are not read then.
---@field priority? string The least grave priority whose entries of the journal count: `emerg`, `alert`, `crit`, `err`, `warning`, `notice`, `info`, `debug`, or 0 to 7. Log files are not read then.
---@field boot? string The boot whose entries of the journal count: `current`, or an id of 32 hexadecimal digits. Log files are not read then.
---@field namespace? string The namespace of journald whose journal is read, without log files; an empty name is the host's own. Unless given: all namespaces.
---@field samples? number Lines to keep of each pattern, the last ones; 100 at most.
---@field budget? string|number How long to read at most. What was not read by then is said.

---@alias casebook.logs.Format
---| "rfc3164" # `Nov 22 15:04:05 host …`: no year and no zone; the year is inferred from the file's last change.
---| "rfc3339" # `2026-11-22T15:04:05.123456+00:00`, or with a blank and without a zone (dpkg, fail2ban, PostgreSQL).
---| "clf" # `… [22/Nov/2026:15:04:05 +0000] "GET …`: access logs.
---| "nginx" # `2026/11/22 15:04:05 [error] …`: nginx's error log.
---| "ctime" # `[Sun Nov 22 15:04:05.123456 2026]`, with or without brackets: Apache's error log.
---| "bind" # `22-Nov-2026 15:04:05.123`: BIND's own files, PHP.
---| "epoch" # Seconds since 1970: audit, Squid, unbound, Caddy.
---| "kernel" # `[ 12.345678]`: seconds since the kernel started; no time of day.
---| "journal" # Microseconds since 1970, in the journal of systemd.
---| "unknown" # No form that is known here.

---@alias casebook.logs.Reason
---| "denied" # The kernel refused: a capability or a permission is missing.
---| "absent" # What was looked for does not exist here.
---| "timed_out" # It did not answer by its deadline.
---| "malformed" # It answered something that could not be understood.
---| "cancelled" # The operator ended the run before it was done.
---| "failed" # Anything else went wrong.

---Why it could not be read.
---@class casebook.logs.Unreadable
---@field tried string What was tried, as a phrase: "read /proc/1423/fd".
---@field reason casebook.logs.Reason The kind of failure.
---@field why string Why it failed, in words; for `denied`, what is missing.
---@field to_fix? string How to see it next time.

---A log file.
---@class casebook.logs.File
---@field path string Its path.
---@field format casebook.logs.Format The form in which its lines carry their time.
---@field kind? casebook.logs.Kind What kind of log it is, by where it lies or by its first lines; none if no line was read.
---@field bytes_read integer Bytes that were read through, unpacked, of a journal as lines; those that the search for the span touched are not counted.
---@field lines? integer Lines of the span in it; none if it could not be said.
---@field rotated boolean Whether a newer file has taken its place.
---@field unreadable? casebook.logs.Unreadable Why it could not be read.
---@field sorted boolean Whether its lines stand in order of time, up to a minute; else all of it was read, up to 512 MiB.

---A list of `casebook.logs.File` in evidence.
---@class casebook.logs.Files
---@field [integer] casebook.logs.File
---@field first fun(self: casebook.logs.Files, pattern?: table|fun(item: casebook.logs.File): boolean): casebook.logs.File? the first item that fits, or nil
---@field where fun(self: casebook.logs.Files, pattern: table|fun(item: casebook.logs.File): boolean): casebook.logs.Files the items that fit
---@field any fun(self: casebook.logs.Files, pattern?: table|fun(item: casebook.logs.File): boolean): boolean whether an item fits
---@field all fun(self: casebook.logs.Files, pattern: table|fun(item: casebook.logs.File): boolean): boolean whether all items fit
---@field count fun(self: casebook.logs.Files, pattern?: table|fun(item: casebook.logs.File): boolean): integer how many items fit
---@field top fun(self: casebook.logs.Files, field: string|(fun(item: casebook.logs.File): any), n: integer): casebook.logs.Files the n items whose field is largest
---@field sum fun(self: casebook.logs.Files, field: string): number the sum of a field
---@field group fun(self: casebook.logs.Files, field: string): table<any, casebook.logs.Files> lists of the items by a field's value
---@field map fun(self: casebook.logs.Files, field: string|fun(item: casebook.logs.File): any): any[] a list of one field
---@field sort fun(self: casebook.logs.Files, field: string, order?: "asc"|"desc"): casebook.logs.Files the items in the order of a field
---@field take fun(self: casebook.logs.Files, n: integer): casebook.logs.Files the first n items
---@field seen fun(self: casebook.logs.Files): casebook.logs.Files the items that were seen, as if the list were complete
---@field totable fun(self: casebook.logs.Files): casebook.logs.File[] the items as plain tables, converted at once

---Lines in one minute.
---@class casebook.logs.PerMinute
---@field at string When it begins.
---@field lines integer How many lines are of it.

---A list of `casebook.logs.PerMinute` in evidence.
---@class casebook.logs.PerMinutes
---@field [integer] casebook.logs.PerMinute
---@field first fun(self: casebook.logs.PerMinutes, pattern?: table|fun(item: casebook.logs.PerMinute): boolean): casebook.logs.PerMinute? the first item that fits, or nil
---@field where fun(self: casebook.logs.PerMinutes, pattern: table|fun(item: casebook.logs.PerMinute): boolean): casebook.logs.PerMinutes the items that fit
---@field any fun(self: casebook.logs.PerMinutes, pattern?: table|fun(item: casebook.logs.PerMinute): boolean): boolean whether an item fits
---@field all fun(self: casebook.logs.PerMinutes, pattern: table|fun(item: casebook.logs.PerMinute): boolean): boolean whether all items fit
---@field count fun(self: casebook.logs.PerMinutes, pattern?: table|fun(item: casebook.logs.PerMinute): boolean): integer how many items fit
---@field top fun(self: casebook.logs.PerMinutes, field: string|(fun(item: casebook.logs.PerMinute): any), n: integer): casebook.logs.PerMinutes the n items whose field is largest
---@field sum fun(self: casebook.logs.PerMinutes, field: string): number the sum of a field
---@field group fun(self: casebook.logs.PerMinutes, field: string): table<any, casebook.logs.PerMinutes> lists of the items by a field's value
---@field map fun(self: casebook.logs.PerMinutes, field: string|fun(item: casebook.logs.PerMinute): any): any[] a list of one field
---@field sort fun(self: casebook.logs.PerMinutes, field: string, order?: "asc"|"desc"): casebook.logs.PerMinutes the items in the order of a field
---@field take fun(self: casebook.logs.PerMinutes, n: integer): casebook.logs.PerMinutes the first n items
---@field seen fun(self: casebook.logs.PerMinutes): casebook.logs.PerMinutes the items that were seen, as if the list were complete
---@field totable fun(self: casebook.logs.PerMinutes): casebook.logs.PerMinute[] the items as plain tables, converted at once

---How often a named group had a value.
---@class casebook.logs.Capture
---@field value string The value, escaped, its first 128 bytes.
---@field count integer Hits with it, at least.
---@field doubt integer Hits with it beyond `count`, at most; more than 0 only where more than 4096 values came by and some were forgotten.

---A list of `casebook.logs.Capture` in evidence.
---@class casebook.logs.Captures
---@field [integer] casebook.logs.Capture
---@field first fun(self: casebook.logs.Captures, pattern?: table|fun(item: casebook.logs.Capture): boolean): casebook.logs.Capture? the first item that fits, or nil
---@field where fun(self: casebook.logs.Captures, pattern: table|fun(item: casebook.logs.Capture): boolean): casebook.logs.Captures the items that fit
---@field any fun(self: casebook.logs.Captures, pattern?: table|fun(item: casebook.logs.Capture): boolean): boolean whether an item fits
---@field all fun(self: casebook.logs.Captures, pattern: table|fun(item: casebook.logs.Capture): boolean): boolean whether all items fit
---@field count fun(self: casebook.logs.Captures, pattern?: table|fun(item: casebook.logs.Capture): boolean): integer how many items fit
---@field top fun(self: casebook.logs.Captures, field: string|(fun(item: casebook.logs.Capture): any), n: integer): casebook.logs.Captures the n items whose field is largest
---@field sum fun(self: casebook.logs.Captures, field: string): number the sum of a field
---@field group fun(self: casebook.logs.Captures, field: string): table<any, casebook.logs.Captures> lists of the items by a field's value
---@field map fun(self: casebook.logs.Captures, field: string|fun(item: casebook.logs.Capture): any): any[] a list of one field
---@field sort fun(self: casebook.logs.Captures, field: string, order?: "asc"|"desc"): casebook.logs.Captures the items in the order of a field
---@field take fun(self: casebook.logs.Captures, n: integer): casebook.logs.Captures the first n items
---@field seen fun(self: casebook.logs.Captures): casebook.logs.Captures the items that were seen, as if the list were complete
---@field totable fun(self: casebook.logs.Captures): casebook.logs.Capture[] the items as plain tables, converted at once

---Lines that a pattern matched.
---@class casebook.logs.EvidencePattern
---@field count integer How many; a line counts as often as its logger says that it came.
---@field bound boolean Whether only lines count that the programs of the pattern wrote, as the frame says that the logger put around each. Else what was found may be what a stranger wrote into any log, addresses included.
---@field first? string Time of the first; none if there is no hit.
---@field last? string Time of the last; none if there is no hit.
---@field apart_seconds? number Seconds from the first to the last, where only that is known: lines that carry no time of day.
---@field rate_per_minute? number Hits per minute, from the first to the last; none where that is less than a minute.
---@field per_minute casebook.logs.PerMinutes By minute, of the last day of the span; minutes without a hit are left out.
---@field samples string[] The last hits, with control characters escaped and cut to 300 bytes.
---@field captures table<string, casebook.logs.Captures> For each named group its ten most frequent values.
---@field values table<string, integer> For each named group how many different values it had; where more than 4096 came by, at least so many.

---What the lines of a pattern tell.
---@class casebook.logs.StandsOut
---@field pattern string The pattern.
---@field weight string How grave its lines are: `grave` (one is one too many), `trouble`, or `aside` (they come all day on a healthy host).
---@field count integer How many lines there are.
---@field sentence string Who wrote what, how often, since when: `sshd: 1,204 failed passwords from 6 addresses since 22:41`.

---A list of `casebook.logs.StandsOut` in evidence.
---@class casebook.logs.StandsOuts
---@field [integer] casebook.logs.StandsOut
---@field first fun(self: casebook.logs.StandsOuts, pattern?: table|fun(item: casebook.logs.StandsOut): boolean): casebook.logs.StandsOut? the first item that fits, or nil
---@field where fun(self: casebook.logs.StandsOuts, pattern: table|fun(item: casebook.logs.StandsOut): boolean): casebook.logs.StandsOuts the items that fit
---@field any fun(self: casebook.logs.StandsOuts, pattern?: table|fun(item: casebook.logs.StandsOut): boolean): boolean whether an item fits
---@field all fun(self: casebook.logs.StandsOuts, pattern: table|fun(item: casebook.logs.StandsOut): boolean): boolean whether all items fit
---@field count fun(self: casebook.logs.StandsOuts, pattern?: table|fun(item: casebook.logs.StandsOut): boolean): integer how many items fit
---@field top fun(self: casebook.logs.StandsOuts, field: string|(fun(item: casebook.logs.StandsOut): any), n: integer): casebook.logs.StandsOuts the n items whose field is largest
---@field sum fun(self: casebook.logs.StandsOuts, field: string): number the sum of a field
---@field group fun(self: casebook.logs.StandsOuts, field: string): table<any, casebook.logs.StandsOuts> lists of the items by a field's value
---@field map fun(self: casebook.logs.StandsOuts, field: string|fun(item: casebook.logs.StandsOut): any): any[] a list of one field
---@field sort fun(self: casebook.logs.StandsOuts, field: string, order?: "asc"|"desc"): casebook.logs.StandsOuts the items in the order of a field
---@field take fun(self: casebook.logs.StandsOuts, n: integer): casebook.logs.StandsOuts the first n items
---@field seen fun(self: casebook.logs.StandsOuts): casebook.logs.StandsOuts the items that were seen, as if the list were complete
---@field totable fun(self: casebook.logs.StandsOuts): casebook.logs.StandsOut[] the items as plain tables, converted at once

---What probe `logs` observes: lines of the log files in a span of time, by named patterns with their captures.
---@class casebook.logs.Evidence: casebook.Evidence
---@field dir string The directory that was looked into.
---@field from string The beginning of the span.
---@field to string The end of the span.
---@field files casebook.logs.Files The log files and the files of the journal that were found and may reach into the span. None at all: no such file exists here.
---@field older_files integer Rotated files that were last changed before the span, and files of the journal whose header says that they do not reach into it; they were not read.
---@field lines integer Lines of the span in all files, each entry of the journal one. A line that the logger writes to two files counts in both. Where the journal and the files of a syslog daemon have lines of one minute, these are held to be the same lines, and the larger number counts.
---@field per_minute casebook.logs.PerMinutes They by minute, of the last day of the span; minutes without a line are left out. In a file in order of time, lines that stand up to a minute out of order may count in their neighbours' minute.
---@field patterns table<string, casebook.logs.EvidencePattern> The hits of each pattern, in the order of the parameters. A line that the logger wrote to several files, or that the journal has, too, counts once.
---@field hits integer Hits of all patterns together.
---@field journal? string Where systemd keeps a journal on this host, if it does. Its files are among `files`.

