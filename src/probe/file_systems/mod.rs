//! File systems that hold files: which are mounted where, and how full each is.

pub(super) mod fill;
pub(super) mod mounts;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use self::fill::Answer;
use self::mounts::Mount;
use crate::case::{Gap, Reason};
use crate::printable::printable;

/// How long a file system may take to say how full it is. A healthy server answers in milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// File systems that are asked: a host with a thousand containers has some thousands.
pub(super) const MOST_ASKED: usize = 4096;

/// A file system that can be looked into.
#[derive(Debug)]
pub(in crate::probe) struct Place {
    pub(in crate::probe) path: PathBuf,
    pub(in crate::probe) mount_point: String,
    pub(in crate::probe) kind: String,
    pub(in crate::probe) source: String,
    pub(in crate::probe) bytes: u64,
    pub(in crate::probe) used: u64,
    pub(in crate::probe) available: u64,
    /// None where the file system makes them as needed.
    pub(in crate::probe) inodes: Option<u64>,
    pub(in crate::probe) inodes_used: Option<u64>,
}

/// The device that a path lies on; it is not opened, no server is asked, and nothing is mounted for it.
fn device(path: &Path) -> std::io::Result<(u32, u32)> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let seen = statx(CWD, path, flags, StatxFlags::BASIC_STATS)?;
    Ok((seen.stx_dev_major, seen.stx_dev_minor))
}

/// The file system that `wanted` lies on; of none the fullest that can be written to, by space or by inodes. Those of the network are
/// not looked into.
pub(in crate::probe) fn place(wanted: Option<&str>) -> Result<Place, Gap> {
    let tried = || match wanted {
        Some(wanted) => format!("find the file system of {}", printable(wanted)),
        None => "find the fullest file system".to_owned(),
    };
    let mountinfo = fs::read("/proc/thread-self/mountinfo")
        .map_err(|error| Gap::io("list what is mounted (/proc/self/mountinfo)", &error))?;
    let mut mounts = mounts::storage(&mountinfo);
    if let Some(wanted) = wanted {
        let whole = Path::new(wanted);
        if !whole.is_absolute() || whole.components().any(|part| part == Component::ParentDir) {
            let gap = Gap::new(Reason::Malformed, tried(), "that is no absolute path");
            return Err(gap.to_fix("give a path from / on, without .."));
        }
        // What is given names a mount, and is never opened itself.
        let holds = |mount: &Mount| Path::new(wanted).starts_with(printable(mount.path.as_os_str().as_encoded_bytes()));
        mounts.retain(holds);
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.as_os_str().len()));
        mounts.truncate(1);
        if mounts.first().is_some_and(Mount::is_remote) {
            let gap = Gap::new(Reason::Absent, tried(), "it is of the network, and would be read over it");
            return Err(gap.to_fix("look on its server"));
        }
        let at = mounts.first().and_then(|mount| device(&mount.path).ok());
        match device(Path::new(wanted)) {
            Ok(device) if at.is_none_or(|at| at == device) => {}
            Ok(_) => {
                let gap = Gap::new(
                    Reason::Absent,
                    tried(),
                    "a link leads elsewhere, or what is mounted there holds no files of anybody",
                );
                return Err(gap.to_fix("give the path without links (realpath)"));
            }
            // The name of a mount with control characters is escaped, and is that of no file.
            Err(_)
                if mounts
                    .first()
                    .is_some_and(|mount| printable(mount.path.as_os_str().as_encoded_bytes()) == wanted) => {}
            Err(error) => return Err(Gap::io(tried(), &error)),
        }
    } else {
        mounts.retain(|mount| !mount.is_remote() && !mount.mount_read_only && !mount.super_read_only);
    }
    mounts.truncate(MOST_ASKED);
    let fullest = mounts.iter().zip(fill::ask(&mounts, Instant::now() + PATIENCE)).filter_map(|(mount, answer)| {
        let Answer::Space(space) = answer else { return None };
        let share = space.used_share()?.max(space.inodes_share().unwrap_or(0.0));
        Some((share, mount, space))
    });
    // A single file may be mounted, too, as containers do; of equals the first is the one that holds folders.
    let folders = fullest.filter(|(_, mount, _)| mount.path.is_dir());
    let most = folders.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let Some((_, mount, space)) = most else {
        return Err(Gap::new(Reason::Absent, tried(), "there is none that holds files and answers"));
    };
    let inodes = Some(space.inodes).filter(|inodes| *inodes > 0);
    Ok(Place {
        mount_point: printable(mount.path.as_os_str().as_encoded_bytes()),
        path: mount.path.clone(),
        kind: printable(&mount.kind),
        source: printable(&mount.source),
        bytes: space.bytes,
        used: space.used,
        available: space.available,
        inodes,
        inodes_used: inodes.map(|inodes| inodes.saturating_sub(space.inodes_free)),
    })
}
