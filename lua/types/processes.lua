---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `processes`.
---@class casebook.processes.Params
---@field window? string|number How long to watch. 0 looks once: everything but CPU time and I/O.
---@field limit? integer Most processes in each list: 1 to 200.

---The process.
---@class casebook.processes.Process
---@field pid integer Process id.
---@field name string Its name (`/proc/PID/comm`, 15 bytes at most), control characters escaped.
---@field user? string The user that it runs as.
---@field unit? string The systemd unit or container from its cgroup.

---What it read and wrote in the window; null without a window, and where it may not be seen.
---@class casebook.processes.Io
---@field read_bytes integer Bytes returned by `read` of any kind, files, pipes and sockets (`rchar`).
---@field written_bytes integer Bytes passed to `write` of any kind, files, pipes and sockets (`wchar`), and `/dev/null` too.
---@field disk_read_bytes integer Bytes fetched from storage (`read_bytes`).
---@field disk_written_bytes integer Bytes sent to storage (`write_bytes`).

---A process and what it uses.
---@class casebook.processes.TopCpu
---@field process casebook.processes.Process The process.
---@field cpu_share? number CPU time in the window as a share of one CPU, all its threads together: above 1 when it uses several. Null without a window.
---@field resident_bytes integer Memory that it holds, in bytes; what it shares with others is in each one's figure. The kernel's figure lags behind by some hundred kB.
---@field io? casebook.processes.Io What it read and wrote in the window; null without a window, and where it may not be seen.
---@field open_files? integer Its open files, sockets and pipes (Linux 6.2; before, only where its descriptors may be listed).
---@field open_files_limit? integer How many it may open (`RLIMIT_NOFILE`, the soft limit); null for no limit, and where it could not be seen.
---@field open_files_share? number `open_files` as a share of `open_files_limit`. At 1, it cannot accept a connection.
---@field ended_children_cpu_share? number CPU time of its children that ended within the window and that it waited for, as a share of one CPU; theirs from before the window is in it too.
---@field state string Its state, as in `states`.
---@field parent? integer Its parent's id; none for the first process and the first thread of the kernel.
---@field kernel boolean Whether it is a thread of the kernel.
---@field age_seconds? number How long ago it began, in seconds.
---@field threads integer Its threads.
---@field waits_in? string Where in the kernel it waits (`/proc/PID/wchan`), of blocked ones, where that may be seen.

---A list of `casebook.processes.TopCpu` in evidence.
---@class casebook.processes.TopCpus
---@field [integer] casebook.processes.TopCpu
---@field first fun(self: casebook.processes.TopCpus, pattern?: table|fun(item: casebook.processes.TopCpu): boolean): casebook.processes.TopCpu? the first item that fits, or nil
---@field where fun(self: casebook.processes.TopCpus, pattern: table|fun(item: casebook.processes.TopCpu): boolean): casebook.processes.TopCpus the items that fit
---@field any fun(self: casebook.processes.TopCpus, pattern?: table|fun(item: casebook.processes.TopCpu): boolean): boolean whether an item fits
---@field count fun(self: casebook.processes.TopCpus, pattern?: table|fun(item: casebook.processes.TopCpu): boolean): integer how many items fit
---@field top fun(self: casebook.processes.TopCpus, field: string, n?: integer): casebook.processes.TopCpus the n items whose field is largest
---@field sum fun(self: casebook.processes.TopCpus, field: string): number the sum of a field
---@field group fun(self: casebook.processes.TopCpus, field: string): table<any, casebook.processes.TopCpus> lists of the items by a field's value
---@field map fun(self: casebook.processes.TopCpus, field: string|fun(item: casebook.processes.TopCpu): any): any[] a list of one field
---@field sort fun(self: casebook.processes.TopCpus, field: string, order?: "desc"): casebook.processes.TopCpus the items in the order of a field
---@field totable fun(self: casebook.processes.TopCpus): casebook.processes.TopCpu[] the items as plain tables, converted at once

---A process that does not wait for its children.
---@class casebook.processes.ZombieParent
---@field process casebook.processes.Process The process.
---@field zombies integer Its children that have ended.

---A list of `casebook.processes.ZombieParent` in evidence.
---@class casebook.processes.ZombieParents
---@field [integer] casebook.processes.ZombieParent
---@field first fun(self: casebook.processes.ZombieParents, pattern?: table|fun(item: casebook.processes.ZombieParent): boolean): casebook.processes.ZombieParent? the first item that fits, or nil
---@field where fun(self: casebook.processes.ZombieParents, pattern: table|fun(item: casebook.processes.ZombieParent): boolean): casebook.processes.ZombieParents the items that fit
---@field any fun(self: casebook.processes.ZombieParents, pattern?: table|fun(item: casebook.processes.ZombieParent): boolean): boolean whether an item fits
---@field count fun(self: casebook.processes.ZombieParents, pattern?: table|fun(item: casebook.processes.ZombieParent): boolean): integer how many items fit
---@field top fun(self: casebook.processes.ZombieParents, field: string, n?: integer): casebook.processes.ZombieParents the n items whose field is largest
---@field sum fun(self: casebook.processes.ZombieParents, field: string): number the sum of a field
---@field group fun(self: casebook.processes.ZombieParents, field: string): table<any, casebook.processes.ZombieParents> lists of the items by a field's value
---@field map fun(self: casebook.processes.ZombieParents, field: string|fun(item: casebook.processes.ZombieParent): any): any[] a list of one field
---@field sort fun(self: casebook.processes.ZombieParents, field: string, order?: "desc"): casebook.processes.ZombieParents the items in the order of a field
---@field totable fun(self: casebook.processes.ZombieParents): casebook.processes.ZombieParent[] the items as plain tables, converted at once

---What probe `processes` observes: the processes that use most CPU time, memory, storage and open files; those that hang.
---@class casebook.processes.Evidence: casebook.Evidence
---@field seconds number Length of the window in seconds, as measured; 0 without one.
---@field processes integer Processes at the end of the window, threads of the kernel included.
---@field threads integer Threads of all of them.
---@field states table<string, integer> Processes by state, at the end of the window: `running`, `sleeping`, `disk_sleep` (waits for a disk or a network file system and cannot be killed), `zombie` (ended, and its parent does not ask), `stopped`, `traced`, `idle` (of the kernel), `dead`, `other`. All are there, with 0 where there are none.
---@field began? integer Processes that began within the window and were still there at its end; null without a window.
---@field ended? integer Processes that were there at the beginning and not at the end: what they did in the window is not in the lists; null without a window.
---@field forks? integer Processes and threads that were begun in the window (`/proc/stat`: processes), those that ended too.
---@field complete boolean Whether all processes were looked at in time. When false, the figures are of the part that was.
---@field top_cpu? casebook.processes.TopCpus Those that used most CPU time in the window; only those that used some. Null without a window.
---@field top_memory casebook.processes.TopCpus Those that hold most memory.
---@field top_disk? casebook.processes.TopCpus Those that read from and wrote to storage most in the window; only those that did. Null without a window.
---@field top_io? casebook.processes.TopCpus Those that read and wrote most in the window by `read` and `write`, from and to files, pipes and sockets; only those that did. Null without a window.
---@field top_open_files? casebook.processes.TopCpus Those that are nearest to their limit of open files, of those with 200 or more.
---@field blocked casebook.processes.TopCpus Processes that wait for a disk or a network file system (`disk_sleep`).
---@field zombie_parents casebook.processes.ZombieParents Processes whose ended children wait for them to ask (`zombie`), those with most first.

