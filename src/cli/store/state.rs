//! The folder of kept cases: where it is, what is in it, and how it stays small.
//!
//! The folder is opened once; what is in it is reached through its descriptor, and no link there is followed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;

use crate::archive;
use crate::sys::beneath::{Folder, Kind};
use crate::sys::outlet::{self, Part, Refused};
use crate::sys::text_file;
use crate::sys::trust::{self, Trust};

/// Where root keeps its cases.
const OF_ROOT: &str = "/var/lib/casebook/cases";
/// Below this in a user's state directory.
const OF_USER: &str = "casebook/cases";
/// Files that are looked at in the folder.
const MOST_FILES: usize = 10_000;
/// Runs that began in the same second with the same runbook.
const MOST_ALIKE: u32 = 100;
/// A part of a file that is older than this was left by a run that is gone.
const STALE: Duration = Duration::from_secs(3600);
/// The largest journal that is read back.
const LARGEST_JOURNAL: u64 = 128 * 1024 * 1024;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Keep {
    /// Cases at most.
    pub cases: usize,
    /// Bytes of all of them at most; the newest case is kept whatever its size.
    pub bytes: u64,
    /// Unfinished runs at most.
    pub unfinished: usize,
}

/// What is kept unless the operator says otherwise: enough for a bad week, and less than a log file.
pub(in crate::cli) const KEPT: Keep = Keep { cases: 50, bytes: 256 * 1024 * 1024, unfinished: 10 };

/// The folder of kept cases, open.
#[derive(Debug, Clone)]
pub(in crate::cli) struct State {
    folder: Arc<Folder>,
    path: PathBuf,
}

/// A journal whose run is over or still goes on.
#[derive(Debug)]
pub(in crate::cli) struct Unfinished {
    /// Its name.
    pub id: String,
    /// Whether its run still goes on.
    pub runs: bool,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The name of a run: when it began, and its runbook.
pub(super) fn id(started: Timestamp, runbook: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = runbook.chars().take(48).map(plain).collect();
    format!("{}-{name}", started.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ"))
}

/// Where the state directory of this user is.
fn location() -> Result<PathBuf, String> {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(state) = named("XDG_STATE_HOME") {
        return Ok(state.join(OF_USER));
    }
    if Uid::effective().is_root() {
        return Ok(PathBuf::from(OF_ROOT));
    }
    let home = named("HOME").ok_or("neither XDG_STATE_HOME nor HOME names a folder")?;
    Ok(home.join(".local/state").join(OF_USER))
}

impl State {
    /// The folder, made if it is not there, for this user's eyes only.
    pub fn open() -> Result<Self, String> {
        let path = location()?;
        let refused = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let folder = outlet::folder(&path, Some(0o700)).map_err(|error| refused(&error))?;
        let open = File::from(folder.as_fd().try_clone_to_owned().map_err(|error| refused(&error))?);
        let metadata = open.metadata().map_err(|error| refused(&error))?;
        if metadata.uid() != Uid::effective().as_raw() {
            return Err(refused(&format!("it belongs to user {}", metadata.uid())));
        }
        // Who could put a link where root is about to write could have root write anywhere.
        trust::check_folder(&path, Trust::Own).map_err(|why| refused(&why))?;
        Ok(State { folder: Arc::new(folder), path })
    }

    /// The folder, if it is there. One that somebody else could have put files in is refused: what is kept is judged and run
    /// again, and removed.
    pub fn existing() -> Result<Option<Self>, String> {
        let path = location()?;
        let folder = match outlet::folder(&path, None) {
            Ok(folder) => folder,
            Err(Refused::NoFolder(_)) => return Ok(None),
            Err(why) => return Err(format!("{}: {why}", path.display())),
        };
        match trust::check_folder(&path, Trust::Own) {
            Ok(()) => Ok(Some(State { folder: Arc::new(folder), path })),
            Err(why) => Err(format!("{}: {why}", path.display())),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// The path of a kept case, to be shown.
    pub fn path(&self, id: &str) -> PathBuf {
        self.path.join(case_name(id))
    }

    /// Whether something has the name of that case.
    fn is_taken(&self, id: &str) -> bool {
        self.folder.metadata(case_name(id).as_ref()).is_ok()
    }

    /// Names of files with that ending, the oldest first. What is not named as casebook does is not casebook's.
    fn names(&self, ending: &str) -> Vec<String> {
        let (entries, _) = self.folder.list(Path::new(""), MOST_FILES).unwrap_or_default();
        let mut names: Vec<String> = entries
            .into_iter()
            .filter(|entry| entry.kind == Kind::File)
            .filter_map(|entry| entry.name.into_string().ok()?.strip_suffix(ending).map(str::to_owned))
            .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)))
            .collect();
        names.sort();
        names
    }

    /// The kept cases, the oldest first.
    pub fn cases(&self) -> Vec<String> {
        self.names(".case")
    }

    /// The journals of runs that did not come to their case, the oldest first.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let told = |id: String| {
            // Only its size and its lock are looked at: one that somebody else can change is listed, and refused when it is read.
            let name = journal_name(&id);
            let bytes = self.folder.metadata(name.as_ref()).ok()?.len();
            // The writer holds the lock as long as it lives.
            let open = self.folder.file(name.as_ref()).ok();
            let runs = open.is_some_and(|(file, _)| Flock::lock(file, FlockArg::LockSharedNonblock).is_err());
            Some(Unfinished { id, runs, bytes })
        };
        self.names(".journal").into_iter().filter_map(told).collect()
    }

    /// A new journal, locked, with its name: `id`, with a number if that is taken.
    pub fn new_journal(&self, id: &str) -> io::Result<(String, Flock<File>)> {
        for attempt in 1..=MOST_ALIKE {
            let id = if attempt == 1 { id.to_owned() } else { format!("{id}-{attempt}") };
            if self.is_taken(&id) {
                continue;
            }
            match outlet::create_in(&self.folder, journal_name(&id).as_ref(), 0o600).map_err(io::Error::from) {
                Ok(file) => {
                    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error)?;
                    return Ok((id, locked));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many runs began in this second"))
    }

    /// The text of a journal whose run is over.
    pub fn journal(&self, id: &str) -> Result<Vec<u8>, String> {
        let path = self.path.join(journal_name(id));
        let file = trust::open_trusted(&path, Trust::Own).map_err(|error| error.to_string())?;
        let locked = Flock::lock(file, FlockArg::LockSharedNonblock)
            .map_err(|_| "its run still goes on; end that with Ctrl-C or `kill`, or wait for it".to_owned())?;
        let mut bytes = Vec::new();
        (&*locked).take(LARGEST_JOURNAL).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    /// Removes the journal of a run.
    pub fn forget_journal(&self, id: &str) -> io::Result<()> {
        outlet::remove(&self.folder, journal_name(id).as_ref())
    }

    /// Keeps a packed case under its name, whole or not at all.
    pub fn put(&self, id: &str, packed: &[u8]) -> io::Result<String> {
        let mut id = id.to_owned();
        for attempt in 2..=MOST_ALIKE {
            if !self.is_taken(&id) {
                break;
            }
            id = format!("{}-{attempt}", id.trim_end_matches(&format!("-{}", attempt - 1)));
        }
        let part = Part::begin(&self.folder, 0o600)?;
        part.file().write_all(packed)?;
        part.place(case_name(&id).as_ref())?;
        Ok(id)
    }

    /// Removes the oldest until no more than `keep` is left. Returns how many files and bytes are gone.
    pub fn prune(&self, keep: &Keep) -> (usize, u64) {
        let (mut files, mut freed) = (0, 0);
        let size = |name: &str| self.folder.metadata(name.as_ref()).map_or(0, |metadata| metadata.len());
        let mut remove = |name: &str| {
            let bytes = size(name);
            // What somebody else has removed already is gone, too.
            if outlet::remove(&self.folder, name.as_ref()).is_ok() {
                files += 1;
                freed += bytes;
            }
        };
        let mut bytes = 0_u64;
        for (index, id) in self.cases().iter().rev().enumerate() {
            let name = case_name(id);
            bytes = bytes.saturating_add(size(&name));
            if index >= keep.cases || (index > 0 && bytes > keep.bytes) {
                remove(&name);
            }
        }
        let over: Vec<_> = self.unfinished().into_iter().filter(|journal| !journal.runs).collect();
        for journal in over.iter().rev().skip(keep.unfinished) {
            remove(&journal_name(&journal.id));
        }
        for part in self.names(".part") {
            let name = format!("{part}.part");
            let age = self.folder.metadata(name.as_ref()).and_then(|metadata| metadata.modified());
            if age.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STALE)) {
                remove(&name);
            }
        }
        (files, freed)
    }

    /// The case that was meant: its whole name, an unmistakable beginning of it, or `latest`.
    pub fn find(&self, meant: &str) -> Result<String, String> {
        find(self.cases(), meant)
    }

    /// The unfinished run that was meant.
    pub fn find_unfinished(&self, meant: &str) -> Result<String, String> {
        find(self.unfinished().into_iter().map(|journal| journal.id).collect(), meant)
    }

    /// A kept case, open for reading.
    pub fn open_case(&self, id: &str) -> Result<File, String> {
        trust::open_trusted(&self.path(id), Trust::Own).map_err(|error| error.to_string())
    }

    /// The bytes of a kept case.
    pub fn read(&self, id: &str) -> Result<Vec<u8>, String> {
        text_file::read_bytes_trusted(&self.path(id), archive::LARGEST, Trust::Own).map_err(|error| error.to_string())
    }
}

fn case_name(id: &str) -> String {
    format!("{id}.case")
}

fn journal_name(id: &str) -> String {
    format!("{id}.journal")
}

fn find(names: Vec<String>, meant: &str) -> Result<String, String> {
    if matches!(meant, "latest" | "last") {
        return names.last().cloned().ok_or_else(|| "none is kept".to_owned());
    }
    if names.iter().any(|name| name == meant) {
        return Ok(meant.to_owned());
    }
    let fitting: Vec<&String> = names.iter().filter(|name| name.starts_with(meant)).collect();
    match fitting.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err("there is none of that name; `casebook cases` lists them".to_owned()),
        several => Err(format!("{} begin like that; `casebook cases` lists them", several.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State { folder: Arc::new(Folder::open(folder.path()).unwrap()), path: folder.path().to_owned() };
        (folder, state)
    }

    #[test]
    fn the_name_of_a_run_is_its_time_and_its_runbook_and_never_a_path() {
        let at: Timestamp = "2026-11-22T18:54:20.5Z".parse().unwrap();
        assert_eq!(id(at, "high-inbound-traffic"), "20261122T185420Z-high-inbound-traffic");
        assert_eq!(id(at, "../../x y"), "20261122T185420Z-------x-y");
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_stays_whatever_its_size() {
        let (_folder, state) = state();
        for name in ["1", "2", "3", "4"] {
            state.put(name, &[0; 100]).unwrap();
        }
        assert_eq!(state.prune(&Keep { cases: 3, bytes: 1000, unfinished: 1 }), (1, 100));
        assert_eq!(state.cases(), ["2", "3", "4"]);
        assert_eq!(state.prune(&Keep { cases: 9, bytes: 250, unfinished: 1 }), (1, 100));
        assert_eq!(state.prune(&Keep { cases: 9, bytes: 1, unfinished: 1 }), (1, 100));
        assert_eq!(state.cases(), ["4"]);
        assert_eq!(state.prune(&Keep { cases: 0, bytes: 1, unfinished: 1 }), (1, 100));
    }

    #[test]
    fn runs_of_the_same_second_have_different_names() {
        let (_folder, state) = state();
        assert_eq!(state.put("a", b"1").unwrap(), "a");
        assert_eq!(state.put("a", b"2").unwrap(), "a-2");
        assert_eq!(state.put("a", b"3").unwrap(), "a-3");
        assert_eq!(state.new_journal("a").unwrap().0, "a-4");
    }

    #[test]
    fn a_journal_whose_writer_lives_is_neither_read_nor_pruned() {
        let (_folder, state) = state();
        let (id, locked) = state.new_journal("run").unwrap();
        assert!(state.unfinished()[0].runs);
        assert!(state.journal(&id).unwrap_err().contains("still goes on"));
        assert_eq!(state.prune(&Keep { cases: 0, bytes: 0, unfinished: 0 }), (0, 0));
        drop(locked);
        assert!(!state.unfinished()[0].runs);
        assert_eq!(state.prune(&Keep { cases: 0, bytes: 0, unfinished: 0 }).0, 1);
    }

    #[test]
    fn a_case_is_meant_by_the_beginning_of_its_name() {
        let names = || vec!["20261122T1-a".to_owned(), "20261122T2-b".to_owned()];
        assert_eq!(find(names(), "latest").unwrap(), "20261122T2-b");
        assert_eq!(find(names(), "20261122T1").unwrap(), "20261122T1-a");
        assert!(find(names(), "2026").unwrap_err().contains("2 begin"));
        assert!(find(names(), "x").unwrap_err().contains("none of that name"));
        assert!(find(Vec::new(), "latest").is_err());
    }
}
