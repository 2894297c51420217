//! Disks that stand for one another: `/proc/mdstat`, `zpool status`.

use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Lines that are looked at.
const MOST: usize = 2000;
/// Characters of a name, and of what is said of one.
const LONGEST: usize = 100;
/// Disks that are named of one.
const NAMED: usize = 4;

/// Arrays or pools, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    mdstat(here).or_else(|| zpool(here))
}

fn short(text: &str) -> String {
    printable(text.chars().take(LONGEST).collect::<String>())
}

/// `md0 : active raid1 sdb1[1](F) sda1[0]`, and below it `976630464 blocks super 1.2 [2/1] [U_]`.
fn mdstat(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let titled = document.line(here.at).starts_with("Personalities :");
    let array = |at: usize| {
        let (name, rest) = document.line(at).trim().split_once(" : ")?;
        let is_name = name.starts_with("md") && name.len() <= 64 && !name.contains(' ');
        (is_name && (rest.starts_with("active") || rest.starts_with("inactive"))).then_some((name, rest))
    };
    if !titled && array(here.at).is_none() {
        return None;
    }
    let mut told = Told { tool: "mdstat", ..Told::default() };
    let mut place = here.at + usize::from(titled);
    let mut name = String::new();
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let whole = !document.ends_within(place);
        if let Some((of, rest)) = array(place) {
            name = short(of);
            let failed = rest
                .split(' ')
                .filter_map(|disk| Some(disk.strip_suffix("(F)")?.split('[').next().unwrap_or_default()));
            let failed: Vec<String> = failed.take(NAMED).map(short).collect();
            if !failed.is_empty() && whole {
                told.stands_out.push(format!("mdstat: {name}: {} failed", failed.join(", ")));
            }
            if rest.starts_with("inactive") {
                told.stands_out.push(format!(
                    "mdstat: {name} does not run (inactive): its disks are too few, or do not fit one another"
                ));
            }
        } else if line.contains(" blocks") && !name.is_empty() {
            // Of so many disks so many are there: `[2/1] [U_]`.
            let counts = line.split(['[', ']']).find_map(|part| {
                let (all, there) = part.split_once('/')?;
                Some((all.parse::<u32>().ok()?, there.parse::<u32>().ok()?))
            });
            if let Some((all, there)) = counts.filter(|(all, there)| there < all && whole) {
                told.stands_out.push(format!("mdstat: {name} lacks disks: {there} of {all} are there"));
            }
        } else if line.contains("recovery =")
            || line.contains("resync =")
            || line.contains("reshape =")
            || line.contains("check =")
        {
            let what = line.split_once(']').map_or(line, |(_, rest)| rest.trim());
            if whole {
                told.stands_out.push(format!("mdstat: {name}: {}", short(what)));
            }
        } else if !(line.is_empty() && array(place + 1).is_some()
            || line.is_empty() && document.line(place + 1).starts_with("unused devices")
            || line.starts_with("bitmap:")
            || line.starts_with("resync=")
            || line.starts_with("unused devices:")
            || line.starts_with("super "))
        {
            break;
        }
        place += 1;
    }
    told.about = if told.stands_out.is_empty() { "" } else { "storage" };
    Some((place - here.at, told))
}

/// `pool: tank`, ` state: DEGRADED`, and the table of its disks.
fn zpool(here: &Here<'_>) -> Option<(usize, Told)> {
    const BAD: [&str; 6] = ["DEGRADED", "FAULTED", "UNAVAIL", "REMOVED", "SUSPENDED", "OFFLINE"];
    const STATES: [&str; 9] =
        ["ONLINE", "AVAIL", "INUSE", "DEGRADED", "FAULTED", "UNAVAIL", "REMOVED", "SUSPENDED", "OFFLINE"];
    let document = here.document;
    let field = |at: usize| {
        let (key, value) = document.line(at).trim().split_once(':')?;
        ["pool", "id", "state", "status", "action", "see", "scan", "scrub", "config", "errors", "remove"]
            .contains(&key)
            .then_some((key, value.trim()))
    };
    let is_table = here.words.starts_with(&["NAME", "STATE", "READ", "WRITE", "CKSUM"]);
    if !(matches!(field(here.at), Some(("pool", _))) && matches!(field(here.at + 1), Some(("state" | "id", _)))
        || is_table)
    {
        return None;
    }
    let mut told = Told { tool: "zpool", ..Told::default() };
    let (mut place, mut pool, mut key_of, mut in_table) = (here.at, String::new(), "", is_table);
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let words = here.words(place);
        let whole = !document.ends_within(place);
        if let Some((key, value)) = field(place) {
            (key_of, in_table) = (key, false);
            match key {
                "pool" => pool = short(value),
                "state" if BAD.contains(&value) && whole => told.stands_out.push(format!("zpool: {pool} is {value}")),
                "errors" if whole && !value.is_empty() && value != "No known data errors" => {
                    told.stands_out.push(format!("zpool: {pool}: {}", short(value)));
                }
                "scan" if value.starts_with("resilver in progress") && whole => {
                    told.stands_out.push(format!("zpool: {pool} is being rebuilt (resilver)"));
                }
                _ => {}
            }
        } else if words.starts_with(&["NAME", "STATE", "READ", "WRITE", "CKSUM"]) {
            in_table = true;
        } else if in_table && words.len() >= 2 && STATES.contains(&words[1]) {
            // Pools and groups are as bad as the worst of their disks, which are told.
            let is_group = ["mirror", "raidz", "draid", "spare", "replacing", "logs", "cache"]
                .iter()
                .any(|kind| words[0].starts_with(kind));
            let errors: Vec<&str> =
                words.iter().skip(2).take(3).copied().filter(|word| *word != "0" && *word != "-").collect();
            let is_pool = words[0] == pool || (pool.is_empty() && is_table && place == here.at + 1);
            if !is_group && !is_pool && whole && (BAD.contains(&words[1]) || !errors.is_empty()) {
                let counts = match words.get(2..5) {
                    Some([read, write, sums]) if !errors.is_empty() => {
                        format!(
                            ", {} errors of reading, {} of writing, {} of checksums",
                            short(read),
                            short(write),
                            short(sums)
                        )
                    }
                    _ => String::new(),
                };
                told.stands_out.push(format!("zpool: {} is {}{counts}", short(words[0]), words[1]));
            }
        } else if !(line.is_empty()
            && (field(place + 1).is_some() || here.words(place + 1).starts_with(&["NAME", "STATE"]))
            || in_table && words.len() == 1
            || !line.is_empty()
                && !in_table
                && matches!(key_of, "status" | "action" | "scan" | "see" | "remove" | "errors")
                && super::prompt::Prompt::of(document.line(place)).is_none())
        {
            break;
        }
        place += 1;
    }
    told.about = if told.stands_out.is_empty() { "" } else { "storage" };
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn an_array_that_lacks_a_disk_is_told_and_a_whole_one_is_calm() {
        let text = "Personalities : [raid1]\nmd0 : active raid1 sdb1[1](F) sda1[0]\n      976630464 blocks super 1.2 [2/1] [U_]\n      bitmap: 3/8 pages [12KB], 65536KB chunk\n\nunused devices: <none>\n";
        assert_eq!(stands_out(text), ["mdstat: md0: sdb1 failed", "mdstat: md0 lacks disks: 1 of 2 are there"]);
        let calm = text.replace("(F)", "").replace("[2/1] [U_]", "[2/2] [UU]");
        let (lines, told) = taken(super::take, &calm).unwrap();
        assert_eq!((lines, told.stands_out.len()), (6, 0));
        let rebuilt = "md1 : active raid5 sdd1[4] sdc1[2] sdb1[1] sda1[0]\n      2929890816 blocks level 5, 512k chunk, algorithm 2 [4/3] [UUU_]\n      [==>..................]  recovery = 12.6% (123456/976630464) finish=127.5min speed=33440K/sec\n";
        assert!(stands_out(rebuilt)[1].starts_with("mdstat: md1: recovery = 12.6%"), "{:?}", stands_out(rebuilt));
    }

    #[test]
    fn a_pool_tells_its_disks() {
        let text = "  pool: tank\n state: DEGRADED\nstatus: One or more devices could not be used because the label is missing or\n\tinvalid.\n  scan: scrub repaired 0B in 02:11:03 with 0 errors on Sun Nov  8 02:35:04 2026\nconfig:\n\n\tNAME        STATE     READ WRITE CKSUM\n\ttank        DEGRADED     0     0     0\n\t  mirror-0  DEGRADED     0     0     0\n\t    sda     ONLINE       0     0     0\n\t    sdb     FAULTED     12   301     0  too many errors\n\nerrors: No known data errors\n";
        let (lines, told) = taken(super::take, text).unwrap();
        assert_eq!(lines, 14);
        assert_eq!(
            told.stands_out,
            ["zpool: tank is DEGRADED", "zpool: sdb is FAULTED, 12 errors of reading, 301 of writing, 0 of checksums"]
        );
        let calm = text.replace("DEGRADED", "ONLINE").replace("FAULTED     12   301", "ONLINE       0     0");
        assert_eq!(taken(super::take, &calm).unwrap().1.stands_out, [""; 0]);
    }
}
