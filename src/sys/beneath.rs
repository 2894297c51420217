//! A folder that somebody else filled: what lies in it is opened by descriptor, without following a link and without
//! leaving the folder, whatever the names in it say and whoever changes them meanwhile.
//!
//! `openat2` (Linux 5.6) with `RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS` and `RESOLVE_NO_MAGICLINKS`. Where the kernel has no
//! such call (`ENOSYS`), or a filter around a container refuses it (`EPERM`), each step is opened by itself and looked at.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::stat::Mode;

use super::text_file::Unreadable;

/// How often a step is tried again that the kernel could not finish because of others' renaming (`EAGAIN`).
const TRIES: u32 = 8;
/// What is only looked at is not opened: a device may act when it is.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// A pipe must not keep anybody waiting, and no terminal may become that of this process.
const READ: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Why something in a folder is not opened; the `io::Error` of these functions carries it ([`Astray::of`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Astray {
    /// An absolute path, or one that climbs by `..`.
    #[error("its name leads out of the folder")]
    LeadsOut,
    /// It is a link, or a folder on the way to it is one.
    #[error("it is a link or lies behind one, and links are not followed here; put a copy in its place")]
    Link,
    /// A folder, a pipe, a socket or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// Another file stood there a moment later.
    #[error("it was exchanged for another file while it was opened")]
    Exchanged,
}

impl Astray {
    /// Why nothing was opened, when that is the reason.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Astray>().copied()
    }
}

impl From<Astray> for io::Error {
    fn from(astray: Astray) -> Self {
        io::Error::other(astray)
    }
}

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What has it.
    pub kind: Kind,
}

/// What has a name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Special,
}

impl Kind {
    fn of(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        match () {
            () if kind.is_file() => Kind::File,
            () if kind.is_dir() => Kind::Folder,
            () if kind.is_symlink() => Kind::Link,
            () => Kind::Special,
        }
    }
}

impl From<OwnedFd> for Folder {
    fn from(descriptor: OwnedFd) -> Self {
        Folder { descriptor }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Folder {
    /// Opens the folder that the operator named: that path may lead over links.
    pub fn open(path: &Path) -> io::Result<Self> {
        let descriptor = open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Folder { descriptor })
    }

    /// What has this path in the folder: of a link, the link's own.
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        File::from(self.descend(path, LOOK)?).metadata()
    }

    /// Opens a regular file for reading, where the kernel allows it without a trace in its access time.
    pub fn file(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let seen = self.metadata(path)?;
        match Kind::of(&seen) {
            Kind::File => {}
            Kind::Link => return Err(Astray::Link.into()),
            Kind::Folder | Kind::Special => return Err(Astray::NotRegular.into()),
        }
        let file = match self.descend(path, READ | OFlag::O_NOATIME) {
            // Only the owner may leave the access time alone.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => self.descend(path, READ)?,
            opened => opened?,
        };
        let file = File::from(file);
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) != (seen.dev(), seen.ino()) {
            return Err(Astray::Exchanged.into());
        }
        Ok((file, metadata))
    }

    /// The names in a folder below, in the folder's own order, `most` at most; and whether there are more.
    pub fn list(&self, path: &Path, most: usize) -> io::Result<(Vec<Entry>, bool)> {
        if self.metadata(path)?.is_symlink() {
            return Err(Astray::Link.into());
        }
        let folder = self.descend(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)?;
        let mut entries = Vec::new();
        for entry in Dir::from_fd(folder)?.iter() {
            let entry = entry?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            if name == "." || name == ".." {
                continue;
            }
            if entries.len() == most {
                return Ok((entries, true));
            }
            let kind = match entry.file_type() {
                Some(nix::dir::Type::File) => Kind::File,
                Some(nix::dir::Type::Directory) => Kind::Folder,
                Some(nix::dir::Type::Symlink) => Kind::Link,
                Some(_) => Kind::Special,
                // Some file systems do not tell; what is gone meanwhile was not there.
                None => match self.metadata(&path.join(&name)) {
                    Ok(metadata) => Kind::of(&metadata),
                    Err(_) => continue,
                },
            };
            entries.push(Entry { name, kind });
        }
        Ok((entries, false))
    }

    /// Reads a regular file of at most `largest` bytes.
    pub fn read(&self, path: &Path, largest: u64) -> Result<(Vec<u8>, Metadata), Unreadable> {
        let (file, metadata) = self.file(path)?;
        let mut bytes = Vec::new();
        file.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > largest {
            return Err(Unreadable::TooLarge(largest));
        }
        Ok((bytes, metadata))
    }

    /// The place in here that a link names, whether something is there or not; none when it leads out. What is there can be
    /// opened by that path, without the link.
    pub fn target(&self, link: &Path) -> Option<PathBuf> {
        let target = PathBuf::from(readlinkat(self.descend(link, LOOK).ok()?, "").ok()?);
        let mut place: Vec<Component<'_>> = link.parent()?.components().collect();
        for part in target.components() {
            match part {
                Component::Normal(_) => place.push(part),
                Component::ParentDir => drop(place.pop()?),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(place.into_iter().collect())
    }

    fn descend(&self, path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
        let path = below(path)?;
        match self.by_kernel(&path, flags) {
            Err(Errno::ENOSYS | Errno::EPERM) => self.by_steps(&path, flags),
            opened => opened,
        }
        .map_err(|error| match error {
            Errno::ELOOP => Astray::Link.into(),
            Errno::EXDEV => Astray::LeadsOut.into(),
            error => error.into(),
        })
    }

    fn by_kernel(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let resolve =
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&self.descriptor, path, OpenHow::new().flags(flags).resolve(resolve)) {
                Err(Errno::EAGAIN) if tries < TRIES => tries += 1,
                opened => return opened,
            }
        }
    }

    fn by_steps(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let mut at: Option<OwnedFd> = None;
        let mut parts = path.iter().peekable();
        while let Some(part) = parts.next() {
            let from = at.as_ref().unwrap_or(&self.descriptor);
            if parts.peek().is_none() {
                return openat(from, part, flags | OFlag::O_NOFOLLOW, Mode::empty());
            }
            let step = File::from(openat(from, part, LOOK, Mode::empty())?);
            match step.metadata().map(|metadata| Kind::of(&metadata)) {
                Ok(Kind::Link) => return Err(Errno::ELOOP),
                Ok(_) => at = Some(step.into()),
                Err(_) => return Err(Errno::EIO),
            }
        }
        Err(Errno::ENOENT)
    }
}

/// The path as it goes down from a folder, `.` for the folder itself.
fn below(path: &Path) -> io::Result<PathBuf> {
    let mut below = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => below.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Astray::LeadsOut.into()),
        }
    }
    Ok(if below.as_os_str().is_empty() { PathBuf::from(".") } else { below })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder `in` with files, links and a pipe, and `secret` beside it.
    fn tree() -> (tempfile::TempDir, Folder) {
        let around = tempfile::tempdir().unwrap();
        let inside = around.path().join("in");
        fs::create_dir_all(inside.join("a/b")).unwrap();
        fs::create_dir(around.path().join("out")).unwrap();
        fs::write(around.path().join("out/secret"), "secret").unwrap();
        fs::write(inside.join("a/b/file"), "plain").unwrap();
        symlink("../out/secret", inside.join("link")).unwrap();
        symlink("../out", inside.join("folder")).unwrap();
        symlink("a/b/file", inside.join("near")).unwrap();
        symlink("/proc/self/root", inside.join("magic")).unwrap();
        nix::unistd::mkfifo(&inside.join("pipe"), Mode::S_IRWXU).unwrap();
        let folder = Folder::open(&inside).unwrap();
        (around, folder)
    }

    #[test]
    fn the_kernel_and_the_steps_open_the_same_and_follow_nothing() {
        let (_around, folder) = tree();
        for open in [Folder::by_kernel, Folder::by_steps] {
            for path in ["a/b/file", ".", "a"] {
                assert!(open(&folder, Path::new(path), OFlag::O_RDONLY).is_ok(), "{path}");
            }
            for path in ["link", "near", "folder", "folder/secret", "magic/etc"] {
                assert_eq!(open(&folder, Path::new(path), OFlag::O_RDONLY).unwrap_err(), Errno::ELOOP, "{path}");
            }
            assert_eq!(open(&folder, Path::new("a/b/file/x"), OFlag::O_RDONLY).unwrap_err(), Errno::ENOTDIR);
            assert_eq!(open(&folder, Path::new("a/none"), OFlag::O_RDONLY).unwrap_err(), Errno::ENOENT);
            // A link itself can be looked at.
            assert!(open(&folder, Path::new("link"), LOOK).is_ok());
        }
    }

    #[test]
    fn only_regular_files_of_the_folder_are_opened() {
        let (around, folder) = tree();
        let text = |path: &str| folder.file(Path::new(path)).map(|(file, _)| io::read_to_string(file).unwrap());
        let astray = |path: &str| Astray::of(&text(path).unwrap_err());
        assert_eq!(text("a/b/file").unwrap(), "plain");
        assert_eq!(text("./a/./b/file").unwrap(), "plain");
        assert_eq!(astray("link"), Some(Astray::Link));
        assert_eq!(astray("folder/secret"), Some(Astray::Link));
        assert_eq!(astray("pipe"), Some(Astray::NotRegular));
        assert_eq!(astray("a"), Some(Astray::NotRegular));
        assert_eq!(astray("../out/secret"), Some(Astray::LeadsOut));
        assert_eq!(astray("a/../../out/secret"), Some(Astray::LeadsOut));
        assert_eq!(astray(around.path().join("out/secret").to_str().unwrap()), Some(Astray::LeadsOut));
        assert_eq!(text("none").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn names_are_listed_with_what_has_them_and_no_more_than_wanted() {
        let (_around, folder) = tree();
        let (mut entries, more) = folder.list(Path::new(""), 100).unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let told: Vec<_> = entries.iter().map(|entry| (entry.name.to_str().unwrap(), entry.kind)).collect();
        assert_eq!(
            told,
            [
                ("a", Kind::Folder),
                ("folder", Kind::Link),
                ("link", Kind::Link),
                ("magic", Kind::Link),
                ("near", Kind::Link),
                ("pipe", Kind::Special)
            ]
        );
        assert!(!more);
        assert!(matches!(folder.list(Path::new(""), 3), Ok((some, true)) if some.len() == 3));
        assert_eq!(Astray::of(&folder.list(Path::new("folder"), 3).unwrap_err()), Some(Astray::Link));
    }

    #[test]
    fn a_link_names_a_place_in_the_folder_or_none() {
        let (_around, folder) = tree();
        assert_eq!(folder.target(Path::new("near")), Some(PathBuf::from("a/b/file")));
        for link in ["link", "folder", "magic", "a"] {
            assert_eq!(folder.target(Path::new(link)), None, "{link}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_the_bound_and_not_beyond() {
        let (_around, folder) = tree();
        assert_eq!(folder.read(Path::new("a/b/file"), 5).unwrap().0, b"plain");
        assert!(matches!(folder.read(Path::new("a/b/file"), 4), Err(Unreadable::TooLarge(4))));
        assert!(folder.read(Path::new("link"), 9).unwrap_err().to_string().contains("links are not followed"));
    }
}
