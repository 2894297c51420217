//! What systemd told of units: the history of each, out of its messages in the journal.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nix::sys::signal::Signal;

use super::kind::is_kept;
use super::last_words::{self, LastWords};
use crate::case::{Gap, Reason};
use crate::printable::printable;
use crate::probe::journal::{self, Asked, Choice, Dating, Journal, NotRead, OfUnit};
use crate::probe::place::Place;

/// Units whose history is kept, at most: those that were first told of.
const MOST_UNITS: usize = 2_000;
/// Files that are read, at most, the newest first.
const MOST_FILES: usize = 256;
/// Letters of a unit's name: systemd has none that is longer.
const LONGEST_NAME: usize = 255;
/// How often a unit is started again in the span until it is said to flap.
const FLAPS: u64 = 3;

/// What became of a unit in the span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) started: Option<u64>,
    pub(super) failed: Option<u64>,
    /// What was told of last: true where that is a failure.
    pub(super) ended_badly: bool,
    pub(super) result: Option<String>,
    pub(super) exit_status: Option<u32>,
    pub(super) signal: Option<String>,
    pub(super) failures: u64,
    pub(super) restarts: u64,
    pub(super) restarts_ever: Option<u64>,
    pub(super) start_limit_hits: u64,
    pub(super) oom_kills: u64,
    /// What it said before it failed the last time.
    pub(super) last_words: LastWords,
    last: u64,
    /// It was given up, and systemd is about to say once more how it failed.
    given_up: bool,
}

/// What the journal says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// When the first entry was written that the journal still has.
    pub(super) first: Option<Timestamp>,
    pub(super) messages: u64,
    pub(super) units: HashMap<String, History>,
    pub(super) loss: Vec<String>,
    /// Messages of units that were too many to keep.
    left_out: u64,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Started,
    Stopped,
    StartFailed,
    Failed,
    ProcessExited,
    RestartScheduled,
    GivenUp,
    OutOfMemory,
}

/// The kinds of message that count, by their ids (`sd-messages.h`).
const KINDS: &[(&[u8], About)] = &[
    (b"39f53479d3a045ac8e11786248231fbf", About::Started),
    (b"9d1aaa27d60140bd96365438aad20286", About::Stopped),
    (b"be02cf6855d2428ba40df7e9d022f03d", About::StartFailed),
    (b"d9b373ed55a64feb8242e02dbe79a49c", About::Failed),
    (b"98e322203f7a4ed290d09fe03c09fe15", About::ProcessExited),
    (b"5eb03494b6584870a536b337290809b3", About::RestartScheduled),
    (b"fe6faa94e7774663a0da52717891d8ef", About::OutOfMemory),
    (b"7ad2d189f7e94e70a38c781354912448", About::Stopped),
];

impl Told {
    /// Takes a message.
    fn take(&mut self, entry: &OfUnit<'_>) {
        self.messages += 1;
        let name = printable(entry.unit);
        if name.len() > LONGEST_NAME || !is_kept(&name) {
            return;
        }
        if !self.units.contains_key(&name) && self.units.len() >= MOST_UNITS {
            self.left_out += 1;
            return;
        }
        let known = entry.id.and_then(|id| KINDS.iter().find(|(kind, _)| *kind == id)).map(|(_, about)| *about);
        let by_words = || entry.message.and_then(words);
        let (about, said) = match known {
            Some(about) => (about, Said::default()),
            None => match by_words() {
                Some(said) => said,
                None => return,
            },
        };
        let text = |field: Option<&[u8]>, said: Option<String>| field.map(printable).or(said);
        let history = self.units.entry(name).or_default();
        let is_newer = entry.at >= history.last;
        history.last = history.last.max(entry.at);
        match about {
            About::Started => {
                history.started = history.started.max(Some(entry.at));
                if is_newer {
                    history.ended_badly = false;
                }
            }
            About::Stopped => {
                if is_newer {
                    history.ended_badly = false;
                }
            }
            About::StartFailed => {
                if is_newer {
                    history.ended_badly = true;
                }
                history.failed = history.failed.max(Some(entry.at));
            }
            About::Failed => {
                let result = text(entry.result, said.result).unwrap_or_default();
                if is_newer {
                    history.ended_badly = true;
                }
                let of_limit = result == "start-limit-hit" || result == "start-limit";
                history.start_limit_hits += u64::from(of_limit && !history.given_up);
                history.failures += u64::from(!of_limit && !history.given_up);
                history.given_up = false;
                if history.failed <= Some(entry.at) && !result.is_empty() && !of_limit {
                    history.result = Some(result);
                }
                history.failed = history.failed.max(Some(entry.at));
            }
            About::ProcessExited => {
                if is_newer {
                    let code = text(entry.exit_code, said.code);
                    let status = text(entry.exit_status, said.status).and_then(|status| status.parse::<i32>().ok());
                    history.exit_status = None;
                    history.signal = None;
                    match code.as_deref() {
                        Some("exited") => history.exit_status = status.and_then(|status| u32::try_from(status).ok()),
                        Some("killed" | "dumped") => {
                            history.signal =
                                status.and_then(|number| Signal::try_from(number).ok()).map(|s| s.to_string());
                        }
                        _ => {}
                    }
                }
            }
            About::RestartScheduled => {
                history.restarts += 1;
                let counted = text(entry.restarts, None).and_then(|number| number.parse().ok());
                if is_newer && counted.is_some() {
                    history.restarts_ever = counted;
                }
                if is_newer {
                    history.ended_badly = false;
                }
            }
            About::GivenUp => {
                history.start_limit_hits += 1;
                history.given_up = true;
            }
            About::OutOfMemory => history.oom_kills += 1,
        }
    }
}

/// What words alone say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    result: Option<String>,
    code: Option<String>,
    status: Option<String>,
}

/// What a message without an id is about: systemd gave up to 239 none to most of them, and gives none to some until today. Process 1 wrote it, so nobody else chose the words.
fn words(message: &[u8]) -> Option<(About, Said)> {
    let text = std::str::from_utf8(message.get(..512).unwrap_or(message)).ok()?;
    let behind = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    if let Some(rest) = behind(": Failed with result '") {
        let result = rest.split_once('\'')?.0.to_owned();
        return Some((About::Failed, Said { result: Some(result), ..Said::default() }));
    }
    if text.contains("tart request repeated too quickly") {
        return Some((About::GivenUp, Said::default()));
    }
    if text.contains(" entered failed state") {
        return Some((About::Failed, Said::default()));
    }
    if text.contains(": Scheduled restart job")
        || text.contains(" holdoff time over, scheduling restart")
        || text.contains(" hold-off time over, scheduling restart")
    {
        return Some((About::RestartScheduled, Said::default()));
    }
    let rest = behind(": Main process exited, code=").or_else(|| behind(": main process exited, code="))?;
    let (code, rest) = rest.split_once(", status=")?;
    let status = rest.split_once('/')?.0;
    Some((
        About::ProcessExited,
        Said { code: Some(code.to_owned()), status: Some(status.to_owned()), ..Said::default() },
    ))
}

impl History {
    /// Whether it is started again and again, or was given up.
    pub(super) fn flaps(&self) -> bool {
        self.restarts >= FLAPS || self.start_limit_hits > 0
    }
}

/// Reads what systemd wrote in the journals of this host from one time to another.
pub(super) fn read(from: Timestamp, to: Timestamp, stop: &dyn Fn() -> bool) -> Result<Told, Gap> {
    // The journals of guests lie beside that of the host, and what wrote those is process 1 there.
    let machine = journal::machine_id(&Place::Host, Path::new("/etc/machine-id")).ok_or_else(|| {
        Gap::new(
            Reason::Absent,
            "tell which journal is this host's",
            "/etc/machine-id does not say which machine it is",
        )
    })?;
    let dirs = journal::dirs_of_host();
    read_in(&Place::Host, &dirs, Some(&machine), (from, to), Dating::of_host().as_ref(), stop)
}

fn read_in(
    place: &Place,
    dirs: &[PathBuf],
    machine: Option<&str>,
    (from, to): (Timestamp, Timestamp),
    dating: Option<&Dating>,
    stop: &dyn Fn() -> bool,
) -> Result<Told, Gap> {
    let choice = Choice::default().within(from, to);
    // What systemd says goes to the journal of no namespace.
    let of_host = machine.map(|_| "");
    let asked = Asked { dirs, machine, namespace: of_host };
    let mut journals = journal::discover(place, &asked, dating, &choice, stop);
    let tried = "read what systemd told of units in the journal";
    if journals.dir.is_none() {
        return Err(match journals.gaps.pop() {
            Some((_, gap)) => gap,
            None => Gap::new(Reason::Absent, tried, "no journal is kept in /var/log/journal or /run/log/journal")
                .to_fix("let journald keep one: Storage=auto in /etc/systemd/journald.conf"),
        });
    }
    journals.files.sort_by_key(|file| (file.rotated, std::cmp::Reverse(file.modified)));
    // What users wrote is in files of their own, where systemd writes nothing.
    journals
        .files
        .retain(|file| file.path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"system")));
    let mut told = Told::default();
    let left_out = journals.left_out + journals.files.len().saturating_sub(MOST_FILES) as u64;
    journals.files.truncate(MOST_FILES);
    let (mut read, mut first) = (0, None);
    for found in &journals.files {
        let path = found.path.display().to_string();
        let opened = place.open(&found.path).map_err(NotRead::Io).and_then(|(file, _)| Journal::open(file));
        let result = opened.and_then(|journal| {
            told.first = [told.first, journal.first()].into_iter().flatten().min();
            let entries = journal.entries(dating, &choice).map_err(NotRead::Io)?;
            let range = entries.start..entries.end;
            journal.of_units(dating, &choice, range, stop, &mut |entry| told.take(entry)).map_err(NotRead::Io)
        });
        match result {
            Ok(done) => {
                read += 1;
                if done.stopped {
                    told.loss.push(format!(
                        "{path}: not read to its end, for the time was over: units may have failed unseen"
                    ));
                    break;
                }
                if done.faults.damaged > 0 || done.faults.foreign > 0 {
                    told.loss.push(format!(
                        "{path}: {} entries are damaged or packed in an unknown way",
                        done.faults.damaged + done.faults.foreign
                    ));
                }
            }
            Err(why) => {
                let gap = why.gap(&path);
                let gap = if gap.reason == Reason::Denied { gap.to_fix(journal::WHO_MAY_READ) } else { gap };
                told.loss.push(gap.to_string());
                first.get_or_insert(gap);
            }
        }
    }
    let failed: Vec<_> =
        told.units.iter().filter_map(|(name, history)| Some((name.clone(), history.failed?))).collect();
    let some_failed = !failed.is_empty();
    let all_words = last_words::find(place, &journals.files, dating, failed, stop);
    if some_failed && stop() {
        told.loss
            .push("what units said before they failed was not looked for to its end, for the time was over".to_owned());
    }
    for (name, words) in all_words {
        if let Some(history) = told.units.get_mut(&name) {
            history.last_words = words;
        }
    }
    if told.left_out > 0 {
        told.loss.push(format!("{} messages are about units that were too many to tell apart", told.left_out));
    }
    if left_out > 0 {
        told.loss.push(format!("{left_out} files of the journal were too many to read"));
    }
    match first {
        Some(gap) if read == 0 => Err(gap),
        _ if read == 0 => Err(Gap::new(Reason::Absent, tried, "the journal has no file of the system")),
        _ => Ok(told),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::probe::journal::tests::Made;

    const START: u64 = 1_795_359_845_000_000;
    const FAILED: &str = "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c";
    const STARTED: &str = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf";
    const EXITED: &str = "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15";
    const AGAIN: &str = "MESSAGE_ID=5eb03494b6584870a536b337290809b3";
    const OOM: &str = "MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef";

    /// What a journal of these entries tells, a second apart.
    fn told(entries: &[&[&str]]) -> Told {
        let mut made = Made::new(true);
        for (number, fields) in entries.iter().enumerate() {
            let data: Vec<u64> = fields.iter().map(|field| made.value(field.as_bytes())).collect();
            made.entry(START + number as u64 * 1_000_000, 1 + number as u64, [7; 16], &data);
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("system.journal"), made.listed()).unwrap();
        let at = |micros: u64| Timestamp::from_microsecond(micros as i64).unwrap();
        let dirs = [dir.path().to_owned()];
        // A folder of no machine: every journal in it is the host's.
        read_below(&dirs, at(START), at(START + 3_600_000_000))
    }

    fn read_below(dirs: &[PathBuf], from: Timestamp, to: Timestamp) -> Told {
        read_in(&Place::Host, dirs, None, (from, to), None, &|| false).unwrap()
    }

    #[test]
    fn a_service_that_is_started_again_until_it_is_given_up_is_known_by_systemds_own_fields() {
        let of = "UNIT=shop.service";
        let run: [&[&str]; 4] = [
            &[STARTED, of, "_PID=1", "MESSAGE=Started"],
            &[EXITED, of, "_PID=1", "EXIT_CODE=exited", "EXIT_STATUS=3", "MESSAGE=x"],
            &[FAILED, of, "_PID=1", "UNIT_RESULT=exit-code", "MESSAGE=x"],
            &[AGAIN, of, "_PID=1", "N_RESTARTS=4", "MESSAGE=x"],
        ];
        let end: [&[&str]; 3] = [
            &[of, "_PID=1", "MESSAGE=shop.service: Start request repeated too quickly."],
            &[FAILED, of, "_PID=1", "UNIT_RESULT=exit-code", "MESSAGE=x"],
            &["MESSAGE_ID=be02cf6855d2428ba40df7e9d022f03d", of, "_PID=1", "MESSAGE=Failed to start"],
        ];
        let told = told(&[run.repeat(3).as_slice(), &end].concat());
        let shop = &told.units["shop.service"];
        assert_eq!((told.messages, told.units.len(), told.loss.len()), (15, 1, 0));
        assert_eq!((shop.failures, shop.restarts, shop.restarts_ever, shop.start_limit_hits), (3, 3, Some(4), 1));
        assert_eq!((shop.result.as_deref(), shop.exit_status, &shop.signal), (Some("exit-code"), Some(3), &None));
        assert!(shop.ended_badly && shop.flaps());
        assert_eq!((shop.started, shop.failed), (Some(START + 8_000_000), Some(START + 14_000_000)));
    }

    #[test]
    fn what_a_unit_said_before_it_failed_is_its_own_processes_word_and_no_one_elses() {
        let of = "UNIT=shop.service";
        let own = "_SYSTEMD_UNIT=shop.service";
        let told = told(&[
            &[STARTED, of, "_PID=1", "MESSAGE=Started"],
            &[own, "_PID=91", "MESSAGE=\u{1b}[31mcannot open\u{1b}[0m /etc/shop.conf: No such file\nbye"],
            &["_SYSTEMD_UNIT=other.service", "_PID=92", of, "MESSAGE=fatal error: somebody else"],
            &["MESSAGE_ID=641257651c1b4ec9a8624d7a40a9e1e7", of, "_PID=93", "_UID=1000", "MESSAGE=fatal: no root"],
            &[EXITED, of, "_PID=1", "EXIT_CODE=exited", "EXIT_STATUS=3", "MESSAGE=x"],
            &[FAILED, of, "_PID=1", "UNIT_RESULT=exit-code", "MESSAGE=x"],
            &["_SYSTEMD_UNIT=other.service", "_PID=92", "MESSAGE=x"],
            &[own, "_PID=94", "MESSAGE=fatal error: of its next life"],
        ]);
        let words = &told.units["shop.service"].last_words;
        assert_eq!(words.telling.as_deref(), Some("cannot open /etc/shop.conf: No such file"));
        assert_eq!(words.lines, ["cannot open /etc/shop.conf: No such file", "bye"]);
        assert_eq!(told.units.len(), 1);
    }

    #[test]
    fn what_others_write_of_units_never_counts() {
        let told = told(&[
            &[FAILED, "UNIT=a.service", "_PID=77", "_UID=0", "UNIT_RESULT=oom-kill", "MESSAGE=x"],
            &[FAILED, "UNIT=b.service", "SYSLOG_IDENTIFIER=systemd", "SYSLOG_PID=1", "MESSAGE=x"],
            &[FAILED, "USER_UNIT=c.service", "_PID=1", "MESSAGE=x"],
            &["UNIT=d.service", "_PID=9", "MESSAGE=d.service: Failed with result 'signal'."],
            &[FAILED, "UNIT=dev-sda.device", "_PID=1", "MESSAGE=x"],
            &[STARTED, "UNIT=e.service", "_PID=1", "MESSAGE=e.service: Failed with result 'signal'."],
        ]);
        assert_eq!((told.messages, told.units.len()), (2, 1));
        assert!(!told.units["e.service"].ended_badly, "the words of a message that has a kind say nothing");
    }

    #[test]
    fn a_unit_that_was_killed_and_came_back_has_not_failed_now() {
        let of = "UNIT=web.service";
        let told = told(&[
            &[OOM, of, "_PID=1", "MESSAGE=x"],
            &[EXITED, of, "_PID=1", "EXIT_CODE=killed", "EXIT_STATUS=9", "MESSAGE=x"],
            &[FAILED, of, "_PID=1", "UNIT_RESULT=oom-kill", "MESSAGE=x"],
            &[AGAIN, of, "_PID=1", "N_RESTARTS=1", "MESSAGE=x"],
            &[STARTED, of, "_PID=1", "MESSAGE=x"],
        ]);
        let web = &told.units["web.service"];
        assert_eq!((web.oom_kills, web.failures, web.signal.as_deref()), (1, 1, Some("SIGKILL")));
        assert!(!web.ended_badly && !web.flaps() && web.result.as_deref() == Some("oom-kill"));
    }

    #[test]
    fn an_older_systemd_is_read_by_its_words() {
        let of = "UNIT=web.service";
        let told = told(&[
            &[of, "_PID=1", "MESSAGE=web.service: main process exited, code=exited, status=1/FAILURE"],
            &[of, "_PID=1", "MESSAGE=Unit web.service entered failed state."],
            &[of, "_PID=1", "MESSAGE=web.service holdoff time over, scheduling restart."],
            &[of, "_PID=1", "MESSAGE=start request repeated too quickly for web.service"],
            &[of, "_PID=1", "MESSAGE=web.service: Main process exited, code=killed, status=11/SEGV"],
            &[of, "_PID=1", "MESSAGE=web.service: Failed with result 'signal'."],
        ]);
        let web = &told.units["web.service"];
        assert_eq!((web.failures, web.restarts, web.start_limit_hits), (1, 1, 1));
        assert_eq!((web.signal.as_deref(), web.result.as_deref()), (Some("SIGSEGV"), Some("signal")));
    }

    #[test]
    fn no_journal_is_a_gap_and_units_beyond_count_are_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let nothing =
            read_in(&Place::Host, &[dir.path().to_owned()], None, (Timestamp::MIN, Timestamp::MAX), None, &|| false);
        assert_eq!(nothing.unwrap_err().reason, Reason::Absent);
        let mut many = Told::default();
        for number in 0..MOST_UNITS + 50 {
            let unit = format!("u{number}.service");
            let entry = OfUnit {
                at: 1,
                unit: unit.as_bytes(),
                id: Some(KINDS[0].0),
                result: None,
                exit_code: None,
                exit_status: None,
                restarts: None,
                message: None,
            };
            many.take(&entry);
        }
        assert_eq!((many.units.len(), many.left_out), (MOST_UNITS, 50));
    }

    proptest::proptest! {
        #[test]
        fn no_words_make_it_panic(text in "(: |Failed with result '|Main process exited, code=|, status=|/|'|\\PC){0,12}") {
            let _ = words(text.as_bytes());
        }
    }
}
