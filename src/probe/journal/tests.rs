//! Journals that are made by hand: what no journald of today writes, and what is damaged.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;

use super::packed::tests::xz;
use super::stamp::SetBack;
use super::*;

const START: u64 = 1_795_359_845_000_000;
const BOOT: [u8; 16] = [7; 16];

/// A journal in the making.
pub(in crate::probe) struct Made {
    bytes: Vec<u8>,
    compact: bool,
    entries: Vec<u64>,
}

/// How a value is packed.
#[derive(Clone, Copy)]
enum Packed {
    No,
    Lz4,
    Zstd,
    Xz,
    Foreign,
}

impl Made {
    pub(in crate::probe) fn new(compact: bool) -> Self {
        let mut bytes = vec![0; 272];
        bytes[..8].copy_from_slice(b"LPKSHHRH");
        let flags: u32 = 1 | 2 | 4 | 8 | if compact { 16 } else { 0 };
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        bytes[88..96].copy_from_slice(&272_u64.to_le_bytes());
        Made { bytes, compact, entries: Vec::new() }
    }

    fn put(&mut self, at: usize, number: u64) {
        self.bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }

    fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len() as u64;
        self.bytes.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend((16 + body.len() as u64).to_le_bytes());
        self.bytes.extend(body);
        offset
    }

    pub(in crate::probe) fn value(&mut self, value: &[u8]) -> u64 {
        self.data(value, Packed::No)
    }

    fn data(&mut self, value: &[u8], packed: Packed) -> u64 {
        let (flags, stored) = match packed {
            Packed::No => (0, value.to_vec()),
            Packed::Xz => (1, xz(value)),
            // By two packers at once, which nobody does.
            Packed::Foreign => (3, value.to_vec()),
            Packed::Lz4 => {
                let mut stored = (value.len() as u64).to_le_bytes().to_vec();
                stored.extend(lz4_flex::block::compress(value));
                (2, stored)
            }
            Packed::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                (4, ruzstd::encoding::compress_to_vec(value, level))
            }
        };
        let mut body = vec![0; if self.compact { 56 } else { 48 }];
        body.extend(stored);
        self.object(1, flags, &body)
    }

    pub(in crate::probe) fn entry(&mut self, realtime: u64, monotonic: u64, boot: [u8; 16], data: &[u64]) {
        let mut body = (self.entries.len() as u64 + 1).to_le_bytes().to_vec();
        body.extend(realtime.to_le_bytes());
        body.extend(monotonic.to_le_bytes());
        body.extend(boot);
        body.extend([0; 8]);
        for offset in data {
            if self.compact {
                body.extend((*offset as u32).to_le_bytes());
            } else {
                body.extend(offset.to_le_bytes());
                body.extend([0; 8]);
            }
        }
        let offset = self.object(3, 0, &body);
        if self.entries.is_empty() {
            self.put(184, realtime);
        }
        self.put(192, realtime);
        self.put(200, monotonic);
        self.bytes[56..72].copy_from_slice(&boot);
        self.entries.push(offset);
    }

    /// Lists the entries in arrays of 4, 8, 16 and so on.
    pub(in crate::probe) fn listed(mut self) -> Vec<u8> {
        let (mut link, mut room, mut at) = (176, 4, 0);
        while at < self.entries.len() {
            let mut body = vec![0; 8];
            for item in 0..room {
                let offset = self.entries.get(at + item).copied().unwrap_or(0);
                if self.compact {
                    body.extend((offset as u32).to_le_bytes());
                } else {
                    body.extend(offset.to_le_bytes());
                }
            }
            let array = self.object(6, 0, &body);
            self.put(link, array);
            (link, at, room) = (array as usize + 16, at + room, room * 2);
        }
        let (entries, length) = (self.entries.len() as u64, self.bytes.len() as u64);
        self.put(152, entries);
        self.put(96, length - 272);
        self.bytes
    }
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn all() -> Choice {
    Choice { to: u64::MAX, ..Choice::default() }
}

/// The lines of a journal, and what could not be read.
fn read(bytes: &[u8], dating: Option<&Dating>, choice: &Choice) -> (Vec<String>, Faults) {
    let journal = Journal::open(file(bytes)).unwrap();
    let entries = journal.entries(dating, choice).unwrap();
    let mut lines = journal.lines(dating, choice, entries.start..entries.end, &|| false);
    let mut text = Vec::new();
    lines.read_to_end(&mut text).unwrap();
    let mut faults = lines.faults();
    faults.damaged += journal.lost();
    (String::from_utf8_lossy(&text).lines().map(str::to_owned).collect(), faults)
}

/// A journal of so many entries, a second apart, with values of all kinds.
fn made(compact: bool, entries: u64, packed: Packed) -> Vec<u8> {
    let mut made = Made::new(compact);
    let shared: Vec<u64> =
        ["_HOSTNAME=h", "SYSLOG_IDENTIFIER=app", "_UID=0", "_PID=7", "_TRANSPORT=journal", "OTHER=x"]
            .iter()
            .map(|value| made.data(value.as_bytes(), Packed::No))
            .collect();
    for entry in 0..entries {
        let text = format!("MESSAGE=line {entry} {}", "and so on ".repeat(60));
        let mut data = shared.clone();
        data.insert(2, made.data(text.as_bytes(), packed));
        made.entry(START + entry * 1_000_000, 5_000_000 + entry * 1_000_000, BOOT, &data);
    }
    made.listed()
}

#[test]
fn an_entry_is_a_line_however_its_values_are_stored() {
    for compact in [false, true] {
        for packed in [Packed::No, Packed::Lz4, Packed::Zstd, Packed::Xz] {
            let (lines, faults) = read(&made(compact, 50, packed), None, &all());
            assert_eq!((lines.len(), faults), (50, Faults::default()));
            assert!(lines[49].starts_with("2026-11-22T15:04:54.000000Z h app[7]: line 49 and so on"), "{}", lines[49]);
            assert!(lines[49].ends_with("so on "), "{}", lines[49]);
        }
        let (lines, faults) = read(&made(compact, 3, Packed::Foreign), None, &all());
        assert_eq!((lines.len(), faults.foreign), (3, 3));
        assert!(lines[0].ends_with("h app[7]: "), "{}", lines[0]);
    }
}

#[test]
fn a_message_stays_one_line_and_an_entry_without_one_is_one() {
    let mut made = Made::new(false);
    let message = made.data(b"MESSAGE=a\nb\tc\x00\xff", Packed::No);
    let host = made.data(b"_HOSTNAME=a b:", Packed::No);
    made.entry(START, 1, BOOT, &[message, host]);
    made.entry(START + 1, 2, BOOT, &[host]);
    let (lines, faults) = read(&made.listed(), None, &all());
    assert_eq!(faults, Faults::default());
    assert_eq!(lines[0], "2026-11-22T15:04:05.000000Z a_b_ uid?/unknown: a#012b#011c#000\u{fffd}");
    assert_eq!(lines[1], "2026-11-22T15:04:05.000001Z a_b_ uid?/unknown: ");
}

#[test]
fn a_span_is_found_without_reading_the_rest() {
    let bytes = made(true, 5000, Packed::No);
    let choice = Choice { from: START + 2_000_000_000, to: START + 2_059_000_000, ..Choice::default() };
    let journal = Journal::open(file(&bytes)).unwrap();
    let entries = journal.entries(None, &choice).unwrap();
    assert!(entries.sorted && entries.start == 1990 && entries.end == 2070, "{entries:?}");
    let (lines, _) = read(&bytes, None, &choice);
    assert_eq!(lines.len(), 60);
    assert!(lines[0].contains("line 2000 ") && lines[59].contains("line 2059 "));
}

#[test]
fn entries_of_this_boot_are_dated_by_the_clock_that_nobody_sets() {
    let mut made = Made::new(false);
    let message = made.data(b"MESSAGE=x", Packed::No);
    // The clock was a day behind when the host started, and was set after ten seconds.
    let day = 86_400_000_000;
    for second in 0..20 {
        let behind = if second < 10 { day } else { 0 };
        made.entry(START + second * 1_000_000 - behind, second * 1_000_000, BOOT, &[message]);
    }
    let bytes = made.listed();
    let dating = Dating { boot: BOOT, realtime: START + 30_000_000, monotonic: 30_000_000 };
    let choice = Choice { from: START + 5_000_000, to: START + 30_000_000, ..Choice::default() };
    let (lines, faults) = read(&bytes, Some(&dating), &choice);
    assert_eq!((lines.len(), faults.redated), (15, 5));
    assert!(lines[0].starts_with("2026-11-22T15:04:10.0"), "{}", lines[0]);
    // Of another boot nobody knows better than the clock of then.
    let other = Dating { boot: [1; 16], ..dating };
    let (lines, faults) = read(&bytes, Some(&other), &choice);
    assert_eq!((lines.len(), faults.redated), (10, 0));
}

/// A journal whose clock stood still, in seconds from the start on: where each stretch begins by it, how many entries it has, a second
/// apart, and its boot.
fn with_clock(stretches: &[(u64, u64, u8)]) -> Vec<u8> {
    let mut made = Made::new(true);
    let message = made.data(b"MESSAGE=x", Packed::No);
    let mut monotonic = 0;
    for (begin, entries, boot) in stretches {
        for second in 0..*entries {
            made.entry(START + (begin + second) * 1_000_000, monotonic * 1_000_000, [*boot; 16], &[message]);
            monotonic += 1;
        }
    }
    made.listed()
}

#[test]
fn a_clock_that_went_back_hides_no_entry() {
    let hour = 3600;
    let seconds = |at: u64| START + at * 1_000_000;
    // After three hours it goes back by one; the host starts anew and its clock is behind; and it is set back at once, for a moment.
    for (stretches, from, to) in [
        (&[(0, 3 * hour, 1), (2 * hour, 6 * hour, 1)][..], 3 * hour, 2 * hour),
        (&[(0, 3 * hour, 1), (2 * hour, 6 * hour, 2)], 3 * hour, 2 * hour),
        (&[(3 * hour, 20, 1), (0, 20 * hour, 1)], 3 * hour + 20, 0),
        (&[(0, 20 * hour, 1), (19 * hour, 20, 1)], 20 * hour, 19 * hour),
        // Between two places that are looked at, so that their times rise all the same.
        (&[(0, 1000, 1), (500, 20 * hour, 1)], 1000, 500),
    ] {
        let bytes = with_clock(stretches);
        let journal = Journal::open(file(&bytes)).unwrap();
        let all = journal.entries(None, &all()).unwrap();
        assert_eq!(all.set_back, Some(SetBack { from: seconds(from - 1), to: seconds(to) }), "{stretches:?}");
        assert!(!all.sorted && all.start == 0);
        for (since, until) in [
            (0, 60),
            (900, 950),
            (2 * hour + 600, 2 * hour + 660),
            (3 * hour - 10, 3 * hour + 10),
            (19 * hour, 19 * hour + 10),
        ] {
            let choice = Choice { from: seconds(since), to: seconds(until), ..Choice::default() };
            let wanted: u64 = stretches
                .iter()
                .map(|(begin, entries, _)| (begin + entries).min(until + 1).saturating_sub(since.max(*begin)))
                .sum();
            assert_eq!(read(&bytes, None, &choice).0.len() as u64, wanted, "{stretches:?} {since}");
        }
    }
    // A clock that is set forward, and a host that sleeps, hide nothing, and are not looked for.
    let bytes = with_clock(&[(0, 3 * hour, 1), (9 * hour, 3 * hour, 1), (12 * hour, 3 * hour, 2)]);
    let journal = Journal::open(file(&bytes)).unwrap();
    let choice = Choice { from: seconds(9 * hour), to: seconds(9 * hour + 59), ..Choice::default() };
    let found = journal.entries(None, &choice).unwrap();
    assert_eq!((found.sorted, found.set_back, found.end - found.start), (true, None, 70));
    // So many that they are not all looked for.
    let many: Vec<_> = (0..500).map(|stretch| (stretch % 2 * 100, 20, 1)).collect();
    let journal = Journal::open(file(&with_clock(&many))).unwrap();
    let found = journal.entries(None, &Choice { from: seconds(100), to: seconds(110), ..Choice::default() }).unwrap();
    assert_eq!((found.start, found.end, found.sorted), (0, 10_000, false));
}

#[test]
fn entries_of_several_boots_are_told_apart() {
    let mut made = Made::new(true);
    let message = made.data(b"MESSAGE=x", Packed::No);
    for second in 0..30 {
        let boot = [if second < 10 { 1 } else { 2 }; 16];
        made.entry(START + second * 1_000_000, second % 10 * 1_000_000, boot, &[message]);
    }
    let bytes = made.listed();
    let choice = |boot: u8| Choice { boot: Some([boot; 16]), ..all() };
    assert_eq!(read(&bytes, None, &choice(1)).0.len(), 10);
    assert_eq!(read(&bytes, None, &choice(2)).0.len(), 20);
    assert_eq!(read(&bytes, None, &choice(3)).0.len(), 0);
    let journal = Journal::open(file(&bytes)).unwrap();
    let before = |boot: u8| journal.before(&[boot; 16]).map(|(boot, at)| (boot[0], at.as_microsecond() as u64));
    assert_eq!(before(2), Some((1, START + 9_000_000)));
    // A boot that wrote nothing here: the last entry is of the one before.
    assert_eq!(before(3), Some((2, START + 29_000_000)));
}

#[test]
fn entries_are_chosen_by_unit_and_priority_as_journalctl_does() {
    let mut made = Made::new(false);
    let mut add = |values: &[&str]| {
        let data: Vec<u64> = values.iter().map(|value| made.data(value.as_bytes(), Packed::No)).collect();
        made.entry(START, 1, BOOT, &data);
    };
    add(&["MESSAGE=own", "_SYSTEMD_UNIT=a.service", "PRIORITY=6"]);
    add(&["MESSAGE=of manager", "UNIT=a.service", "_PID=1", "PRIORITY=3"]);
    add(&["MESSAGE=of anybody", "UNIT=a.service", "_PID=9", "PRIORITY=3"]);
    add(&["MESSAGE=of root", "OBJECT_SYSTEMD_UNIT=a.service", "_UID=0", "PRIORITY=4"]);
    add(&["MESSAGE=other", "_SYSTEMD_UNIT=b.service", "PRIORITY=2"]);
    add(&["MESSAGE=none"]);
    let bytes = made.listed();
    let said = |choice: &Choice| -> Vec<String> {
        let lines = read(&bytes, None, choice).0;
        lines.iter().map(|line| line.rsplit_once(": ").unwrap().1.to_owned()).collect()
    };
    let unit = Choice { units: vec!["a.service".to_owned()], ..all() };
    assert_eq!(said(&unit), ["own", "of manager", "of root"]);
    assert_eq!(said(&Choice { priority: Some(3), ..all() }), ["of manager", "of anybody", "other"]);
    assert_eq!(said(&Choice { priority: Some(3), ..unit }), ["of manager"]);
}

#[test]
fn features_that_are_not_known_are_a_gap_and_no_guess() {
    let mut bytes = made(false, 3, Packed::No);
    bytes[12] |= 32;
    let why = Journal::open(file(&bytes)).unwrap_err();
    assert!(matches!(why, NotRead::Header(Unreadable::Unknown(32))), "{why:?}");
    let gap = why.gap("x.journal");
    assert!(gap.to_string().contains("0x20") && gap.to_fix.is_some(), "{gap}");
    for (bytes, wanted) in [(&b"no journal at all, but long enough"[..], "does not begin"), (b"LPKS", "ends within")] {
        let mut bytes = bytes.to_vec();
        bytes.resize(if bytes.len() > 4 { 400 } else { 4 }, b'x');
        let gap = Journal::open(file(&bytes)).unwrap_err().gap("x.journal");
        assert!(gap.to_string().contains(wanted), "{gap}");
    }
}

#[test]
fn a_journal_that_was_cut_is_read_up_to_there() {
    let whole = made(true, 300, Packed::No);
    let mut seen = 0;
    for length in (0..whole.len()).step_by(997) {
        let Ok(journal) = Journal::open(file(&whole[..length])) else {
            assert!(length < 272);
            continue;
        };
        drop(journal);
        let (lines, faults) = read(&whole[..length], None, &all());
        assert_eq!(lines.len() as u64 + faults.damaged, 300, "{length}");
        seen = seen.max(lines.len());
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_journal_that_is_cut_while_it_is_read_is_no_error() {
    let whole = made(false, 300, Packed::No);
    let file = file(&whole);
    let journal = Journal::open(file.try_clone().unwrap()).unwrap();
    file.set_len(20_000).unwrap();
    let choice = all();
    let mut lines = journal.lines(None, &choice, 0..300, &|| false);
    let mut text = Vec::new();
    lines.read_to_end(&mut text).unwrap();
    assert!(lines.faults().damaged > 200, "{:?}", lines.faults());
}

#[test]
fn arrays_that_lead_back_end() {
    let whole = made(false, 300, Packed::No);
    let first = u64::from_le_bytes(whole[176..184].try_into().unwrap()) as usize;
    let second = u64::from_le_bytes(whole[first + 16..first + 24].try_into().unwrap()) as usize;
    for to in [first, second, 0, 8, whole.len(), usize::MAX] {
        let mut bytes = whole.clone();
        bytes[second + 16..second + 24].copy_from_slice(&(to as u64).to_le_bytes());
        let (lines, faults) = read(&bytes, None, &all());
        assert_eq!((lines.len(), faults.damaged), (12, 288), "{to}");
    }
}

#[test]
fn a_number_of_entries_beyond_all_reason_costs_nothing() {
    for compact in [false, true] {
        let mut bytes = made(compact, 10, Packed::No);
        bytes[152..160].copy_from_slice(&u64::MAX.to_le_bytes());
        bytes[96..104].copy_from_slice(&u64::MAX.to_le_bytes());
        let (lines, faults) = read(&bytes, None, &all());
        assert_eq!(lines.len(), 10);
        assert!(faults.damaged > 1 << 60);
    }
}

#[test]
fn what_is_told_to_stop_stops_where_no_entry_makes_a_line() {
    let bytes = made(false, 6000, Packed::No);
    let journal = Journal::open(file(&bytes)).unwrap();
    let choice = Choice { units: vec!["none.service".to_owned()], ..all() };
    let mut lines = journal.lines(None, &choice, 0..6000, &|| true);
    assert_eq!(lines.read(&mut [0; 64]).unwrap(), 0);
    assert!(lines.stopped() && lines.left() > 1000, "{}", lines.left());
}

#[test]
fn the_last_lines_of_a_copy_are_its_text() {
    let bytes = made(true, 9000, Packed::No);
    let copy = file(&bytes);
    assert!(is_journal(&copy) && !is_journal(&file(b"LPKS")) && !is_journal(&file(&[b'x'; 300])));
    let last = JournalFile::last(&copy).unwrap();
    assert_eq!(last.as_microsecond() as u64, START + 8_999_000_000);
    let journal = JournalFile::open(copy).unwrap();
    let few = journal.last_lines(1000);
    let lines: Vec<_> = few.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(few.more && !few.damaged && !few.late);
    assert_eq!(lines.len(), 1, "no more than was asked for, in whole pieces: {}", lines.len());
    let all = journal.last_lines(64 * 1024 * 1024);
    assert!(!all.more && all.text.iter().filter(|byte| **byte == b'\n').count() == 9000);
}

/// Writes the corpus of the fuzz target: a real journal has megabytes of hash tables.
#[test]
#[ignore = "writes fuzz/corpus/journals"]
fn the_corpus_of_journals_is_made_anew() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/journals");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, compact, packed) in [
        ("regular", false, Packed::No),
        ("compact", true, Packed::No),
        ("lz4", false, Packed::Lz4),
        ("zstd", true, Packed::Zstd),
        ("xz", false, Packed::Xz),
    ] {
        std::fs::write(folder.join(name), made(compact, 5, packed)).unwrap();
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    #[test]
    fn no_damage_makes_the_reader_panic(
        compact in proptest::bool::ANY,
        packed in 0..4,
        damage in proptest::collection::vec((proptest::arbitrary::any::<proptest::sample::Index>(), proptest::arbitrary::any::<[u8; 4]>(), 0_usize..3), 1..12),
    ) {
        let packed = [Packed::No, Packed::Lz4, Packed::Zstd, Packed::Xz][packed as usize];
        let mut bytes = made(compact, 12, packed);
        for (place, with, kind) in damage {
            // Anywhere, in the header, or a small number where an offset may stand.
            let at = place.index(if kind == 1 { 272 } else { bytes.len() - 4 });
            let with = if kind == 2 { (u32::from_le_bytes(with) % bytes.len() as u32 / 8 * 8).to_le_bytes() } else { with };
            bytes[at..at + 4].copy_from_slice(&with);
        }
        read_through(file(&bytes));
        if let Ok(journal) = Journal::open(file(&bytes)) {
            let choice = Choice { from: START, to: START + 5_000_000, ..Choice::default() };
            let _ = journal.entries(Some(&Dating { boot: BOOT, realtime: START, monotonic: 9_000_000 }), &choice);
        }
    }
}

/// A file that says that it is larger than any disk is read as far as it goes.
#[test]
fn a_file_with_holes_is_read_as_far_as_it_goes() {
    let bytes = made(true, 20, Packed::No);
    let file = file(&bytes);
    file.set_len(1 << 40).unwrap();
    file.write_at(&(1_u64 << 40).to_le_bytes(), 96).unwrap();
    let journal = Journal::open(file).unwrap();
    let choice = all();
    assert_eq!(journal.entries(None, &choice).unwrap(), Entries { start: 0, end: 20, sorted: true, set_back: None });
}
