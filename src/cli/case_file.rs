//! Cases as files: read by path or by the name of a kept one, and written with what belongs beside them.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::store::State;
use super::{Usage, fleet_file, say};
use crate::archive::{self, Attached, CaseFile};
use crate::bounded_json::Budget;
use crate::case::Case;
use crate::report::{self, Options};
use crate::sys::text_file;
use crate::sys::trust::{self, Trust};
use crate::units;

/// The largest capture that goes into a case file, and the most of all that a run attaches.
const LARGEST_CAPTURE: u64 = 64 * 1024 * 1024;
/// Captures that a run attaches.
const MOST_CAPTURES: usize = 16;
/// Lines of logs in the excerpt.
const MOST_LINES: usize = 10_000;
/// What is made anew out of the case whenever it is packed.
const REPORT: &str = "report.md";
const LOGS: &str = "logs.txt";

/// What stands for standard input in place of a case.
pub(super) const STDIN: &str = "-";

/// A file of a case, open, of which the beginning was read.
pub(super) struct Opened {
    named: String,
    beginning: Vec<u8>,
    rest: Box<dyn Read>,
}

impl Opened {
    fn of(named: &str, mut rest: Box<dyn Read>) -> Result<Self, Usage> {
        let mut beginning = Vec::new();
        (&mut rest)
            .take(archive::SEEN_BY as u64)
            .read_to_end(&mut beginning)
            .map_err(|why| Usage(format!("cannot read the case {named}: {why}")))?;
        Ok(Opened { named: named.to_owned(), beginning, rest })
    }

    /// Whether it holds the cases of many hosts.
    pub fn is_fleet(&self) -> bool {
        archive::is_fleet(&self.beginning)
    }

    /// All of it.
    pub fn into_reader(self) -> impl Read {
        Cursor::new(self.beginning).chain(self.rest)
    }

    /// The case in it, whose values must fit into the budget; of many hosts the one that says what they have in common.
    pub fn read(self, budget: &mut Budget) -> Result<CaseFile, Usage> {
        let (named, is_fleet) = (self.named.clone(), self.is_fleet());
        let file = self.into_reader();
        if is_fleet {
            return fleet_file::read(file, budget).map_err(|why| Usage(format!("{named} {why}")));
        }
        let bytes = text_file::bytes_from(file, archive::LARGEST)
            .map_err(|why| Usage(format!("cannot read the case {named}: {why}")))?;
        archive::read_within(&bytes, budget).map_err(|why| Usage(format!("{named} {why}")))
    }
}

/// Reads a case, whose values must fit into the budget.
pub(super) fn read(named: &str, trust: Trust, budget: &mut Budget) -> Result<CaseFile, Usage> {
    open(named, trust)?.read(budget)
}

/// Opens a case. `-` is standard input. A word without `/` and `.` is the name of a kept one, or the beginning of
/// one, or `latest`, whatever files there are; anything else is a path.
pub(super) fn open(named: &str, trust: Trust) -> Result<Opened, Usage> {
    let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read the case {named}: {why}"));
    let file: Box<dyn Read> = if named == STDIN {
        if trust == Trust::Required {
            return Err(refused(
                &"nobody knows who wrote what comes by standard input, and it would decide what is done here; \
                                 save it in a file of your own, or pass --trust",
            ));
        }
        Box::new(text_file::stdin().map_err(|why| refused(&why))?)
    } else if named.contains(['/', '.']) {
        Box::new(trust::open_trusted(Path::new(named), trust).map_err(|why| refused(&why))?)
    } else {
        let as_file = match Path::new(named).symlink_metadata() {
            Ok(_) => format!("; to take the file of that name, write ./{named}"),
            Err(_) => String::new(),
        };
        let unknown = |why: &dyn std::fmt::Display| refused(&format!("of the kept cases, {why}{as_file}"));
        let kept = State::existing().map_err(|why| refused(&why))?;
        let state = kept.ok_or_else(|| unknown(&"there is none"))?;
        let id = state.find(named).map_err(|why| unknown(&why))?;
        Box::new(Cursor::new(state.read(&id).map_err(|why| refused(&why))?))
    };
    Opened::of(named, file)
}

/// Whether a case of that name is one that runs on this host left in the own state directory.
pub(super) fn is_kept(named: &str) -> bool {
    named != STDIN
        && !named.contains(['/', '.'])
        && State::existing().ok().flatten().is_some_and(|state| state.find(named).is_ok())
}

/// A case packed with its report, the lines of logs that it tells of, and what is attached to it.
pub(super) fn packed(CaseFile { case, attached: beside }: CaseFile) -> io::Result<Vec<u8>> {
    let mut attached = vec![Attached { name: REPORT.into(), bytes: report(&case)? }];
    let lines = log_lines(&case);
    if !lines.is_empty() {
        attached.push(Attached { name: LOGS.into(), bytes: lines.into_bytes() });
    }
    attached.extend(beside.into_iter().filter(is_carried));
    archive::pack(CaseFile { case, attached })
}

/// Whether something that is attached is no more than the case says itself.
fn is_carried(attached: &Attached) -> bool {
    !matches!(attached.name.as_str(), REPORT | LOGS)
}

/// A case under pseudonyms alone. Packets, and whatever else is attached, get none: they stay out.
pub(super) fn without_originals(file: CaseFile) -> CaseFile {
    let left_out: Vec<&str> =
        file.attached.iter().filter(|attached| is_carried(attached)).map(|attached| attached.name.as_str()).collect();
    if !left_out.is_empty() {
        say(format_args!("not in the case, for pseudonyms cannot be put into it: {}", left_out.join(", ")));
    }
    file.case.into()
}

/// The packets that a run wrote down, read through the descriptors that it wrote them by: `capture.pcapng`, and with a number
/// for each further one.
pub(super) fn captures(files: &[File]) -> Vec<Attached> {
    let mut attached = Vec::new();
    let mut room = LARGEST_CAPTURE;
    for (index, file) in files.iter().take(MOST_CAPTURES).enumerate() {
        let name = if index == 0 { "capture.pcapng".to_owned() } else { format!("capture-{}.pcapng", index + 1) };
        let left_out = |why: &dyn std::fmt::Display| {
            say(format_args!(
                "casebook: {name} is not attached to the case: {why}; its file stays where it was written"
            ));
        };
        let most = || {
            format!(
                "all captures are larger than {}, the most that goes into a case",
                units::bytes(LARGEST_CAPTURE as f64)
            )
        };
        match whole(file, room) {
            Ok(Some(bytes)) => {
                room -= bytes.len() as u64;
                attached.push(Attached { name, bytes });
            }
            Ok(None) => left_out(&most()),
            Err(error) => left_out(&error),
        }
    }
    attached
}

/// The content of an open file; none, when it is larger than that.
fn whole(file: &File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    if length > most {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

fn report(case: &Case) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(markdown) = report::by_name("markdown") {
        markdown.render(case, &Options { verbose: true, ..Options::default() }, &mut bytes)?;
    }
    Ok(bytes)
}

/// The samples of all patterns, with step and pattern before each.
fn log_lines(case: &Case) -> String {
    let mut text = String::new();
    let mut lines = 0;
    for (step, evidence) in case.evidence.iter().filter(|(_, evidence)| evidence.probe == "logs") {
        let patterns = evidence.output.as_ref().and_then(|output| output["patterns"].as_object());
        for (pattern, hits) in patterns.into_iter().flatten() {
            for line in hits["samples"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
                if lines < MOST_LINES {
                    text.push_str(&format!("{step} {pattern}: {line}\n"));
                    lines += 1;
                }
            }
        }
    }
    text
}
