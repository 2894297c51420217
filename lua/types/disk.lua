---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `disk`.
---@class casebook.disk.Params
---@field window? string|number How long to watch the devices. 0 looks at the file systems only.

---A file system.
---@class casebook.disk.Filesystem
---@field mount_point string Where it is mounted; control characters escaped.
---@field used_share? number Bytes in use as a share of those in use and those available, as `df` has it; null for a file system without size.
---@field bytes? integer Its size in bytes.
---@field used_bytes? integer Bytes in use.
---@field available_bytes? integer Bytes that users other than root can still write.
---@field inodes? integer Inodes, one for each file; null for a file system that makes them as needed.
---@field inodes_share? number Inodes in use as a share of all: at 1, no file can be made, whatever the space.
---@field source string What is mounted: `/dev/sda1`, `server:/export`, `tmpfs`.
---@field kind string Its type: `ext4`, `xfs`, `nfs4` …
---@field remote boolean Whether it is of the network, or a program's (FUSE): its answer may take any time.
---@field read_only boolean Whether it cannot be written to: mounted so, or made so.
---@field forced_read_only boolean Whether it was mounted to be written to and the kernel made it read-only, as it does after errors.

---A list of `casebook.disk.Filesystem` in evidence.
---@class casebook.disk.Filesystems
---@field [integer] casebook.disk.Filesystem
---@field first fun(self: casebook.disk.Filesystems, pattern?: table|fun(item: casebook.disk.Filesystem): boolean): casebook.disk.Filesystem? the first item that fits, or nil
---@field where fun(self: casebook.disk.Filesystems, pattern: table|fun(item: casebook.disk.Filesystem): boolean): casebook.disk.Filesystems the items that fit
---@field any fun(self: casebook.disk.Filesystems, pattern?: table|fun(item: casebook.disk.Filesystem): boolean): boolean whether an item fits
---@field count fun(self: casebook.disk.Filesystems, pattern?: table|fun(item: casebook.disk.Filesystem): boolean): integer how many items fit
---@field top fun(self: casebook.disk.Filesystems, field: string, n?: integer): casebook.disk.Filesystems the n items whose field is largest
---@field sum fun(self: casebook.disk.Filesystems, field: string): number the sum of a field
---@field group fun(self: casebook.disk.Filesystems, field: string): table<any, casebook.disk.Filesystems> lists of the items by a field's value
---@field map fun(self: casebook.disk.Filesystems, field: string|fun(item: casebook.disk.Filesystem): any): any[] a list of one field
---@field sort fun(self: casebook.disk.Filesystems, field: string, order?: "desc"): casebook.disk.Filesystems the items in the order of a field
---@field totable fun(self: casebook.disk.Filesystems): casebook.disk.Filesystem[] the items as plain tables, converted at once

---What a block device did in the window (`/proc/diskstats`).
---@class casebook.disk.Device
---@field name string Its name: `sda`, `nvme0n1`, `dm-0`, `md0`.
---@field read_bytes_per_second number Bytes read per second.
---@field written_bytes_per_second number Bytes written per second.
---@field reads_per_second number Reads that ended, per second.
---@field writes_per_second number Writes that ended, per second.
---@field read_wait_ms? number Mean time from the request of a read to its end, in milliseconds (`r_await` of iostat); null when there were none.
---@field write_wait_ms? number The same of writes (`w_await`).
---@field busy_share number Share of the window in which it had something to do (`%util`). One that serves many requests at once, as SSDs do, may be at 1 and have room.
---@field mean_queue number Requests under way, mean of the window (`aqu-sz`).
---@field in_flight integer Requests under way at the end of the window.

---A list of `casebook.disk.Device` in evidence.
---@class casebook.disk.Devices
---@field [integer] casebook.disk.Device
---@field first fun(self: casebook.disk.Devices, pattern?: table|fun(item: casebook.disk.Device): boolean): casebook.disk.Device? the first item that fits, or nil
---@field where fun(self: casebook.disk.Devices, pattern: table|fun(item: casebook.disk.Device): boolean): casebook.disk.Devices the items that fit
---@field any fun(self: casebook.disk.Devices, pattern?: table|fun(item: casebook.disk.Device): boolean): boolean whether an item fits
---@field count fun(self: casebook.disk.Devices, pattern?: table|fun(item: casebook.disk.Device): boolean): integer how many items fit
---@field top fun(self: casebook.disk.Devices, field: string, n?: integer): casebook.disk.Devices the n items whose field is largest
---@field sum fun(self: casebook.disk.Devices, field: string): number the sum of a field
---@field group fun(self: casebook.disk.Devices, field: string): table<any, casebook.disk.Devices> lists of the items by a field's value
---@field map fun(self: casebook.disk.Devices, field: string|fun(item: casebook.disk.Device): any): any[] a list of one field
---@field sort fun(self: casebook.disk.Devices, field: string, order?: "desc"): casebook.disk.Devices the items in the order of a field
---@field totable fun(self: casebook.disk.Devices): casebook.disk.Device[] the items as plain tables, converted at once

---What probe `disk` observes: file systems and disks: space, inodes, read-only or hanging; load and waiting times.
---@class casebook.disk.Evidence: casebook.Evidence
---@field seconds number Length of the window in seconds, as measured; 0 without one.
---@field filesystems casebook.disk.Filesystems File systems that hold files, fullest first, at most 256: those of disks, of memory (`tmpfs`) and of the network. Left out are those of the kernel itself, images that are full by nature (`squashfs`, `iso9660`, `erofs`), and the overlays of containers, which are in the figures of what lies below them. One that is mounted several times is there once.
---@field filesystems_left_out integer How many file systems are not in `filesystems` because there are more than 256.
---@field fullest_share? number The highest `used_share` of those that can be written to; null when there are none.
---@field fullest_inodes_share? number The highest `inodes_share` of those that can be written to; null when none of them counts inodes.
---@field forced_read_only string[] Mount points of file systems that the kernel made read-only by itself, after errors.
---@field hanging string[] Mount points of file systems that did not answer in two seconds: what uses them hangs.
---@field devices? casebook.disk.Devices What each disk and virtual disk did in the window, busiest first, at most 64; those that were never used are left out. Null without a window.
---@field devices_left_out integer How many devices are not in `devices` because there are more than 64.
---@field busiest_share? number The highest `busy_share` of a device; null without a window or devices.

