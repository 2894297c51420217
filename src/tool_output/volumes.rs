//! File systems and deleted files as they were printed.

use serde_json::{Value, json};

/// File systems that are full by nature.
const IMAGES: [&str; 4] = ["squashfs", "iso9660", "erofs", "udf"];
/// File systems of other hosts, or of programs.
const REMOTE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "fuse"];

/// File systems whose files have the number of a block device.
const ON_BLOCKS: [&str; 12] =
    ["ext2", "ext3", "ext4", "xfs", "f2fs", "jfs", "reiserfs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk"];
/// Folders that file systems in memory are mounted at, most often.
const IN_MEMORY: [&str; 4] = ["/run/", "/var/run/", "/var/lock/", "/tmp/"];

/// A row of `df`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filesystem {
    pub source: String,
    pub kind: String,
    pub mount: String,
    /// The figures are of inodes.
    pub of_inodes: bool,
    pub total: Option<u64>,
    pub used: Option<u64>,
    pub available: Option<u64>,
    pub share: Option<f64>,
    /// They were rounded, as `-h` does.
    pub rounded: bool,
    /// They were printed by a `df` that asks every file system there is.
    pub asked_all: bool,
}

/// A file without a name that a process holds open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deleted {
    pub path: String,
    pub bytes: u64,
    pub inode: u64,
    /// As it was printed: `8,2`.
    pub device: String,
    pub name: String,
    pub user: String,
    pub pid: i32,
    pub descriptor: Option<u32>,
    pub holders: u64,
}

impl Filesystem {
    /// Whether it holds files of its own. Images are full by nature, and what lies below an overlay is there itself.
    pub(super) fn holds_files(&self) -> bool {
        let image = IMAGES.contains(&self.kind.as_str())
            || self.source.starts_with("/dev/loop") && self.share == Some(1.0)
            || self.mount.starts_with("/snap/")
            || self.source.starts_with("/dev/sr");
        let of_kernel = matches!(self.source.as_str(), "udev" | "devtmpfs" | "none" | "efivarfs");
        let overlay = self.source == "overlay" && self.mount != "/";
        !image && !of_kernel && !overlay
    }

    /// Whether it is the same file system as the other, printed again: as large, but for what was rounded.
    pub(super) fn is_again(&self, other: &Filesystem) -> bool {
        let close = |(a, b): (u64, u64)| a.abs_diff(b) <= if self.rounded || other.rounded { a.max(b) / 16 } else { 0 };
        self.source == other.source && self.mount == other.mount && self.total.zip(other.total).is_none_or(close)
    }

    /// Whether a file can lie on it, as far as its device tells. What is in memory, of the network, an overlay or of btrfs has one
    /// that is 0,N; and only btrfs has such where the source is a disk, which is mounted at several places then most often.
    pub(super) fn may_hold(&self, file: &Deleted, at_several_places: bool) -> bool {
        let Some(major) = file.device.split_once(',').and_then(|(major, _)| major.parse::<u32>().ok()) else {
            return true;
        };
        let of_disk = self.source.starts_with("/dev/");
        if major != 0 {
            return of_disk || matches!(self.source.as_str(), "" | "rootfs");
        }
        // What lies in such a folder is of a mount there, which need not be printed.
        let in_memory = self.mount == "/" && IN_MEMORY.iter().any(|folder| file.path.starts_with(folder));
        let without_block = match self.kind.as_str() {
            "" => !of_disk || at_several_places,
            kind => !ON_BLOCKS.contains(&kind),
        };
        without_block && !in_memory
    }

    /// Whether it is of the network, or a program's.
    pub(super) fn is_remote(&self) -> bool {
        let by_source = self.source.starts_with("//") || self.source.contains(":/");
        by_source || REMOTE.iter().any(|kind| self.kind == *kind || self.kind.starts_with(&format!("{kind}.")))
    }
}

impl Deleted {
    /// As the probe `space` tells it.
    pub(super) fn json(&self) -> Value {
        json!({
            "path": self.path, "bytes": self.bytes, "inode": self.inode, "holders": self.holders,
            "descriptor": self.descriptor,
            "process": {"pid": self.pid, "name": self.name, "user": self.user, "unit": null},
        })
    }
}
