//! Rates of interfaces as `sar -n DEV` prints them, live or of a recorded day, in any language, with or without its heading; and
//! what `sar -n EDEV` says of errors.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::text::{Document, Words, split};
use crate::printable::printable;
use crate::units;

/// Samples that are kept of an interface: ten days by the minute.
const MOST_SAMPLES: usize = 14_400;
/// Interfaces.
const MOST: usize = 4096;
/// `sar` counts 1024 bytes to the kB.
const KILO: f64 = 1024.0;
/// No card receives more packets in a second, and none more bits: a counter that says so has jumped.
const MOST_PACKETS: f64 = 1e9;
const MOST_BITS: f64 = 800e9;
/// So much more than the other samples is no traffic either, where it is more than most cards can carry.
const JUMP: f64 = 1000.0;
const JUMP_BITS: f64 = 100e9;
/// A frame has at least a header, and `sar` rounds to so many bytes.
const LEAST_FRAME: f64 = 14.0;
const ROUNDED: f64 = 6.0;
/// Jumps that are told one by one.
const MOST_TOLD: usize = 3;

/// What one sample saw, in packets and bytes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sample {
    /// Seconds since midnight at its end.
    pub at: Option<u32>,
    pub rx_packets: f64,
    pub tx_packets: f64,
    /// None where the figure cannot be: packets without bytes.
    pub rx_bytes: Option<f64>,
    pub tx_bytes: Option<f64>,
}

/// The samples of an interface, and their mean as `sar` gives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rates {
    pub samples: Vec<Sample>,
    pub mean: Option<Sample>,
}

/// Packets that an interface lost, per second, as `sar -n EDEV` says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lost {
    pub errors: f64,
    pub dropped: f64,
    pub overruns: f64,
}

/// Shares of the time of all CPUs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cpu {
    pub busy: f64,
    pub softirq: Option<f64>,
    pub waiting: Option<f64>,
    pub stolen: Option<f64>,
}

/// What one call of `sar` printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Report {
    pub date: Option<Date>,
    /// Whether day and month of the date may be the other way round.
    pub date_ambiguous: bool,
    pub host: Option<String>,
    pub kernel: Option<String>,
    pub cpus: Option<u32>,
    pub interfaces: BTreeMap<String, Rates>,
    pub lost: BTreeMap<String, Lost>,
    /// Samples that cannot be, as sentences.
    pub left_out: Vec<String>,
    /// The share of its time that each CPU spends on receiving packets (`%soft` of `mpstat`).
    pub softirq: BTreeMap<u32, f64>,
    /// The first columns of tables that nothing is taken from.
    pub other_tables: Vec<String>,
    /// What other tables tell of trouble: figures by what they count.
    pub noted: BTreeMap<&'static str, f64>,
    /// The shares of time in which the CPUs are busy, and receive packets.
    pub cpu: Option<Cpu>,
    /// When the last row of any table ends, in seconds since midnight.
    pub end: Option<u32>,
}

impl Rates {
    /// The mean of some samples.
    pub fn mean_of(samples: &[Sample]) -> Option<Sample> {
        let count = samples.len() as f64;
        let mean = |field: &dyn Fn(&Sample) -> Option<f64>| {
            let known: Vec<f64> = samples.iter().filter_map(field).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        (count > 0.0).then(|| Sample {
            at: None,
            rx_packets: mean(&|s| Some(s.rx_packets)).unwrap_or_default(),
            tx_packets: mean(&|s| Some(s.tx_packets)).unwrap_or_default(),
            rx_bytes: mean(&|s| s.rx_bytes),
            tx_bytes: mean(&|s| s.tx_bytes),
        })
    }

    /// The mean, of `sar` or of the samples.
    pub fn mean(&self) -> Option<Sample> {
        self.mean.or_else(|| Self::mean_of(&self.samples))
    }

    /// Seconds from one sample to the next, where the times tell.
    pub fn interval(&self) -> Option<f64> {
        let mut times = self.samples.iter().filter_map(|sample| sample.at);
        let (first, second) = (times.next()?, times.next()?);
        let apart = (second + 86_400 - first) % 86_400;
        (apart > 0).then(|| f64::from(apart))
    }
}

/// What `sar` printed from that line on, and how many lines it takes.
pub(super) fn take(document: &Document, at: usize) -> Option<(usize, Report)> {
    // A time, the word for the mean, or a heading.
    let mut words = split(document.line(at));
    let first = words.next()?;
    let begins = first.starts_with(|c: char| c.is_ascii_digit() || !c.is_ascii())
        || first.ends_with([':', '：'])
        || matches!(first, "Linux" | "IFACE" | "AM" | "PM")
        || words.next() == Some(":");
    // The heading of `iostat -x` in older releases ends with a colon, too.
    if !begins || first.starts_with("Device") && split(document.line(at)).any(|word| word == "%util") {
        return None;
    }
    let mut report = Report::default();
    let mut lines = 0;
    if let Some((date, ambiguous, host, kernel, cpus)) = heading(document.line(at)) {
        (report.date, report.date_ambiguous, report.host, report.kernel, report.cpus) =
            (date, ambiguous, host, kernel, cpus);
        lines = 1;
        while document.line(at + lines).trim().is_empty() && at + lines < document.len() {
            lines += 1;
        }
    }
    let mut columns: Vec<String> = Vec::new();
    let mut ended = at + lines;
    let mut begun = false;
    let mut place = at + lines;
    let mut blanks = 0;
    let mut with_commas = false;
    while place < document.len() {
        let line = document.line(place);
        let words: Words<'_> = split(line).take(64).collect();
        if words.is_empty() {
            blanks += 1;
            place += 1;
            if blanks > 2 {
                break;
            }
            continue;
        }
        blanks = 0;
        // `pidstat` has the same heading above tables of processes, which have a reader of their own.
        if words.contains(&"PID") && words.last() == Some(&"Command") {
            break;
        }
        // Mail wraps the rows and their heading: what is missing stands in the next line.
        let next: Words<'_> = split(document.line(place + 1)).take(16).collect();
        let of_heading = |word: &&str| word.ends_with("/s") || **word == *"%ifutil";
        let of_heading = table_heading(&words).is_some() && words.contains(&"IFACE") && next.iter().all(of_heading);
        let continues =
            words.len() > 2 && words.len() < 11 && !next.is_empty() && next.iter().all(|word| figure(word).is_some());
        let both = || words.iter().chain(&next).copied().collect::<Words<'_>>();
        let of_row = begun
            && continues
            && columns.first().is_some_and(|column| column == "IFACE")
            && words.len() <= columns.len()
            && (columns.len() + 1..=columns.len() + 2).contains(&(words.len() + next.len()));
        let bare = !begun && columns_of_row(&words).is_none() && continues && columns_of_row(&both()).is_some();
        let joined = usize::from(!next.is_empty() && (of_heading || of_row || bare));
        let words = if joined > 0 { both() } else { words };
        if !begun && let Some(found) = columns_of_row(&words) {
            columns = found;
            begun = true;
        }
        if let Some(found) = table_heading(&words) {
            let taken =
                |word: &String| word == "IFACE" || word == "CPU" || NOTED.iter().any(|(known, ..)| known == word);
            if !found.iter().any(taken) && report.other_tables.len() < 16 {
                let name = found.join(" ");
                if !report.other_tables.contains(&name) {
                    report.other_tables.push(name);
                }
            }
            columns = found;
            begun = true;
        } else if words.len() == 1 && matches!(words[0], "..." | "…" | "[...]" | "[…]" | "--") && begun {
            // The poster, or grep, left lines out.
        } else if words.contains(&"RESTART") && begun {
            // The host was started anew.
        } else if begun && is_row(&words, &columns) {
            let whole = !document.ends_within(place + joined);
            if whole {
                row(&mut report, &words, &columns);
                with_commas |= words.iter().any(|word| word.contains(',') && figure(word).is_some());
            }
        } else {
            break;
        }
        place += 1 + joined;
        ended = place;
    }
    if !begun {
        // A heading of `sar` alone: it names the host.
        return (lines > 0).then_some((1, report));
    }
    // Languages that write a comma in figures write the day first.
    if report.date_ambiguous && with_commas {
        report.date = report.date.and_then(|date| Date::new(date.year(), date.day(), date.month()).ok());
        report.date_ambiguous = false;
    }
    left_out(&mut report);
    Some((ended - at, report))
}

type Heading = (Option<Date>, bool, Option<String>, Option<String>, Option<u32>);

/// `Linux 5.15.0 (web1)  2026-11-20  _x86_64_  (4 CPU)`.
fn heading(line: &str) -> Option<Heading> {
    let words: Words<'_> = split(line).take(12).collect();
    let ["Linux", release, host, rest @ ..] = words.as_slice() else { return None };
    let is_release = release.starts_with(|c: char| c.is_ascii_digit()) && release.contains('.');
    if !is_release || !host.starts_with('(') {
        return None;
    }
    let (date, ambiguous) =
        rest.iter().find_map(|word| date(word)).map_or((None, false), |(date, ambiguous)| (Some(date), ambiguous));
    let cpus = rest.iter().find_map(|word| word.strip_prefix('(')?.parse().ok());
    Some((date, ambiguous, Some(printable(host.trim_matches(['(', ')']))), Some(printable(release)), cpus))
}

/// A date as the locales of `sar` write it; and whether day and month may be the other way round.
pub(super) fn date(word: &str) -> Option<(Date, bool)> {
    let parts: Vec<i16> = word
        .split(['/', '-', '.', '年', '月', '日'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [a, b, c] = parts.as_slice() else { return None };
    let short = |year: i16| if year < 100 { year + 2000 } else { year };
    let of = |year: i16, month: i16, day: i16| {
        Date::new(short(year), i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    if *a > 31 || word.contains('年') || (word.contains('-') && word.len() == 10) {
        return of(*a, *b, *c).map(|date| (date, false));
    }
    if word.contains('.') || *a > 12 {
        return of(*c, *b, *a).map(|date| (date, false));
    }
    // C and en_US write the month first; where the day is above 12 there is no doubt.
    of(*c, *a, *b).map(|date| (date, *b <= 12 && a != b))
}

/// Columns of tables whose names say no rate.
const COLUMNS: &[&str] = &[
    "IFACE",
    "totsck",
    "tcpsck",
    "udpsck",
    "tcp6sck",
    "udp6sck",
    "runq-sz",
    "plist-sz",
    "dentunusd",
    "file-nr",
    "kbmemfree",
    "kbmemused",
    "kbswpfree",
    "kbswpused",
    "kbhugfree",
    "kbhugused",
    "tps",
    "INTR",
    "DEV",
    "TTY",
    "CPU",
];

/// What stands before the columns: the time, maybe with its half of the day, or the word for the mean.
fn lead_of(words: &[&str]) -> Option<usize> {
    if clock(words).is_some() {
        let halved = clock(&[words[0]]).is_none() || words.get(1).is_some_and(|word| half_of(word).is_some());
        return Some(if halved { 2 } else { 1 });
    }
    if words.first()?.ends_with([':', '：']) && words[0] != "avg-cpu:" {
        return Some(1);
    }
    (words.get(1) == Some(&":")).then_some(2)
}

/// The columns of a heading of a table of `sar`, without its time.
fn table_heading(words: &[&str]) -> Option<Vec<String>> {
    let lead = if words.first() == Some(&"IFACE") { 0 } else { lead_of(words)? };
    let columns = words.get(lead..)?;
    let named = |word: &&&str| word.contains("/s") || word.starts_with('%') || COLUMNS.contains(word);
    (columns.len() >= 3
        && columns.iter().all(|word| figure(word).is_none() && word.len() < 16)
        && columns.iter().filter(named).count() >= 2)
        .then(|| columns.iter().map(|word| (*word).to_owned()).collect())
}

/// Whether it has a time, or the word for the mean, and a figure for each column.
fn is_row(words: &[&str], columns: &[String]) -> bool {
    let lead = words.len().saturating_sub(columns.len());
    // `sar -h` puts the interface last, and `pidstat` the command.
    let last = words.last().is_some_and(|word| figure(word).is_some())
        || columns.last().is_some_and(|column| column == "IFACE" || column == "Command");
    lead_of(words).is_some() && last && (1..=3).contains(&lead)
}

/// The columns of rows that stand without their heading, as `grep eth0` leaves them: those of `-n DEV`, whose figures have two
/// digits behind the point. Where a packet would be larger than any is, the older `sar` counted bytes and not kB.
fn columns_of_row(words: &[&str]) -> Option<Vec<String>> {
    let lead = lead_of(words)?;
    let (name, figures) = words.get(lead..)?.split_first()?;
    let decimal =
        |word: &&str| figure(word).is_some() && word.split_once(['.', ',']).is_some_and(|(_, part)| part.len() == 2);
    if !matches!(figures.len(), 7 | 8) || figure(name).is_some() || !figures.iter().all(decimal) {
        return None;
    }
    let packets = figure(figures[0])?;
    let in_bytes = packets >= 1.0 && figure(figures[2])? * KILO / packets > 70_000.0;
    let bytes = if in_bytes { ["rxbyt/s", "txbyt/s"] } else { ["rxkB/s", "txkB/s"] };
    let columns = ["IFACE", "rxpck/s", "txpck/s", bytes[0], bytes[1], "rxcmp/s", "txcmp/s", "rxmcst/s", "%ifutil"];
    Some(columns.iter().take(figures.len() + 1).map(|column| (*column).to_owned()).collect())
}

/// Columns of other tables that tell of trouble, with what they count, and how much of it is worth a word.
const NOTED: &[(&str, &str, f64)] = &[
    ("dropd/s", "packets/s are dropped at the queues of CPUs", 1.0),
    ("squeezd/s", "times/s a CPU has more to receive than time for it", 1.0),
    ("noport/s", "datagrams/s come to UDP ports where nothing listens", 1.0),
    ("idgmerr/s", "datagrams/s cannot be received (full queues, wrong checksums)", 1.0),
    ("retrans/s", "TCP segments/s are sent again", 1.0),
    ("isegerr/s", "bad TCP segments/s come in", 1.0),
    ("orsts/s", "TCP resets/s are sent", 1.0),
    ("idisc/s", "packets/s are discarded", 1.0),
    ("asmf/s", "fragmented packets/s are never put together", 1.0),
    ("tcp-tw", "TCP connections wait for their end", 1.0),
    ("ip-frag", "fragments wait for the rest of their packet", 1.0),
    ("passive/s", "TCP connections/s are opened by others", 1000.0),
    ("atmptf/s", "TCP connections/s fail before they are open", 100.0),
    ("%steal", "% of the CPU time went to other guests of the hypervisor", 10.0),
];

/// Whether so much of it is worth a word.
pub(super) fn is_noteworthy(meaning: &str, value: f64) -> bool {
    NOTED.iter().any(|(_, known, least)| *known == meaning && value >= *least)
}

/// What another table tells of trouble: its mean, or the largest of its samples.
fn note(report: &mut Report, words: &[&str], columns: &[String], lead: usize) {
    let is_mean = clock(words).is_none();
    if columns.first().is_some_and(|column| column == "CPU") && words.get(lead) != Some(&"all") {
        return;
    }
    for (column, word) in columns.iter().zip(words.iter().skip(lead)) {
        let Some((_, meaning, _)) = NOTED.iter().find(|(known, ..)| known == column) else { continue };
        let Some(value) = figure(word) else { continue };
        let kept = report.noted.entry(meaning).or_default();
        *kept = if is_mean { value } else { kept.max(value) };
    }
}

/// The share of CPU time in which something ran, of those, in per cent, in which nothing did and in which disks were waited for.
pub(super) fn busy_of(idle: f64, waiting: Option<f64>) -> Option<f64> {
    let waiting = waiting.filter(|share| (0.0..=100.0).contains(share)).unwrap_or(0.0);
    (0.0..=100.0).contains(&idle).then(|| (1.0 - (idle + waiting) / 100.0).max(0.0))
}

fn row(report: &mut Report, words: &[&str], columns: &[String]) {
    let Some(lead) = words.len().checked_sub(columns.len()) else { return };
    note(report, words, columns, lead);
    report.end = clock(words).or(report.end);
    let cell = |name: &str| {
        columns.iter().position(|column| column == name).and_then(|place| words.get(place + lead)).copied()
    };
    let value = |name: &str| cell(name).and_then(figure);
    if let (Some(cpu), Some(soft)) = (cell("CPU").and_then(|cpu| cpu.parse().ok()), value("%soft")) {
        // The mean comes last, and counts.
        report.softirq.insert(cpu, (soft / 100.0).min(1.0));
    }
    if let (Some("all"), Some(idle)) = (cell("CPU"), value("%idle").filter(|idle| *idle <= 100.0)) {
        let busy = busy_of(idle, value("%iowait")).unwrap_or(1.0 - idle / 100.0);
        let share = |name: &str| value(name).map(|share| (share / 100.0).min(1.0));
        report.cpu = Some(Cpu { busy, softirq: share("%soft"), waiting: share("%iowait"), stolen: share("%steal") });
    }
    let Some(name) = cell("IFACE") else { return };
    if report.interfaces.len() >= MOST && !report.interfaces.contains_key(name) {
        return;
    }
    let at = clock(words);
    if let (Some(errors), Some(dropped)) = (value("rxerr/s"), value("rxdrop/s")) {
        // The mean comes last, and counts.
        let lost = Lost { errors, dropped, overruns: value("rxfifo/s").unwrap_or_default() };
        let kept = report.lost.entry(printable(name)).or_default();
        if at.is_none() || lost.dropped + lost.errors > kept.dropped + kept.errors {
            *kept = lost;
        }
        return;
    }
    let (Some(rx_packets), Some(tx_packets)) = (value("rxpck/s"), value("txpck/s")) else { return };
    let bytes = |kilo: &str, plain: &str| value(kilo).map(|figure| figure * KILO).or_else(|| value(plain));
    let possible = |bytes: f64, packets: f64| (bytes + ROUNDED >= packets * LEAST_FRAME).then_some(bytes);
    let (Some(rx), Some(tx)) = (bytes("rxkB/s", "rxbyt/s"), bytes("txkB/s", "txbyt/s")) else { return };
    let sample =
        Sample { at, rx_packets, tx_packets, rx_bytes: possible(rx, rx_packets), tx_bytes: possible(tx, tx_packets) };
    let rates = report.interfaces.entry(printable(name)).or_default();
    if at.is_none() {
        rates.mean = Some(sample);
    } else if rates.samples.len() < MOST_SAMPLES {
        rates.samples.push(sample);
    }
}

/// Takes out the samples that cannot be: their counters jumped. The mean that `sar` gives has them in it, so it goes, too.
pub(super) fn left_out(report: &mut Report) {
    let mut told = Vec::new();
    for (name, rates) in &mut report.interfaces {
        let mut sizes: Vec<f64> = rates.samples.iter().filter_map(|sample| sample.rx_bytes).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied().unwrap_or_default() * 8.0;
        let before = rates.samples.len();
        let jumped = |packets: f64, bytes: Option<f64>| {
            let bits = bytes.unwrap_or_default() * 8.0;
            packets > MOST_PACKETS || bits > MOST_BITS || (bits > JUMP_BITS && before > 2 && bits > JUMP * median)
        };
        let is_jump =
            |sample: &Sample| jumped(sample.rx_packets, sample.rx_bytes) || jumped(sample.tx_packets, sample.tx_bytes);
        for sample in rates.samples.iter().filter(|sample| is_jump(sample)) {
            let at = sample.at.map(|at| format!(" at {}", time_of(at))).unwrap_or_default();
            let bits = sample.rx_bytes.map(|bytes| format!("{}, ", units::bitrate(bytes * 8.0))).unwrap_or_default();
            told.push(format!(
                "{name}{at}: {bits}{} packets/s cannot be: the counter jumped; left out of mean and peak",
                units::count(sample.rx_packets)
            ));
        }
        rates.samples.retain(|sample| !is_jump(sample));
        if rates.samples.len() < before || rates.mean.is_some_and(|mean| is_jump(&mean)) {
            rates.mean = None;
        }
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    if more > 0 {
        told.push(format!("{more} more samples cannot be, and were left out"));
    }
    report.left_out = told;
}

/// `15:04:05` of seconds since midnight.
pub(super) fn time_of(at: u32) -> String {
    format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60)
}

/// A figure: `665.84`, `665,84`, `1.2M`; as `sar -h` writes it, too.
pub(super) fn figure(word: &str) -> Option<f64> {
    let (digits, factor) = match word.as_bytes().last()? {
        b'B' => (&word[..word.len() - 1], 1.0 / 1024.0),
        b'k' | b'K' => (&word[..word.len() - 1], 1.0),
        b'M' => (&word[..word.len() - 1], 1024.0),
        b'G' => (&word[..word.len() - 1], 1024.0 * 1024.0),
        b'%' => (&word[..word.len() - 1], 1.0),
        _ => (word, 1.0),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
        return None;
    }
    let figure: f64 = digits.replace(',', ".").parse().ok()?;
    figure.is_finite().then_some(figure * factor)
}

/// The half of the day that a word names: whether it is the second.
fn half_of(word: &str) -> Option<bool> {
    match word {
        "PM" | "pm" | "p.m." | "下午" | "午後" | "오후" => Some(true),
        "AM" | "am" | "a.m." | "上午" | "午前" | "오전" => Some(false),
        _ => None,
    }
}

/// The time that some words begin with, as seconds since midnight: `23:56:01`, `11:56:01 PM`, `23时56分01秒`, `下午 11时56分01秒`.
pub(super) fn clock(words: &[&str]) -> Option<u32> {
    let first = *words.first()?;
    let (time, half) = match half_of(first) {
        Some(half) => (*words.get(1)?, Some(half)),
        None => (first, words.get(1).and_then(|word| half_of(word))),
    };
    let (hour, minute, second) = match time.is_ascii() {
        true => figures(time.split(':'))?,
        false => figures(time.trim_end_matches(['秒', '초']).split([':', '时', '時', '分', '시', '분']))?,
    };
    let hour = match half {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    (hour < 24 && minute < 60 && second < 61).then_some(hour * 3600 + minute * 60 + second)
}

/// Hour, minute and second. The last two have two digits: one may be half of them.
fn figures<'t>(mut parts: impl Iterator<Item = &'t str>) -> Option<(u32, u32, u32)> {
    let mut figure = |least: usize| {
        let part = parts.next().filter(|part| (least..=2).contains(&part.len()))?;
        part.parse::<u32>().ok()
    };
    let time = (figure(1)?, figure(2)?, figure(2)?);
    parts.next().is_none().then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Report {
        let document = Document::new("sar", text.as_bytes().to_vec(), None);
        let (lines, report) = take(&document, 0).unwrap();
        assert_eq!(lines, document.len(), "all of it is of sar: {text}");
        report
    }

    #[test]
    fn sar_is_read_in_every_locale() {
        let table = |time: &str, mean: &str, point: &str| {
            let row = "13.00 8.00 2.00 5.00 0.00 0.00 0.00".replace('.', point);
            format!(
                "{time} IFACE rxpck/s txpck/s rxkB/s txkB/s rxcmp/s txcmp/s rxmcst/s\n{time} eth0 {row}\n{mean} IFACE rxpck/s txpck/s rxkB/s txkB/s rxcmp/s txcmp/s rxmcst/s\n{mean} eth0 {row}\n"
            )
        };
        for (time, mean, point) in [
            ("23:56:01", "Average:", "."),
            ("11:56:01 PM", "Average:", "."),
            ("23:56:01", "Durchschn.:", ","),
            ("23:56:01", "Moyenne :", ","),
            ("23:56:01", "Media:", ","),
            ("23:56:01", "Média:", ","),
            ("23:56:01", "Среднее:", ","),
            ("23时56分01秒", "平均时间:", "."),
            ("下午 11时56分01秒", "平均时间:", "."),
        ] {
            let report = read(&table(time, mean, point));
            let rates = &report.interfaces["eth0"];
            assert_eq!(rates.samples.len(), 1, "{time} {mean}");
            assert_eq!(rates.samples[0].at, Some(86_161), "{time}");
            assert_eq!(rates.mean().unwrap().rx_bytes, Some(2048.0), "{mean}");
        }
    }

    #[test]
    fn the_date_of_a_heading_is_read_as_its_locale_writes_it() {
        for (word, expected, ambiguous) in [
            ("11/28/26", "2026-11-28", false),
            ("28/11/26", "2026-11-28", false),
            ("11/10/2011", "2011-11-10", true),
            ("2026-11-20", "2026-11-20", false),
            ("20.11.2026", "2026-11-20", false),
            ("2026年11月20日", "2026-11-20", false),
        ] {
            let (date, may_be_other) = date(word).unwrap();
            assert_eq!((date.to_string().as_str(), may_be_other), (expected, ambiguous), "{word}");
        }
        for word in ["_x86_64_", "1/2", "99/99/99", "1.2.3.4"] {
            assert_eq!(date(word), None, "{word}");
        }
    }

    #[test]
    fn a_counter_that_jumped_is_left_out_and_packets_without_bytes_have_unknown_bytes() {
        let head = "10:00:01 IFACE rxpck/s txpck/s rxkB/s txkB/s\n";
        let report = read(&format!(
            "{head}10:00:02 eth0 4000.00 2000.00 665.84 734.36\n10:00:03 eth0 1005924595.60 543474884.30 261775679.83 145245456.55\n10:00:04 eth0 4000.00 2000.00 665.84 734.36\nAverage: eth0 335310865.20 1.00 87259003.50 1.00\n"
        ));
        let rates = &report.interfaces["eth0"];
        assert_eq!((rates.samples.len(), rates.mean().unwrap().rx_packets), (2, 4000.0));
        assert!(report.left_out[0].starts_with("eth0 at 10:00:03: 2.14 Tbit/s"), "{:?}", report.left_out);
        let report = read(&format!("{head}10:00:02 em1 14211.86 69996.91 0.00 0.00\n"));
        let mean = report.interfaces["em1"].mean().unwrap();
        assert_eq!((mean.rx_packets, mean.rx_bytes), (14_211.86, None));
    }

    #[test]
    fn rows_without_their_heading_are_those_of_dev_and_older_ones_count_bytes() {
        let report = read("05:20:01 PM eth0 8123.22 612.10 11204.31 55.02 0.00\n0.00 0.00\n");
        assert_eq!(report.interfaces["eth0"].samples[0].rx_bytes, Some(11_204.31 * 1024.0));
        let report = read("05:20:01 eth0 8123.22 612.10 11204310.00 55020.00 0.00 0.00 0.00\n");
        assert_eq!(report.interfaces["eth0"].samples[0].rx_bytes, Some(11_204_310.0));
        for line in ["10:00:01 eth0 1 2 3 4 5 6 7\n", "10:00:01 eth0 1.00 2.00 3.00\n"] {
            assert!(take(&Document::new("-", line.as_bytes().to_vec(), None), 0).is_none(), "{line}");
        }
    }

    #[test]
    fn what_other_tables_tell_of_trouble_is_noted() {
        let report = read(
            "20:24:08 CPU total/s dropd/s squeezd/s rx_rps/s flw_lim/s blg_len\n20:24:09 all 900.00 12.00 3.00 0.00 0.00 0\n20:24:09 0 900.00 12.00 3.00 0.00 0.00 0\n\n20:24:08 totsck tcpsck udpsck rawsck ip-frag tcp-tw\n20:24:09 812 12 3 0 0 28123\n\n20:24:08 idgm/s odgm/s noport/s idgmerr/s\n20:24:09 9000.00 1.00 8000.00 4.00\n",
        );
        let noted: Vec<f64> = report.noted.values().copied().filter(|value| *value > 0.0).collect();
        assert_eq!(noted, [28_123.0, 4.0, 8000.0, 12.0, 3.0]);
    }

    #[test]
    fn errors_and_other_tables_are_told_apart() {
        let report = read(
            "10:00:01 IFACE rxerr/s txerr/s coll/s rxdrop/s txdrop/s txcarr/s rxfram/s rxfifo/s txfifo/s\n10:00:02 eth0 0.00 0.00 0.00 120.00 0.00 0.00 0.00 7.00 0.00\n\n10:00:01 CPU %user %nice %system %iowait %steal %idle\n10:00:02 all 1.00 0.00 2.00 0.00 0.00 97.00\n",
        );
        assert_eq!(report.lost["eth0"].dropped, 120.0);
        assert!((report.cpu.unwrap().busy - 0.03).abs() < 1e-9);
        let report = read("10:00:01 tps rtps wtps bread/s bwrtn/s\n10:00:02 1.00 0.00 1.00 0.00 8.00\n");
        assert_eq!(report.other_tables, ["tps rtps wtps bread/s bwrtn/s"]);
    }
}
