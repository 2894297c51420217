---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `host`.
---@class casebook.host.Params
---@field window? string|number How long to watch.

---Load averages.
---@class casebook.host.Load
---@field one number Over the last minute.
---@field five number Over the last five minutes.
---@field fifteen number Over the last fifteen minutes.
---@field per_cpu? number That of the last minute per CPU that is online: above 1 there is more work than CPUs, or waiting for disks.

---Where the CPUs spent the window.
---@class casebook.host.Cpu
---@field busy_share number Not idle and not waiting for disks.
---@field user_share number In programs, guests and niced programs included (`user`, `nice`).
---@field system_share number In the kernel on behalf of programs (`system`).
---@field softirq_share number In software interrupts, where packets are received (`softirq`).
---@field irq_share number In hardware interrupts (`irq`).
---@field iowait_share number Idle while a disk was busy (`iowait`).
---@field steal_share number Taken by the hypervisor for others (`steal`).
---@field busiest_cpu integer The CPU with the least idle time, counted from 0.
---@field busiest_cpu_share number How much of its own time that CPU was busy.
---@field busiest_softirq_cpu integer The CPU that spent the most time in software interrupts.
---@field busiest_softirq_share number How much of its own time that CPU spent in software interrupts. Close to 1 while others are idle: all packets are received by one CPU.

---Rounds of packet reception over the window.
---@class casebook.host.NetRx
---@field softirqs integer Times that a CPU began to receive packets (`NET_RX`); each handles up to some hundred.
---@field busiest_cpu_share? number Share of these on the CPU with the most; null when there were none.

---Memory.
---@class casebook.host.Memory
---@field total_bytes integer All that the kernel can use.
---@field available_bytes integer What programs could have without swapping (`MemAvailable`; estimated before Linux 3.14).
---@field used_bytes integer Total less available.
---@field used_share number Used as a share of total.
---@field buffers_bytes? integer Buffers of block devices; in `available_bytes` for the most part.
---@field cached_bytes? integer Page cache, shared memory included; in `available_bytes` for the most part.

---Swap.
---@class casebook.host.Swap
---@field total_bytes integer All swap.
---@field used_bytes integer Swap in use.
---@field used_share? number Used as a share of total; null where there is no swap.
---@field moved_pages_per_second? number Pages that went to swap and came from there per second, where tools printed it; null on a live host, whose kernel counts them in /proc/vmstat.

---How much programs waited for CPU, memory and disks; null where the kernel does not measure it.
---@class casebook.host.Pressure
---@field cpu_some number Some waited for a CPU.
---@field memory_some number Some waited for memory.
---@field memory_full number All that were not idle waited for memory.
---@field io_some number Some waited for disks.
---@field io_full number All that were not idle waited for disks.

---Running and blocked threads within the window.
---@class casebook.host.Processes
---@field running integer Threads that run or want to (`procs_running`).
---@field blocked integer Threads that wait for disks and cannot be interrupted (`procs_blocked`).

---Limits of the container; null outside containers.
---@class casebook.host.Limits
---@field memory_bytes? integer The most memory that it may use, in bytes (`memory.max`); null when there is no limit.
---@field memory_used_bytes? integer The memory that it uses, page cache included (`memory.current`).
---@field cpus? number How many CPUs' worth of time it may use (`cpu.max`); null when there is no limit.

---What the kernel says of its clock, when the command began.
---@class casebook.host.Clock
---@field synchronised boolean Something keeps it by a time source (`STA_UNSYNC` is not set).
---@field maximum_error_seconds? number How wrong it is at most by the bookkeeping of what keeps it, in seconds (`maxerror`); none when nothing keeps it.
---@field estimated_error_seconds? number How wrong it is probably, in seconds (`esterror`); none when nothing keeps it.

---What probe `host` observes: load, CPU, memory, swap, pressure, uptime, kernel, distribution, virtualisation, clock.
---@class casebook.host.Evidence: casebook.Evidence
---@field seconds number Length of the window in seconds, as measured.
---@field from_text boolean The figures are those that tools printed, not measured here.
---@field hostname? string Its name (`gethostname`).
---@field kernel? string The kernel's release, as `uname -r` gives it: `6.1.0-18-amd64`.
---@field distribution? string The distribution: `Debian GNU/Linux 12` (`/etc/os-release`).
---@field architecture string The architecture of the CPU: `x86_64`, `aarch64`.
---@field virtualisation? string The hypervisor that the kernel runs on: `kvm`, `qemu`, `xen`, `vmware`, `hyper-v`, `amazon`, `google` …; `unnamed` if there is one that does not say its name, `none` on bare metal, null if it cannot be told.
---@field container? string The container engine that casebook runs in: `docker`, `podman`, `kubernetes`, `lxc`, `wsl` …; null outside containers. Figures that are not limits are then still those of the whole machine.
---@field uptime_seconds? integer Seconds since boot.
---@field cpus? integer CPUs that are online.
---@field load? casebook.host.Load Load averages.
---@field cpu? casebook.host.Cpu Where the CPUs spent the window.
---@field net_rx? casebook.host.NetRx Rounds of packet reception over the window.
---@field memory? casebook.host.Memory Memory.
---@field swap? casebook.host.Swap Swap.
---@field pressure? casebook.host.Pressure How much programs waited for CPU, memory and disks; null where the kernel does not measure it.
---@field processes? casebook.host.Processes Running and blocked threads within the window.
---@field limits? casebook.host.Limits Limits of the container; null outside containers.
---@field clock? casebook.host.Clock What the kernel says of its clock, when the command began.

