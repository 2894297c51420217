//! The files of a folder, as far as they can be outputs of tools. Whoever made the folder chose its names and links: what is
//! in it is opened through its descriptor alone, and no link is followed.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Printed;
use crate::printable;
use crate::sys::beneath::{Folder, Kind};
use crate::units;

/// Files that are looked at; an sosreport has some thousand.
const MOST_FILES: usize = 20_000;
/// How deep folders are searched.
const DEPTH: usize = 6;
/// The largest file that is read: the sockets of a busy host.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Bytes of all of them.
const LARGEST_SUM: usize = 64 * 1024 * 1024;
/// Parts of an sosreport that are no outputs of tools that are read here.
const PASSED_OVER: &[&str] = &["log", "usr", "lib", "boot", "sys", "run", "sos_reports", "sos_strings", "sos_logs"];
/// A part whose links are those of a system, to what is not in the folder anyway.
const OF_SYSTEM: &str = "etc";
/// Links that are named.
const NAMED_LINKS: usize = 8;
/// Names by which a folder of logs is known.
const LOGS: &[&str] = &["messages", "syslog", "secure", "auth.log", "kern.log", "daemon.log"];

/// Why a folder cannot be taken for evidence. The message goes on from the folder's name.
#[derive(Debug, thiserror::Error)]
pub enum NoPrintouts {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Too much is in it.
    #[error("holds more than {}; put the outputs that matter in a folder of their own", units::bytes(LARGEST_SUM as f64))]
    TooLarge,
    /// Nothing in it is known, but there are links.
    #[error("holds no output that is known; {0}")]
    Links(String),
    /// Nothing in it is known.
    #[error(
        "holds no output that is known: put there what `ip -s addr`, `sar -n DEV 1 10`, `ss -tunap`, `iptables-save -c`, \
         `uptime`, `free -m`, `uname -a` and `date` print, each in a file, and log files below var/log"
    )]
    Nothing,
}

/// Links that hide what they lead to, for they are not followed.
#[derive(Debug, Default)]
pub(super) struct Links {
    named: Vec<String>,
    others: usize,
}

impl Links {
    /// Notes a link, unless what it shows is in the folder itself.
    fn note(&mut self, folder: &Folder, link: &Path) {
        let shown = |place: PathBuf| folder.metadata(&place).is_ok_and(|metadata| !metadata.is_symlink());
        if link.starts_with(OF_SYSTEM) || folder.target(link).is_some_and(shown) {
            return;
        }
        if self.named.len() < NAMED_LINKS {
            self.named.push(printable::printable(link.as_os_str().as_encoded_bytes()).to_string());
        } else {
            self.others += 1;
        }
    }

    /// The sentence that tells of them, if there are any.
    pub fn sentence(&self) -> Option<String> {
        let more = if self.others > 0 { format!(" and {} more", self.others) } else { String::new() };
        let named = self.named.join(", ");
        (!self.named.is_empty())
            .then(|| format!("links are not followed: {named}{more}; put copies of what they lead to in their place"))
    }
}

/// What a folder holds.
pub(super) struct Contents {
    /// The texts of the files in it and below, in order of their paths.
    pub outputs: Vec<Printed>,
    /// When the newest was changed.
    pub newest: DateTime,
    /// The links that hide something.
    pub links: Links,
}

/// Reads a folder and what is below.
pub(super) fn read(folder: &Folder) -> Result<Contents, NoPrintouts> {
    let mut outputs = Vec::new();
    let mut links = Links::default();
    let (mut files, mut bytes, mut newest) = (0, 0, Timestamp::UNIX_EPOCH);
    let mut open = vec![(PathBuf::new(), 0)];
    while let Some((place, depth)) = open.pop() {
        let mut entries = match folder.list(&place, MOST_FILES) {
            Ok((entries, _)) => entries,
            Err(error) if depth == 0 => return Err(error.into()),
            Err(_) => continue,
        };
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in entries {
            let path = place.join(&entry.name);
            let name = entry.name.to_string_lossy().into_owned();
            if entry.kind == Kind::Folder && depth < DEPTH && !PASSED_OVER.contains(&name.as_str()) {
                open.push((path, depth + 1));
                continue;
            }
            files += 1;
            if files > MOST_FILES {
                continue;
            }
            if entry.kind == Kind::Link {
                links.note(folder, &path);
            }
            if entry.kind != Kind::File || LOGS.contains(&name.as_str()) {
                continue;
            }
            // What cannot be read or is too large for an output is not among them; what it would have shown is a gap.
            let Ok((content, metadata)) = folder.read(&path, LARGEST) else { continue };
            bytes += content.len();
            if bytes > LARGEST_SUM {
                return Err(NoPrintouts::TooLarge);
            }
            if let Some(at) = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()) {
                newest = newest.max(at);
            }
            let below = path.to_string_lossy().into_owned();
            outputs.push(Printed { path: below, text: String::from_utf8_lossy(&content).into_owned() });
        }
    }
    outputs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Contents { outputs, newest: newest.to_zoned(TimeZone::UTC).datetime(), links })
}

/// Where the log files of a folder lie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Logs {
    /// Nowhere.
    Nowhere,
    /// In this folder of it.
    In(PathBuf),
    /// Behind this link, which is not followed.
    Behind(PathBuf),
}

/// Finds the folder of log files.
pub(super) fn logs(folder: &Folder) -> Logs {
    let of_system = Path::new("var/log");
    if let Some(place) = [of_system, Path::new(".")].into_iter().find(|place| has_logs(folder, place)) {
        return Logs::In(place.to_owned());
    }
    for link in [of_system, Path::new("var")] {
        if folder.metadata(link).is_ok_and(|metadata| metadata.is_symlink()) {
            let place = folder.target(link).filter(|place| link == of_system && has_logs(folder, place));
            return place.map_or_else(|| Logs::Behind(link.to_owned()), Logs::In);
        }
    }
    Logs::Nowhere
}

/// Whether log files, or links in their place, lie in a folder.
fn has_logs(folder: &Folder, place: &Path) -> bool {
    LOGS.iter().any(|name| match folder.metadata(&place.join(name)) {
        Ok(metadata) => metadata.is_file() || metadata.is_symlink(),
        Err(_) => false,
    })
}
