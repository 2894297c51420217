//! The folders that the operator opened to the client: cases and pasted outputs lie there. A client names a file as it is listed;
//! no link is followed, and nothing outside is reached.

use std::path::{Path, PathBuf};

use super::super::Usage;
use super::answer::File;
use crate::printable::printable;
use crate::sys::beneath::{Folder, Kind};

/// Files that are listed, folders that are looked into, and how deep.
const MOST_FILES: usize = 1000;
const MOST_ENTRIES: usize = 10_000;
const DEPTH: usize = 4;

/// An open folder, and what its files are called by.
struct Named {
    name: String,
    folder: Folder,
}

/// The folders.
pub(super) struct Folders(Vec<Named>);

impl Folders {
    /// Opens the folders that were named. Two of the same name are told apart by a number.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Usage> {
        let mut folders: Vec<Named> = Vec::new();
        for path in paths {
            let refused = |why: &dyn std::fmt::Display| {
                Usage(format!("cannot open the folder {}: {why}", printable(path.as_os_str().as_encoded_bytes())))
            };
            let whole = std::path::absolute(path).map_err(|why| refused(&why))?;
            let base = whole.file_name().map_or_else(|| "root".to_owned(), |name| printable(name.as_encoded_bytes()));
            let is_taken = |name: &str| folders.iter().any(|folder| folder.name == name);
            let numbered = (2..).map(|number| format!("{base}-{number}"));
            let name = std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base);
            folders.push(Named { name, folder: Folder::open(path).map_err(|why| refused(&why))? });
        }
        Ok(Folders(folders))
    }

    /// All files below, and what could not be listed.
    pub fn list(&self) -> (Vec<File>, Vec<String>) {
        let (mut files, mut not_listed) = (Vec::new(), Vec::new());
        for Named { name, folder } in &self.0 {
            let mut left = MOST_ENTRIES;
            let mut waiting = vec![(PathBuf::new(), 0)];
            while let Some((below, depth)) = waiting.pop() {
                let shown = |path: &Path| match path.as_os_str().is_empty() {
                    true => name.clone(),
                    false => format!("{name}/{}", path.to_string_lossy()),
                };
                let (mut entries, more) = match folder.list(&below, left) {
                    Ok(listed) => listed,
                    Err(why) => {
                        not_listed.push(format!("{}: {why}", shown(&below)));
                        continue;
                    }
                };
                left -= entries.len();
                if more {
                    not_listed.push(format!("{}: more entries than are listed", shown(&below)));
                }
                entries.sort_by(|a, b| b.name.cmp(&a.name));
                let mut folders = Vec::new();
                for entry in entries.into_iter().rev() {
                    let path = below.join(&entry.name);
                    // What is no text has no name by which a client could ask for it.
                    let Some(_) = path.to_str() else { continue };
                    match entry.kind {
                        Kind::Folder if depth < DEPTH => folders.push((path, depth + 1)),
                        Kind::Folder => not_listed.push(format!("{}: too deep", shown(&path))),
                        Kind::File if files.len() == MOST_FILES => {
                            not_listed.push(format!("{}: more than {MOST_FILES} files", shown(&below)));
                            return (files, not_listed);
                        }
                        Kind::File => {
                            let bytes = folder.metadata(&path).map_or(0, |metadata| metadata.len());
                            files.push(File { name: shown(&path), bytes });
                        }
                        Kind::Link | Kind::Special => {}
                    }
                }
                waiting.extend(folders.into_iter().rev());
            }
        }
        (files, not_listed)
    }

    /// Opens a file by the name that it is listed by.
    pub fn file(&self, name: &str) -> Result<std::fs::File, Usage> {
        let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read {}: {why}", printable(name)));
        if self.0.is_empty() {
            return Err(refused(&"the server was started without --folder, so no file can be named"));
        }
        // A folder's name may be the beginning of another's, and never holds a slash.
        let (folder, path) = name.split_once('/').unwrap_or((name, ""));
        let found = self.0.iter().find(|named| named.name == folder && !path.is_empty()).ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|named| named.name.as_str()).collect();
            refused(&format!("files are named as list_cases shows them, by their folder: {}/…", names.join("/…, ")))
        })?;
        found.folder.file(Path::new(path)).map(|(file, _)| file).map_err(|why| refused(&why))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_named_by_their_folder_and_nothing_else_is_reached() {
        let around = tempfile::tempdir().unwrap();
        let at = |name: &str| around.path().join(name);
        for folder in ["cases", "other/cases", "cases/week"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["cases/a.case", "cases/week/b.case", "other/cases/a.case", "secret"] {
            fs::write(at(file), file).unwrap();
        }
        symlink(at("secret"), at("cases/link")).unwrap();
        symlink(around.path(), at("cases/up")).unwrap();
        let folders = Folders::open(&[at("cases"), at("other/cases")]).unwrap();
        let (files, not_listed) = folders.list();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["cases/a.case", "cases/week/b.case", "cases-2/a.case"]);
        assert!(not_listed.is_empty(), "{not_listed:?}");
        let read = |name: &str| {
            let mut text = String::new();
            folders.file(name).map(|mut file| file.read_to_string(&mut text).unwrap()).map(|_| text)
        };
        assert_eq!(read("cases/week/b.case").unwrap(), "cases/week/b.case");
        assert_eq!(read("cases-2/a.case").unwrap(), "other/cases/a.case");
        let whole = at("secret").to_string_lossy().into_owned();
        for name in [
            "cases/link",
            "cases/up/secret",
            "cases/../secret",
            "secret",
            "cases",
            "cases/",
            "",
            &whole,
            "cases//etc/passwd",
        ] {
            assert!(read(name).is_err(), "{name}");
        }
        let none = Folders::open(&[]).unwrap().file("cases/a.case").unwrap_err().to_string();
        assert!(none.contains("--folder"), "{none}");
    }
}
