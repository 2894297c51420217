//! Where something goes that the operator wants written: found step by step, by descriptor, so that nobody else decides where
//! that is or who reads along.
//!
//! A link is followed only when it belongs to root or to the caller, wherever on the way it stands; pipes and devices are
//! written to only when they do; and files are made new beside their place and take it when they are whole.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, open, openat, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, unlinkat};

use super::beneath::Folder;
use super::caller::Caller;

/// Links that are followed on one way, as the kernel counts (`MAXSYMLINKS`).
const MOST_LINKS: usize = 40;
/// How long a pipe may be without a reader: one that the shell has just started opens it in a moment.
const READER: Duration = Duration::from_secs(1);
/// Names that are tried for a file before it takes its place.
const MOST_PARTS: u32 = 64;
/// What is only looked at is not opened.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// A file of one's own, which nobody has put there.
const NEW: OFlag =
    OFlag::O_CREAT.union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_NOCTTY);

/// Where output goes.
#[derive(Debug)]
pub enum Outlet {
    /// A regular file, whether it is there yet or not.
    File {
        /// The folder that it lies in.
        folder: Folder,
        /// Its name there.
        name: OsString,
    },
    /// A pipe, a device, or a descriptor of this process, open.
    Open(File),
}

/// Why nothing is written there. The message goes on from the path.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It ends in no name.
    #[error("a file's name is missing")]
    Nameless,
    /// A folder on the way is missing, or is none.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// A folder has the name.
    #[error("it is a folder; name a file in it")]
    Folder,
    /// A disk or a socket has the name.
    #[error("it is {0}; name a file")]
    NoFile(&'static str),
    /// Somebody else's link is on the way.
    #[error(
        "{} is a link of user {user}, who could lead this anywhere; name the place itself, or a folder that nobody else \
         can write to",
        .link.display()
    )]
    ForeignLink {
        /// The link.
        link: PathBuf,
        /// Its owner.
        user: u32,
    },
    /// Somebody else's pipe or device has the name.
    #[error("it is {what} of user {user}, who could read along; name another file")]
    Foreign {
        /// What it is.
        what: &'static str,
        /// Its owner.
        user: u32,
    },
    /// A pipe that nobody reads.
    #[error("it is a pipe that nobody reads from; start its reader first, as in `cat PIPE &`")]
    NoReader,
    /// A descriptor that this process was not given, or that cannot be written to.
    #[error("descriptor {0} was not given to casebook for writing")]
    NoDescriptor(RawFd),
    /// The kernel refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        Refused::Io(error.into())
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Io(error) => error,
            Refused::NoFolder(_) => io::Error::new(io::ErrorKind::NotFound, refused.to_string()),
            refused => io::Error::other(refused.to_string()),
        }
    }
}

/// Whether what belongs to this user is as good as one's own: root's, or that of who called, by sudo or not.
fn is_ours(user: u32) -> bool {
    [Uid::effective().as_raw(), Uid::current().as_raw()].contains(&user)
        || Caller::of_this_process().users.contains(&user)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// The number of the descriptor of this process that a path stands for.
fn descriptor(path: &Path) -> Option<RawFd> {
    let path = path.to_str()?;
    match path {
        "/dev/stdout" => return Some(1),
        "/dev/stderr" => return Some(2),
        _ => {}
    }
    let own = format!("/proc/{}/fd/", std::process::id());
    let number =
        ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", &own].iter().find_map(|at| path.strip_prefix(at));
    number?.parse().ok().filter(|number: &RawFd| *number >= 0)
}

/// A descriptor that this process was started with, once more.
#[allow(unsafe_code)]
fn handed(number: RawFd) -> Result<File, Refused> {
    let refused = || Refused::NoDescriptor(number);
    // SAFETY: these look at the number alone; one that is not open is EBADF.
    let (flags, mode) = unsafe { (libc::fcntl(number, libc::F_GETFD), libc::fcntl(number, libc::F_GETFL)) };
    // Those that casebook opened itself are closed on exec, those that it was given are not.
    if flags < 0 || flags & libc::FD_CLOEXEC != 0 || mode < 0 || mode & libc::O_ACCMODE == libc::O_RDONLY {
        return Err(refused());
    }
    // SAFETY: as above.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(refused());
    }
    // SAFETY: the kernel has just made this descriptor for nobody but us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) }.into())
}

/// A way that is gone step by step.
struct Walk {
    at: OwnedFd,
    /// The folder where it is, as messages name it.
    shown: PathBuf,
    left: VecDeque<OsString>,
    links: usize,
    /// The permissions of folders that are made where they are missing.
    make: Option<Mode>,
}

/// What a step came to.
enum Step {
    /// A link, whose way is gone next.
    Link,
    /// A link at the end of the way, to a descriptor of this process.
    Descriptor(RawFd),
    /// Something else.
    Thing(OwnedFd, FileStat),
    /// Nothing is there.
    Nothing,
}

impl Walk {
    fn start(path: &Path, make: Option<Mode>) -> Result<Self, Refused> {
        let mut walk = Walk { at: Walk::root(".")?, shown: PathBuf::new(), left: VecDeque::new(), links: 0, make };
        walk.push(path)?;
        Ok(walk)
    }

    fn root(path: &str) -> Result<OwnedFd, Refused> {
        Ok(open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
    }

    /// Puts a path in front of what is left.
    fn push(&mut self, path: &Path) -> Result<(), Refused> {
        for part in path.components().rev() {
            match part {
                Component::Normal(part) => self.left.push_front(part.to_owned()),
                Component::ParentDir => self.left.push_front("..".into()),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => {
                    self.at = Walk::root("/")?;
                    self.shown = PathBuf::from("/");
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, name: &OsStr) -> Result<Step, Refused> {
        let found = match openat(&self.at, name, LOOK, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(Step::Nothing),
            Err(Errno::ENOTDIR) => return Err(Refused::NoFolder(self.shown.clone())),
            found => found?,
        };
        let stat = fstat(&found)?;
        if kind(&stat) != SFlag::S_IFLNK {
            return Ok(Step::Thing(found, stat));
        }
        if !is_ours(stat.st_uid) {
            return Err(Refused::ForeignLink { link: self.shown.join(name), user: stat.st_uid });
        }
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::ELOOP.into());
        }
        let target = PathBuf::from(readlinkat(&found, "")?);
        if self.left.is_empty()
            && let Some(number) = descriptor(&target)
        {
            return Ok(Step::Descriptor(number));
        }
        self.push(&target)?;
        Ok(Step::Link)
    }

    /// Goes into a folder, which is made when it is missing and folders are to be made.
    fn enter(&mut self, name: &OsStr) -> Result<(), Refused> {
        let there = self.shown.join(name);
        match self.step(name)? {
            Step::Link => Ok(()),
            Step::Thing(found, stat) if kind(&stat) == SFlag::S_IFDIR => {
                (self.at, self.shown) = (found, there);
                Ok(())
            }
            Step::Thing(..) | Step::Descriptor(_) => Err(Refused::NoFolder(there)),
            Step::Nothing => {
                let mode = self.make.ok_or(Refused::NoFolder(there))?;
                match mkdirat(&self.at, name, mode) {
                    Ok(()) | Err(Errno::EEXIST) => self.enter(name),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

/// Opens a folder; those that are missing are made with these permissions, when there are any.
pub fn folder(path: &Path, make: Option<u32>) -> Result<Folder, Refused> {
    let mut walk = Walk::start(path, make.map(Mode::from_bits_truncate))?;
    while let Some(part) = walk.left.pop_front() {
        walk.enter(&part)?;
    }
    Ok(walk.at.into())
}

/// Where that path is. Pipes and devices are opened, so that nothing stands between them and the writing.
pub fn find(path: &Path) -> Result<Outlet, Refused> {
    if let Some(number) = descriptor(path) {
        return handed(number).map(Outlet::Open);
    }
    let mut walk = Walk::start(path, None)?;
    while let Some(part) = walk.left.pop_front() {
        if !walk.left.is_empty() {
            walk.enter(&part)?;
            continue;
        }
        return match walk.step(&part)? {
            Step::Link => continue,
            Step::Descriptor(number) => handed(number).map(Outlet::Open),
            Step::Nothing => Ok(Outlet::File { folder: walk.at.into(), name: part }),
            Step::Thing(_, stat) => match kind(&stat) {
                SFlag::S_IFREG => Ok(Outlet::File { folder: walk.at.into(), name: part }),
                SFlag::S_IFDIR => Err(Refused::Folder),
                SFlag::S_IFBLK => Err(Refused::NoFile("a disk")),
                SFlag::S_IFSOCK => Err(Refused::NoFile("a socket")),
                SFlag::S_IFIFO => special(&walk.at, &part, &stat, "a pipe").map(Outlet::Open),
                _ => special(&walk.at, &part, &stat, "a device").map(Outlet::Open),
            },
        };
    }
    // It ended in a folder: `/`, `..`, or nothing at all.
    Err(if path.as_os_str().is_empty() { Refused::Nameless } else { Refused::Folder })
}

/// Opens a pipe or a device that was looked at, when it is ours. It never waits for a reader of the pipe, and waits for a
/// slow one once it is open.
fn special(folder: &OwnedFd, name: &OsStr, seen: &FileStat, what: &'static str) -> Result<File, Refused> {
    if !is_ours(seen.st_uid) {
        return Err(Refused::Foreign { what, user: seen.st_uid });
    }
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let began = Instant::now();
    let opened = loop {
        match openat(folder, name, flags, Mode::empty()) {
            Err(Errno::ENXIO) if kind(seen) == SFlag::S_IFIFO => {
                if began.elapsed() >= READER {
                    return Err(Refused::NoReader);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => break opened?,
        }
    };
    let stat = fstat(&opened)?;
    if (stat.st_dev, stat.st_ino) != (seen.st_dev, seen.st_ino) {
        return Err(Refused::Io(io::Error::other("it was exchanged for another file while it was opened")));
    }
    let status = OFlag::from_bits_truncate(fcntl(&opened, FcntlArg::F_GETFL)?);
    fcntl(&opened, FcntlArg::F_SETFL(status & !OFlag::O_NONBLOCK))?;
    Ok(opened.into())
}

/// Makes a new file, to be written and read, and never touches one that is there (`AlreadyExists`), not even a link to
/// nowhere.
pub fn create_new(path: &Path, mode: u32) -> Result<File, Refused> {
    let name = path.file_name().ok_or(Refused::Nameless)?;
    let folder = folder(path.parent().unwrap_or(Path::new("")), None)?;
    create_in(&folder, name, mode)
}

/// Makes a new file in a folder, as [`create_new`] does.
pub fn create_in(folder: &Folder, name: &OsStr, mode: u32) -> Result<File, Refused> {
    Ok(openat(folder, name, OFlag::O_RDWR | NEW, Mode::from_bits_truncate(mode))?.into())
}

/// Removes a file from a folder.
pub fn remove(folder: &Folder, name: &OsStr) -> io::Result<()> {
    Ok(unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?)
}

/// A file that is being written, beside the place that it takes when it is whole. Dropped before, it leaves nothing.
#[derive(Debug)]
pub struct Part<'a> {
    folder: &'a Folder,
    name: OsString,
    file: File,
    placed: bool,
}

impl<'a> Part<'a> {
    /// A new file in a folder, with these permissions as far as the umask lets them be.
    pub fn begin(folder: &'a Folder, mode: u32) -> io::Result<Self> {
        // Nobody who may write there, too, can guess all of the names beforehand.
        let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        for attempt in 0..MOST_PARTS {
            let name = OsString::from(format!(".casebook-{}-{moment}-{attempt}.part", std::process::id()));
            match openat(folder, name.as_os_str(), OFlag::O_WRONLY | NEW, Mode::from_bits_truncate(mode)) {
                Ok(file) => return Ok(Part { folder, name, file: file.into(), placed: false }),
                Err(Errno::EEXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes the permissions of the file whose place it is about to take, when that is a file of this user.
    pub fn take_permissions_of(&self, name: &OsStr) -> io::Result<()> {
        let there = match fstatat(self.folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(()),
            there => there?,
        };
        if kind(&there) != SFlag::S_IFREG || there.st_uid != Uid::effective().as_raw() {
            return Ok(());
        }
        let group = Gid::from_raw(there.st_gid);
        let of_its_group = fstat(&self.file)?.st_gid == there.st_gid || fchown(&self.file, None, Some(group)).is_ok();
        // What its group could do, no other group may.
        let mode = there.st_mode & if of_its_group { 0o777 } else { 0o707 };
        Ok(fchmod(&self.file, Mode::from_bits_truncate(mode))?)
    }

    /// Puts it on the disk and into its place, whatever has the name now: no link there is followed.
    pub fn place(mut self, name: &OsStr) -> io::Result<()> {
        self.file.sync_all()?;
        renameat(self.folder, self.name.as_os_str(), self.folder, name)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now is a hidden file that nothing reads.
            let _ = remove(self.folder, &self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};

    use super::*;

    const STRANGER: u32 = 65534;

    fn is_root() -> bool {
        Uid::effective().is_root() || {
            println!("skipped: only root can give files away");
            false
        }
    }

    fn said(path: &Path) -> String {
        find(path).err().map_or_else(String::new, |why| why.to_string())
    }

    fn write(path: &Path, text: &str) {
        let Outlet::File { folder, name } = find(path).unwrap() else { panic!("{path:?} is no file") };
        let part = Part::begin(&folder, 0o600).unwrap();
        part.file().write_all(text.as_bytes()).unwrap();
        part.take_permissions_of(&name).unwrap();
        part.place(&name).unwrap();
    }

    #[test]
    fn own_links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        symlink("data", at("folder")).unwrap();
        symlink("folder/report.md", at("report.md")).unwrap();
        write(&at("report.md"), "one");
        assert_eq!(fs::read_to_string(at("data/report.md")).unwrap(), "one");
        write(&at("report.md"), "two");
        assert_eq!(fs::read_to_string(at("data/report.md")).unwrap(), "two");
        assert!(fs::symlink_metadata(at("report.md")).unwrap().is_symlink());
        symlink("loop", at("loop")).unwrap();
        assert!(said(&at("loop")).contains("symbolic links"), "{}", said(&at("loop")));
        assert_eq!(fs::read_dir(at("data")).unwrap().count(), 1);
    }

    #[test]
    fn links_of_others_are_refused_wherever_they_stand() {
        if !is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("victim")).unwrap();
        for (target, link) in [("victim", "folder"), ("victim/x", "dangling.md")] {
            symlink(target, at(link)).unwrap();
            lchown(at(link), Some(STRANGER), Some(STRANGER)).unwrap();
        }
        for path in ["folder/a.md", "dangling.md"] {
            assert!(said(&at(path)).contains("is a link of user 65534"), "{path}: {}", said(&at(path)));
            assert!(create_new(&at("folder/a.md"), 0o600).is_err());
        }
        assert!(super::folder(&at("folder/below"), Some(0o700)).is_err());
        assert_eq!(fs::read_dir(at("victim")).unwrap().count(), 0);
    }

    #[test]
    fn a_pipe_without_a_reader_is_refused_soon_and_one_of_somebody_else_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert!(said(&pipe).contains("nobody reads from"), "{}", said(&pipe));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        let Outlet::Open(mut out) = find(&pipe).unwrap() else { panic!("a pipe is no file") };
        out.write_all(&vec![b'x'; 1 << 20]).unwrap();
        drop(out);
        assert_eq!(reader.join().unwrap().len(), 1 << 20, "more than a pipe holds: it waits for its reader");
        if is_root() {
            std::os::unix::fs::chown(&pipe, Some(STRANGER), None).unwrap();
            assert!(said(&pipe).contains("a pipe of user 65534"), "{}", said(&pipe));
        }
    }

    #[test]
    fn an_own_file_keeps_its_permissions_and_that_of_another_gives_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        write(&path, "new");
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4644)).unwrap();
        write(&path, "again");
        assert_eq!(mode(), 0o644);
        if is_root() {
            std::os::unix::fs::chown(&path, Some(STRANGER), None).unwrap();
            write(&path, "mine");
            assert_eq!((mode(), fs::metadata(&path).unwrap().uid()), (0o600, 0));
        }
    }

    #[test]
    fn a_new_file_is_never_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "old").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        for name in ["old", "dangling"] {
            let refused = io::Error::from(create_new(&at(name), 0o600).unwrap_err());
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        let mut file = create_new(&at("new"), 0o600).unwrap();
        file.write_all(b"x").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn folders_that_are_missing_are_made_only_when_wanted() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("a/b");
        assert!(matches!(folder(&path, None), Err(Refused::NoFolder(missing)) if missing == around.path().join("a")));
        folder(&path, Some(0o700)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(find(&path), Err(Refused::Folder)));
        fs::write(path.join("file"), "").unwrap();
        assert!(matches!(find(&path.join("file/x")), Err(Refused::NoFolder(_))));
    }

    #[test]
    fn a_descriptor_is_written_to_when_it_was_given_and_only_then() {
        for (path, number) in [
            ("/dev/stdout", 1),
            ("/dev/stderr", 2),
            ("/dev/fd/63", 63),
            ("/proc/self/fd/7", 7),
            ("/proc/thread-self/fd/7", 7),
        ] {
            assert_eq!(descriptor(Path::new(path)), Some(number), "{path}");
        }
        for path in ["/dev/fd/", "/dev/fd/-1", "/dev/fd/1/x", "/dev/null", "/proc/1/fd/1"] {
            assert_eq!(descriptor(Path::new(path)), None, "{path}");
        }
        let own = tempfile::tempfile().unwrap();
        assert!(matches!(handed(own.as_raw_fd()), Err(Refused::NoDescriptor(_))), "not given: closed on exec");
        assert!(matches!(handed(9999), Err(Refused::NoDescriptor(9999))));
        fcntl(&own, FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
        assert!(handed(own.as_raw_fd()).is_ok());
        let reading = File::open("/dev/null").unwrap();
        fcntl(&reading, FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
        assert!(handed(reading.as_raw_fd()).is_err(), "it is open for reading alone");
    }

    #[test]
    fn a_part_that_takes_no_place_is_gone() {
        let around = tempfile::tempdir().unwrap();
        let folder = Folder::open(around.path()).unwrap();
        drop(Part::begin(&folder, 0o600).unwrap());
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
    }
}
