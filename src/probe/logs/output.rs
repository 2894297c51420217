//! What the probe says: the files, the lines of the window, and the hits of each pattern.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::novel::NewMessages;
use super::patterns::Pattern;
use super::ranking::Ranking;
use super::reading::{Question, Reading};
use super::tally::{Hits, MINUTES, Minutes, Tally, minute};
use super::text::escaped;
use super::timestamp::Format;
use super::window::{Window, clock_time};
use crate::case::{Gap, Observed, Reason};

/// Values listed of each named group.
const TOP: usize = 10;

/// Bytes of a sample or a captured value, escaped.
const LONGEST_TEXT: usize = 300;

/// Bytes of a path, escaped: what the kernel allows.
const LONGEST_PATH: usize = 4096;

/// Minutes without a line at the end of the span, from which on the log is said to end.
const QUIET: i64 = 5;

/// Lines of a log that is not quiet, at least; more where the span is long.
const STEADY: i64 = 10;

/// Gaps that are told one by one; the others are summed up.
const MOST_GAPS: usize = 8;

/// Every part of the result that lacks lines when a file could not be read.
pub(super) const TOUCHED: &[&str] = &["files", "patterns", "lines", "per_minute", "hits"];

/// What the log files say about a span of time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Logs {
    /// The directory that was looked into.
    pub dir: String,
    /// The beginning of the span.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// The end of the span.
    #[schemars(with = "String")]
    pub to: Timestamp,
    /// The log files and the files of the journal that were found and may reach into the span. None at all: no such file exists
    /// here.
    pub files: Vec<LogFile>,
    /// Rotated files that were last changed before the span, and files of the journal whose header says that they do not reach
    /// into it; they were not read.
    pub older_files: u64,
    /// Lines of the span in all files, each entry of the journal one. A line that the logger writes to two files counts in both.
    /// Where the journal and the files of a syslog daemon have lines of one minute, these are held to be the same lines, and the
    /// larger number counts.
    pub lines: u64,
    /// They by minute, of the last day of the span; minutes without a line are left out. In a file in order of time, lines
    /// that stand up to a minute out of order may count in their neighbours' minute.
    pub per_minute: Vec<Minute>,
    /// The hits of each pattern, in the order of the parameters. A line that the logger wrote to several
    /// files, or that the journal has, too, counts once.
    pub patterns: IndexMap<String, PatternHits>,
    /// Hits of all patterns together.
    pub hits: u64,
    /// Hits of the patterns whose lines tell of trouble: not of requests to web servers and of what else happens all day.
    #[serde(default)]
    pub trouble: u64,
    /// What stands out, the gravest first: of each pattern that has a hit, a sentence.
    #[serde(default)]
    pub stands_out: Vec<StandsOut>,
    /// That the logs end before the span does, and when, where that is so.
    #[serde(default)]
    pub silence: Option<String>,
    /// Messages of a kind that the hours before do not have; none where nothing was compared, or could be.
    #[serde(default)]
    pub new_messages: Option<NewMessages>,
    /// Where systemd keeps a journal on this host, if it does. Its files are among `files`.
    pub journal: Option<String>,
}

/// What the lines of a pattern tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandsOut {
    /// The pattern.
    pub pattern: String,
    /// How grave its lines are: `grave` (one is one too many), `trouble`, or `aside` (they come all day on a healthy host).
    pub weight: String,
    /// How many lines there are.
    pub count: u64,
    /// Who wrote what, how often, since when: `sshd: 1,204 failed passwords from 6 addresses since 22:41`.
    pub sentence: String,
    /// What such a line means; none of a pattern that was given.
    #[serde(default)]
    pub means: Option<String>,
}

/// A log file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LogFile {
    /// Its path.
    pub path: String,
    /// The form in which its lines carry their time.
    pub format: Format,
    /// What kind of log it is, by where it lies or by its first lines; none if no line was read.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Bytes that were read through, unpacked, of a journal as lines; those that the search for the span touched are not counted.
    pub bytes_read: u64,
    /// Lines of the span in it; none if it could not be said.
    pub lines: Option<u64>,
    /// Whether a newer file has taken its place.
    pub rotated: bool,
    /// Why it could not be read.
    pub unreadable: Option<Gap>,
    /// Whether its lines stand in order of time, up to a minute; else all of it was read, up to 512 MiB.
    pub sorted: bool,
}

/// Lines in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Minute {
    /// When it begins.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How many lines are of it.
    pub lines: u64,
}

/// Lines that a pattern matched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PatternHits {
    /// How many; a line counts as often as its logger says that it came.
    pub count: u64,
    /// Whether only lines count that the programs of the pattern wrote, as the frame says that the logger put around each. Else
    /// what was found may be what a stranger wrote into any log, addresses included.
    #[serde(default)]
    pub bound: bool,
    /// Time of the first; none if there is no hit.
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// Time of the last; none if there is no hit.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Seconds from the first to the last, where only that is known: lines that carry no time of day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_seconds: Option<f64>,
    /// Seconds from the last hit to the newest line of all logs, to the minute; none where a time of either is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_seconds: Option<f64>,
    /// Hits per minute, from the first to the last; none where that is less than a minute.
    #[serde(default)]
    pub rate_per_minute: Option<f64>,
    /// By minute, of the last day of the span; minutes without a hit are left out.
    pub per_minute: Vec<Minute>,
    /// The last hits, with control characters escaped and cut to 300 bytes.
    pub samples: Vec<String>,
    /// For each named group its ten most frequent values.
    pub captures: IndexMap<String, Vec<CaptureCount>>,
    /// For each named group how many different values it had; where more than 4096 came by, at least so many.
    #[serde(default)]
    pub values: IndexMap<String, u64>,
}

/// How often a named group had a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaptureCount {
    /// The value, escaped, its first 128 bytes.
    pub value: String,
    /// Hits with it, at least.
    pub count: u64,
    /// Hits with it beyond `count`, at most; more than 0 only where more than 4096 values came by and some were forgotten.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub doubt: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Puts the result together. A gap if nothing could be read that is there.
pub(super) fn assemble(
    dir: &Path,
    question: &Question<'_>,
    readings: Vec<Reading>,
    gaps: Vec<(PathBuf, Gap)>,
    older_files: u64,
) -> Result<Observed<Logs>, Gap> {
    let mut all_gaps: Vec<Gap> = gaps.into_iter().map(|(_, gap)| gap).collect();
    all_gaps.extend(readings.iter().filter_map(|reading| reading.unreadable.clone()));
    if readings.iter().all(|reading| reading.unreadable.is_some())
        && let Some(gap) = nothing(dir, &all_gaps)
    {
        return Err(gap);
    }
    all_gaps.extend(readings.iter().filter_map(|reading| reading.cut_short.clone()));

    let mut output = Logs {
        dir: escaped(dir.as_os_str().as_encoded_bytes(), LONGEST_PATH),
        from: question.window.from,
        to: question.window.to,
        files: Vec::with_capacity(readings.len()),
        older_files,
        lines: 0,
        per_minute: Vec::new(),
        patterns: IndexMap::new(),
        hits: 0,
        trouble: 0,
        stands_out: Vec::new(),
        silence: None,
        new_messages: None,
        journal: None,
    };
    let changed = readings.iter().filter_map(|reading| reading.found.modified).max();
    let mut loss = Vec::new();
    let mut lines = Lines::of(question.window);
    let mut hits: Vec<Vec<Hits>> = question.patterns.each().iter().map(|_| Vec::new()).collect();
    for reading in readings {
        output.files.push(LogFile {
            path: escaped(reading.found.path.as_os_str().as_encoded_bytes(), LONGEST_PATH),
            format: reading.format,
            kind: reading.tally.as_ref().and_then(|tally| tally.kind),
            bytes_read: reading.tally.as_ref().map_or(0, |tally| tally.bytes),
            lines: reading.tally.as_ref().map(|tally| tally.lines),
            rotated: reading.found.rotated,
            unreadable: reading.unreadable,
            sorted: reading.sorted,
        });
        loss.extend(reading.loss);
        let Some(tally) = reading.tally else { continue };
        lines.add(reading.format, &tally);
        for (of_pattern, of_file) in hits.iter_mut().zip(tally.hits) {
            of_pattern.extend(of_file.map(|hits| *hits));
        }
    }
    let minutes = lines.minutes();
    output.per_minute = list(&minutes);
    let longer_than_a_day = minute(output.to) - minute(output.from) >= MINUTES;
    output.lines = if longer_than_a_day { lines.all() } else { minutes.lines() };
    for (pattern, of_files) in question.patterns.each().iter().zip(hits) {
        let found = hits_of(pattern, of_files, question.samples, |group| {
            loss.push(format!(
                "pattern {}: too many values of `{group}` to count all; rare ones were forgotten",
                pattern.name
            ));
        });
        output.hits += found.count;
        output.patterns.insert(pattern.name.clone(), found);
    }
    if let Some(newest) = output.per_minute.last().map(|minute| minute.at) {
        for hits in output.patterns.values_mut() {
            hits.quiet_seconds = hits.last.map(|last| newest.duration_since(last).as_secs_f64().max(0.0));
        }
    }
    output.silence = silence(&output, changed, question);
    if longer_than_a_day {
        loss.push("the span is longer than a day: the counts by minute are those of its last day".to_owned());
    }
    let mut observed = Observed { output, missing: Vec::new(), loss };
    let others = all_gaps.len().saturating_sub(MOST_GAPS);
    let denied = all_gaps.iter().skip(MOST_GAPS).any(|gap| gap.reason == Reason::Denied);
    all_gaps.into_iter().take(MOST_GAPS).for_each(|gap| observed.miss(TOUCHED, gap));
    if others > 0 {
        let reason = if denied { Reason::Denied } else { Reason::Failed };
        let gap = Gap::new(reason, format!("read {others} more log files"), "each says why under `files`");
        observed.miss(TOUCHED, if denied { gap.to_fix("run with sudo") } else { gap });
    }
    Ok(observed)
}

/// Lines by who keeps them: what a syslog daemon writes to files, the journal has too.
struct Lines {
    of_journal: (u64, Minutes),
    of_loggers: (u64, Minutes),
    of_others: (u64, Minutes),
}

impl Lines {
    fn of(window: Window) -> Self {
        let none = || (0, Minutes::of(window));
        Lines { of_journal: none(), of_loggers: none(), of_others: none() }
    }

    fn add(&mut self, format: Format, tally: &Tally) {
        let (lines, minutes) = match tally.kind {
            _ if format == Format::Journal => &mut self.of_journal,
            Some(Kind::Syslog | Kind::Kernel) => &mut self.of_loggers,
            _ => &mut self.of_others,
        };
        *lines += tally.lines;
        minutes.merge(&tally.minutes);
    }

    fn minutes(&self) -> Minutes {
        let mut minutes = self.of_journal.1.larger(&self.of_loggers.1);
        minutes.merge(&self.of_others.1);
        minutes
    }

    fn all(&self) -> u64 {
        self.of_journal.0.max(self.of_loggers.0) + self.of_others.0
    }
}

/// That nothing was written at the end of the span. A quiet log is no silence: it had a line a minute before.
fn silence(output: &Logs, changed: Option<Timestamp>, question: &Question<'_>) -> Option<String> {
    if output.files.is_empty() || output.files.iter().any(|file| file.lines.is_none()) {
        return None;
    }
    let told = |at: Timestamp| clock_time(at, output.to, &question.zone);
    let Some(last) = output.per_minute.last() else {
        let changed = changed.filter(|changed| *changed < output.from)?;
        return Some(format!("no log was written to since {}", told(changed)));
    };
    let (first, end) = (minute(output.from), minute(last.at));
    let steady = output.lines as i64 >= STEADY.max(end - first);
    (steady && minute(output.to) - end > QUIET).then(|| format!("the log ends at {}", told(last.at)))
}

/// The gap that stands for all, if there is one.
fn nothing(dir: &Path, gaps: &[Gap]) -> Option<Gap> {
    let first = gaps.iter().find(|gap| gap.reason == Reason::Denied).or_else(|| gaps.first())?;
    if gaps.len() == 1 {
        return Some(first.clone());
    }
    let mut gap = Gap::new(
        first.reason,
        format!("read any of the logs in {}", dir.display()),
        format!("none of {} could be read; to {}: {}", gaps.len(), first.tried, first.why),
    );
    gap.to_fix.clone_from(&first.to_fix);
    Some(gap)
}

/// Adds up what the files have of one pattern, without those that repeat the lines of another.
fn hits_of(
    pattern: &Pattern,
    mut of_files: Vec<Hits>,
    samples: usize,
    mut incomplete: impl FnMut(&str),
) -> PatternHits {
    let (groups, bound) = (&pattern.groups, pattern.bound);
    of_files.sort_by_key(|hits| std::cmp::Reverse(hits.count));
    let mut kept: Vec<Hits> = Vec::new();
    for hits in of_files {
        if !kept.iter().any(|other| hits.copies(other)) {
            kept.push(hits);
        }
    }
    let mut kept = kept.into_iter();
    let all = kept.next().map(|first| {
        kept.fold(first, |mut all, hits| {
            all.merge(hits, samples);
            all
        })
    });
    let Some(all) = all else {
        return PatternHits {
            count: 0,
            bound,
            first: None,
            last: None,
            apart_seconds: None,
            quiet_seconds: None,
            rate_per_minute: None,
            per_minute: Vec::new(),
            samples: Vec::new(),
            captures: groups.iter().map(|group| (group.clone(), Vec::new())).collect(),
            values: groups.iter().map(|group| (group.clone(), 0)).collect(),
        };
    };
    let rate = all.span.map(|(first, last)| last.duration_since(first).as_secs_f64() / 60.0);
    // Where no line had a value nothing was counted.
    let values = |place: usize| all.captures.get(place).map_or(0, Ranking::values);
    let values = groups.iter().enumerate().map(|(place, group)| (group.clone(), values(place))).collect();
    let mut rankings = all.captures.into_iter();
    let captures = groups.iter().map(|group| {
        let Some(ranking) = rankings.next() else { return (group.clone(), Vec::new()) };
        if !ranking.is_complete() {
            incomplete(group);
        }
        let top = ranking.top(TOP).into_iter().map(|ranked| CaptureCount {
            value: escaped(&ranked.value, LONGEST_TEXT),
            count: ranked.count,
            doubt: ranked.doubt,
        });
        (group.clone(), top.collect())
    });
    PatternHits {
        count: all.count,
        bound,
        first: all.span.map(|(first, _)| first),
        last: all.span.map(|(_, last)| last),
        apart_seconds: None,
        quiet_seconds: None,
        rate_per_minute: rate.filter(|minutes| *minutes >= 1.0).map(|minutes| all.count as f64 / minutes),
        captures: captures.collect(),
        values,
        per_minute: list(&all.minutes),
        samples: all.samples.iter().map(|(_, line)| escaped(line, LONGEST_TEXT)).collect(),
    }
}

fn list(minutes: &Minutes) -> Vec<Minute> {
    minutes.busy().map(|(at, lines)| Minute { at, lines }).collect()
}
