//! File systems and deleted files as they were printed.

use serde_json::{Value, json};

/// File systems that are full by nature.
const IMAGES: [&str; 4] = ["squashfs", "iso9660", "erofs", "udf"];
/// File systems of other hosts, or of programs.
const REMOTE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "glusterfs", "fuse"];

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
}

/// A file without a name that a process holds open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deleted {
    pub path: String,
    pub bytes: u64,
    pub inode: u64,
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
