//! Reading what the kernel says about its tracepoints.
//!
//! The numbers and fields of tracepoints stand in tracefs, which is mounted on many hosts but not on all. Where it is
//! mounted we read below that mount. Where it is not, we ask the kernel for an instance of the file system that is
//! attached to no directory (`fsopen`, `fsmount`): it appears in no mount table, no path leads to it, other processes
//! cannot see it, and it is gone when the descriptor is closed. Nothing on the host changes: `mount` needs not be run,
//! and `/sys/kernel/debug/tracing` is not touched, because looking below it makes the kernel mount tracefs there.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use crate::case::{Gap, Reason, advice};

/// The longest file that is read: the formats of tracepoints are some kilobytes.
const LONGEST_FILE: u64 = 1 << 20;
/// `FSOPEN_CLOEXEC`.
const OPEN_CLOSE_ON_EXEC: libc::c_uint = 1;
/// `FSCONFIG_CMD_CREATE`.
const COMMAND_CREATE: libc::c_uint = 6;
/// `FSMOUNT_CLOEXEC`.
const MOUNT_CLOSE_ON_EXEC: libc::c_uint = 1;
/// What opening it is called in a gap.
const TRIED: &str = "open tracefs, where the kernel describes its tracepoints";
/// What mounts it where everybody expects it.
const MOUNT: &str = "mount -t tracefs nodev /sys/kernel/tracing";

/// The root of a tracefs.
#[derive(Debug)]
pub struct Tracefs {
    root: OwnedFd,
}

impl Tracefs {
    /// Opens the tracefs that is mounted, or one that is attached nowhere.
    pub fn open() -> Result<Self, Gap> {
        let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
        if let Some(path) = mounted_at(&mounts) {
            let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let root = open(&path, directory, Mode::empty()).map_err(|error| refusal(TRIED.into(), &error.into()))?;
            return Ok(Tracefs { root });
        }
        detached().map(|root| Tracefs { root }).map_err(|error| {
            let gap = refusal(TRIED.into(), &error);
            if gap.reason == Reason::Denied {
                return gap;
            }
            match error.raw_os_error() {
                Some(libc::ENODEV) => Gap { reason: Reason::Absent, why: "this kernel has no tracefs".into(), ..gap },
                Some(libc::ENOSYS) => Gap {
                    reason: Reason::Absent,
                    why: "it is not mounted, and this kernel is too old to open it without (before 5.2)".into(),
                    ..gap
                }
                .to_fix(MOUNT),
                _ => gap.to_fix(MOUNT),
            }
        })
    }

    /// The text of a file: `events/skb/kfree_skb/format`.
    pub fn read(&self, path: &str) -> Result<String, Gap> {
        let gap = |error: &io::Error| refusal(format!("read {path} in tracefs"), error);
        let file = openat(&self.root, path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|error| gap(&error.into()))?;
        let mut text = String::new();
        File::from(file).take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| gap(&error))?;
        Ok(text)
    }
}

/// An error of tracefs as a gap; it refuses with either of two errors.
fn refusal(tried: String, error: &io::Error) -> Gap {
    if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) {
        let mut gap = Gap::denied(tried, "CAP_SYS_ADMIN");
        gap.why = "tracefs is root's: it needs CAP_SYS_ADMIN, and counting tracepoints then needs CAP_PERFMON".into();
        return gap.to_fix(advice::with_capabilities("CAP_SYS_ADMIN and CAP_PERFMON"));
    }
    Gap::io(tried, error)
}

/// An instance of tracefs that is attached to no directory.
fn detached() -> io::Result<OwnedFd> {
    // SAFETY: the name is text that ends with a zero byte and outlives the call; the flag is a plain number.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, c"tracefs".as_ptr(), OPEN_CLOSE_ON_EXEC) })?;
    let nothing = std::ptr::null::<libc::c_char>();
    // SAFETY: the command takes no key and no value, for which the kernel asks null pointers and 0; the descriptor is
    // open until the end of this function.
    let created =
        unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), COMMAND_CREATE, nothing, nothing, 0) };
    if created < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all arguments are plain numbers; the descriptor is open.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), MOUNT_CLOSE_ON_EXEC, 0) })
}

/// The descriptor that a system call has just returned, or its error.
fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: the kernel has just given us this descriptor and nobody else owns it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Where a tracefs is mounted whole, by the text of a mountinfo file.
fn mounted_at(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let kind = source.split(' ').next()?;
        let mut fields = mount.split(' ').skip(3);
        let (root, path) = (fields.next()?, fields.next()?);
        (kind == "tracefs" && root == "/").then(|| PathBuf::from(unescaped(path)))
    })
}

/// A path of a mountinfo file, in which blanks and backslashes stand as three octal digits: `\040`.
fn unescaped(path: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.first_chunk::<3>().and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) if byte == b'\\' => {
                out.push(code);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    std::ffi::OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mounted_tracefs_is_found_wherever_it_is() {
        let mounts = "24 1 0:22 / /sys rw,nosuid - sysfs sysfs rw\n\
                      35 24 0:7 / /sys/kernel/debug rw - debugfs debugfs rw\n\
                      36 24 0:12 / /srv/my\\040traces rw,nosuid shared:9 - tracefs tracefs rw\n";
        assert_eq!(mounted_at(mounts), Some(PathBuf::from("/srv/my traces")));
    }

    #[test]
    fn a_part_of_tracefs_bound_elsewhere_is_not_its_root() {
        assert_eq!(mounted_at("36 24 0:12 /events /mnt rw - tracefs tracefs rw\n"), None);
        assert_eq!(mounted_at("36 24 0:12 / /mnt/tracefs rw - tmpfs tracefs rw\n"), None);
    }

    #[test]
    fn a_detached_tracefs_appears_in_no_mount_table() {
        let Ok(root) = detached() else {
            assert!(std::env::var_os("CI").is_none(), "CI has the privileges for this test");
            eprintln!("skipped: a detached tracefs needs CAP_SYS_ADMIN");
            return;
        };
        let tracefs = Tracefs { root };
        assert!(tracefs.read("events/skb/kfree_skb/id").unwrap().trim().parse::<u64>().is_ok());
        let mounted = || {
            let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            mounts.lines().filter(|line| line.contains(" tracefs ")).count()
        };
        let with_ours = mounted();
        drop(tracefs);
        assert_eq!(with_ours, mounted());
    }

    proptest! {
        #[test]
        fn no_mount_table_makes_it_panic(text in ".*", path in r"[\\0-9a-z/é]*") {
            let _ = mounted_at(&text);
            let _ = mounted_at(&format!("1 1 0:1 / {path} rw - tracefs x rw"));
        }
    }
}
