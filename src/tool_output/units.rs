//! `systemctl status`: what systemd says of a unit above the lines of its journal; and the rows of `systemctl --failed`.

use std::fmt::Write as _;

use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Lines of the head of a unit, and rows of a list.
const MOST: usize = 400;
/// Units that are told.
const TOLD: usize = 4;
/// Lines of its journal behind the head in which the same may be told.
const JOURNAL: usize = 40;
/// What stands before a unit: whether it runs.
const SIGNS: [char; 6] = ['\u{25cf}', '\u{d7}', '\u{25cb}', '\u{21bb}', '*', '\u{2717}'];
/// Kinds of units, by the end of their names.
const KINDS: [&str; 9] = [".service", ".socket", ".mount", ".timer", ".target", ".path", ".scope", ".slice", ".device"];

/// The head of a unit, or a list of units, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    head(here).or_else(|| list(here))
}

fn unit(word: &str) -> Option<&str> {
    let is_name = |word: &&str| {
        word.len() <= 255 && KINDS.iter().any(|kind| word.ends_with(kind)) && !word.contains(['/', '"', '\'', '('])
    };
    Some(word).filter(is_name)
}

/// `● web.service - The site`, with `Loaded:` and `Active:` behind it, up to the lines of its journal.
fn head(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let line = document.line(here.at).trim().trim_start_matches(SIGNS).trim_start();
    let name = unit(line.split_whitespace().next()?)?;
    let is_head = |line: &str| line.trim_start().starts_with("Loaded: ");
    if !is_head(document.line(here.at + 1)) {
        return None;
    }
    let mut place = here.at + 1;
    let mut active = None;
    while place < document.len() && place < here.at + MOST {
        let line = document.line(place);
        let trimmed = line.trim();
        // Its fields stand behind blanks, and the processes of its group behind lines that are drawn.
        let (field, _) = trimmed.split_once(':').unwrap_or((trimmed, ""));
        let is_field = field.len() <= 24 && field.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, ' ' | '-'));
        let drawn = trimmed.starts_with(['\u{251c}', '\u{2514}', '\u{2502}', '|', '`']);
        // A path of a drop-in, an address of a manual.
        let more = line.starts_with("        ");
        if trimmed.is_empty() || !(is_field && trimmed.contains(':') || drawn || more) {
            break;
        }
        active = active.or_else(|| trimmed.strip_prefix("Active: ").filter(|_| !document.ends_within(place)));
        place += 1;
    }
    let name = printable(name);
    let mut told = Told { tool: "systemctl", ..Told::default() };
    let active = active.unwrap_or_default();
    let result = active.split_once("(Result: ").and_then(|(_, rest)| rest.split_once(')')).map(|(result, _)| result);
    let is_word = |word: &&str| word.len() <= 32 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let result = result.filter(is_word);
    let since = active.split_once(" since ").map(|(_, since)| since.split(';').next().unwrap_or_default().trim());
    let since = since
        .filter(|since| !since.is_empty())
        .map(|since| format!(" since {}", printable(since.chars().take(48).collect::<String>())));
    let since = since.unwrap_or_default();
    let why = result.map(|result| format!(", {result}")).unwrap_or_default();
    if active.starts_with("failed") {
        told.stands_out.push(format!("systemctl: {name} has failed{why}{since}"));
        let in_journal = (place..document.len().min(place + JOURNAL))
            .any(|at| document.line(at).contains("Failed with result") || document.line(at).contains("OOM killer"));
        // What systemd wrote then, where its line is not there itself.
        if let (Some(result), false) = (result, in_journal) {
            let said = match result {
                "oom-kill" => "A process of this unit has been killed by the OOM killer.".to_owned(),
                result => format!("Failed with result '{result}'."),
            };
            let _ = writeln!(told.lines, "2000-01-01T00:00:00+00:00 - systemd[1]: {name}: {said}");
        }
        if result == Some("start-limit-hit") && !in_journal {
            let _ = writeln!(
                told.lines,
                "2000-01-01T00:00:00+00:00 - systemd[1]: {name}: Start request repeated too quickly."
            );
        }
    } else if active.starts_with("activating (auto-restart)") {
        told.stands_out.push(format!("systemctl: {name} ended{why} and waits to be started again"));
    } else if active.starts_with("activating") || active.starts_with("deactivating") {
        let doing = if active.starts_with("de") { "is being stopped" } else { "is being started" };
        told.stands_out.push(format!("systemctl: {name} {doing}{since}"));
    } else if active.starts_with("inactive") {
        told.stands_out.push(format!("systemctl: {name} does not run{since}"));
    }
    Some((place - here.at, told))
}

/// `● web.service loaded failed failed The site`: rows of `systemctl --failed` and `systemctl list-units`.
fn list(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let heading = here.words(here.at);
    let titled = heading.starts_with(&["UNIT", "LOAD", "ACTIVE", "SUB"]);
    let mut place = here.at + usize::from(titled);
    let mut failed = Vec::new();
    let mut rows = 0;
    while place < document.len() && place < here.at + MOST {
        let line = document.line(place).trim().trim_start_matches(SIGNS).trim_start();
        let mut words = line.split_whitespace();
        let Some(name) = words.next().and_then(unit) else { break };
        let (Some(loaded), Some(active), Some(_)) = (words.next(), words.next(), words.next()) else { break };
        if !matches!(loaded, "loaded" | "not-found" | "masked" | "error" | "bad-setting") {
            break;
        }
        if active == "failed" {
            failed.push(printable(name));
        }
        rows += 1;
        place += 1;
    }
    if rows == 0 {
        return None;
    }
    let mut told = Told { tool: "systemctl", ..Told::default() };
    if !failed.is_empty() {
        let more = failed.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let have = if failed.len() == 1 { "has" } else { "have" };
        failed.truncate(TOLD);
        told.stands_out.push(format!("systemctl: {}{more} {have} failed", failed.join(", ")));
    }
    // The legend below it.
    while place < document.len() && place < here.at + MOST && is_legend(document.line(place).trim()) {
        place += 1;
    }
    Some((place - here.at, told))
}

fn is_legend(line: &str) -> bool {
    ["LOAD ", "ACTIVE ", "SUB ", "To show all", "Legend:"].iter().any(|begin| line.starts_with(begin))
        || line.ends_with("loaded units listed.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool_output::tests::stands_out;

    fn taken(text: &str) -> Option<(usize, Told)> {
        crate::tool_output::tests::taken(take, text)
    }

    fn status(active: &str) -> String {
        format!(
            "\u{d7} shop.service - The shop\n     Loaded: loaded (/etc/systemd/system/shop.service; enabled; preset: enabled)\n    Drop-In: /etc/systemd/system/shop.service.d\n             \u{2514}\u{2500}limits.conf\n     Active: {active}\nTriggeredBy: \u{25cf} shop.socket\n   Main PID: 812 (code=exited, status=1/FAILURE)\n     CGroup: /system.slice/shop.service\n             \u{251c}\u{2500}812 /usr/bin/shop -d\n\n"
        )
    }

    #[test]
    fn the_head_of_a_unit_says_what_became_of_it() {
        for (active, said, lines) in [
            ("active (running) since Mon 2026-11-02 10:00:00 UTC; 3 days ago", None, ""),
            (
                "failed (Result: oom-kill) since Mon 2026-11-02 10:00:00 UTC; 3min ago",
                Some("systemctl: shop.service has failed, oom-kill since Mon 2026-11-02 10:00:00 UTC"),
                "2000-01-01T00:00:00+00:00 - systemd[1]: shop.service: A process of this unit has been killed by the OOM killer.\n",
            ),
            (
                "activating (auto-restart) (Result: exit-code) since Mon 2026-11-02 10:00:00 UTC; 2s ago",
                Some("systemctl: shop.service ended, exit-code and waits to be started again"),
                "",
            ),
            ("inactive (dead)", Some("systemctl: shop.service does not run"), ""),
        ] {
            let (count, told) = taken(&status(active)).unwrap();
            assert_eq!(
                (count, told.stands_out.first().map(String::as_str), told.lines.as_str()),
                (9, said, lines),
                "{active}"
            );
        }
    }

    #[test]
    fn what_the_journal_below_tells_is_told_once() {
        let text = format!(
            "{}Nov 02 10:00:00 web1 systemd[1]: shop.service: Failed with result 'exit-code'.\n",
            status("failed (Result: exit-code) since Mon 2026-11-02 10:00:00 UTC; 3min ago")
        );
        assert!(taken(&text).unwrap().1.lines.is_empty());
    }

    #[test]
    fn of_a_list_those_are_told_that_failed() {
        let text = "  UNIT          LOAD   ACTIVE SUB    DESCRIPTION\n\u{25cf} shop.service  loaded failed failed The shop\n  web.service   loaded active running The site\n\nLOAD   = Reflects whether the unit definition was properly loaded.\n";
        assert_eq!(stands_out(text), ["systemctl: shop.service has failed"]);
    }

    #[test]
    fn hostile_heads_end() {
        assert!(
            taken("\u{25cf} shop.service - x\n     Loaded: loaded (x)\n     Active: failed (Result: oom-kill")
                .is_some_and(|(_, told)| told.stands_out.is_empty())
        );
        let long = format!("\u{25cf} shop.service - x\n     Loaded: loaded (x)\n{}", "     Docs: x\n".repeat(10_000));
        assert!(taken(&long).is_some_and(|(lines, _)| lines <= MOST));
        let long = "  web.service   loaded failed failed The site\n".repeat(10_000);
        assert!(taken(&long).is_some_and(|(lines, told)| lines <= MOST && told.stands_out.len() == 1));
        assert!(taken("a.service is what I mean\n").is_none());
    }
}
