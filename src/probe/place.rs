//! Where files are looked for: on the host, or in a folder from elsewhere that nothing leads out of.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::libc;

use super::Context;
use crate::sys::beneath::{Astray, Folder};

/// Names of a directory that are looked at, at most.
pub(super) const MOST_NAMES: usize = 100_000;

/// Where files are looked for.
#[derive(Debug)]
pub(super) enum Place {
    /// The host: its links are its owner's, and lead where that one wants.
    Host,
    /// A folder that stands for a host. Paths are those in it, and no link is followed.
    Below(Arc<Folder>),
}

impl Place {
    /// The place that a context stands for.
    pub(super) fn of(cx: &Context) -> Self {
        cx.root().map_or(Place::Host, |root| Place::Below(Arc::clone(root)))
    }

    /// What has that path, and the path to open it by. In a folder from elsewhere a link to another file of the folder stands
    /// for that file, and any other link is an error.
    pub(super) fn look(&self, path: &Path) -> io::Result<(PathBuf, Metadata)> {
        let Place::Below(root) = self else { return Ok((path.to_owned(), fs::metadata(path)?)) };
        let metadata = root.metadata(path)?;
        if !metadata.is_symlink() {
            return Ok((path.to_owned(), metadata));
        }
        let target = root.target(path).ok_or(Astray::Link)?;
        let metadata = root.metadata(&target)?;
        if metadata.is_symlink() { Err(Astray::Link.into()) } else { Ok((target, metadata)) }
    }

    /// The paths of what is in a directory, `most` at most; and whether there is more.
    pub(super) fn list(&self, dir: &Path, most: usize) -> io::Result<(Vec<PathBuf>, bool)> {
        match self {
            Place::Host => {
                let mut paths = Vec::new();
                for entry in fs::read_dir(dir)?.filter_map(Result::ok) {
                    if paths.len() == most {
                        return Ok((paths, true));
                    }
                    paths.push(entry.path());
                }
                Ok((paths, false))
            }
            Place::Below(root) => {
                let (entries, more) = root.list(dir, most)?;
                Ok((entries.into_iter().map(|entry| dir.join(entry.name)).collect(), more))
            }
        }
    }

    /// Opens a regular file, without waiting and, where the kernel allows it, without a trace in its access time.
    pub(super) fn open(&self, path: &Path) -> io::Result<(File, Metadata)> {
        match self {
            Place::Host => open(path),
            Place::Below(root) => root.file(path),
        }
    }
}

/// Opens a regular file for reading, without waiting (a FIFO would block) and, where the kernel allows it, without a
/// trace in its access time.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let with =
        |flags: i32| OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | flags).open(path);
    let file = with(libc::O_NOATIME).or_else(|error| match error.raw_os_error() {
        // Only the owner may leave the access time alone.
        Some(libc::EPERM) => with(0),
        _ => Err(error),
    })?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Whether an error says that nothing is there.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
