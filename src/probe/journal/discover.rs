//! Finds the files of the journal, and looks at the header of each to see whether it reaches into a span of time.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Journal;
use super::choice::Choice;
use super::header::{BootId, Header};
use super::stamp::{self, DISORDER, Dating, SetBack};
use crate::case::Gap;
use crate::probe::place::{MOST_NAMES, Place, is_absent};

/// Files that are looked at, at most.
const MOST_FILES: usize = 8192;

/// Directories of machines and namespaces that are looked into, at most.
const MOST_DIRS: usize = 256;

/// Figures of the id of a machine.
const ID: usize = 32;

/// Endings of files that are written or archived, and of those that were put aside because they are damaged.
const ENDINGS: &[&[u8]] = &[b".journal", b".journal~"];

/// A file of the journal.
#[derive(Debug, Clone)]
pub(in crate::probe) struct Found {
    pub path: PathBuf,
    /// Whether it was put aside, and another is written.
    pub rotated: bool,
    /// When its last entry was written.
    pub modified: Option<Timestamp>,
}

/// Whose journals are looked for, and where.
#[derive(Debug)]
pub(in crate::probe) struct Asked<'a> {
    /// The directories that those of machines are in.
    pub dirs: &'a [PathBuf],
    /// The machine whose journals are looked for; of all, if there is none.
    pub machine: Option<&'a str>,
    /// The namespace; all, if there is none.
    pub namespace: Option<&'a str>,
}

/// What was found.
#[derive(Debug, Default)]
pub(in crate::probe) struct Journals {
    /// Files that may reach into the span.
    pub files: Vec<Found>,
    /// The first directory with files.
    pub dir: Option<PathBuf>,
    /// Files that do not reach into the span.
    pub outside: u64,
    /// Files and directories that were not looked at.
    pub left_out: u64,
    /// Journals of other machines, which were not looked at.
    pub of_others: u64,
    /// Directories that could not be looked into.
    pub gaps: Vec<(PathBuf, Gap)>,
    /// The boot of the last entry of all files.
    pub last_boot: Option<BootId>,
    /// Where the wall clock went back from one file to the next, the last time: journald begins a new one then.
    pub set_back: Option<SetBack>,
}

/// Where a host keeps the journal on the disk, and where until the next start.
pub(in crate::probe) fn dirs_of_host() -> Vec<PathBuf> {
    ["/var/log/journal", "/run/log/journal"].iter().map(PathBuf::from).collect()
}

/// Whether a file of that name is one of the journal.
pub(in crate::probe) fn is_name(name: &[u8]) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The id of the machine that a directory stands for, and the namespace.
fn of_machine(name: &str) -> Option<(&str, Option<&str>)> {
    let (id, namespace) = name.split_once('.').map_or((name, None), |(id, namespace)| (id, Some(namespace)));
    (id.len() == ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((id, namespace))
}

/// The id of the machine, as a file tells it.
pub(in crate::probe) fn machine_id(place: &Place, path: &Path) -> Option<String> {
    let (file, _) = place.open(path).ok()?;
    let mut text = String::new();
    file.take(ID as u64 + 1).read_to_string(&mut text).ok()?;
    of_machine(text.trim()).filter(|(_, namespace)| namespace.is_none()).map(|(id, _)| id.to_owned())
}

/// Finds the files.
pub(in crate::probe) fn discover(
    place: &Place,
    asked: &Asked<'_>,
    dating: Option<&Dating>,
    choice: &Choice,
    stop: &dyn Fn() -> bool,
) -> Journals {
    let mut journals = Journals::default();
    let mut last = 0;
    let mut looked_at = 0;
    let mut headers = Vec::new();
    for (dir, is_of_machine) in journals.dirs(place, asked) {
        let Some(paths) = journals.list(place, &dir) else { continue };
        let mut paths: Vec<PathBuf> = paths
            .into_iter()
            .filter(|path| path.file_name().is_some_and(|name| is_name(name.as_encoded_bytes())))
            .collect();
        // Files of no machine's directory are of the namespace that is the host's own.
        if !is_of_machine && asked.namespace.is_some() {
            continue;
        }
        paths.sort();
        for path in paths {
            if looked_at == MOST_FILES || stop() {
                journals.left_out += 1;
                continue;
            }
            looked_at += 1;
            journals.dir.get_or_insert_with(|| dir.clone());
            let header = place.open(&path).ok().and_then(|(file, _)| super::header(&file).ok());
            if let Some(header) = header {
                headers.extend((header.entries > 0).then_some(header));
                if header.entries > 0 && header.last_realtime >= last {
                    (last, journals.last_boot) = (header.last_realtime, Some(header.last_boot));
                }
                // That of the host is there, also when nothing was written to it.
                let is_own = path.file_name().is_some_and(|name| name == "system.journal");
                if !is_own && !may_reach(&header, dating, choice) {
                    journals.outside += 1;
                    continue;
                }
            }
            let rotated = path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'@'));
            let modified = header.and_then(|header| i64::try_from(header.last_realtime).ok());
            journals.files.push(Found {
                path,
                rotated,
                modified: modified.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
            });
        }
    }
    journals.set_back = set_back(headers, dating, choice);
    journals
}

/// Where the wall clock went back from one file to the next. Entries of this boot are dated anew, and it is said of them.
fn set_back(mut headers: Vec<Header>, dating: Option<&Dating>, choice: &Choice) -> Option<SetBack> {
    headers.sort_unstable_by_key(|header| (header.numbering, header.first_number));
    let pairs = headers.iter().zip(headers.iter().skip(1));
    let following = pairs.filter(|(one, next)| {
        one.numbering == next.numbering
            && one.last_number < next.first_number
            && dating.is_none_or(|dating| dating.boot != one.last_boot)
    });
    following
        .map(|(one, next)| SetBack { from: one.last_realtime, to: next.first_realtime })
        .filter(|back| back.is_more_than_a_correction() && back.reaches(choice.from, choice.to))
        .max_by_key(|back| back.from)
}

/// Files that are looked into for the boot before this one, the newest.
const MOST_FOR_BOOT: usize = 64;

/// The boot before this one, and when its last entry was written. No file has an order of boots: it is that of the latest entry of
/// any other.
pub(in crate::probe) fn previous_boot(place: &Place, files: &[Found], boot: &BootId) -> Option<(BootId, Timestamp)> {
    let mut newest: Vec<&Found> = files.iter().filter(|file| file.modified.is_some()).collect();
    newest.sort_by_key(|file| std::cmp::Reverse(file.modified));
    let mut latest: Option<(BootId, Timestamp)> = None;
    for found in newest.into_iter().take(MOST_FOR_BOOT) {
        // The rest was last written to before.
        if latest.is_some_and(|(_, at)| found.modified < Some(at)) {
            break;
        }
        let journal = place.open(&found.path).ok().and_then(|(file, _)| Journal::open(file).ok());
        let before = journal.and_then(|journal| journal.before(boot));
        latest = before.filter(|(_, at)| latest.is_none_or(|(_, latest)| *at > latest)).or(latest);
    }
    latest
}

impl Journals {
    /// The directories that hold files, each with whether it is that of a machine.
    fn dirs(&mut self, place: &Place, asked: &Asked<'_>) -> Vec<(PathBuf, bool)> {
        let mut dirs = Vec::new();
        for dir in asked.dirs {
            let Some(mut inner) = self.list(place, dir) else { continue };
            inner.sort();
            dirs.push((dir.clone(), false));
            for path in inner {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let Some((machine, namespace)) = of_machine(&name) else { continue };
                if asked.machine.is_some_and(|own| !own.eq_ignore_ascii_case(machine)) {
                    self.of_others += 1;
                } else if dirs.len() == MOST_DIRS {
                    self.left_out += 1;
                } else if asked.namespace.is_none_or(|asked| namespace.unwrap_or_default() == asked) {
                    dirs.push((path, true));
                }
            }
        }
        dirs
    }

    fn list(&mut self, place: &Place, dir: &Path) -> Option<Vec<PathBuf>> {
        match place.list(dir, MOST_NAMES) {
            Ok((paths, more)) => {
                self.left_out += u64::from(more);
                Some(paths)
            }
            Err(error) => {
                if !is_absent(&error) {
                    let gap = Gap::io(format!("look for a journal in {}", dir.display()), &error);
                    self.gaps.push((dir.to_owned(), gap));
                }
                None
            }
        }
    }
}

/// Whether a journal may have entries of the span.
fn may_reach(header: &Header, dating: Option<&Dating>, choice: &Choice) -> bool {
    if header.entries == 0 {
        return false;
    }
    // A header that was not kept up says nothing.
    if header.last_realtime == 0 || header.first_realtime == 0 {
        return true;
    }
    let (last, _) = stamp::time(dating, header.last_realtime, header.last_monotonic, &header.last_boot);
    // A first time that lies ahead of now is that of a clock that was wrong. One of this boot may be, and its entry is dated anew.
    let is_plausible = header.first_realtime <= header.last_realtime
        && dating.is_none_or(|dating| header.first_realtime <= dating.realtime && header.last_boot != dating.boot);
    let begins_later = is_plausible && header.first_realtime > choice.to.saturating_add(DISORDER);
    last.saturating_add(DISORDER) >= choice.from && !begins_later
}
