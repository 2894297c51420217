//! A file that a run will write: whether it can be written is settled before anything is asked.
#![allow(clippy::disallowed_methods, reason = "the operator named the files that are written here")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Usage;

/// Where a file goes.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// A pipe or a device: it is written as it stands; a file is replaced whole.
    special: bool,
    /// The permissions of a new file, before the umask.
    mode: u32,
}

impl Place {
    /// Settles that the file can be written.
    pub fn prepare(path: &Path) -> Result<Self, Usage> {
        Place::prepare_as(path, 0o666)
    }

    /// Settles that a file can be written that only its owner can read.
    pub fn prepare_private(path: &Path) -> Result<Self, Usage> {
        Place::prepare_as(path, 0o600)
    }

    fn prepare_as(path: &Path, mode: u32) -> Result<Self, Usage> {
        let refused = |why: &str| Usage(format!("cannot write {}: {why}", path.display()));
        let place = |special| Place { path: path.to_owned(), special, mode };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(refused("it is a folder; name a file in it")),
            Ok(metadata) if !metadata.is_file() => return Ok(place(true)),
            _ => {}
        }
        if path.file_name().is_none() {
            return Err(refused("a file's name is missing"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(refused(&format!("there is no folder {}", folder.display())));
        }
        let place = place(false);
        match place.begin() {
            Ok((part, _)) => {
                // What cannot be removed now is overwritten later.
                let _ = fs::remove_file(part);
                Ok(place)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused(&format!(
                "this user may not write in {}; choose another folder, as in -o /tmp/report.md",
                folder.display()
            ))),
            Err(error) => Err(refused(&format!("{error}; choose another folder"))),
        }
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file, whole or not at all: beside it first, then in its place.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        let written = if self.special { self.write_special(write) } else { self.write_whole(write) };
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn write_special(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut out = BufWriter::new(OpenOptions::new().write(true).open(&self.path)?);
        write(&mut out)?;
        out.flush()
    }

    fn write_whole(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let (part, file) = self.begin()?;
        let mut out = BufWriter::new(file);
        let result = write(&mut out)
            .and_then(|()| out.into_inner().map_err(io::IntoInnerError::into_error))
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&part, &self.path));
        if result.is_err() {
            // Nothing half-written stays behind; that the part may not exist is no second error.
            let _ = fs::remove_file(&part);
        }
        result
    }

    /// A new file beside the place. That it must be new keeps others from planting a link there.
    fn begin(&self) -> io::Result<(PathBuf, File)> {
        let mut attempt = 0;
        loop {
            let mut name = self.path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{attempt}.part", std::process::id()));
            let part = self.path.with_file_name(name);
            match OpenOptions::new().write(true).create_new(true).mode(self.mode).open(&part) {
                Ok(file) => return Ok((part, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 8 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn a_link_planted_where_the_part_would_be_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        let planted = folder.path().join(format!("report.md.{}-0.part", std::process::id()));
        std::os::unix::fs::symlink(&victim, planted).unwrap();
        let path = folder.path().join("report.md");
        Place::prepare(&path).unwrap().write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
