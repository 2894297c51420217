//! `last` and `lastb`: who logged in, and who was refused, from which address; and whom fail2ban shut out.

use std::collections::BTreeMap;

use super::data::Data;
use super::here::Here;
use super::text::words_of;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at, and addresses and names that are counted.
const MOST: usize = 1_000_000;
const MOST_COUNTED: usize = 16_384;
/// Names of users that are told.
const TOLD: usize = 3;

/// A row: the user as the other side wrote it, the terminal, where from.
struct Row<'l> {
    user: &'l str,
    terminal: &'l str,
    from: Option<&'l str>,
}

/// `root     ssh:notty    203.0.113.9      Thu Mar  9 10:21 - 10:21  (00:00)`. The user of a login that failed is whatever a
/// stranger typed, blanks and dates, too: the row is read from its end.
fn row(line: &str) -> Option<Row<'_>> {
    let words = words_of(line);
    let is_time = |word: &str| {
        let mut parts = word.split(':').map(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
        parts.next() == Some(true) && parts.next() == Some(true)
    };
    let day = (0..words.len()).rev().find(|at| {
        DAYS.contains(&words[*at])
            && words.get(at + 1).is_some_and(|month| MONTHS.contains(month))
            && words.get(at + 2).is_some_and(|day| day.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day)))
            && words.get(at + 3).is_some_and(|time| is_time(time))
    })?;
    let is_terminal = |word: &str| {
        word.starts_with("ssh:")
            || word.starts_with("pts/")
            || word.starts_with("tty")
            || word.starts_with("ftpd")
            || word == ":0"
    };
    let before = words.get(..day)?;
    // The host is missing where nobody came from one.
    let (terminal, from) = match before {
        [.., terminal, from] if is_terminal(terminal) && before.len() >= 2 && !is_terminal(from) => {
            (*terminal, Some(*from))
        }
        [.., terminal] if is_terminal(terminal) => (*terminal, None),
        _ => return None,
    };
    let user = line.split(terminal).next().unwrap_or_default().trim();
    Some(Row { user, terminal, from })
}

const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `last` or `lastb` from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let of_system =
        |line: &str| ["reboot   system", "shutdown system", "runlevel "].iter().any(|begin| line.starts_with(begin));
    if row(document.line(here.at)).is_none() && !of_system(document.line(here.at)) {
        return None;
    }
    let asked = here.command.first() == Some(&"lastb");
    let (mut place, mut failed) = (here.at, 0_u64);
    let mut addresses: BTreeMap<&str, u64> = BTreeMap::new();
    let mut users: BTreeMap<&str, u64> = BTreeMap::new();
    let mut since = None;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place);
        let begin = line.split_once(" begins ").filter(|(file, _)| matches!(*file, "wtmp" | "btmp"));
        if let Some((_, moment)) = begin {
            since = Some(moment.trim()).filter(|_| !document.ends_within(place));
            place += 1;
            break;
        }
        match row(line) {
            // A login by SSH without a terminal did not get in.
            Some(row) if asked || row.terminal == "ssh:notty" => {
                failed += 1;
                for (counts, what) in [(&mut addresses, row.from.unwrap_or_default()), (&mut users, row.user)] {
                    if counts.len() < MOST_COUNTED || counts.contains_key(what) {
                        *counts.entry(what).or_default() += 1;
                    }
                }
            }
            Some(_) => {}
            None if of_system(line)
                || (line.trim().is_empty() && (document.line(place + 1).contains("tmp begins "))) => {}
            None => break,
        }
        place += 1;
    }
    let mut told = Told { tool: if failed > 0 { "lastb" } else { "last" }, ..Told::default() };
    addresses.remove("");
    let most = addresses.iter().max_by_key(|(_, count)| **count);
    if failed > 0 {
        let mut names: Vec<(&&str, &u64)> = users.iter().collect();
        names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let names: Vec<String> =
            names.iter().take(TOLD).map(|(name, _)| printable(name.chars().take(32).collect::<String>())).collect();
        let from = match (addresses.len(), most) {
            (0, _) | (_, None) => String::new(),
            (1, Some((address, _))) => format!(" from {}", printable(address)),
            (many, Some((address, count))) => {
                format!(" from {many} addresses, most ({}) from {}", units::count(*count as f64), printable(address))
            }
        };
        let since = since.map(|since| format!(" since {}", printable(since.chars().take(32).collect::<String>())));
        told.stands_out.push(format!(
            "{} failed {}{from}{}, as {}: somebody guesses passwords where they are many",
            units::count(failed as f64),
            if failed == 1 { "login" } else { "logins" },
            since.unwrap_or_default(),
            names.join(", ")
        ));
    }
    Some((place - here.at, Data::Told(told)))
}

/// `fail2ban-client status JAIL`.
pub(super) fn banned(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let jail = document.line(here.at).trim().strip_prefix("Status for the jail:")?.trim();
    let mut place = here.at + 1;
    let [mut failing, mut failed, mut now, mut ever] = [const { None }; 4];
    while document.line(place).trim_start().starts_with(['|', '`']) && place < document.len() {
        let line = document.line(place);
        let figure = |name: &str| {
            let (_, figure) = line.split_once(name).filter(|_| !document.ends_within(place))?;
            figure.trim().parse::<u32>().ok().map(|figure| units::count(f64::from(figure)))
        };
        failing = failing.or(figure("Currently failed:"));
        failed = failed.or(figure("Total failed:"));
        now = now.or(figure("Currently banned:"));
        ever = ever.or(figure("Total banned:"));
        place += 1;
    }
    let mut told = Told { tool: "fail2ban", ..Told::default() };
    let jail = printable(jail.chars().take(64).collect::<String>());
    if let (Some(now), Some(ever)) = (now, ever) {
        told.stands_out
            .push(format!("fail2ban, jail {jail}: {now} addresses are shut out, {ever} were since it started"));
    }
    if let (Some(failing), Some(failed)) = (failing, failed) {
        told.stands_out.push(format!("fail2ban, jail {jail}: {failed} failures since it started, {failing} of late"));
    }
    (place > here.at + 1).then(|| (place - here.at, Data::Told(told)))
}
