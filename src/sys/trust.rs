//! Opens files that casebook acts by: runbooks, checks, modules, cases that are run again, maps, tokens, what it keeps.
//!
//! A file is opened once, judged by its descriptor, and read from that descriptor. The way to it is walked folder by folder,
//! each by its descriptor, so that nothing is looked up a second time under a name that somebody could have moved meanwhile.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use super::caller::{self, Caller};
use super::unreadable::{Changeable, Stranger, Unreadable, Untrusted};

/// Whether a file must be one that nobody else can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It must, when this process may do what its caller may not: as root, or with capabilities. `--trust` waives it.
    #[default]
    Required,
    /// It must, whoever runs: it goes before a file that ships with casebook. `--trust` waives it.
    RequiredOfAll,
    /// It must, whoever runs, and nothing waives it: it is casebook's own or the caller's.
    Own,
    /// The operator said that it is trusted, or nothing is done by it.
    Waived,
}

impl Trust {
    /// Who may be able to change the file; none, when it is all the same.
    fn judge(self) -> Option<Judge> {
        let caller = Caller::of_this_process();
        let judged = match self {
            Trust::Required => caller.lends_rights(),
            Trust::RequiredOfAll | Trust::Own => true,
            Trust::Waived => false,
        };
        judged.then_some(Judge { caller, waivable: self != Trust::Own })
    }
}

/// Write permission of the group and of others.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a folder with this bit only the owner of a file can replace it (`S_ISVTX`).
const STICKY: u32 = 0o1000;
/// What a group and others may do with a file.
const GROUP_AND_OTHERS: u32 = 0o077;
/// Links that are followed on one way, as the kernel does.
const MOST_LINKS: usize = 40;
/// Folders above a working directory: more than fit into the longest path.
const MOST_FOLDERS: usize = 4096;
/// Where the kernel gives POSIX access control lists, and the most bytes of one.
const ACL: &str = "system.posix_acl_access";
const LARGEST_ACL: usize = 64 * 1024;

/// Opens a regular file that is about to be acted by.
///
/// # Errors
/// [`Unreadable::Untrusted`] when somebody else could change the file, a folder above it, or a link on the way to it.
pub fn open_trusted(path: &Path, trust: Trust) -> Result<File, Unreadable> {
    caller::as_caller(|| match trust.judge() {
        None => {
            // Without O_NONBLOCK the opening of a named pipe waits for a writer, maybe for ever.
            let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
            regular(&file)?;
            Ok(file)
        }
        Some(judge) => Walk::judged(judge).file(path),
    })
}

/// Opens a regular file below a folder, as [`open_trusted`] does; no link leads out of the folder.
///
/// # Errors
/// [`Unreadable::LeadsOut`] when one does.
pub fn open_beneath(folder: &Path, name: &Path, trust: Trust) -> Result<File, Unreadable> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    caller::as_caller(|| {
        let mut walk = Walk { judge: trust.judge(), ..Walk::default() };
        let start = walk.folder(folder)?;
        walk.depth = Some(0);
        walk.file_from(start, name)
    })
}

/// Opens a regular file that only its owner may read or change: a token, a map of pseudonyms.
///
/// # Errors
/// [`Unreadable::Exposed`] when its mode lets others.
pub fn open_private(path: &Path) -> Result<File, Unreadable> {
    let file = open_trusted(path, Trust::Own)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & GROUP_AND_OTHERS != 0 { Err(Unreadable::Exposed(mode & 0o7777)) } else { Ok(file) }
}

/// Judges a folder, and all above it, as [`open_trusted`] judges a file.
///
/// # Errors
/// As there.
pub fn check_folder(path: &Path, trust: Trust) -> Result<(), Unreadable> {
    caller::as_caller(|| {
        let mut walk = Walk { judge: trust.judge(), ..Walk::default() };
        walk.folder(path)?;
        walk.fault.map_or(Ok(()), |fault| Err(Unreadable::Untrusted(fault)))
    })
}

/// Refuses what is open and is not a regular file.
fn regular(file: &File) -> Result<(), Unreadable> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(Unreadable::NotRegular(match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }))
}

/// Who may own what is acted by.
#[derive(Clone, Copy)]
struct Judge {
    caller: &'static Caller,
    waivable: bool,
}

impl Judge {
    fn untrusted(&self, what: Changeable, path: &Path, who: Stranger) -> Untrusted {
        Untrusted { what, path: path.to_owned(), who, at_stake: self.caller.at_stake, waivable: self.waivable }
    }
}

/// Who can change what has this owner, this group and these permissions, if anybody but its owners can. The list is asked for
/// only when it matters: one that lets somebody write shows as write permission of the group.
fn check_owner(caller: &Caller, stat: &FileStat, list: impl FnOnce() -> List) -> Option<Stranger> {
    let mode = stat.st_mode;
    if !caller.users.contains(&stat.st_uid) {
        return Some(Stranger::Owner(stat.st_uid));
    }
    if mode & OTHERS_WRITE != 0 {
        return Some(Stranger::Everybody);
    }
    if mode & GROUP_WRITES == 0 {
        return None;
    }
    let entries = match list() {
        List::None => vec![Entry { tag: Tag::OwningGroup, writes: true }],
        List::Entries(entries) => entries,
        List::Unread => return Some(Stranger::UnreadAcl),
    };
    let writes = entries.iter().filter(|entry| entry.writes);
    writes.map(|entry| entry.tag).find_map(|tag| match tag {
        Tag::User(user) => (!caller.users.contains(&user)).then_some(Stranger::AclUser(user)),
        Tag::Group(group) => (!caller.has_alone(group)).then_some(Stranger::AclGroup(group)),
        Tag::OwningGroup => (!caller.has_alone(stat.st_gid)).then_some(Stranger::Group(stat.st_gid)),
    })
}

/// An access control list, as far as it says more than the mode.
#[derive(Debug, PartialEq, Eq)]
enum List {
    None,
    Entries(Vec<Entry>),
    Unread,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    tag: Tag,
    writes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    User(u32),
    OwningGroup,
    Group(u32),
}

/// The list of what is open. A descriptor that only names a file (`O_PATH`) is asked by way of `/proc`.
fn list_of(open: &OwnedFd) -> List {
    let mut bytes = vec![0_u8; LARGEST_ACL];
    let read = match rustix::fs::fgetxattr(open, ACL, &mut bytes[..]) {
        Err(rustix::io::Errno::BADF) => {
            rustix::fs::getxattr(format!("/proc/self/fd/{}", open.as_raw_fd()), ACL, &mut bytes[..])
        }
        other => other,
    };
    match read {
        Ok(length) => entries(bytes.get(..length).unwrap_or_default()).map_or(List::Unread, List::Entries),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => List::None,
        Err(_) => List::Unread,
    }
}

/// Reads a list as the kernel gives it (`struct posix_acl_xattr_header` and `_entry`, in little-endian order).
fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    const VERSION: [u8; 4] = 2_u32.to_le_bytes();
    const WRITE: u16 = 0o2;
    let raw: Vec<(u16, u16, u32)> = bytes
        .strip_prefix(&VERSION)?
        .chunks(8)
        .map(|chunk| {
            let [a, b, c, d, e, f, g, h] = *<&[u8; 8]>::try_from(chunk).ok()?;
            Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]), u32::from_le_bytes([e, f, g, h])))
        })
        .collect::<Option<_>>()?;
    let masked = raw.iter().find(|entry| entry.0 == 0x10).is_some_and(|entry| entry.1 & WRITE == 0);
    let read = raw.into_iter().filter_map(|(tag, permissions, id)| {
        let tag = match tag {
            0x02 => Tag::User(id),
            0x04 => Tag::OwningGroup,
            0x08 => Tag::Group(id),
            // The owner, the mask, and others: the mode says it.
            _ => return None,
        };
        Some(Entry { tag, writes: permissions & WRITE != 0 && !masked })
    });
    Some(read.collect())
}

/// A way through folders.
#[derive(Default)]
struct Walk {
    /// Judges each folder and link that is passed.
    judge: Option<Judge>,
    /// The first that somebody else can change. The file's own fault is said rather than this one.
    fault: Option<Untrusted>,
    /// Links that were followed.
    links: usize,
    /// How deep below the folder that it must not leave.
    depth: Option<usize>,
}

/// A folder on the way, with its path as it is shown.
struct Place {
    open: OwnedFd,
    path: PathBuf,
}

const FOLDER: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const FILE: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

impl Walk {
    fn judged(judge: Judge) -> Self {
        Walk { judge: Some(judge), ..Walk::default() }
    }

    /// The file of that path.
    fn file(&mut self, path: &Path) -> Result<File, Unreadable> {
        let start = self.start(path)?;
        self.file_from(start, path)
    }

    fn file_from(&mut self, start: Place, path: &Path) -> Result<File, Unreadable> {
        let again = Place { open: start.open.try_clone()?, path: start.path.clone() };
        let Place { open, path } = match self.go(start, path, FILE) {
            // Who may not read a file still learns whose it is, if that alone speaks against it.
            Err(Unreadable::Denied) if self.judge.is_some() => {
                return Err(self.unreadable(again, path).unwrap_or(Unreadable::Denied));
            }
            gone => gone?,
        };
        let file = File::from(open);
        regular(&file)?;
        if let Some(judge) = &self.judge {
            let open = OwnedFd::from(file.try_clone()?);
            if let Some(who) = check_owner(judge.caller, &fstat(&open).map_err(io::Error::from)?, || list_of(&open)) {
                return Err(Unreadable::Untrusted(judge.untrusted(Changeable::File, &path, who)));
            }
        }
        self.fault.take().map_or(Ok(file), |fault| Err(Unreadable::Untrusted(fault)))
    }

    /// What speaks against a file that cannot be opened for reading.
    fn unreadable(&mut self, start: Place, path: &Path) -> Option<Unreadable> {
        let Place { open, path } = self.go(start, path, FOLDER).ok()?;
        let judge = self.judge.as_ref()?;
        let who = check_owner(judge.caller, &fstat(&open).ok()?, || list_of(&open))?;
        Some(Unreadable::Untrusted(judge.untrusted(Changeable::File, &path, who)))
    }

    /// The folder of that path.
    fn folder(&mut self, path: &Path) -> Result<Place, Unreadable> {
        let start = self.start(path)?;
        let place = self.go(start, path, FOLDER)?;
        let stat = fstat(&place.open).map_err(io::Error::from)?;
        if is(&stat, SFlag::S_IFDIR) { Ok(place) } else { Err(io::Error::from(Errno::ENOTDIR).into()) }
    }

    /// The folder that a path begins in, judged with all above it.
    fn start(&mut self, path: &Path) -> Result<Place, Unreadable> {
        if path.is_absolute() {
            return self.root();
        }
        let open = at(nix::fcntl::AT_FDCWD, ".", FOLDER)?;
        // The name is for messages only; what is judged are descriptors.
        let mut shown = std::env::current_dir().unwrap_or_default();
        let mut below = Place { open: open.try_clone()?, path: shown.clone() };
        let mut stat = self.pass(&below)?;
        for _ in 0..MOST_FOLDERS {
            if self.judge.is_none() {
                break;
            }
            shown.pop();
            let above = Place { open: at(&below.open, "..", FOLDER)?, path: shown.clone() };
            let next = fstat(&above.open).map_err(io::Error::from)?;
            if (next.st_dev, next.st_ino) == (stat.st_dev, stat.st_ino) {
                break;
            }
            stat = self.pass(&above)?;
            below = above;
        }
        Ok(Place { open, path: PathBuf::new() })
    }

    fn root(&mut self) -> Result<Place, Unreadable> {
        let place = Place { open: at(nix::fcntl::AT_FDCWD, "/", FOLDER)?, path: PathBuf::from("/") };
        self.pass(&place)?;
        Ok(place)
    }

    /// Goes on from a folder along a path. The last part of it is opened with `leaf`.
    fn go(&mut self, start: Place, path: &Path, leaf: OFlag) -> Result<Place, Unreadable> {
        let mut here = start;
        let mut parts = parts(path);
        while let Some(part) = parts.pop_front() {
            let is_last = parts.is_empty();
            if part == ".." {
                self.depth = match self.depth {
                    Some(0) => return Err(Unreadable::LeadsOut),
                    depth => depth.map(|depth| depth - 1),
                };
                here = Place { open: at(&here.open, "..", FOLDER)?, path: here.path.join("..") };
                self.pass(&here)?;
                continue;
            }
            let found = at(&here.open, &part, if is_last { leaf } else { FOLDER });
            let open = match found {
                // A link where a file was to be.
                Err(error) if is_last && leaf == FILE && error.raw_os_error() == Some(libc::ELOOP) => {
                    at(&here.open, &part, FOLDER)?
                }
                Err(error) => return Err(error.into()),
                Ok(open) if is_last && leaf == FILE => return Ok(Place { open, path: here.path.join(part) }),
                Ok(open) => open,
            };
            let next = Place { open, path: here.path.join(&part) };
            let stat = fstat(&next.open).map_err(io::Error::from)?;
            if is(&stat, SFlag::S_IFLNK) {
                let target = self.follow(&next, &stat)?;
                if target.is_absolute() {
                    if self.depth.is_some() {
                        return Err(Unreadable::LeadsOut);
                    }
                    here = self.root()?;
                }
                let mut rest = self::parts(&target);
                rest.append(&mut parts);
                parts = rest;
            } else if is(&stat, SFlag::S_IFDIR) {
                self.depth = self.depth.map(|depth| depth + 1);
                self.pass(&next)?;
                here = next;
            } else if is_last {
                return Ok(next);
            } else {
                return Err(io::Error::from(Errno::ENOTDIR).into());
            }
        }
        Ok(here)
    }

    /// Where an open link leads. Whoever owns it decides that.
    fn follow(&mut self, link: &Place, stat: &FileStat) -> Result<PathBuf, Unreadable> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(io::Error::from(Errno::ELOOP).into());
        }
        if let Some(judge) = &self.judge
            && !judge.caller.users.contains(&stat.st_uid)
        {
            let fault = judge.untrusted(Changeable::Link, &link.path, Stranger::Owner(stat.st_uid));
            self.fault.get_or_insert(fault);
        }
        let target = readlinkat(&link.open, "").map_err(io::Error::from)?;
        // What `<(command)` and /dev/stdin lead to in /proc.
        if target.as_bytes().starts_with(b"pipe:[") {
            return Err(Unreadable::NotRegular("a pipe"));
        }
        Ok(PathBuf::from(target))
    }

    /// Judges a folder that is passed.
    fn pass(&mut self, place: &Place) -> Result<FileStat, Unreadable> {
        let mut stat = fstat(&place.open).map_err(io::Error::from)?;
        if let Some(judge) = &self.judge {
            if stat.st_mode & STICKY != 0 {
                // Others can add files here, but not replace those of somebody else.
                stat.st_mode &= !(GROUP_WRITES | OTHERS_WRITE);
            }
            if let Some(who) = check_owner(judge.caller, &stat, || list_of(&place.open)) {
                let fault = judge.untrusted(Changeable::Folder, &place.path, who);
                self.fault.get_or_insert(fault);
            }
        }
        Ok(stat)
    }
}

fn at(folder: impl AsFd, name: impl AsRef<OsStr>, flags: OFlag) -> io::Result<OwnedFd> {
    Ok(openat(folder, name.as_ref(), flags, Mode::empty())?)
}

fn is(stat: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind
}

/// The names in a path, from its beginning.
fn parts(path: &Path) -> VecDeque<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::super::unreadable::AtStake;
    use super::*;

    fn stat(user: u32, group: u32, mode: u32) -> FileStat {
        let mut stat = fstat(File::open("/").unwrap()).unwrap();
        (stat.st_uid, stat.st_gid, stat.st_mode) = (user, group, mode);
        stat
    }

    /// A list of the mask and these entries: tag, permissions, id.
    fn list(mask: u16, more: &[(u16, u16, u32)]) -> Vec<u8> {
        let all = [(0x01, 7, u32::MAX), (0x10, mask, u32::MAX), (0x20, 0, u32::MAX)];
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in all.iter().chain(more) {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn root_acts_by_its_own_files_and_those_of_its_caller() {
        let caller = Caller { users: vec![0, 1000], at_stake: AtStake::Root };
        let judged = |user, group, mode| check_owner(&caller, &stat(user, group, mode), || List::None);
        assert_eq!(judged(0, 0, 0o644), None);
        assert_eq!(judged(1000, 1000, 0o644), None);
        assert_eq!(judged(0, 0, 0o660), None);
        assert_eq!(judged(1001, 1001, 0o600), Some(Stranger::Owner(1001)));
        assert_eq!(judged(0, 0, 0o666), Some(Stranger::Everybody));
        assert_eq!(judged(0, 4_000_000, 0o664), Some(Stranger::Group(4_000_000)));
        let alone = Caller { users: vec![0], at_stake: AtStake::Root };
        assert_eq!(check_owner(&alone, &stat(1000, 1000, 0o600), || List::None), Some(Stranger::Owner(1000)));
    }

    #[test]
    fn an_access_control_list_counts_as_far_as_its_mask_lets_it() {
        let caller = Caller { users: vec![0, 1000], at_stake: AtStake::Root };
        let judged = |mask, more: &[(u16, u16, u32)]| {
            check_owner(&caller, &stat(0, 4_000_000, 0o660), || List::Entries(entries(&list(mask, more)).unwrap()))
        };
        assert_eq!(judged(7, &[(0x02, 6, 1001)]), Some(Stranger::AclUser(1001)));
        assert_eq!(judged(7, &[(0x02, 6, 1000), (0x04, 4, u32::MAX)]), None, "the caller's own entry");
        assert_eq!(judged(7, &[(0x02, 4, 1001)]), None, "who may only read");
        assert_eq!(judged(5, &[(0x02, 7, 1001)]), None, "the mask takes it away");
        assert_eq!(judged(7, &[(0x08, 6, 4_000_001)]), Some(Stranger::AclGroup(4_000_001)));
        assert_eq!(judged(7, &[(0x04, 6, u32::MAX)]), Some(Stranger::Group(4_000_000)));
        assert_eq!(check_owner(&caller, &stat(0, 0, 0o660), || List::Unread), Some(Stranger::UnreadAcl));
        assert_eq!(entries(b"\x03\0\0\0"), None, "a version that is not known");
        assert_eq!(entries(&list(7, &[])[..13]), None, "a list that is cut");
    }

    #[test]
    fn only_regular_files_are_opened_judged_or_not() {
        for trust in [Trust::Waived, Trust::Own] {
            let open = |path: &str| open_trusted(Path::new(path), trust);
            assert!(matches!(open("/dev/null"), Err(Unreadable::NotRegular("a device"))));
            assert!(matches!(open("/proc"), Err(Unreadable::NotRegular("a folder"))));
            assert!(matches!(open("/proc/no-such-file"), Err(Unreadable::Absent)));
            assert!(matches!(open("/"), Err(Unreadable::NotRegular("a folder"))));
            assert!(matches!(open(".."), Err(Unreadable::NotRegular("a folder"))));
        }
    }

    #[test]
    fn links_of_the_caller_are_followed_and_lead_out_of_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir_all(inner.join("deep")).unwrap();
        std::fs::write(folder.path().join("out"), "").unwrap();
        std::fs::write(inner.join("file"), "").unwrap();
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, inner.join(name)).unwrap();
        link("file", "near");
        link("deep/../near", "again");
        link("../out", "far");
        link("/proc/self/cmdline", "whole");
        link("loop", "loop");
        let beneath = |name: &str| open_beneath(&inner, Path::new(name), Trust::Own);
        for good in ["file", "near", "again", "deep/../file"] {
            beneath(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in ["far", "whole", "../out", "deep/../../out", "again/../../out"] {
            assert!(!matches!(beneath(bad), Ok(_) | Err(Unreadable::Untrusted(_))), "{bad}");
        }
        assert!(matches!(beneath("far"), Err(Unreadable::LeadsOut)));
        assert!(matches!(beneath("loop"), Err(Unreadable::Other(_))));
        assert!(open_trusted(&inner.join("far"), Trust::Own).is_ok());
    }
}
