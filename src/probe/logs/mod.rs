//! `logs`: what the log files of the host, and its journal, say about a span of time.
//!
//! The way of the data: `find` the files and discover those of the `journal`, `window` the bytes of each that the span lies in, `scan` those once,
//! add up the `tally` of every part.
//!
//! Entries of the journal are lines as those of a logger's file; what a file has of them is known among the `copies`.
//!
//! Who wrote a line is told by the `kind` of its file and by its `frame`, or by the fields of an `access` log. What a line
//! says is a stranger's in part, and never evidence of its author.

mod access;
mod copies;
mod find;
mod frame;
mod kind;
mod novel;
mod origin;
mod output;
mod packed;
mod patterns;
mod plain;
mod ranking;
mod reading;
mod repeat;
mod rotation;
mod scan;
mod services;
mod single;
mod tally;
mod telling;
mod text;
mod texts;
mod timestamp;
mod usual;
mod wanted;
mod window;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use indexmap::IndexMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use kind::Kind;
pub use novel::{NewMessage, NewMessages};
pub use origin::{keeper_of, of_logger};
pub use output::{CaptureCount, LogFile, Logs as Output, Minute, PatternHits, StandsOut};
pub use packed::unpack_text;
pub use services::{ServiceLine, service_lines};
use telling::Moments;
pub use texts::{Text, has_level, host_of, kernel_span, kind_of, search, span};
pub use timestamp::Format;
pub use wanted::{Bound, Wanted};

pub use super::journal::{JournalFile, LastLines, is_journal};

use super::journal::{self, Asked, BootId, Choice, Dating, Journals};
use super::place::Place;
use super::{Context, Need, Probe, Stopped, Use, named};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::sys::time_zone::{self, LocalZone};
use crate::units::Span;
use patterns::Patterns;
use reading::Question;
use rotation::Packing;
use window::Window;

/// Where logs lie unless something else is said.
const USUAL_DIR: &str = "/var/log";

/// Says where logs lie instead.
const DIR_VARIABLE: &str = "CASEBOOK_LOG_DIR";

/// The boot that a host is in, and the one before.
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

/// Samples per pattern at most, whatever is asked for.
const MOST_SAMPLES: u32 = 100;

/// The names of priorities, the gravest first.
const PRIORITIES: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// What a unit may end in; what ends otherwise is the name of a service.
const UNITS: &[&str] = &[
    ".service",
    ".socket",
    ".scope",
    ".slice",
    ".timer",
    ".mount",
    ".automount",
    ".swap",
    ".path",
    ".target",
    ".device",
];

/// Lines of the log files and of the journal in a span of time, by named patterns.
pub struct Logs;

/// Parameters of the `logs` probe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The directory of the logs. Unless given: what the environment variable CASEBOOK_LOG_DIR names, else /var/log.
    pub dir: Option<String>,
    /// The files to read, as paths or with `*` and `?`, in `dir`; their rotations are read too, also those that
    /// gzip, xz, Zstandard or bzip2 packed (with a window of 64 MiB at most, that of `xz -9`). No name leads out of `dir`:
    /// that directory is all that is read. If empty, the
    /// files that distributions and daemons usually write: messages, syslog, kern.log, auth.log, secure, daemon.log,
    /// maillog, mail.log, cron, firewalld, fail2ban.log, ufw.log, the logs of name servers, web servers and proxies, and the
    /// journal: in /var/log/journal and /run/log/journal the files of this machine, in another `dir` all that are there. A name
    /// that ends in `.journal` is that of a file of the journal.
    pub files: Vec<String>,
    /// How far back to look from `until`.
    pub since: Span,
    /// The end of the span to look at: `2026-11-22T15:04:05Z`, or `2026-11-22 15:04:05` in the local zone. Unless given: now.
    pub until: Option<String>,
    /// What to look for: names, each with `match`, a Rust regular expression that the message begins with, and whose lines count:
    /// `program` (`sshd, sshd-session`) or `kind` (`syslog`, `kernel`, `application`, or `access` for requests, which `match` then
    /// begins with). Who wrote a line is told by the frame that the logger puts around the message, never by the message. Named
    /// groups are counted by value, of requests also `client`, `path`, `agent` and `status`. Without `match` the built-in
    /// pattern of that name is meant. An expression alone is looked for in all lines of all logs, wherever it stands:
    /// what it finds may be what a stranger wrote, addresses included. Bytes are matched, not characters: `.` is any
    /// byte, `\w` and `\d` are ASCII. If empty, a built-in set, each bound to the programs that
    /// write such lines: docs/logs.md lists them.
    pub patterns: IndexMap<String, Wanted>,
    /// The units of systemd whose entries of the journal count: `ssh.service`, or `ssh` for short; also what systemd itself says
    /// of them. Log files do not name a unit, and are not read then.
    pub units: Vec<String>,
    /// The least grave priority whose entries of the journal count: `emerg`, `alert`, `crit`, `err`, `warning`, `notice`, `info`,
    /// `debug`, or 0 to 7. Log files are not read then.
    pub priority: Option<String>,
    /// The boot whose entries of the journal count: `current`, `previous`, or an id of 32 hexadecimal digits. Log files are not
    /// read then. Of the previous boot the span ends with its last entry, unless `until` is given: what was there before a host
    /// started anew.
    pub boot: Option<String>,
    /// The namespace of journald whose journal is read, without log files; an empty name is the host's own. Unless given: all
    /// namespaces.
    pub namespace: Option<String>,
    /// How far back before the span messages are compared, to tell those of a kind that was not there: `6h`. Nothing is compared
    /// unless it is given. Of packed files the first 64 MiB are compared; requests of web servers are left out.
    pub compare: Option<Span>,
    /// Lines to keep of each pattern, the last ones; 100 at most.
    pub samples: u32,
    /// How long to read at most. What was not read by then is said.
    pub budget: Span,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            dir: None,
            files: Vec::new(),
            since: Span::seconds(15 * 60),
            until: None,
            patterns: IndexMap::new(),
            units: Vec::new(),
            priority: None,
            boot: None,
            namespace: None,
            compare: None,
            samples: 3,
            budget: Span::seconds(5),
        }
    }
}

impl Probe for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = "lines of the log files in a span of time, by named patterns with their captures";
    const SOURCE: &'static str = "/var/log: plain files by binary search over their times, rotated files also packed by gzip, xz, Zstandard or bzip2; the journal of systemd in /var/log/journal and /run/log/journal by bisection of its entries";
    const REPLACES: &'static [&'static str] = &["tail", "grep", "zgrep", "awk", "journalctl"];
    const NEEDS: &'static [Need] = &[Need {
        what: "CAP_DAC_READ_SEARCH",
        without: "logs that only root or the group adm may read stay unread, and so does the journal but for the own user's",
    }];
    const WIDENED_BY: &'static [&'static str] = &["patterns", "compare"];
    type Params = Params;
    type Output = Output;

    fn uses(params: &Params, _derived: &[String]) -> Vec<Use> {
        let dir = params.dir.as_ref().map(|dir| Use::free(format!("read logs in {}", printable(dir))));
        let files = params.files.iter().map(|file| Use::free(format!("read the logs {}", printable(file))));
        dir.into_iter().chain(files).collect()
    }

    fn understands(params: &Params) -> Result<(), String> {
        Patterns::compile(&params.patterns).map(drop).map_err(|gap| gap.to_string())
    }

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Output>, Gap> {
        let started = Instant::now();
        let now = Timestamp::now();
        let deadline = started.checked_add(params.budget.0);
        let LocalZone { zone, unknown } = match cx.root() {
            // The files of another host: their clock is taken for UTC, wherever they are read.
            Some(_) => LocalZone { zone: TimeZone::UTC, unknown: None },
            None => time_zone::local(),
        };
        let mut window = window(&params, now, &zone)?;
        let searched = if params.patterns.is_empty() { usual::all() } else { params.patterns.clone() };
        let patterns = Patterns::compile(&searched)?;
        let place = Place::of(cx);
        let dir = directory(&params, &place)?;
        let named = dir != Path::new(USUAL_DIR) || !params.files.is_empty();
        let rights = Rights { of_operator: named };
        let stop = || {
            if !cx.checkpoint() {
                return cx.stopped().map(Stopped::reason);
            }
            deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Reason::TimedOut)
        };
        let alone = !params.units.is_empty()
            || params.priority.is_some()
            || params.boot.is_some()
            || params.namespace.is_some();
        let mut finds = if alone && params.files.is_empty() {
            find::Finds::default()
        } else {
            rights
                .to(|| Ok(find::find(&place, &dir, &params.files, window.from)))
                .map_err(|error| Gap::io(format!("look into {}", dir.display()), &error))?
        };
        let mut loss = Vec::new();
        if alone {
            let found = finds.files.len();
            finds.files.retain(|file| file.packing == Packing::Journal);
            let others = found - finds.files.len();
            if others > 0 {
                loss.push(format!(
                    "{others} log files were not read: only the journal names unit, priority, boot and namespace"
                ));
            }
        }
        let dating = match place {
            Place::Host => Dating::of_host(),
            Place::Below(_) => None,
        };
        let mut choice = choice(&params, window)?;
        let find_journals = |choice: &Choice| {
            if !params.files.is_empty() {
                return Ok(Journals::default());
            }
            let dirs = journal_dirs(&place, &dir);
            let machine = own_machine(&place, &dir);
            let asked = Asked { dirs: &dirs, machine: machine.as_deref(), namespace: params.namespace.as_deref() };
            let stop = || stop().is_some();
            rights
                .to(|| Ok(journal::discover(&place, &asked, dating.as_ref(), choice, &stop)))
                .map_err(|error| Gap::io("look for a journal", &error))
        };
        let mut journals = find_journals(&choice)?;
        let asked_boot = params.boot.as_deref().map(str::trim);
        if matches!(asked_boot, Some(CURRENT | PREVIOUS)) {
            choice.boot = match place {
                Place::Host => journal::this_boot(),
                Place::Below(_) => journals.last_boot,
            };
            if choice.boot.is_none() {
                let gap = Gap::new(Reason::Absent, "tell which boot is the current one", "nothing here names it");
                return Err(gap.to_fix("give its id in the parameter `boot`"));
            }
        }
        if let Some(current) = choice.boot.filter(|_| asked_boot == Some(PREVIOUS)) {
            let (boot, last) = previous_boot(&place, rights, &current, &choice, find_journals)?;
            if params.until.is_none() {
                window = window.ending(last);
            }
            choice = Choice { boot: Some(boot), ..choice }.within(window.from, window.to);
            journals = find_journals(&choice)?;
        }
        if alone
            && finds.files.is_empty()
            && journals.dir.is_none()
            && journals.gaps.is_empty()
            && finds.gaps.is_empty()
        {
            let gap = Gap::new(Reason::Absent, format!("read the journal in {}", dir.display()), "there is none");
            return Err(gap.to_fix(
                "leave out the parameters `units`, `priority`, `boot` and `namespace` to search the log files",
            ));
        }
        let samples = params.samples.min(MOST_SAMPLES) as usize;
        let (journal, dating) = (&choice, dating.as_ref());
        let question = Question {
            place: &place,
            patterns: &patterns,
            window,
            zone,
            now,
            samples,
            rights,
            journal,
            dating,
            stop: &stop,
            unpacking: Mutex::default(),
        };
        let mut files: Vec<find::Found> = journals.files.into_iter().map(Into::into).collect();
        // The newest first, as of all files.
        files.sort_by_key(|file| (file.rotated, std::cmp::Reverse(file.modified)));
        let left_out = finds.left_out + journals.left_out + files.len().saturating_sub(find::MOST_FILES) as u64;
        files.truncate(find::MOST_FILES);
        files.extend(finds.files);
        let mut gaps = finds.gaps;
        gaps.extend(journals.gaps);
        let readings = reading::read(&question, files);
        let mut observed = output::assemble(&dir, &question, readings, gaps, finds.older + journals.outside)?;
        telling::tell(&mut observed.output, &question.zone, Moments::SinceThen);
        if let Some(hours) = params.compare {
            let hours = SignedDuration::try_from(hours.0).unwrap_or(SignedDuration::MAX);
            let from = window.from.checked_sub(hours).unwrap_or(Timestamp::MIN);
            // The hours before may lie in files that were rotated meanwhile.
            let mut files = rights
                .to(|| Ok(find::find(&place, &dir, &params.files, from).files))
                .map_err(|error| Gap::io(format!("look into {}", dir.display()), &error))?;
            files.retain(|file| !alone || file.packing == Packing::Journal);
            files.extend(find_journals(&choice.within(from, window.to))?.files.into_iter().map(find::Found::from));
            let compared = novel::compare(&question, &files, hours);
            observed.output.new_messages = compared.new;
            observed.loss.extend(compared.loss);
        }

        observed.loss.append(&mut loss);
        if left_out > 0 {
            observed.loss.push(format!("{left_out} files too many to read were left out, the oldest"));
        }
        if let Some(why) = unknown {
            observed
                .loss
                .push(format!("the local time zone is not known here ({why}): times without a zone were read as UTC"));
        }
        if journals.dir.is_none() && journals.of_others > 0 {
            observed.loss.push(format!(
                "{} journals in {} are of other machines and were not read; `dir` names one of them",
                journals.of_others,
                dir.join("journal").display()
            ));
        }
        observed.loss.extend(journals.set_back.map(|back| format!("the journal: {back}")));
        observed.output.journal = journals.dir.map(|dir| text::escaped(dir.as_os_str().as_encoded_bytes(), 4096));
        cx.live(format!("{} lines, {} hits", observed.output.lines, observed.output.hits));
        Ok(observed)
    }
}

/// Reads a file of the journal from end to end.
pub fn of_journal(file: File) {
    journal::read_through(file);
}

/// Reads the beginning of a packed log.
pub fn of_packed(file: File) {
    packed::read_beginning(file);
}

/// Whether a file of that name is one of the journal.
pub fn is_journal_name(name: &str) -> bool {
    journal::is_name(name.as_bytes())
}

/// The boot before the current one, and its last entry.
fn previous_boot(
    place: &Place,
    rights: Rights,
    current: &BootId,
    choice: &Choice,
    find_journals: impl Fn(&Choice) -> Result<Journals, Gap>,
) -> Result<(BootId, Timestamp), Gap> {
    let always = Window { from: Timestamp::MIN, to: Timestamp::MAX };
    let files = find_journals(&choice.within(always.from, always.to))?.files;
    let found = rights.to(|| Ok(journal::previous_boot(place, &files, current)));
    let found = found.map_err(|error| Gap::io("look for the boot before this one", &error))?;
    found.ok_or_else(|| {
        let tried = "tell what was logged before this host started";
        Gap::new(Reason::Absent, tried, "the journal has no entry of an earlier boot")
            .to_fix("keep the journal on the disk from now on: mkdir /var/log/journal (Storage= in journald.conf)")
    })
}

/// The span that is asked for.
fn window(params: &Params, now: Timestamp, zone: &TimeZone) -> Result<Window, Gap> {
    let to = match &params.until {
        None => now,
        Some(text) => moment(text, zone).ok_or_else(|| {
            Gap::new(Reason::Malformed, format!("read the parameter `until`: `{text}`"), "it is not a moment")
                .to_fix("write it like 2026-11-22T15:04:05Z, or 2026-11-22 15:04:05 for local time")
        })?,
    };
    let since = SignedDuration::try_from(params.since.0).unwrap_or(SignedDuration::MAX);
    let from = to.checked_sub(since).unwrap_or(Timestamp::MIN);
    Ok(Window { from, to })
}

/// Where journals are kept.
fn journal_dirs(place: &Place, dir: &Path) -> Vec<PathBuf> {
    if dir == Path::new(USUAL_DIR) && matches!(place, Place::Host) {
        return journal::dirs_of_host();
    }
    let mut dirs = vec![dir.join("journal"), dir.to_owned()];
    // A copy of a host: what that one kept until its next start lies beside its logs.
    if let Some(root) = dir.to_str().and_then(|dir| dir.strip_suffix("var/log")) {
        dirs.push(Path::new(root).join("run/log/journal"));
    }
    dirs
}

/// The machine whose journals are meant: this one, where its own are; that of a copy of a host; else any.
fn own_machine(place: &Place, dir: &Path) -> Option<String> {
    match place {
        Place::Host if dir == Path::new(USUAL_DIR) => journal::machine_id(place, Path::new("/etc/machine-id")),
        Place::Host => None,
        Place::Below(_) => journal::machine_id(place, Path::new("etc/machine-id")),
    }
}

/// The entries of the journal that are asked for.
fn choice(params: &Params, window: Window) -> Result<Choice, Gap> {
    let refused = |name: &str, text: &str, why: &str, to_fix: &str| {
        Gap::new(Reason::Malformed, format!("read the parameter `{name}`: `{text}`"), why).to_fix(to_fix)
    };
    let priority = match &params.priority {
        None => None,
        Some(text) => {
            let asked = text.trim();
            let by_name = PRIORITIES.iter().position(|name| *name == asked);
            let by_number = || asked.parse().ok().filter(|number| *number < PRIORITIES.len());
            let found = by_name.or_else(by_number).and_then(|number| u8::try_from(number).ok());
            Some(found.ok_or_else(|| {
                refused("priority", text, "it is no priority", "write err, warning, or a number from 0 to 7")
            })?)
        }
    };
    let boot = match params.boot.as_deref().map(str::trim) {
        None | Some(CURRENT | PREVIOUS) => None,
        Some(text) => Some(journal::boot_id(text).ok_or_else(|| {
            refused(
                "boot",
                text,
                "it is no id of a boot",
                "write `current`, `previous`, or the 32 digits that journalctl --list-boots shows",
            )
        })?),
    };
    let unit = |name: &String| {
        let name = name.trim();
        if UNITS.iter().any(|ending| name.ends_with(ending)) { name.to_owned() } else { format!("{name}.service") }
    };
    let of_any_time = Choice { units: params.units.iter().map(unit).collect(), priority, boot, ..Choice::default() };
    Ok(of_any_time.within(window.from, window.to))
}

fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<Timestamp>().or_else(|_| text.parse::<DateTime>().and_then(|local| zone.to_timestamp(local))).ok()
}

/// The directory of the logs. One that was named must be there; the usual one need not.
fn directory(params: &Params, place: &Place) -> Result<PathBuf, Gap> {
    let named = params.dir.as_ref().map(PathBuf::from);
    let by_variable = || std::env::var_os(DIR_VARIABLE).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let named = named.or_else(|| by_variable().filter(|_| matches!(place, Place::Host)));
    let Some(dir) = named else { return Ok(PathBuf::from(USUAL_DIR)) };
    match named::as_operator(|| place.look(&dir).map(|(_, metadata)| metadata)) {
        Ok(metadata) if metadata.is_dir() => Ok(dir),
        Ok(_) => Err(Gap::new(Reason::Absent, format!("look into {}", dir.display()), "it is not a directory")
            .to_fix("name a directory in the parameter `dir`, and files in `files`")),
        Err(error) => Err(named::gap(format!("look into {}", dir.display()), &error)),
    }
}

/// Whose rights files are opened with: the operator's, where the operator says which; casebook's own for those that it looks at
/// by itself.
#[derive(Debug, Clone, Copy)]
struct Rights {
    of_operator: bool,
}

impl Rights {
    fn to<T>(self, look: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.of_operator { named::as_operator(look) } else { look() }
    }

    fn gap(self, tried: String, error: &io::Error) -> Gap {
        if self.of_operator { named::gap(tried, error) } else { Gap::io(tried, error) }
    }
}

#[cfg(test)]
mod tests;
