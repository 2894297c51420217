//! `logs`: what the log files of the host say about a span of time.
//!
//! The way of the data: `find` the files, `window` the bytes of each that the span lies in, `scan` those once,
//! add up the `tally` of every part.
//!
//! Who wrote a line is told by the `kind` of its file and by its `frame`, or by the fields of an `access` log. What a line
//! says is a stranger's in part, and never evidence of its author.

mod access;
mod find;
mod frame;
mod gzip;
mod kind;
mod origin;
mod output;
mod patterns;
mod place;
mod plain;
mod ranking;
mod reading;
mod repeat;
mod rotation;
mod scan;
mod single;
mod tally;
mod text;
mod texts;
mod timestamp;
mod usual;
mod wanted;
mod window;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indexmap::IndexMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use kind::Kind;
pub use origin::of_logger;
pub use output::{CaptureCount, LogFile, Logs as Output, Minute, PatternHits};
pub use texts::{Text, host_of, kernel_span, kind_of, search, span};
pub use timestamp::Format;
pub use wanted::{Bound, Wanted};

use super::{Context, Need, Probe, Stopped, Use, named};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::sys::time_zone::{self, LocalZone};
use crate::units::Span;
use patterns::Patterns;
use place::Place;
use reading::Question;
use window::Window;

/// Where logs lie unless something else is said.
const USUAL_DIR: &str = "/var/log";

/// Says where logs lie instead.
const DIR_VARIABLE: &str = "CASEBOOK_LOG_DIR";

/// Samples per pattern at most, whatever is asked for.
const MOST_SAMPLES: u32 = 100;

/// Lines of the log files in a span of time, by named patterns.
pub struct Logs;

/// Parameters of the `logs` probe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The directory of the logs. Unless given: what the environment variable CASEBOOK_LOG_DIR names, else /var/log.
    pub dir: Option<String>,
    /// The files to read, as paths or with `*` and `?`, in `dir`; their rotations are read too. No name leads out of `dir`:
    /// that directory is all that is read. If empty, the
    /// files that distributions and daemons usually write: messages, syslog, kern.log, auth.log, secure, daemon.log,
    /// maillog, mail.log, cron, firewalld, fail2ban.log, ufw.log, and the logs of named, nginx, Apache.
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
    /// byte, `\w` and `\d` are ASCII. If empty, a built-in set, each bound to the programs that write such lines: failed SSH
    /// logins, requests to web servers, full conntrack and neighbour tables, SYN floods, martians, out of memory, firewall LOG
    /// lines, failing DNS look-ups, links that change, bad UDP checksums, TCP memory, and lines that loggers suppressed.
    pub patterns: IndexMap<String, Wanted>,
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
            samples: 3,
            budget: Span::seconds(5),
        }
    }
}

impl Probe for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = "lines of the log files in a span of time, by named patterns with their captures";
    const SOURCE: &'static str =
        "/var/log: plain files by binary search over their times, rotated files also packed by gzip";
    const REPLACES: &'static [&'static str] = &["tail", "grep", "zgrep", "awk"];
    const NEEDS: &'static [Need] =
        &[Need { what: "CAP_DAC_READ_SEARCH", without: "logs that only root or the group adm may read stay unread" }];
    type Params = Params;
    type Output = Output;

    fn uses(params: &Params, _derived: &[String]) -> Vec<Use> {
        let dir = params.dir.as_ref().map(|dir| Use::free(format!("read logs in {}", printable(dir))));
        let files = params.files.iter().map(|file| Use::free(format!("read the logs {}", printable(file))));
        dir.into_iter().chain(files).collect()
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
        let window = window(&params, now, &zone)?;
        let searched = if params.patterns.is_empty() { usual::all() } else { params.patterns.clone() };
        let patterns = Patterns::compile(&searched)?;
        let place = Place::of(cx);
        let dir = directory(&params, &place)?;
        let named = dir != Path::new(USUAL_DIR) || !params.files.is_empty();
        let with_rights = Rights { of_operator: named };
        let finds = with_rights
            .to(|| Ok(find::find(&place, &dir, &params.files, window.from)))
            .map_err(|error| Gap::io(format!("look into {}", dir.display()), &error))?;
        let stop = || {
            if !cx.checkpoint() {
                return cx.stopped().map(Stopped::reason);
            }
            deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Reason::TimedOut)
        };
        let samples = params.samples.min(MOST_SAMPLES) as usize;
        let rights = with_rights;
        let question = Question { place: &place, patterns: &patterns, window, zone, now, samples, rights, stop: &stop };
        let (older, left_out, gaps) = (finds.older, finds.left_out, finds.gaps);
        let readings = reading::read(&question, finds.files);
        let mut observed = output::assemble(&dir, &question, readings, gaps, older)?;

        if left_out > 0 {
            observed.loss.push(format!("{left_out} files too many to read were left out, the oldest"));
        }
        if let Some(why) = unknown {
            observed
                .loss
                .push(format!("the local time zone is not known here ({why}): times without a zone were read as UTC"));
        }
        let mut journals = vec![dir.join("journal")];
        if matches!(place, Place::Host) && dir == Path::new(USUAL_DIR) {
            journals.push(PathBuf::from("/run/log/journal"));
        }
        match with_rights.to(|| find::journal(&place, &journals)) {
            Ok(None) => {}
            Ok(Some(journal)) => {
                let gap = Gap::new(
                    Reason::Failed,
                    format!("read the journal in {}", journal.display()),
                    "casebook does not read journals yet",
                )
                .to_fix("look with journalctl, or let journald forward to a syslog daemon");
                observed.output.journal = Some(text::escaped(journal.as_os_str().as_encoded_bytes(), 4096));
                observed.miss(&["journal"], gap.clone());
                // A host that logs to its journal alone: that no line was found says nothing.
                if observed.output.files.is_empty() {
                    observed.miss(output::TOUCHED, gap);
                }
            }
            Err(error) => observed.miss(&["journal"], Gap::io("look for a journal", &error)),
        }
        cx.live(format!("{} lines, {} hits", observed.output.lines, observed.output.hits));
        Ok(observed)
    }
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
