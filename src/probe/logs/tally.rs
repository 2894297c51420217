//! What was counted in a part of a file, and how the parts add up.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::kind::Kind;
use super::patterns::Patterns;
use super::ranking::Ranking;
use super::timestamp::Format;
use super::window::Window;
use crate::probe::hash::KeyedHash;

/// Minutes that are counted one by one: a day. Of a longer window it is the last day.
pub(super) const MINUTES: i64 = 1440;

/// Bytes of a line that are kept as a sample, before they are escaped.
const SAMPLE: usize = 300;

/// Lines by minute, with a mark of which lines they were.
#[derive(Debug, Clone, Default)]
pub(super) struct Minutes {
    /// The first minute that has a place, in minutes since 1970.
    first: i64,
    bins: Vec<Bin>,
}

/// The lines of one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bin {
    lines: u64,
    /// The sum of the lines' hashes: the same lines give the same sum, in whatever file they are.
    mark: u64,
}

/// The minute of a moment, since 1970.
pub(super) fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Minutes {
    /// Places for the minutes of the window, the last day of it.
    pub(super) fn of(window: Window) -> Self {
        Minutes { first: minute(window.from).max(minute(window.to) - MINUTES + 1), bins: Vec::new() }
    }

    /// Adds lines; what is before the first place is not kept here.
    fn add(&mut self, minute: i64, lines: u64, mark: u64) {
        let Some(place) = usize::try_from(minute - self.first).ok().filter(|place| *place < MINUTES as usize) else {
            return;
        };
        if self.bins.len() <= place {
            self.bins.resize(place + 1, Bin::default());
        }
        self.bins[place].lines += lines;
        self.bins[place].mark = self.bins[place].mark.wrapping_add(mark);
    }

    /// Adds the lines of another part of the same window.
    pub(super) fn merge(&mut self, other: &Minutes) {
        for (place, bin) in other.bins.iter().enumerate().filter(|(_, bin)| **bin != Bin::default()) {
            self.add(other.first + place as i64, bin.lines, bin.mark);
        }
    }

    /// Of each minute the larger number of lines, of these or of others of the same window.
    pub(super) fn larger(&self, other: &Minutes) -> Minutes {
        let mut larger = self.clone();
        larger.bins.resize(self.bins.len().max(other.bins.len()), Bin::default());
        for (bin, other) in larger.bins.iter_mut().zip(&other.bins) {
            bin.lines = bin.lines.max(other.lines);
        }
        larger
    }

    /// All lines that are counted by minute.
    pub(super) fn lines(&self) -> u64 {
        self.bins.iter().map(|bin| bin.lines).sum()
    }

    /// The minutes with lines, each with how many.
    pub(super) fn busy(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        self.bins.iter().enumerate().filter(|(_, bin)| bin.lines > 0).filter_map(|(place, bin)| {
            Some((Timestamp::from_second((self.first + place as i64) * 60).ok()?, bin.lines))
        })
    }

    /// Whether most of the minutes with lines have the very lines that `other` has: one file is a copy of the other.
    fn copies(&self, other: &Minutes) -> bool {
        let busy = self.bins.iter().filter(|bin| bin.lines > 0).count();
        let same = self.bins.iter().zip(&other.bins).filter(|(one, two)| one.lines > 0 && one == two).count();
        busy > 0 && same * 2 >= busy
    }
}

/// Lines that one pattern matched.
#[derive(Debug, Clone)]
pub(super) struct Hits {
    /// How many.
    pub count: u64,
    /// Time of the first and of the last.
    pub span: Option<(Timestamp, Timestamp)>,
    /// By minute.
    pub minutes: Minutes,
    /// The last of them, with their times.
    pub samples: VecDeque<(Timestamp, Vec<u8>)>,
    /// Values of each named group, once a line had one.
    pub captures: Vec<Ranking>,
}

impl Hits {
    pub(super) fn new(window: Window) -> Self {
        Hits { count: 0, span: None, minutes: Minutes::of(window), samples: VecDeque::new(), captures: Vec::new() }
    }

    /// Counts a line that came so many times.
    pub(super) fn add(&mut self, at: Timestamp, line: &[u8], mark: u64, times: u64, samples: usize) {
        self.count += times;
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        self.minutes.add(minute(at), times, mark);
        if samples > 0 {
            // The place of the oldest is used again: a flood of hits allocates nothing.
            let mut sample =
                if self.samples.len() >= samples { self.samples.pop_front() } else { None }.unwrap_or((at, Vec::new()));
            sample.0 = at;
            sample.1.clear();
            sample.1.extend_from_slice(line.get(..=SAMPLE).unwrap_or(line));
            self.samples.push_back(sample);
        }
    }

    /// Counts the value of a group, of which there are so many.
    pub(super) fn count(&mut self, group: usize, groups: usize, key: KeyedHash, value: &[u8], times: u64) {
        self.captures.resize_with(groups, || Ranking::new(key));
        if let Some(ranking) = self.captures.get_mut(group) {
            ranking.count(value, times);
        }
    }

    /// Adds the hits of a later part.
    pub(super) fn merge(&mut self, other: Hits, samples: usize) {
        self.count += other.count;
        self.span = match (self.span, other.span) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (one, two) => one.or(two),
        };
        self.minutes.merge(&other.minutes);
        self.samples.extend(other.samples);
        self.samples.make_contiguous().sort_by_key(|(at, _)| *at);
        while self.samples.len() > samples {
            self.samples.pop_front();
        }
        if self.captures.is_empty() {
            self.captures = other.captures;
        } else {
            self.captures.iter_mut().zip(other.captures).for_each(|(ranking, more)| ranking.merge(more));
        }
    }

    /// Whether these are the same lines as `other`'s: syslog daemons write kernel lines to several files.
    pub(super) fn copies(&self, other: &Hits) -> bool {
        self.minutes.copies(&other.minutes)
    }
}

/// What a part of a file holds of the window.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Lines in the window.
    pub lines: u64,
    /// They by minute.
    pub minutes: Minutes,
    /// Hits of each pattern; none of those of which no line was found.
    pub hits: Vec<Option<Box<Hits>>>,
    /// Lines that were cut, at least so many.
    pub cut_lines: u64,
    /// The form of the first time that was read.
    pub format: Option<Format>,
    /// What kind of log it is.
    pub kind: Option<Kind>,
    /// Whether a line was much earlier than one before it.
    pub disorder: bool,
    /// Bytes read.
    pub bytes: u64,
}

impl Tally {
    /// Nothing counted yet.
    pub(super) fn new(window: Window, patterns: &Patterns) -> Self {
        Tally {
            lines: 0,
            minutes: Minutes::of(window),
            hits: vec![None; patterns.each().len()],
            cut_lines: 0,
            format: None,
            kind: None,
            disorder: false,
            bytes: 0,
        }
    }

    /// Counts lines of one minute of the window.
    pub(super) fn add(&mut self, minute: i64, lines: u64) {
        self.lines += lines;
        self.minutes.add(minute, lines, 0);
    }

    /// Adds what a later part holds.
    pub(super) fn merge(&mut self, other: Tally, samples: usize) {
        self.lines += other.lines;
        self.minutes.merge(&other.minutes);
        for (hits, more) in self.hits.iter_mut().zip(other.hits) {
            match (hits, more) {
                (Some(hits), Some(more)) => hits.merge(*more, samples),
                (hits @ None, more) => *hits = more,
                (Some(_), None) => {}
            }
        }
        self.cut_lines += other.cut_lines;
        self.format = self.format.or(other.format);
        self.kind = self.kind.or(other.kind);
        self.disorder |= other.disorder;
        self.bytes += other.bytes;
    }
}
