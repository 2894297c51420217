//! What is read: files, folders, standard input. Whoever made a folder chose its names and links: what is in it is opened through
//! its descriptor alone, and no link in it is followed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::text::Document;
use crate::printable;
use crate::probe::logs::{self, JournalFile};
use crate::sys::beneath::{Folder, Kind};
use crate::units;

/// Files that are looked at; an sosreport has some thousand.
const MOST_FILES: usize = 20_000;
/// How deep folders are searched.
const DEPTH: usize = 6;
/// Bytes of one file, and of all of them.
const LARGEST: u64 = 256 * 1024 * 1024;
const LARGEST_SUM: u64 = 256 * 1024 * 1024;
/// Bytes of a packed text when it is unpacked.
const LARGEST_UNPACKED: u64 = 64 * 1024 * 1024;
/// Where the head of a `tar` archive says what it is, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// Parts of a copy of a system, or of an sosreport, that are no outputs of tools.
const PASSED_OVER: &[&str] = &[
    "usr",
    "lib",
    "boot",
    "sys",
    "run",
    "dev",
    "sos_reports",
    "sos_strings",
    "sos_logs",
    "lib64",
    "bin",
    "sbin",
    "audit",
];
/// A part whose links are those of a system, to what is not in the folder anyway.
const OF_SYSTEM: &str = "etc";
/// What is read of that part: the rest are settings, of which nobody knows whether they are in force.
const ETC: &[&str] = &["hostname", "os-release", "redhat-release"];
/// Of the logs of a system, those that are read beside the files of the logger.
const LOGS: &[&str] = &["dmesg", "access.log", "access_log"];
/// Where a system keeps its journal until the next start, in a folder that is passed over.
const VOLATILE_JOURNAL: &str = "run/log/journal";
/// Lines of journals that are read, in bytes: the last.
const LARGEST_JOURNALS: usize = 32 * 1024 * 1024;
/// Why the others are not.
const OLDER_ENTRIES: &str =
    "entries of the journal before its last 32 MiB of lines; casebook probe logs reads any span of it";
/// Why a journal is read in part.
const DAMAGED: &str = "a journal that is cut or damaged in parts";
const NO_JOURNAL: &str = "a journal that cannot be read";
/// Links and files that are named.
const NAMED: usize = 8;
/// How much of a file tells whether it is text.
const HEAD: usize = 8 * 1024;

/// Why nothing can be read. The message goes on from the name.
#[derive(Debug, thiserror::Error)]
pub enum NoOutput {
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// Too much is in it.
    #[error("{0} is more than {sum} together; give the outputs that matter alone", sum = units::bytes(LARGEST_SUM as f64))]
    TooLarge(String),
    /// Nothing in it is known.
    #[error("{0}")]
    Nothing(String),
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
        if self.named.len() < NAMED {
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

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The texts as they came; each becomes a document.
    pub texts: Vec<Text>,
    pub documents: Vec<Document>,
    pub links: Links,
    /// Files that were left out, by reason.
    pub left_out: Vec<(&'static str, Vec<String>, usize)>,
    /// The folder, where one was named: what a runbook names in it is opened through it.
    pub folder: Option<Arc<Folder>>,
    /// Bytes of all texts.
    pub bytes: u64,
    /// Bytes that came packed, also of those that are left out.
    unpacked: u64,
}

/// A text as it came.
#[derive(Debug)]
pub(super) struct Text {
    /// The file, or `-`.
    pub name: String,
    pub bytes: Vec<u8>,
    /// When the file was last changed.
    pub modified: Option<Timestamp>,
}

/// What stands in a text that may be packed.
enum Unpacked {
    /// It is not packed.
    Plain,
    Text(Vec<u8>),
    /// It is packed, and not read.
    LeftOut,
}

impl Gathered {
    fn leave_out(&mut self, why: &'static str, path: &Path) {
        let place = match self.left_out.iter().position(|(known, ..)| *known == why) {
            Some(place) => place,
            None => {
                self.left_out.push((why, Vec::new(), 0));
                self.left_out.len() - 1
            }
        };
        if let Some((_, named, others)) = self.left_out.get_mut(place) {
            if named.len() < NAMED {
                named.push(printable::printable(path.as_os_str().as_encoded_bytes()).to_string());
            } else {
                *others += 1;
            }
        }
    }

    /// What stands in a packed text.
    fn unpacked(&mut self, path: &Path, bytes: &[u8]) -> Unpacked {
        let Some(mut unpacked) = logs::unpack_text(bytes) else { return Unpacked::Plain };
        let mut text = Vec::new();
        let most = LARGEST_UNPACKED.min(LARGEST_SUM - self.unpacked);
        let read = unpacked.by_ref().take(most + 1).read_to_end(&mut text);
        self.unpacked = LARGEST_SUM.min(self.unpacked + text.len() as u64);
        if text.len() as u64 > most {
            self.leave_out("more than 64 MiB when it is unpacked: unpack it, and name the part that matters", path);
            return Unpacked::LeftOut;
        }
        if read.is_err() {
            self.leave_out("a packed file that is cut or damaged: read as far as it goes", path);
        }
        Unpacked::Text(text)
    }

    fn add(&mut self, path: &Path, bytes: Vec<u8>, modified: Option<Timestamp>) -> Result<(), NoOutput> {
        let bytes = match self.unpacked(path, &bytes) {
            Unpacked::Plain => bytes,
            Unpacked::Text(text) => text,
            Unpacked::LeftOut => return Ok(()),
        };
        self.bytes += bytes.len() as u64;
        if self.bytes > LARGEST_SUM {
            return Err(NoOutput::TooLarge(printable::printable(path.as_os_str().as_encoded_bytes())));
        }
        let wide = matches!(bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff]));
        if !wide && memchr::memchr(0, bytes.get(..bytes.len().min(HEAD)).unwrap_or_default()).is_some() {
            let packed = bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1])
                || bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
                || bytes.starts_with(&[0xa1, 0xb2, 0xc3, 0xd4]);
            let is_archive = bytes.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
            let why = match (packed, is_archive) {
                (true, _) => "a capture file: read it with casebook run --pcap FILE",
                (_, true) => "an archive: unpack it with tar -xf, and name the folder",
                _ => "not text",
            };
            self.leave_out(why, path);
            return Ok(());
        }
        let name = printable::printable(path.as_os_str().as_encoded_bytes());
        self.texts.push(Text { name, bytes, modified });
        Ok(())
    }
}

/// A journal that was found, with the time of its last entry.
type FoundJournal = (Option<Timestamp>, PathBuf);

impl Gathered {
    /// Reads the last lines of journals, the newest journal first. `open` opens them.
    fn add_journals(
        &mut self,
        mut found: Vec<FoundJournal>,
        mut open: impl FnMut(&Path) -> io::Result<File>,
    ) -> Result<(), NoOutput> {
        found.sort_by(|one, other| other.cmp(one));
        let mut room = LARGEST_JOURNALS;
        for (last, path) in found {
            if room == 0 {
                self.leave_out(OLDER_ENTRIES, &path);
                continue;
            }
            let Some(journal) = open(&path).ok().and_then(JournalFile::open) else {
                self.leave_out(NO_JOURNAL, &path);
                continue;
            };
            let lines = journal.last_lines(room);
            room = if lines.late { 0 } else { room.saturating_sub(lines.text.len()) };
            if lines.more {
                self.leave_out(OLDER_ENTRIES, &path);
            }
            if lines.damaged {
                self.leave_out(DAMAGED, &path);
            }
            if !lines.text.is_empty() {
                self.add(&path, lines.text, last)?;
            }
        }
        Ok(())
    }
}

/// Reads what is named: files, folders and what is below them, `-` for standard input.
pub(super) fn gather(paths: &[PathBuf], stdin: &mut dyn Read) -> Result<Gathered, NoOutput> {
    let mut gathered = Gathered::default();
    let mut journals = Vec::new();
    for path in paths {
        let shown = || printable::printable(path.as_os_str().as_encoded_bytes());
        let unreadable = |error| NoOutput::Unreadable(shown(), error);
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            stdin.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 > LARGEST {
                return Err(NoOutput::TooLarge(shown()));
            }
            gathered.add(Path::new("-"), bytes, None)?;
            continue;
        }
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            let opened = Arc::new(Folder::open(path).map_err(unreadable)?);
            folder(&mut gathered, &opened).map_err(|error| match error {
                NoOutput::Unreadable(_, error) => unreadable(error),
                other => other,
            })?;
            gathered.folder.get_or_insert(opened);
        } else {
            let mut bytes = Vec::new();
            let mut file = File::open(path).map_err(unreadable)?;
            if metadata.is_file() && logs::is_journal(&file) {
                journals.push((JournalFile::last(&file), path.clone(), file));
                continue;
            }
            file.by_ref().take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 > LARGEST {
                return Err(NoOutput::TooLarge(shown()));
            }
            let modified =
                metadata.modified().ok().filter(|_| metadata.is_file()).and_then(|at| Timestamp::try_from(at).ok());
            gathered.add(path, bytes, modified)?;
        }
    }
    let named: Vec<FoundJournal> = journals.iter().map(|(last, path, _)| (*last, path.clone())).collect();
    gathered.add_journals(named, |path| {
        let place = journals.iter().position(|(_, known, _)| known == path).ok_or(io::ErrorKind::NotFound)?;
        Ok(journals.swap_remove(place).2)
    })?;
    Ok(gathered)
}

/// Whether a path is that of an output of another network namespace than the host's own.
fn of_other_namespace(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.any(|part| part.starts_with("ip_netns_exec_") || part == "namespaces")
}

fn folder(gathered: &mut Gathered, folder: &Folder) -> Result<(), NoOutput> {
    let mut files = 0;
    let mut open = vec![(PathBuf::new(), 0)];
    let mut found: Vec<PathBuf> = Vec::new();
    let mut journals: Vec<PathBuf> = Vec::new();
    if folder.metadata(Path::new(VOLATILE_JOURNAL)).is_ok_and(|metadata| metadata.is_dir()) {
        open.push((PathBuf::from(VOLATILE_JOURNAL), DEPTH - 1));
    }
    while let Some((place, depth)) = open.pop() {
        let entries = match folder.list(&place, MOST_FILES) {
            Ok((mut entries, _)) => {
                entries.sort_by(|a, b| a.name.cmp(&b.name));
                entries
            }
            Err(error) if depth == 0 => return Err(NoOutput::Unreadable(String::new(), error)),
            Err(_) => continue,
        };
        for entry in entries {
            let path = place.join(&entry.name);
            let name = entry.name.to_string_lossy().into_owned();
            match entry.kind {
                Kind::Folder if depth < DEPTH && !PASSED_OVER.contains(&name.as_str()) => open.push((path, depth + 1)),
                Kind::Link => gathered.links.note(folder, &path),
                Kind::File => {
                    files += 1;
                    let of_etc = path.starts_with(OF_SYSTEM) && !ETC.contains(&name.as_str());
                    let of_log = path.starts_with("var/log")
                        && !logs::of_logger().chain(LOGS.iter().copied()).any(|log| name == log);
                    if logs::is_journal_name(&name) {
                        journals.push(path);
                    } else if of_other_namespace(&path) {
                        gathered.leave_out("of another network namespace than the host's own", &path);
                    } else if of_log {
                        gathered.leave_out("not one of the logs that are read", &path);
                    } else if !of_etc && files <= MOST_FILES {
                        found.push(path);
                    }
                }
                _ => {}
            }
        }
    }
    found.sort();
    for path in found {
        match folder.read(&path, LARGEST) {
            Ok((content, metadata)) => {
                let modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                gathered.add(&path, content, modified)?;
            }
            Err(_) => gathered.leave_out("not readable, or too large", &path),
        }
    }
    let open = |path: &Path| folder.file(path).map(|(file, _)| file);
    let last = |path: &Path| open(path).ok().and_then(|file| JournalFile::last(&file));
    let journals = journals.into_iter().take(MOST_FILES).map(|path| (last(&path), path)).collect();
    gathered.add_journals(journals, open)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::ToolOutput;
    use super::*;

    const UPTIME: &str = " 18:02:11 up 10 days,  3:02,  1 user,  load average: 9.71, 8.30, 7.02\n";

    fn given(bytes: &[u8]) -> Result<ToolOutput, String> {
        let now = "2026-11-28T18:10:00Z".parse().unwrap();
        ToolOutput::read(&[PathBuf::from("-")], &mut &*bytes, None, now).map_err(|why| why.to_string())
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn a_packed_text_is_read_as_if_it_were_not() {
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(UPTIME.as_bytes()).unwrap();
        let plain = given(UPTIME.as_bytes()).unwrap().recognised().to_vec();
        assert_eq!(plain.len(), 1);
        for packed in [gzip(UPTIME.as_bytes()), bzip2.finish().unwrap()] {
            let read = given(&packed).unwrap();
            assert_eq!(read.recognised(), plain);
            assert_eq!(read.not_recognised(), Vec::<String>::new());
        }
    }

    #[test]
    fn a_packed_text_that_is_cut_is_read_as_far_as_it_goes_and_that_is_said() {
        let packed = gzip(UPTIME.repeat(50).as_bytes());
        let read = given(&packed[..packed.len() - 4]).unwrap();
        assert!(!read.recognised().is_empty());
        assert!(
            read.not_recognised().iter().any(|said| said.contains("cut or damaged")),
            "{:?}",
            read.not_recognised()
        );
    }

    #[test]
    fn what_unpacks_to_more_than_is_read_is_left_out_with_a_way_on() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..=LARGEST_UNPACKED / 65_536 {
            packer.write_all(&[b' '; 65_536]).unwrap();
        }
        let why = given(&packer.finish().unwrap()).err().unwrap();
        assert!(why.contains("more than 64 MiB") && why.contains("unpack it"), "{why}");
    }

    #[test]
    fn what_is_no_text_says_what_it_is_and_how_to_read_it() {
        let mut archive = vec![0; 512];
        archive[..4].copy_from_slice(b"a.tx");
        archive[257..262].copy_from_slice(b"ustar");
        for (bytes, way) in [(gzip(&archive), "tar -xf"), (b"\xd4\xc3\xb2\xa1\x02\0\x04\0".to_vec(), "--pcap")] {
            let why = given(&bytes).err().unwrap();
            assert!(why.contains(way), "{why}");
        }
    }
}
