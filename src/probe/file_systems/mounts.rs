//! Which file systems are mounted where, by the text of `/proc/self/mountinfo`.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// Types that hold no files of anybody, or are full by nature.
const NOT_STORAGE: &[&str] = &[
    "autofs",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cramfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "romfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "squashfs",
    "sysfs",
    "tracefs",
    "udf",
];

/// Types whose server is elsewhere; those of programs (`fuse`, `fuse.sshfs`) are treated alike.
const REMOTE: &[&str] = &[
    "9p",
    "afs",
    "ceph",
    "cifs",
    "coda",
    "glusterfs",
    "gfs2",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) struct Mount {
    /// `major:minor` of the file system.
    device: String,
    pub(in crate::probe) path: PathBuf,
    pub(in crate::probe) source: Vec<u8>,
    pub(in crate::probe) kind: String,
    /// Whether all of it is mounted, not a folder of it.
    whole: bool,
    /// Whether this mount may not be written to.
    pub(in crate::probe) mount_read_only: bool,
    /// Whether the file system may not be written to, wherever it is mounted.
    pub(in crate::probe) super_read_only: bool,
}

impl Mount {
    fn from_line(line: &[u8]) -> Option<Self> {
        // 36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
        let dash = words.iter().position(|word| *word == b"-")?;
        let after = |place: usize| words.get(dash + place).copied();
        Some(Mount {
            device: String::from_utf8_lossy(words.get(2)?).into_owned(),
            path: PathBuf::from(OsString::from_vec(unescape(words.get(4)?))),
            source: unescape(after(2)?),
            kind: String::from_utf8_lossy(after(1)?).into_owned(),
            whole: *words.get(3)? == b"/",
            mount_read_only: is_read_only(words.get(5)?),
            super_read_only: after(3).is_some_and(is_read_only),
        })
    }

    /// Whether its answer may take any time.
    pub(in crate::probe) fn is_remote(&self) -> bool {
        REMOTE.contains(&self.kind.as_str()) || self.kind == "fuse" || self.kind.starts_with("fuse.")
    }

    /// Whether the kernel made it read-only by itself: whoever mounts it read-only sets both.
    pub(in crate::probe) fn is_forced_read_only(&self) -> bool {
        self.super_read_only && !self.mount_read_only
    }

    fn is_storage(&self) -> bool {
        !NOT_STORAGE.contains(&self.kind.as_str()) && (self.kind != "overlay" || self.path == *"/")
    }
}

/// The file systems that hold files, each where it is best seen: as a whole, at its shortest path.
pub(in crate::probe) fn storage(mountinfo: &[u8]) -> Vec<Mount> {
    let all: Vec<Mount> = mountinfo.split(|byte| *byte == b'\n').filter_map(Mount::from_line).collect();
    // What is mounted later on the same path hides what was there.
    let top: HashMap<&PathBuf, usize> = all.iter().enumerate().map(|(number, mount)| (&mount.path, number)).collect();
    let visible = |number: usize, mount: &Mount| top.get(&mount.path) == Some(&number);
    let mut seen: Vec<&Mount> = all
        .iter()
        .enumerate()
        .filter(|(number, mount)| visible(*number, mount) && mount.is_storage())
        .map(|it| it.1)
        .collect();
    seen.sort_by_key(|mount| (!mount.whole, mount.path.as_os_str().len(), mount.path.clone()));
    let mut devices = HashSet::new();
    seen.retain(|mount| devices.insert(mount.device.clone()));
    seen.into_iter().cloned().collect()
}

/// The folders of the file system that is mounted at a path which another is mounted over, at most so many, by the text of
/// `mountinfo`. What holds no files is left out where it lies in its usual place: below it is nothing of anybody.
pub(in crate::probe) fn over(mountinfo: &[u8], path: &Path, most: usize) -> Vec<Vec<u8>> {
    let words = |line: &[u8]| -> Option<(u64, u64, Vec<u8>)> {
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
        let (id, parent) = (number()?, number()?);
        Some((id, parent, unescape(words.nth(2)?)))
    };
    let all: Vec<(u64, u64, Vec<u8>)> = mountinfo.split(|byte| *byte == b'\n').filter_map(words).collect();
    let is_it = |of: &&(u64, u64, Vec<u8>)| of.2 == path.as_os_str().as_bytes();
    let Some(own) = all.iter().rev().find(is_it).map(|of| of.0) else { return Vec::new() };
    let usual = |place: &[u8]| ["/proc", "/sys", "/dev", "/run"].iter().any(|usual| usual.as_bytes() == place);
    let mut over: Vec<Vec<u8>> = all.into_iter().filter(|of| of.1 == own && !usual(&of.2)).map(|of| of.2).collect();
    over.sort();
    over.dedup();
    over.truncate(most);
    over
}

fn is_read_only(options: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|option| option == b"ro" || option == b"emergency_ro")
}

/// Spaces, tabs, line feeds and backslashes are written as `\040`.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let octal = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = br"22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 254:0 /srv /srv/bind ro,relatime shared:4 - ext4 /dev/vda rw,discard
29 27 8:1 / /data rw,relatime - ext4 /dev/sda1 ro,errors=remount-ro
30 27 8:2 / /media/my\040disk ro,relatime - vfat /dev/sdb2 ro
31 27 0:44 / /mnt/nfs rw - nfs4 server:/export rw,hard
32 27 0:45 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
33 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
34 27 0:46 / /mnt/over rw - tmpfs tmpfs rw
35 27 0:47 / /mnt/over rw - tmpfs hides rw
36 27 0:48 / /mnt/auto rw - autofs systemd-1 rw
";

    #[test]
    fn folders_that_are_mounted_over_are_told() {
        let over = |path: &str, most| -> Vec<String> {
            over(TEXT, Path::new(path), most).into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
        };
        let root = ["/data", "/media/my disk", "/mnt/auto", "/mnt/nfs", "/mnt/over", "/snap/core/1", "/srv/bind"];
        let mut all = root.to_vec();
        all.push("/var/lib/docker/overlay2/x/merged");
        assert_eq!(over("/", 64), all);
        assert_eq!(over("/", 2), &root[..2]);
        assert_eq!((over("/data", 64).len(), over("/nowhere", 64).len()), (0, 0));
    }

    #[test]
    fn what_holds_files_is_there_once_and_what_does_not_is_left_out() {
        let mounts = storage(TEXT);
        let paths: Vec<&str> = mounts.iter().map(|mount| mount.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/", "/data", "/mnt/nfs", "/mnt/over", "/media/my disk"]);
        assert_eq!(mounts[3].source, b"hides");
        assert!(mounts[2].is_remote() && !mounts[0].is_remote());
    }

    #[test]
    fn a_file_system_that_the_kernel_made_read_only_is_told_from_one_that_was_mounted_so() {
        let mounts = storage(TEXT);
        let forced: Vec<bool> = mounts.iter().map(Mount::is_forced_read_only).collect();
        assert_eq!(forced, [false, true, false, false, false]);
        assert!(mounts[4].mount_read_only && mounts[4].super_read_only);
    }

    #[test]
    fn the_overlay_of_a_container_is_seen_from_within() {
        let text = b"1 0 0:45 / / rw - overlay overlay rw\n";
        assert_eq!(storage(text).len(), 1);
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stays() {
        assert_eq!(unescape(br"a\040b\134c\09\"), b"a b\\c\\09\\");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8.., 0..200), words in "([0-9:/a-z\\\\]{0,6}[ \n-]){0,60}") {
            let _ = (storage(&bytes), storage(words.as_bytes()));
        }
    }
}
