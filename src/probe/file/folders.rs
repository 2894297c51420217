//! How many files are in a folder and below: spools and queues.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::named;
use super::output::{CountedFolder, Files};
use crate::case::Observed;
use crate::printable::printable;
use crate::sys::beneath::{Folder, Kind};

/// Names that are looked at in a folder and below.
const MOST_ENTRIES: usize = 50_000;
/// How deep folders are entered.
const DEEPEST: usize = 4;
/// How long one folder is counted.
const LONGEST: Duration = Duration::from_secs(2);

/// What was counted so far.
#[derive(Default)]
struct Count {
    files: u64,
    bytes: u64,
    times: Option<(SystemTime, SystemTime)>,
    entries: usize,
    cut: bool,
}

/// Counts the files of a folder.
pub(super) fn count(path: &str, observed: &mut Observed<Files>) {
    const FIGURES: [&str; 4] = ["folders.files", "folders.bytes", "folders.oldest", "folders.newest"];
    let mut folder = CountedFolder {
        path: printable(path),
        exists: Some(true),
        files: None,
        bytes: None,
        oldest: None,
        newest: None,
        complete: false,
    };
    let opened = named::as_operator(|| Folder::open(Path::new(path)));
    let counted = match opened {
        Ok(opened) => named::as_operator(|| walk(&opened)).map(Some),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            folder.exists = Some(false);
            Ok(None)
        }
        Err(error) => {
            folder.exists = None;
            observed.miss(&["folders.exists"], named::gap(format!("look into {}", folder.path), &error));
            Err(error)
        }
    };
    match counted {
        Ok(None) => {}
        Ok(Some(count)) => {
            let text = |time: SystemTime| Timestamp::try_from(time).ok().map(|time| time.to_string());
            folder.files = Some(count.files);
            folder.bytes = Some(count.bytes);
            (folder.oldest, folder.newest) = count.times.map_or((None, None), |(old, new)| (text(old), text(new)));
            folder.complete = !count.cut;
        }
        Err(error) => observed.miss(&FIGURES, named::gap(format!("count the files in {}", folder.path), &error)),
    }
    observed.output.folders.push(folder);
}

fn walk(folder: &Folder) -> io::Result<Count> {
    let deadline = Instant::now() + LONGEST;
    let mut count = Count::default();
    let mut left = vec![(PathBuf::from("."), 0)];
    while let Some((path, depth)) = left.pop() {
        let (entries, more) = match folder.list(&path, MOST_ENTRIES - count.entries) {
            // What went away meanwhile was delivered.
            Err(error) if depth > 0 && error.kind() == ErrorKind::NotFound => continue,
            listed => listed?,
        };
        count.cut |= more;
        count.entries += entries.len();
        for entry in entries {
            if Instant::now() >= deadline {
                count.cut = true;
                return Ok(count);
            }
            let path = path.join(&entry.name);
            match entry.kind {
                Kind::Folder if depth + 1 < DEEPEST => left.push((path, depth + 1)),
                Kind::Folder => count.cut = true,
                Kind::File => {
                    let Ok(metadata) = folder.metadata(&path) else { continue };
                    count.files += 1;
                    count.bytes = count.bytes.saturating_add(metadata.len());
                    if let Ok(time) = metadata.modified() {
                        let (old, new) = count.times.unwrap_or((time, time));
                        count.times = Some((old.min(time), new.max(time)));
                    }
                }
                Kind::Link | Kind::Special => {}
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn counted(path: &Path) -> Observed<Files> {
        let mut observed = Observed::whole(Files { files: Vec::new(), folders: Vec::new() });
        count(path.to_str().unwrap(), &mut observed);
        observed
    }

    #[test]
    fn files_are_counted_with_those_below_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("deferred/A")).unwrap();
        fs::write(folder.path().join("deferred/A/AB12"), "12345").unwrap();
        fs::write(folder.path().join("here"), "1").unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("elsewhere")).unwrap();
        let observed = counted(folder.path());
        let seen = &observed.output.folders[0];
        assert_eq!((seen.files, seen.bytes, seen.complete), (Some(2), Some(6), true));
        assert!(seen.oldest <= seen.newest && seen.oldest.is_some() && observed.missing.is_empty());
    }

    #[test]
    fn an_empty_one_has_none_and_one_that_is_not_there_has_no_figure() {
        let folder = tempfile::tempdir().unwrap();
        let empty = counted(folder.path());
        assert_eq!((empty.output.folders[0].files, empty.output.folders[0].oldest.is_none()), (Some(0), true));
        let gone = counted(&folder.path().join("gone"));
        assert_eq!((gone.output.folders[0].exists, gone.output.folders[0].files), (Some(false), None));
        assert!(gone.missing.is_empty());
    }

    #[test]
    fn what_lies_too_deep_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("1/2/3/4")).unwrap();
        assert!(!counted(folder.path()).output.folders[0].complete);
    }
}
