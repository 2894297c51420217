//! `smartctl`: what a disk says of itself.

use std::fmt::Write as _;

use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows of attributes.
const MOST: usize = 400;
/// Attributes whose raw figure counts what went wrong, by their numbers: what each counts, and whether one is one too many.
const ATTRIBUTES: &[(u16, &str, bool)] = &[
    (5, "sectors were replaced", false),
    (187, "errors could not be corrected", false),
    (197, "sectors cannot be read", true),
    (198, "sectors could not be read when the disk checked itself", true),
    (199, "transfers came damaged over the cable", false),
];

/// Lines between two parts of one output.
const BETWEEN: usize = 60;

/// What is said of one disk.
struct Said<'c> {
    device: Option<&'c str>,
    told: Told,
}

impl Said<'_> {
    fn name(&self) -> String {
        self.device.map_or_else(|| "the disk".to_owned(), |name| format!("/dev/{name}"))
    }

    /// As smartd would have written it; without its command nobody knows of which disk.
    fn say(&mut self, what: &str) {
        let device = self.device.unwrap_or("disk");
        let _ = writeln!(self.told.lines, "2000-01-01T00:00:00+00:00 - smartd[1]: Device: /dev/{device}, {what}");
    }
}

/// The verdict, the table of attributes, and what an NVMe disk says, from that line on; or from the first line of all of it.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let is_plain =
        |name: &&str| name.len() < 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-'));
    let device = here.command.iter().find_map(|word| word.strip_prefix("/dev/")).filter(is_plain);
    let mut said = Said { device, told: Told { tool: "smartctl", ..Told::default() } };
    let is_heading = |at: usize| {
        let rest = document.line(at).trim_start().strip_prefix("smartctl ");
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let begins = is_heading(here.at);
    let mut ended = here.at;
    let mut place = here.at;
    while place < document.len() && place - ended <= if begins || ended > here.at { BETWEEN } else { 0 } {
        // The next call of it is looked at by itself.
        let next = place > here.at && is_heading(place);
        if next || super::prompt::Prompt::of(document.line(place)).is_some() {
            break;
        }
        match part(here, place, &mut said) {
            Some(lines) => {
                place += lines;
                ended = place;
            }
            None => place += 1,
        }
    }
    (ended > here.at).then_some((ended - here.at, said.told))
}

/// One part of it, and how many lines that takes.
fn part(here: &Here<'_>, at: usize, said: &mut Said<'_>) -> Option<usize> {
    let line = here.document.line(at).trim();
    let verdict = line
        .strip_prefix("SMART overall-health self-assessment test result: ")
        .or_else(|| line.strip_prefix("SMART Health Status: "));
    if let Some(verdict) = verdict.filter(|_| !here.document.ends_within(at)) {
        if !matches!(verdict, "PASSED" | "OK") {
            let verdict = printable(verdict.chars().take(64).collect::<String>());
            said.told.stands_out.push(format!("smartctl: {} says that it fails: {verdict}", said.name()));
            said.say("FAILED SMART self-check. BACK UP DATA NOW!");
        }
        return Some(1);
    }
    let (lines, counted) = attributes(here, at, said).or_else(|| of_nvme(here, at, said))?;
    if !counted.is_empty() {
        said.told.stands_out.push(format!("smartctl: of {} {}, over all its life", said.name(), counted.join(", ")));
    }
    Some(lines)
}

/// The table of attributes: its lines, and what counts there.
fn attributes(here: &Here<'_>, at: usize, said: &mut Said<'_>) -> Option<(usize, Vec<String>)> {
    let document = here.document;
    let heading = here.words(at);
    if !heading.starts_with(&["ID#", "ATTRIBUTE_NAME"]) || heading.len() < 8 {
        return None;
    }
    let mut counted = Vec::new();
    let mut place = at + 1;
    while place < document.len() && place - at < MOST {
        let row = here.words(place);
        let Some(id) = row.first().and_then(|id| id.parse::<u16>().ok()).filter(|_| row.len() >= 8) else { break };
        if !document.ends_within(place) {
            // The raw figure stands last, behind when it failed; some have words behind it.
            let raw = row.get(heading.len() - 1).and_then(|raw| raw.parse::<u64>().ok());
            let known = ATTRIBUTES.iter().find(|(known, ..)| *known == id);
            if let (Some((id, what, grave)), Some(raw)) = (known, raw.filter(|raw| *raw > 0 && *raw < 1 << 32)) {
                counted.push(format!("{} {what}", units::count(raw as f64)));
                if *grave {
                    let of = if *id == 197 { "Currently unreadable (pending)" } else { "Offline uncorrectable" };
                    said.say(&format!("{raw} {of} sectors"));
                }
            }
            if row.get(heading.len() - 2).is_some_and(|when| matches!(*when, "FAILING_NOW" | "NOW")) {
                said.say(&format!("Failed SMART usage Attribute: {id}"));
                counted.push(format!("attribute {id} is below what the maker allows"));
            }
        }
        place += 1;
    }
    (place > at + 1).then_some((place - at, counted))
}

/// What an NVMe disk says of its health.
fn of_nvme(here: &Here<'_>, at: usize, said: &mut Said<'_>) -> Option<(usize, Vec<String>)> {
    let document = here.document;
    if !document.line(at).trim_start().starts_with("SMART/Health Information (NVMe Log") {
        return None;
    }
    let mut counted = Vec::new();
    let mut place = at + 1;
    while place < document.len() && place - at < MOST {
        let Some((key, value)) = document.line(place).split_once(':') else { break };
        let value = value.trim();
        let figure = || value.split_whitespace().next()?.replace([',', '.', '%', '\u{202f}'], "").parse::<u64>().ok();
        if !document.ends_within(place) {
            match key.trim() {
                "Critical Warning" if value.starts_with("0x") && value != "0x00" => {
                    let value: String = value.chars().take_while(char::is_ascii_alphanumeric).take(8).collect();
                    counted.push(format!("a critical warning ({value})"));
                    said.say(&format!("Critical Warning ({value})"));
                }
                "Media and Data Integrity Errors" => {
                    let errors = figure().filter(|count| *count > 0);
                    counted.extend(errors.map(|count| format!("{} errors of its cells", units::count(count as f64))));
                }
                "Percentage Used" => {
                    counted
                        .extend(figure().filter(|used| *used >= 100).map(|used| format!("{used} % of its life used")));
                }
                _ => {}
            }
        }
        place += 1;
    }
    (place > at + 1).then_some((place - at, counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool_output::text::{Document, words_of};

    fn taken(text: &str, command: &str) -> Option<(usize, Told)> {
        let document = Document::new("-", text.as_bytes().to_vec(), None);
        let words = words_of(document.line(0));
        let command = command.split_whitespace().collect();
        take(&Here { document: &document, at: 0, command, by_name: false, words: &words })
    }

    const TABLE: &str =
        "ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n";

    #[test]
    fn sectors_that_cannot_be_read_are_told_as_smartd_would() {
        let text = format!(
            "{TABLE}  1 Raw_Read_Error_Rate     0x002f   200   200   051    Pre-fail  Always       -       3421\n  5 Reallocated_Sector_Ct   0x0033   200   200   140    Pre-fail  Always       -       12\n194 Temperature_Celsius     0x0022   118   106   000    Old_age   Always       -       32 (Min/Max 18/47)\n197 Current_Pending_Sector  0x0032   200   200   000    Old_age   Always       -       88\n"
        );
        let (lines, told) = taken(&text, "smartctl -A /dev/sdb").unwrap();
        assert_eq!(lines, 5);
        assert_eq!(
            told.stands_out,
            ["smartctl: of /dev/sdb 12 sectors were replaced, 88 sectors cannot be read, over all its life"]
        );
        assert_eq!(
            told.lines,
            "2000-01-01T00:00:00+00:00 - smartd[1]: Device: /dev/sdb, 88 Currently unreadable (pending) sectors\n"
        );
        let (_, told) =
            taken("SMART overall-health self-assessment test result: FAILED!\n", "smartctl -H /dev/sdb").unwrap();
        assert_eq!(told.stands_out, ["smartctl: /dev/sdb says that it fails: FAILED!"]);
        let (_, told) = taken("SMART overall-health self-assessment test result: PASSED\n", "").unwrap();
        assert_eq!(told, Told { tool: "smartctl", ..Told::default() });
        let (lines, told) = taken("SMART/Health Information (NVMe Log 0x02)\nCritical Warning:                   0x04\nPercentage Used:                    112%\nMedia and Data Integrity Errors:    1,204\n", "").unwrap();
        assert_eq!((lines, told.stands_out), (4, vec!["smartctl: of the disk a critical warning (0x04), 112 % of its life used, 1,204 errors of its cells, over all its life".to_owned()]));
    }

    #[test]
    fn all_of_it_is_of_the_disk_that_the_command_names() {
        let text = format!(
            "smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)\nCopyright (C) 2002-22\n\n=== START OF READ SMART DATA SECTION ===\nSMART overall-health self-assessment test result: PASSED\n\nGeneral SMART Values:\n{TABLE}197 Current_Pending_Sector  0x0032   200   200   000    Old_age   Always       -       88\n\nthanks\n"
        );
        let (lines, told) = taken(&text, "smartctl -a /dev/sdb").unwrap();
        assert_eq!((lines, told.stands_out.len()), (9, 1));
        assert!(told.lines.contains("/dev/sdb, 88 "));
    }

    #[test]
    fn hostile_tables_end_and_forge_nothing() {
        assert!(taken(TABLE, "").is_none());
        let row = "197 Current_Pending_Sector  0x0032   200   200   000    Old_age   Always       -       ";
        assert!(taken(&format!("{TABLE}{row}88"), "").is_some_and(|(_, told)| told.lines.is_empty()));
        assert!(
            taken(&format!("{TABLE}{row}99999999999999999999999\n"), "").is_some_and(|(_, told)| told.lines.is_empty())
        );
        assert!(taken(&"smartctl 7.3 2022-02-28\n".repeat(10_000), "").is_none());
        let many = format!("{TABLE}{}", format!("{row}1\n").repeat(10_000));
        assert!(taken(&many, "").is_some_and(|(lines, _)| lines <= MOST));
        let (_, told) = taken(&format!("{TABLE}{row}1\n"), "smartctl -A /dev/sd\u{202e}a").unwrap();
        assert!(told.lines.contains("/dev/disk, 1 "));
    }
}
