//! A file that a run will write: whether it can be written is settled before anything is asked.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::Uid;

use super::Usage;
use crate::sys::outlet::{self, Outlet, Part, Refused};

/// Where a file goes. What it goes to is open already: its folder, or the pipe or device itself.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    outlet: Outlet,
    readers: Readers,
}

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// What a report tells of a host: root's for root alone, another user's as that one's umask says. A file of one's own
    /// that is there keeps its permissions.
    OfReports,
    /// Its owner alone, whatever was there.
    Owner,
    /// Those whom the umask lets: what is no report.
    Umask,
}

impl Place {
    /// Settles that a report or a case can be written.
    pub fn prepare(path: &Path) -> Result<Self, Usage> {
        Place::prepare_for(path, Readers::OfReports)
    }

    /// Settles that a file can be written which those may read.
    pub fn prepare_for(path: &Path, readers: Readers) -> Result<Self, Usage> {
        let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot write {}: {why}", path.display()));
        let outlet = outlet::find(path).map_err(|why| match why {
            Refused::Io(error) => refused(&format!("{error}; choose another folder")),
            why => refused(&why),
        })?;
        let place = Place { path: path.to_owned(), outlet, readers };
        if let Outlet::File { folder, .. } = &place.outlet
            && let Err(error) = Part::begin(folder, place.mode())
        {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            return Err(match error.kind() {
                io::ErrorKind::PermissionDenied => refused(&format!(
                    "this user may not write in {}; choose another folder, as in -o /tmp/report.md",
                    folder.display()
                )),
                _ => refused(&format!("{error}; choose another folder")),
            });
        }
        Ok(place)
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The permissions of a new file, before the umask.
    fn mode(&self) -> u32 {
        match self.readers {
            Readers::Owner => 0o600,
            Readers::OfReports if Uid::effective().is_root() => 0o600,
            Readers::OfReports | Readers::Umask => 0o666,
        }
    }

    /// Writes the file, whole or not at all: beside it first, then in its place. A pipe or device is written as it stands.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        self.try_write(write).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn try_write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let fill = |file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush()
        };
        match &self.outlet {
            Outlet::Open(file) => fill(file),
            Outlet::File { folder, name } => {
                let part = Part::begin(folder, self.mode())?;
                fill(part.file())?;
                if self.readers != Readers::Owner {
                    part.take_permissions_of(name)?;
                }
                part.place(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_device_is_written_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        Place::prepare(Path::new("/dev/null")).unwrap().write(|out| out.write_all(b"report")).unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md");
        fs::write(&path, "old").unwrap();
        let place = Place::prepare(&path).unwrap();
        assert!(place.write(|_| Err(io::Error::other("no"))).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_appears_where_the_file_goes_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("report.md"), folder.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        let place = Place::prepare(&path).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        place.write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[test]
    fn a_folder_that_is_exchanged_after_it_was_settled_gets_nothing() {
        let around = tempfile::tempdir().unwrap();
        let at = |name: &str| around.path().join(name);
        fs::create_dir(at("a")).unwrap();
        fs::create_dir(at("victim")).unwrap();
        let place = Place::prepare(&at("a/report.md")).unwrap();
        fs::rename(at("a"), at("b")).unwrap();
        std::os::unix::fs::symlink("victim", at("a")).unwrap();
        place.write(|out| out.write_all(b"new")).unwrap();
        assert!(at("b/report.md").exists() && !at("victim/report.md").exists());
    }
}
