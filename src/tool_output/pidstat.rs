//! `pidstat`: what each process takes of the CPUs, of disks and of memory.

use std::collections::BTreeMap;

use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at.
const MOST: usize = 100_000;
/// Processes that are told of a table, and those that are kept.
const TOLD: usize = 3;
const KEPT: usize = 4096;
/// From which share of a CPU on, and from how many KiB/s on, a process is told.
const LARGE: f64 = 50.0;
const MUCH: f64 = 1024.0;

/// Tables of `pidstat`, from the heading of one on. Of several samples the last counts, which is the mean where it was printed.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    // The columns behind the time, which no other table of processes has in such a form.
    let heading = |at: usize| -> Option<Vec<&str>> {
        let words = here.words(at);
        let first = words.iter().take(4).position(|word| matches!(*word, "UID" | "USER" | "PID" | "TGID"))?;
        let columns = words.get(first..)?;
        let known = columns.contains(&"%CPU")
            || columns.contains(&"kB_rd/s")
            || columns.contains(&"minflt/s")
            || columns.contains(&"cswch/s");
        (first > 0 && known && columns.contains(&"PID") && columns.last() == Some(&"Command")).then(|| columns.to_vec())
    };
    let mut columns = heading(here.at)?;
    let (mut place, mut rows) = (here.at + 1, 0_usize);
    let mut cpu: BTreeMap<(String, String), f64> = BTreeMap::new();
    let mut disk: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        if words.is_empty() {
            if heading(place + 1).is_none() {
                break;
            }
        } else if let Some(found) = heading(place) {
            columns = found;
            // A sample more takes the place of the one before.
            if columns.contains(&"%CPU") {
                cpu.clear();
            }
            if columns.contains(&"kB_rd/s") {
                disk.clear();
            }
        } else {
            // A command with arguments (-l) is longer than its column.
            let before = words.iter().position(|word| word.parse::<u32>().is_ok() || *word == "-");
            let Some(row) = before.and_then(|at| words.get(at..)).filter(|row| row.len() >= columns.len()) else {
                break;
            };
            let cell = |name: &str| {
                let word = row.get(columns.iter().position(|column| *column == name)?)?;
                word.replace(',', ".").parse::<f64>().ok().filter(|figure| figure.is_finite())
            };
            if cell("PID").is_none() {
                break;
            }
            rows += 1;
            if !document.ends_within(place) {
                let short = |word: &str| printable(word.chars().take(64).collect::<String>());
                let pid = row.get(columns.iter().position(|column| *column == "PID").unwrap_or_default()).copied();
                let who =
                    (short(row.get(columns.len() - 1).copied().unwrap_or_default()), short(pid.unwrap_or_default()));
                if let Some(share) = cell("%CPU").filter(|_| cpu.len() < KEPT) {
                    cpu.insert(who.clone(), share);
                }
                if let Some(moved) = cell("kB_rd/s").zip(cell("kB_wr/s")).filter(|_| disk.len() < KEPT) {
                    disk.insert(who, moved);
                }
            }
        }
        place += 1;
    }
    let mut told = Told { tool: "pidstat", ..Told::default() };
    let mut busy: Vec<_> = cpu.into_iter().filter(|(_, share)| *share >= LARGE).collect();
    busy.sort_by(|a, b| b.1.total_cmp(&a.1));
    told.stands_out.extend(
        busy.into_iter()
            .take(TOLD)
            .map(|((name, pid), share)| format!("pidstat: {name} (pid {pid}) takes {share:.0} % of a CPU")),
    );
    let mut moving: Vec<_> = disk.into_iter().filter(|(_, (read, written))| read + written >= MUCH).collect();
    moving.sort_by(|a, b| (b.1.0 + b.1.1).total_cmp(&(a.1.0 + a.1.1)));
    told.stands_out.extend(moving.into_iter().take(TOLD).map(|((name, pid), (read, written))| {
        format!(
            "pidstat: {name} (pid {pid}) reads {}/s from disks and writes {}/s",
            units::bytes(read * 1024.0),
            units::bytes(written * 1024.0)
        )
    }));
    (rows > 0).then(|| (place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn who_takes_much_is_told_of_the_last_sample() {
        let text = "Linux 5.15.0-91-generic (db1) \t11/20/2026 \t_x86_64_\t(4 CPU)\n\n10:11:01 AM   UID       PID   kB_rd/s   kB_wr/s kB_ccwr/s iodelay  Command\n10:11:02 AM   112      1201      0.00  10.00      0.00      88  mysqld\n\n10:11:02 AM   UID       PID   kB_rd/s   kB_wr/s kB_ccwr/s iodelay  Command\n10:11:03 AM   112      1201      0.00  81920.00      0.00      88  mysqld\n";
        assert_eq!(stands_out(text), ["pidstat: mysqld (pid 1201) reads 0 B/s from disks and writes 83.9 MB/s"]);
        let text = "23:35:41      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command\n23:35:42        0     14663   96,00    4,00    0,00    0,00  100,00     0  rustc\n23:35:42        0        15    0,00    1,00    0,00    0,00    1,00     1  rcu_preempt\n";
        let (lines, told) = taken(super::take, text).unwrap();
        assert_eq!((lines, told.stands_out), (3, vec!["pidstat: rustc (pid 14663) takes 100 % of a CPU".to_owned()]));
    }
}
