//! The files of a folder, as far as they can be outputs of tools.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Printed;
use crate::order::Order as _;
use crate::sys::text_file;
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
    /// Nothing in it is known.
    #[error(
        "holds no output that is known: put there what `ip -s addr`, `sar -n DEV 1 10`, `ss -tunap`, `iptables-save -c`, \
         `uptime`, `free -m`, `uname -a` and `date` print, each in a file, and log files below var/log"
    )]
    Nothing,
}

/// The texts of the files in a folder and below, in order of their paths, and when the newest was changed. Links are not
/// followed: they may lead elsewhere.
pub(super) fn read(folder: &Path) -> Result<(Vec<Printed>, DateTime), NoPrintouts> {
    let mut outputs = Vec::new();
    let (mut files, mut bytes, mut newest) = (0, 0, Timestamp::UNIX_EPOCH);
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((place, depth)) = open.pop() {
        let mut entries: Vec<fs::DirEntry> = match fs::read_dir(&place) {
            Ok(entries) => entries.flatten().take(MOST_FILES).collect(),
            Err(error) if depth == 0 => return Err(error.into()),
            Err(_) => continue,
        };
        entries.order_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && depth < DEPTH && !PASSED_OVER.contains(&name.as_str()) {
                open.push((path, depth + 1));
                continue;
            }
            files += 1;
            if !kind.is_file() || files > MOST_FILES || LOGS.contains(&name.as_str()) {
                continue;
            }
            // What cannot be read or is too large for an output is not among them; what it would have shown is a gap.
            let Ok(content) = text_file::read_bytes(&path, LARGEST) else { continue };
            bytes += content.len();
            if bytes > LARGEST_SUM {
                return Err(NoPrintouts::TooLarge);
            }
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if let Some(at) = changed.ok().and_then(|at| Timestamp::try_from(at).ok()) {
                newest = newest.max(at);
            }
            let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            outputs.push(Printed { path: below, text: String::from_utf8_lossy(&content).into_owned() });
        }
    }
    outputs.order_by(|a, b| a.path.cmp(&b.path));
    Ok((outputs, newest.to_zoned(TimeZone::UTC).datetime()))
}

/// Whether log files lie in a folder.
pub(super) fn has_logs(folder: &Path) -> bool {
    LOGS.iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok_and(|metadata| metadata.is_file()))
}

/// The first link below a folder of logs that leads out of it: to files that are of another host.
pub(super) fn link_out_of(folder: &Path) -> Option<PathBuf> {
    let home = folder.canonicalize().ok()?;
    let mut open = vec![(home.clone(), 0)];
    let mut files = 0;
    while let Some((place, depth)) = open.pop() {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            files += 1;
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            // Of more files than are looked at, nobody knows where they lead.
            let leads_out = kind.is_symlink() && !path.canonicalize().is_ok_and(|target| target.starts_with(&home));
            if (leads_out && path.exists()) || files > MOST_FILES {
                return Some(path);
            }
            if kind.is_dir() && depth < DEPTH {
                open.push((path, depth + 1));
            }
        }
    }
    None
}
