//! A walk over the folders of one file system: what takes space, and how many files.
//!
//! It follows no link, enters nothing that is mounted below, and holds the folders on its way open, so that nobody who renames
//! one leads it elsewhere.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat, openat2, statx};

use crate::probe::Context;

/// Folders within folders that are entered; each takes a descriptor while the walk is below it.
const DEEPEST: usize = 100;
/// Folders of the top that are under way at once.
const UNDER_WAY: usize = 8;
/// How many entries one of them may read before it is the turn of the next.
const TURN: usize = 4096;
/// After how many entries the clock is looked at.
const CLOCK_EVERY: u64 = 256;
/// Files with several names that are remembered, to be counted once.
const MOST_LINKED: usize = 1 << 18;

/// What a file system is known by: the device's numbers.
pub(super) type Device = (u32, u32);

/// A folder or file that stands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) bytes: u64,
    pub(super) files: u64,
}

/// A file that is among the largest, or that was written to just now. It is held by a descriptor that opens nothing (`O_PATH`), so
/// that a second look is at the same file.
#[derive(Debug)]
pub(super) struct Large {
    pub(super) bytes: u64,
    pub(super) path: Vec<u8>,
    pub(super) inode: u64,
    /// When it was last written to, in seconds since 1970.
    pub(super) written: i64,
    pub(super) file: OwnedFd,
}

impl PartialEq for Large {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Large {}

impl PartialOrd for Large {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Large {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes).then_with(|| other.path.cmp(&self.path))
    }
}

/// What stands out, and by how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes from which on a folder has a line of its own.
    pub(super) heavy: u64,
    /// Files from which on it has one.
    pub(super) crowded: u64,
    /// How many of the largest files are kept, and of those that were written to lately.
    pub(super) large: usize,
    /// From when on a file was written to lately, in seconds since 1970.
    pub(super) lately: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) complete: bool,
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) bytes: u64,
    /// Folders that could not be opened, and how the first refused.
    pub(super) closed: u64,
    pub(super) refusal: Option<(Vec<u8>, io::Error)>,
    /// Folders that lie too deep.
    pub(super) too_deep: u64,
    /// Whether there were too many files with several names to count each once.
    pub(super) links_left_out: bool,
    pub(super) heavy: Vec<Found>,
    pub(super) crowded: Vec<Found>,
    pub(super) large: Vec<Large>,
    /// Files that are not among the largest and were written to lately.
    pub(super) fresh: Vec<Large>,
}

/// A folder on the way.
struct Frame {
    dir: Dir,
    /// Where its own name begins in the path.
    path_length: usize,
    bytes: u64,
    files: u64,
}

/// The walk below one folder of the top: several are under way at once, so that a large one does not hide the others where time is
/// short.
struct Branch {
    frames: Vec<Frame>,
    path: Vec<u8>,
}

/// What all branches share.
struct Walker {
    limits: Limits,
    device: Device,
    /// The mount, where the kernel numbers them (Linux 5.8): the same file system may be mounted below itself.
    mount: Option<u64>,
    linked: HashSet<u64>,
    largest: BinaryHeap<Reverse<Large>>,
    freshest: BinaryHeap<Reverse<Large>>,
    walked: Walked,
}

/// Walks over the file system that is mounted at `mount`, until `deadline`.
pub(super) fn walk(mount: &Path, limits: Limits, deadline: Instant, cx: &Context) -> io::Result<(Walked, Device)> {
    use std::os::unix::ffi::OsStrExt as _;
    let top = open_mount(mount)?;
    let seen = look(top.as_fd(), c"", AtFlags::EMPTY_PATH)?;
    let device = (seen.stx_dev_major, seen.stx_dev_minor);
    let mut path = mount.as_os_str().as_bytes().to_vec();
    while path.last() == Some(&b'/') {
        path.pop();
    }
    let mut walker = Walker {
        limits,
        device,
        mount: mount_of(&seen),
        linked: HashSet::new(),
        largest: BinaryHeap::new(),
        freshest: BinaryHeap::new(),
        walked: Walked { complete: true, folders: 1, bytes: allocated(&seen), ..Walked::default() },
    };
    let mut root = Frame { dir: Dir::new(top)?, path_length: path.len(), bytes: allocated(&seen), files: 1 };
    let goes_on = |entries: u64| !entries.is_multiple_of(CLOCK_EVERY) || (cx.checkpoint() && Instant::now() < deadline);
    let (mut under_way, mut entries, mut in_time) = (VecDeque::new(), 0_u64, true);
    loop {
        // A further folder of the top, where few are under way; else the one that has waited longest.
        if in_time && under_way.len() < UNDER_WAY {
            entries += 1;
            in_time = goes_on(entries);
            match walker.next(&mut root, &path, 1) {
                Next::Folder(dir, path) => {
                    let path_length = path.len();
                    under_way.push_back(Branch { frames: vec![Frame { dir, path_length, bytes: 0, files: 0 }], path });
                    continue;
                }
                Next::Other => continue,
                Next::End if under_way.is_empty() => break,
                Next::End => {}
            }
        }
        let Some(mut branch) = under_way.pop_front() else { break };
        for _ in 0..TURN {
            entries += 1;
            in_time = in_time && goes_on(entries);
            let depth = branch.frames.len() + 1;
            let Some(frame) = branch.frames.last_mut() else { break };
            // Where the walk is broken off, what it has seen until then counts.
            let next = if in_time { walker.next(frame, &branch.path, depth) } else { Next::End };
            match next {
                Next::Folder(dir, path) => {
                    let path_length = branch.path.len();
                    branch.path = path;
                    branch.frames.push(Frame { dir, path_length, bytes: 0, files: 0 });
                }
                Next::Other => {}
                Next::End => {
                    let Some(frame) = branch.frames.pop() else { break };
                    walker.end(frame, &mut branch.path, branch.frames.last_mut().unwrap_or(&mut root));
                }
            }
        }
        if !branch.frames.is_empty() {
            under_way.push_back(branch);
        }
    }
    walker.list(&root, &path);
    let mut walked = walker.walked;
    walked.complete = in_time;
    let sorted = |heap: BinaryHeap<Reverse<Large>>| heap.into_sorted_vec().into_iter().map(|Reverse(large)| large);
    walked.large = sorted(walker.largest).collect();
    let inodes: HashSet<u64> = walked.large.iter().map(|large| large.inode).collect();
    walked.fresh = sorted(walker.freshest).filter(|fresh| !inodes.contains(&fresh.inode)).collect();
    walked.heavy.sort_by_key(|found| Reverse(found.bytes));
    walked.crowded.sort_by_key(|found| Reverse(found.files));
    Ok((walked, device))
}

/// What comes next in a folder.
enum Next {
    /// A folder, opened, and its path.
    Folder(Dir, Vec<u8>),
    /// Something that is counted by now, or does not count.
    Other,
    End,
}

impl Walker {
    /// Reads one entry of a folder at `depth`, and counts it.
    fn next(&mut self, frame: &mut Frame, path: &[u8], depth: usize) -> Next {
        let entry = match frame.dir.read() {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => {
                self.refused(path.to_vec(), error.into());
                return Next::End;
            }
            None => return Next::End,
        };
        let name = entry.file_name();
        let Ok(folder) = frame.dir.fd() else { return Next::Other };
        if name == c"." || name == c".." {
            return Next::Other;
        }
        // What has gone meanwhile takes no space, and what is mounted here takes none of this file system.
        let seen = match look(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(seen) if self.is_here(&seen) => seen,
            Ok(_) | Err(rustix::io::Errno::NOENT) => return Next::Other,
            Err(error) => {
                self.refused(joined(path, name), error.into());
                return Next::Other;
            }
        };
        let bytes = allocated(&seen);
        frame.files += 1;
        if FileType::from_raw_mode(seen.stx_mode.into()) != FileType::Directory {
            self.walked.files += 1;
            if seen.stx_nlink > 1 && self.is_counted(seen.stx_ino) {
                return Next::Other;
            }
            self.walked.bytes += bytes;
            frame.bytes += bytes;
            self.rank(&seen, folder, path, name);
            return Next::Other;
        }
        self.walked.folders += 1;
        self.walked.bytes += bytes;
        frame.bytes += bytes;
        if depth >= DEEPEST {
            self.walked.too_deep += 1;
            return Next::Other;
        }
        let opened = open(folder, name).and_then(|inner| {
            // It may be another by now.
            let seen = look(inner.as_fd(), c"", AtFlags::EMPTY_PATH)?;
            Ok(if self.is_here(&seen) { Some(Dir::new(inner)?) } else { None })
        });
        match opened {
            Ok(Some(dir)) => Next::Folder(dir, joined(path, name)),
            Ok(None) => Next::Other,
            Err(error) => {
                self.refused(joined(path, name), error);
                Next::Other
            }
        }
    }

    /// Whether what was seen lies on the file system, by the mount that is walked over.
    fn is_here(&self, seen: &Statx) -> bool {
        let mount = mount_of(seen);
        (seen.stx_dev_major, seen.stx_dev_minor) == self.device && (mount.is_none() || mount == self.mount)
    }

    fn refused(&mut self, path: Vec<u8>, error: io::Error) {
        self.walked.closed += 1;
        self.walked.refusal.get_or_insert((path, error));
    }

    /// Whether a file with several names was counted by another of them.
    fn is_counted(&mut self, inode: u64) -> bool {
        if self.linked.contains(&inode) {
            return true;
        }
        if self.linked.len() < MOST_LINKED {
            self.linked.insert(inode);
        } else {
            self.walked.links_left_out = true;
        }
        false
    }

    /// Keeps a file if it is among the largest, or among the largest that were written to lately.
    fn rank(&mut self, seen: &Statx, folder: BorrowedFd<'_>, path: &[u8], name: &CStr) {
        let bytes = allocated(seen);
        if bytes == 0 || FileType::from_raw_mode(seen.stx_mode.into()) != FileType::RegularFile {
            return;
        }
        let most = self.limits.large;
        let fits = |heap: &BinaryHeap<Reverse<Large>>| {
            heap.len() < most || heap.peek().is_some_and(|least| least.0.bytes < bytes)
        };
        let (large, fresh) = (fits(&self.largest), seen.stx_mtime.tv_sec >= self.limits.lately && fits(&self.freshest));
        for (wanted, heap) in [(large, &mut self.largest), (fresh, &mut self.freshest)] {
            if !wanted {
                continue;
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(file) = openat(folder, name, flags, Mode::empty()) else { continue };
            let (inode, written) = (seen.stx_ino, seen.stx_mtime.tv_sec);
            heap.push(Reverse(Large { bytes, path: joined(path, name), inode, written, file }));
            if heap.len() > most {
                heap.pop();
            }
        }
    }

    /// Ends with a folder: it has a line of its own, or its figures are its parent's.
    fn end(&mut self, frame: Frame, path: &mut Vec<u8>, parent: &mut Frame) {
        let (heavy, crowded) = self.list(&frame, path);
        parent.bytes += if heavy { 0 } else { frame.bytes };
        parent.files += if crowded { 0 } else { frame.files };
        path.truncate(frame.path_length);
    }

    /// Gives a folder its lines, and says in which lists it stands.
    fn list(&mut self, frame: &Frame, path: &[u8]) -> (bool, bool) {
        let (heavy, crowded) = (frame.bytes >= self.limits.heavy, frame.files >= self.limits.crowded);
        let shown = if path.is_empty() { b"/".as_slice() } else { path };
        let found = || Found { path: shown.to_vec(), bytes: frame.bytes, files: frame.files };
        if heavy {
            self.walked.heavy.push(found());
        }
        if crowded {
            self.walked.crowded.push(found());
        }
        (heavy, crowded)
    }
}

fn joined(path: &[u8], name: &CStr) -> Vec<u8> {
    [path, b"/", name.to_bytes()].concat()
}

/// Opens a folder without a trace: its time of access stays, where we may ask for that. No link is followed and nothing that is
/// mounted there is entered, where the kernel can be told so (Linux 5.6).
fn open(at: impl AsFd, name: impl rustix::path::Arg + Copy) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let within = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let open = |flags| match openat2(&at, name, flags, Mode::empty(), within) {
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => openat(&at, name, flags, Mode::empty()),
        other => other,
    };
    match open(flags | OFlags::NOATIME) {
        Err(rustix::io::Errno::PERM) => Ok(open(flags)?),
        other => Ok(other?),
    }
}

/// Opens the folder that a file system is mounted at.
fn open_mount(mount: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, mount, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Looks at a file without asking a server for news, and without having anything mounted.
pub(super) fn look(at: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> rustix::io::Result<Statx> {
    let quiet = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    statx(at, name, flags | quiet, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)
}

fn mount_of(seen: &Statx) -> Option<u64> {
    (seen.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(seen.stx_mnt_id)
}

/// Bytes that it takes on the disk: holes take none.
pub(super) fn allocated(seen: &Statx) -> u64 {
    seen.stx_blocks.saturating_mul(512)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn walked(mount: &Path, limits: Limits) -> Walked {
        walk(mount, limits, Instant::now() + Duration::from_secs(60), &Context::alone()).unwrap().0
    }

    fn names(found: &[Found], top: &Path) -> Vec<(String, u64)> {
        use std::os::unix::ffi::OsStrExt as _;
        let short = |path: &[u8]| String::from_utf8_lossy(&path[top.as_os_str().as_bytes().len()..]).into_owned();
        found.iter().map(|found| (short(&found.path), found.files)).collect()
    }

    #[test]
    fn a_folder_has_the_bytes_that_no_folder_in_the_list_below_it_has() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir_all(at("var/log/app")).unwrap();
        fs::create_dir_all(at("var/small")).unwrap();
        fs::write(at("var/log/app/big"), vec![1; 2 << 20]).unwrap();
        fs::write(at("var/log/one"), vec![1; 3 << 19]).unwrap();
        for number in 0..8 {
            fs::write(at(&format!("var/small/{number}")), vec![1; 1 << 17]).unwrap();
        }
        fs::hard_link(at("var/log/app/big"), at("var/again")).unwrap();
        std::os::unix::fs::symlink("/usr", at("var/elsewhere")).unwrap();
        let limits = Limits { heavy: 1 << 20, crowded: 9, large: 2, lately: i64::MAX };
        let seen = walked(top.path(), limits);
        assert!(seen.complete && seen.closed == 0);
        assert_eq!((seen.files, seen.folders), (12, 5), "the link that leads elsewhere is a file, and is not followed");
        let heavy: Vec<String> = names(&seen.heavy, top.path()).into_iter().map(|(name, _)| name).collect();
        let mut sorted = heavy.clone();
        sorted.sort();
        assert!(sorted.contains(&"/var/log".to_owned()) && sorted.contains(&"/var/small".to_owned()), "{heavy:?}");
        assert!(seen.bytes >= (2 << 20) + (3 << 19) + (8 << 17) && seen.bytes < 6 << 20, "{}", seen.bytes);
        let listed: u64 = seen.heavy.iter().map(|found| found.bytes).sum();
        assert!(listed <= seen.bytes, "no byte is in the list twice");
        assert_eq!(seen.large.len(), 2);
        assert!(seen.large[0].bytes >= seen.large[1].bytes && seen.large[1].bytes >= 1 << 20);
    }

    #[test]
    fn a_walk_without_time_says_that_it_is_not_complete_and_tells_what_it_saw() {
        let top = tempfile::tempdir().unwrap();
        for number in 0..1000 {
            fs::write(top.path().join(number.to_string()), b"x").unwrap();
        }
        let limits = Limits { heavy: 1, crowded: 1, large: 1, lately: i64::MAX };
        let (seen, _) = walk(top.path(), limits, Instant::now(), &Context::alone()).unwrap();
        assert!(!seen.complete && seen.files > 100 && seen.files < 1000, "{}", seen.files);
        assert_eq!(seen.crowded.len(), 1);
    }

    #[test]
    fn what_lies_too_deep_is_counted_and_not_entered() {
        let top = tempfile::tempdir().unwrap();
        let mut deep = top.path().to_owned();
        for _ in 0..DEEPEST + 5 {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
        let seen = walked(top.path(), Limits { heavy: u64::MAX, crowded: u64::MAX, large: 1, lately: i64::MAX });
        assert_eq!((seen.too_deep, seen.complete), (1, true));
    }
}
