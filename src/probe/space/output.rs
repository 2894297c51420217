//! The result of the probe `space`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Process;

/// What takes the space of one file system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Space {
    /// Where the file system is mounted; control characters escaped.
    pub mount_point: String,
    /// Its type: `ext4`, `xfs`, `tmpfs` …
    pub kind: String,
    /// What is mounted: `/dev/sda1`, `tmpfs`.
    pub source: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that users other than root can still write.
    pub available_bytes: u64,
    /// Bytes that only root can still write: the reserve of ext4, and what the file system keeps for itself.
    pub reserved_bytes: u64,
    /// Inodes, one for each file; null for a file system that makes them as needed.
    pub inodes: Option<u64>,
    /// Inodes in use; null where they are not counted.
    pub used_inodes: Option<u64>,
    /// Whether all folders were looked at. When false, the lists tell of the part that was.
    pub complete: bool,
    /// Files, links and the like that were looked at.
    pub files: u64,
    /// Folders that were looked at.
    pub folders: u64,
    /// Bytes that these take on the disk. A file with several names is counted once.
    pub seen_bytes: u64,
    /// Folders that take at least 1 % of what is in use, most first, without the bytes of folders that are in the list
    /// themselves.
    pub heavy_folders: Vec<Folder>,
    /// Folders with at least 1 % of the inodes in use, and 1,000, most first, without the files of folders that are in the list
    /// themselves.
    pub crowded_folders: Vec<Folder>,
    /// The largest files, and those of 64 kB and more that were written to in the last two minutes, largest first.
    pub large_files: Vec<LargeFile>,
    /// Files of this file system without a name that processes still hold open, largest first, those of containers that lie in
    /// its folders (`overlay`) too. Their space is free when the last of these closes them. Those that are only mapped into
    /// memory are here as well, but for those of containers.
    pub deleted_files: Vec<DeletedFile>,
    /// Bytes of all of these, those that are not in the list too; null where not all processes were looked at.
    pub deleted_bytes: Option<u64>,
    /// Bytes in use that are neither in files that were seen nor in deleted ones: snapshots, files below a folder that
    /// another file system is mounted over, the file system's own tables; null unless all was looked at, and where the files
    /// lie on another file system (`overlay`).
    pub unseen_bytes: Option<u64>,
    /// Folders of this file system that another one is mounted over, at most 64: what lies in them cannot be seen.
    #[serde(default)]
    pub mounted_over: Vec<String>,
}

/// A folder, with what is below it and not below another in the same list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Folder {
    /// Its path; control characters escaped.
    pub path: String,
    /// Bytes that its files take on the disk.
    pub bytes: u64,
    /// Files, links and folders in it.
    pub files: u64,
    /// Its bytes as a share of those in use; of `crowded_folders` its files as a share of the inodes in use.
    pub share: f64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LargeFile {
    /// Its path; control characters escaped.
    pub path: String,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// Its bytes as a share of those in use.
    pub share: f64,
    /// Seconds since it was last written to.
    pub written_seconds_ago: Option<f64>,
    /// By how many bytes a second it grew while the probe looked; null where it could not be looked at twice.
    pub growth_bytes_per_second: Option<f64>,
    /// A process that has it open, one that writes to it if there is one.
    pub process: Option<Process>,
    /// Whether that process may write to it; null without a process.
    pub writes: Option<bool>,
}

/// A file without a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedFile {
    /// The path that it had; control characters escaped.
    pub path: String,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// A process that holds it open.
    pub process: Process,
    /// The descriptor by which it does: `/proc/PID/fd/DESCRIPTOR` is the file. Null of one that is only mapped into memory.
    pub descriptor: Option<u32>,
    /// Its number on the file system.
    pub inode: u64,
    /// Processes that hold it open.
    pub holders: u64,
}
