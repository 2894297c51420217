//! How much a process may have: `/proc/PID/limits`, `ulimit -a`.

use super::here::Here;
use super::told::Told;
use crate::units;

/// Rows of such a table.
const MOST: usize = 40;

/// A table of limits, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    of_process(here).or_else(|| of_shell(here))
}

fn figure(word: &str) -> Option<f64> {
    word.parse::<u64>().ok().map(|figure| figure as f64)
}

fn told(tool: &'static str, files: Option<(f64, Option<f64>)>, tasks: Option<f64>) -> Told {
    let mut told = Told { tool, ..Told::default() };
    if let Some((soft, hard)) = files {
        let raise = hard
            .filter(|hard| *hard > soft)
            .map(|hard| format!(" (it may raise that to {} itself)", units::count(hard)));
        told.stands_out.push(format!(
            "{tool}: a process may have {} files open{}",
            units::count(soft),
            raise.unwrap_or_default()
        ));
    }
    if let Some(tasks) = tasks {
        told.stands_out.push(format!("{tool}: its user may have {} processes and threads", units::count(tasks)));
    }
    told
}

/// `Max open files            1024                 524288               files`
fn of_process(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let titled = here.words.starts_with(&["Limit", "Soft", "Limit", "Hard", "Limit"]);
    let row = |at: usize| document.line(at).trim().strip_prefix("Max ").filter(|rest| rest.contains("  "));
    // Rows of the middle, or of `grep`.
    if !titled
        && !row(here.at).is_some_and(|rest| {
            matches!(
                rest.split_whitespace().last(),
                Some("files" | "processes" | "bytes" | "seconds" | "locks" | "signals" | "us")
            )
        })
    {
        return None;
    }
    let mut place = here.at + usize::from(titled);
    let (mut files, mut tasks) = (None, None);
    while place < document.len() && place - here.at < MOST && row(place).is_some() {
        let rest = row(place).unwrap_or_default();
        let of = |name: &str| {
            rest.strip_prefix(name).filter(|_| !document.ends_within(place)).map(|rest| {
                let mut words = rest.split_whitespace();
                (words.next().and_then(figure), words.next().and_then(figure))
            })
        };
        files = files.or(of("open files").and_then(|(soft, hard)| Some((soft?, hard))));
        tasks = tasks.or(of("processes").and_then(|(soft, _)| soft));
        place += 1;
    }
    (place > here.at).then(|| (place - here.at, told("limits", files, tasks)))
}

/// `open files                          (-n) 1024`
fn of_shell(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let row = |at: usize| -> Option<(&str, &str)> {
        let (name, rest) = document.line(at).split_once('(')?;
        let (unit, value) = rest.split_once(") ")?;
        let letter = unit.rsplit(' ').next()?;
        (letter.len() == 2 && letter.starts_with('-') && !name.trim().is_empty() && name.len() < 40)
            .then(|| (letter, value.trim()))
    };
    let mut place = here.at;
    let (mut files, mut tasks) = (None, None);
    while place < document.len() && place - here.at < MOST {
        let Some((letter, value)) = row(place).filter(|(_, value)| figure(value).is_some() || *value == "unlimited")
        else {
            break;
        };
        if !document.ends_within(place) {
            match letter {
                "-n" => files = figure(value).map(|soft| (soft, None)),
                "-u" => tasks = figure(value),
                _ => {}
            }
        }
        place += 1;
    }
    (place >= here.at + 2).then(|| (place - here.at, told("ulimit", files, tasks)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn what_a_process_may_have_is_told() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax processes             96365                96365                processes \nMax open files            1024                 524288               files     \n";
        assert_eq!(
            stands_out(text),
            [
                "limits: a process may have 1,024 files open (it may raise that to 524,288 itself)",
                "limits: its user may have 96,365 processes and threads"
            ]
        );
        let row = "Max open files            65536                65536                files     \n";
        assert_eq!(stands_out(row), ["limits: a process may have 65,536 files open"]);
        let shell = "core file size              (blocks, -c) 0\nopen files                          (-n) 1024\nmax user processes                  (-u) unlimited\n";
        assert_eq!(stands_out(shell), ["ulimit: a process may have 1,024 files open"]);
        for text in ["Max is what we call him\n", "a thing (as -x) 5\n"] {
            assert!(taken(super::take, text).is_none(), "{text}");
        }
    }
}
