//! The result of the probe `disk`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// File systems and the devices below them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Length of the window in seconds, as measured; 0 without one.
    pub seconds: f64,
    /// The figures are those that tools printed, not measured here.
    #[serde(default)]
    pub from_text: bool,
    /// File systems that hold files, fullest first, at most 256: those of disks, of memory (`tmpfs`) and of the network.
    /// Left out are those of the kernel itself, images that are full by nature (`squashfs`, `iso9660`, `erofs`), and
    /// the overlays of containers, which are in the figures of what lies below them. One that is mounted several times
    /// is there once.
    pub filesystems: Vec<Filesystem>,
    /// How many file systems are not in `filesystems` because there are more than 256.
    pub filesystems_left_out: u64,
    /// The highest `used_share` of those that can be written to; null when there are none.
    pub fullest_share: Option<f64>,
    /// The highest `inodes_share` of those that can be written to; null when none of them counts inodes.
    pub fullest_inodes_share: Option<f64>,
    /// Mount points of file systems that the kernel made read-only by itself, after errors.
    pub forced_read_only: Vec<String>,
    /// Mount points of file systems that did not answer in two seconds: what uses them hangs.
    pub hanging: Vec<String>,
    /// What each disk and virtual disk did in the window, busiest first, at most 64; those that were never used are left
    /// out. Null without a window.
    pub devices: Option<Vec<Device>>,
    /// How many devices are not in `devices` because there are more than 64.
    pub devices_left_out: u64,
    /// The highest `busy_share` of a device; null without a window or devices.
    pub busiest_share: Option<f64>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filesystem {
    /// Where it is mounted; control characters escaped.
    pub mount_point: String,
    /// Bytes in use as a share of those in use and those available, as `df` has it; null for a file system without size.
    pub used_share: Option<f64>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Bytes in use.
    pub used_bytes: Option<u64>,
    /// Bytes that users other than root can still write.
    pub available_bytes: Option<u64>,
    /// Inodes, one for each file; null for a file system that makes them as needed.
    pub inodes: Option<u64>,
    /// Inodes in use as a share of all: at 1, no file can be made, whatever the space.
    pub inodes_share: Option<f64>,
    /// What is mounted: `/dev/sda1`, `server:/export`, `tmpfs`.
    pub source: String,
    /// Its type: `ext4`, `xfs`, `nfs4` …
    pub kind: String,
    /// Whether it is of the network, or a program's (FUSE): its answer may take any time.
    pub remote: bool,
    /// Whether it cannot be written to: mounted so, or made so.
    pub read_only: bool,
    /// Whether it was mounted to be written to and the kernel made it read-only, as it does after errors.
    pub forced_read_only: bool,
}

/// What a block device did in the window (`/proc/diskstats`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its name: `sda`, `nvme0n1`, `dm-0`, `md0`.
    pub name: String,
    /// Bytes read per second.
    pub read_bytes_per_second: f64,
    /// Bytes written per second.
    pub written_bytes_per_second: f64,
    /// Reads that ended, per second.
    pub reads_per_second: f64,
    /// Writes that ended, per second.
    pub writes_per_second: f64,
    /// Mean time from the request of a read to its end, in milliseconds (`r_await` of iostat); null when there were none.
    pub read_wait_ms: Option<f64>,
    /// The same of writes (`w_await`).
    pub write_wait_ms: Option<f64>,
    /// Share of the window in which it had something to do (`%util`). One that serves many requests at once, as SSDs do,
    /// may be at 1 and have room.
    pub busy_share: f64,
    /// Requests under way, mean of the window (`aqu-sz`).
    pub mean_queue: f64,
    /// Requests under way at the end of the window.
    pub in_flight: u64,
}
