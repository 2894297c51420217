//! File systems and deleted files as they were printed.

use serde_json::{Value, json};

/// File systems that are full by nature.
const IMAGES: [&str; 8] =
    ["squashfs", "iso9660", "erofs", "udf", "cramfs", "romfs", "fuse.squashfuse", "fuse.snapfuse"];
/// Folders that images are mounted below, or at: those of snap and AppImage, of firmware, and of systems that run from a medium.
const BELOW_IMAGES: [&str; 3] = ["/snap/", "/var/lib/snapd/snap/", "/tmp/.mount_"];
const AT_IMAGES: [&str; 7] = [
    "/rom",
    "/cdrom",
    "/rofs",
    "/run/live/medium",
    "/lib/live/mount/medium",
    "/run/archiso/bootmnt",
    "/run/initramfs/live",
];
/// What the kernel shows as files, which fills its size by nature: of Linux, and of the BSDs.
const OF_KERNEL: [&str; 10] =
    ["udev", "devtmpfs", "none", "efivarfs", "devfs", "procfs", "fdescfs", "linprocfs", "linsysfs", "kernfs"];
/// Bytes of the largest image that a device without other storage starts from.
const FIRMWARE: u64 = 128 << 20;
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
        let full = self.share == Some(1.0);
        // What can be written to keeps some room, or has a size that its files do not fill to the byte.
        let to_the_byte = full && self.used == self.total && self.total.is_some_and(|total| total <= FIRMWARE);
        let firmware = self.source == "/dev/root" && self.kind.is_empty();
        let image = IMAGES.contains(&self.kind.as_str())
            || self.source.starts_with("/dev/loop") && full
            || BELOW_IMAGES.iter().any(|folder| self.mount.starts_with(folder))
            || AT_IMAGES.contains(&self.mount.as_str()) && full
            || ["/dev/sr", "/dev/cd"].iter().any(|drive| self.source.starts_with(drive))
            || firmware && to_the_byte;
        let of_kernel = OF_KERNEL.contains(&self.source.as_str());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(source: &str, kind: &str, mount: &str, (total, used): (u64, u64)) -> bool {
        let share = Some(used as f64 / total as f64);
        let row = Filesystem {
            source: source.to_owned(),
            kind: kind.to_owned(),
            mount: mount.to_owned(),
            of_inodes: false,
            total: Some(total),
            used: Some(used),
            available: Some(total - used),
            share,
            rounded: true,
            asked_all: false,
        };
        row.holds_files()
    }

    #[test]
    fn what_is_full_by_nature_holds_no_files() {
        const FULL: (u64, u64) = (64 << 20, 64 << 20);
        for (source, kind, mount) in [
            ("/dev/loop3", "", "/snap/core20/1828"),
            ("/dev/loop3", "squashfs", "/var/lib/snapd/snap/core/1"),
            ("snapfuse", "", "/snap/lxd/24061"),
            ("/dev/root", "", "/rom"),
            ("/dev/root", "", "/"),
            ("/dev/mtdblock3", "cramfs", "/"),
            ("/dev/sr0", "", "/media/cdrom0"),
            ("/dev/sdb1", "", "/cdrom"),
            ("viewer.AppImage", "", "/tmp/.mount_viewerXa1"),
            ("devfs", "", "/var/dhcpd/dev"),
            ("procfs", "", "/proc"),
        ] {
            assert!(!holds(source, kind, mount, FULL), "{source} {kind} {mount}");
        }
        for (source, kind, mount, figures) in [
            ("/dev/root", "ext4", "/", FULL),
            ("/dev/root", "", "/", (29 << 30, 29 << 30)),
            ("/dev/mtdblock6", "", "/overlay", FULL),
            ("/dev/loop9", "", "/srv/images", (64 << 20, 63 << 20)),
            ("/dev/sda1", "", "/cdrom", (64 << 20, 63 << 20)),
        ] {
            assert!(holds(source, kind, mount, figures), "{source} {kind} {mount}");
        }
    }
}
