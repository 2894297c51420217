//! `casebook list` and `casebook show`.

use std::io::Write;
use std::time::{Duration, Instant};

use super::arguments::{ListArguments, ShowArguments, trust};
use super::run::load;
use crate::printable::printable;
use crate::probe::PROBES;
use crate::runbook::{self, CausePlan, Each, Found, Kind, Listed, NotFound, Problems, SHIPPED};
use crate::sys::trust::Trust;

pub(super) fn list(arguments: &ListArguments) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let words: Vec<String> =
        arguments.words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
    let mut shown = 0;
    if !arguments.checks {
        let runbooks = rows(Kind::Runbook, |found| {
            let runbook = runbook::summary(found, Trust::Required)?;
            let fit = fit(&words, [&runbook.name, &runbook.title, &runbook.summary], &runbook.tags, &runbook.symptoms);
            Ok((fit, runbook.summary))
        });
        shown += print(&mut out, "Runbooks (casebook run NAME)", runbooks, &words, false)?;
    }
    if arguments.checks || !words.is_empty() {
        let checks = rows(Kind::Check, |found| {
            let check = runbook::load_check(found, Trust::Required)?;
            Ok((fit(&words, [&check.name, &check.summary], &check.tags, &check.symptoms), check.summary))
        });
        shown += print(&mut out, "Checks (casebook check NAME)", checks, &words, arguments.checks)?;
    }
    if shown == 0 && !words.is_empty() {
        writeln!(out, "Nothing fits `{}`; `casebook list` shows all.", printable(arguments.words.join(" ")))?;
    }
    if words.is_empty() && !arguments.checks {
        writeln!(
            out,
            "\nNo install on the host is needed for a first answer: casebook read FILE, or xclip -o | casebook read -"
        )?;
        writeln!(out, "\nChecks: casebook list --checks\n\nProbes (casebook probe NAME)")?;
        for probe in PROBES {
            writeln!(out, "  {:<24} {}", probe.name(), probe.about())?;
        }
    }
    Ok(0)
}

/// After this long nothing more is read: scripts that mean harm may each take all the time that they may.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line of the list: how well it fits, and what is said of it.
struct Row {
    name: String,
    fit: usize,
    about: String,
    origin: String,
    hides: Vec<String>,
}

/// Everything of a kind, what is broken or cannot be read included: that fits always.
fn rows(kind: Kind, read: impl Fn(&Found) -> Result<(usize, String), Problems>) -> Vec<Row> {
    let listed = runbook::list(kind, Trust::Required).into_iter();
    let began = Instant::now();
    listed
        .map(|Listed { found, hides }| match found {
            Ok(found) if began.elapsed() > PATIENCE => {
                let about = format!("NOT READ: the list has taken long enough already; casebook lint {}", found.origin);
                Row { name: found.name, fit: usize::MAX, about, origin: found.origin, hides }
            }
            Ok(found) => {
                let (fit, about) = read(&found).unwrap_or_else(|problems| {
                    let count = problems.problems.len();
                    let problems = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
                    (usize::MAX, format!("BROKEN: {problems}; casebook lint {}", found.origin))
                });
                Row { name: found.name, fit, about, origin: found.origin, hides }
            }
            Err(error) => {
                let name = match &error {
                    NotFound::Unreadable { path, .. } | NotFound::Override { path, .. } => {
                        path.file_stem().unwrap_or_default().to_string_lossy().into()
                    }
                    _ => String::new(),
                };
                Row { name, fit: usize::MAX, about: format!("REFUSED: {error}"), origin: SHIPPED.into(), hides }
            }
        })
        .collect()
}

/// Prints the rows that fit; gives their number.
fn print(
    out: &mut impl Write,
    head: &str,
    mut rows: Vec<Row>,
    words: &[String],
    places: bool,
) -> anyhow::Result<usize> {
    rows.retain(|row| row.fit > 0 || words.is_empty());
    rows.sort_by_key(|row| std::cmp::Reverse(row.fit));
    if !rows.is_empty() {
        writeln!(out, "{head}")?;
    }
    for row in &rows {
        writeln!(out, "  {:<24} {}", printable(&row.name), printable(&row.about))?;
        if places || row.origin != SHIPPED || !row.hides.is_empty() {
            let hides = if row.hides.is_empty() { String::new() } else { format!(", before {}", row.hides.join(", ")) };
            writeln!(out, "  {:<24} from {}", "", printable(format!("{}{hides}", row.origin)))?;
        }
    }
    Ok(rows.len())
}

/// How well something fits the words: how many of them its texts hold.
fn fit<'a>(
    words: &[String],
    texts: impl IntoIterator<Item = &'a String>,
    tags: &'a [String],
    symptoms: &'a [String],
) -> usize {
    let texts = texts.into_iter().chain(tags).chain(symptoms);
    let all = texts.map(|text| text.to_lowercase()).collect::<Vec<_>>().join("\n");
    words.iter().filter(|word| all.contains(word.as_str())).count()
}

pub(super) fn show(arguments: &ShowArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook, trust(arguments.trust))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} · {}\n{}\n", runbook.name, runbook.title, runbook.summary)?;
    writeln!(out, "Parameters (--set KEY=VALUE)")?;
    for (name, param) in &runbook.params {
        let default = match (&param.default_text, param.required) {
            (Some(default), _) => format!("{default}, "),
            (None, true) => "must be given, ".into(),
            (None, false) => String::new(),
        };
        writeln!(out, "  {:<24} {} ({default}{})", name, param.help, param.kind.word())?;
    }
    writeln!(out, "\nSteps")?;
    for step in &runbook.steps {
        writeln!(out, "  {:<24} {} ({})", step.id, step.title, step.called())?;
    }
    writeln!(out, "\nCauses ({})", runbook.causes.len())?;
    let mut told = Vec::new();
    for cause in &runbook.causes {
        let (signs, remedies) = (counted(cause.signs.len(), "sign"), counted_remedies(cause.remedies.len()));
        let Some(each) = &cause.each else {
            writeln!(out, "  {:<24} {} ({signs}, {remedies})", cause.id, cause.name)?;
            continue;
        };
        // What is written once for each entry of a list is shown once.
        if told.contains(&&each.written) {
            continue;
        }
        told.push(&each.written);
        let same: Vec<&str> = runbook.causes.iter().filter(|other| is_of(other, each)).map(|one| &*one.id).collect();
        let (before, behind) = each.written.split_once("{{").unwrap_or((&each.written, ""));
        let behind = behind.split_once("}}").map_or("", |(_, behind)| behind);
        writeln!(out, "  {:<24} {} like it ({signs}, {remedies} each):", format!("{before}…{behind}"), same.len())?;
        let part = |id: &&str| id.strip_prefix(before).and_then(|id| id.strip_suffix(behind)).unwrap_or(id).to_owned();
        for line in lines(same.iter().map(part)) {
            writeln!(out, "  {:<24} {line}", "")?;
        }
    }
    Ok(0)
}

/// Whether the cause is written in the same place of the runbook.
fn is_of(cause: &CausePlan, each: &Each) -> bool {
    cause.each.as_ref().is_some_and(|other| other.written == each.written)
}

pub(super) fn counted(count: usize, one: &str) -> String {
    match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

fn counted_remedies(count: usize) -> String {
    match count {
        0 => "no remedy".to_owned(),
        1 => "1 remedy".to_owned(),
        _ => format!("{count} remedies"),
    }
}

/// Words with commas between them, in lines that a terminal can show.
fn lines(words: impl Iterator<Item = String>) -> Vec<String> {
    const WIDTH: usize = 72;
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + word.len() <= WIDTH => {
                line.push_str(", ");
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}
