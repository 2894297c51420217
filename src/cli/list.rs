//! `casebook list` and `casebook show`.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

use super::arguments::{ListArguments, ShowArguments, trust};
use super::run::load;
use super::{Usage, say, screen};
use crate::printable::printable;
use crate::probe::PROBES;
use crate::runbook::{self, CausePlan, Each, Found, Kind, Listed, NotFound, Problems, SHIPPED, Summary};
use crate::suggest::Suggestion;
use crate::sys::trust::Trust;

pub(super) fn list(arguments: &ListArguments) -> anyhow::Result<u8> {
    let wanted = Wanted::of(&arguments.words);
    let searching = !wanted.words.is_empty();
    let mut out = screen::stdout();
    let mut lists = Vec::new();
    if !arguments.checks {
        let runbooks = rows(Kind::Runbook, |found| {
            let Summary { name, title, summary, tags, symptoms, complaints } =
                runbook::summary(found, Trust::Required)?;
            let texts = [&name, &title, &summary].into_iter().chain(&tags).chain(&symptoms).chain(&complaints);
            Ok((words_of(texts.map(String::as_str)), summary))
        });
        lists.push(("Runbooks (casebook run NAME)", runbooks, false));
    }
    if arguments.checks || searching {
        let checks = rows(Kind::Check, |found| {
            let check = runbook::load_check(found, Trust::Required)?;
            let texts = [&check.name, &check.summary].into_iter().chain(&check.tags).chain(&check.symptoms);
            Ok((words_of(texts.map(String::as_str)), check.summary))
        });
        lists.push(("Checks (casebook check NAME)", checks, arguments.checks));
    }
    if !arguments.checks {
        let probes = PROBES.iter().map(|probe| {
            let words = Some(words_of([probe.name(), probe.about()]));
            Row { name: probe.name().into(), words, about: probe.about().into(), origin: SHIPPED.into(), hides: vec![] }
        });
        if !searching {
            let head = "No install on the host is needed for a first answer: casebook read FILE, or xclip -o | casebook read -\n\n\
                        Checks: casebook list --checks\n\nProbes (casebook probe NAME)";
            lists.push((head, probes.collect(), false));
        } else {
            lists.push(("Probes (casebook probe NAME)", probes.collect(), false));
        }
    }
    let said = wanted.unfitting(lists.iter().flat_map(|(_, rows, _)| rows));
    let mut fitting = 0;
    let mut between = "";
    for (head, rows, places) in lists {
        let rows = wanted.fitting(rows);
        fitting += rows.iter().filter(|row| row.words.is_some()).count();
        if !rows.is_empty() {
            writeln!(out, "{between}{head}")?;
            between = "\n";
        }
        print(&mut out, &rows, places)?;
    }
    out.flush()?;
    if !searching || fitting > 0 {
        said.iter().for_each(say);
        return Ok(0);
    }
    let said = said.join("; ");
    Err(Usage(format!("{said}; `casebook list` shows all")).into())
}

/// The words that a list is asked for, in lower case.
struct Wanted {
    words: Vec<String>,
}

impl Wanted {
    fn of(words: &[String]) -> Self {
        let words = words.iter().flat_map(|word| split(word)).collect();
        Wanted { words }
    }

    /// How many of the words stand in a row; all of them in one that cannot be read.
    fn fit(&self, row: &Row) -> usize {
        let words = row.words.as_ref();
        words.map_or(usize::MAX, |words| self.words.iter().filter(|word| words.contains(*word)).count())
    }

    /// The rows that have a word, those with most first; all of them when no words are wanted.
    fn fitting(&self, mut rows: Vec<Row>) -> Vec<Row> {
        rows.retain(|row| self.words.is_empty() || self.fit(row) > 0);
        rows.sort_by_key(|row| std::cmp::Reverse(self.fit(row)));
        rows
    }

    /// What there is to say of words that stand nowhere.
    fn unfitting<'r>(&self, rows: impl Iterator<Item = &'r Row>) -> Vec<String> {
        let known: BTreeSet<&str> = rows.flat_map(|row| &row.words).flatten().map(String::as_str).collect();
        let unknown = self.words.iter().filter(|word| !known.contains(word.as_str()));
        let said = unknown.map(|word| {
            // A word of one or two letters says nothing about what was meant.
            let long = known.iter().copied().filter(|known| known.chars().count() > 2);
            Suggestion::of(word, long).behind(&format!("nothing has the word `{}`", printable(word)))
        });
        said.collect()
    }
}

/// The words of a text, in lower case.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn words_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> HashSet<String> {
    texts.into_iter().flat_map(split).collect()
}

/// After this long nothing more is read: scripts that mean harm may each take all the time that they may.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line of the list.
struct Row {
    name: String,
    /// The words of all that is known of it; none of what cannot be read, which is listed always.
    words: Option<HashSet<String>>,
    about: String,
    origin: String,
    hides: Vec<String>,
}

/// Everything of a kind, what is broken or cannot be read included: that fits always.
fn rows(kind: Kind, read: impl Fn(&Found) -> Result<(HashSet<String>, String), Problems>) -> Vec<Row> {
    let listed = runbook::list(kind, Trust::Required).into_iter();
    let began = Instant::now();
    listed
        .map(|Listed { found, hides }| match found {
            Ok(found) if began.elapsed() > PATIENCE => {
                let about = format!("NOT READ: the list has taken long enough already; casebook lint {}", found.origin);
                Row { name: found.name, words: None, about, origin: found.origin, hides }
            }
            Ok(found) => {
                let (words, about) = match read(&found) {
                    Ok((words, about)) => (Some(words), about),
                    Err(problems) => {
                        let problems = counted(problems.problems.len(), "problem");
                        (None, format!("BROKEN: {problems}; casebook lint {}", found.origin))
                    }
                };
                Row { name: found.name, words, about, origin: found.origin, hides }
            }
            Err(error) => {
                let name = match &error {
                    NotFound::Unreadable { path, .. } | NotFound::Override { path, .. } => {
                        path.file_stem().unwrap_or_default().to_string_lossy().into()
                    }
                    _ => String::new(),
                };
                Row { name, words: None, about: format!("REFUSED: {error}"), origin: SHIPPED.into(), hides }
            }
        })
        .collect()
}

fn print(out: &mut impl Write, rows: &[Row], places: bool) -> std::io::Result<()> {
    for row in rows {
        writeln!(out, "  {:<24} {}", printable(&row.name), printable(&row.about))?;
        if places || row.origin != SHIPPED || !row.hides.is_empty() {
            let hides = if row.hides.is_empty() { String::new() } else { format!(", before {}", row.hides.join(", ")) };
            writeln!(out, "  {:<24} from {}", "", printable(format!("{}{hides}", row.origin)))?;
        }
    }
    Ok(())
}

pub(super) fn show(arguments: &ShowArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook, trust(arguments.trust))?;
    let mut out = screen::stdout();
    writeln!(out, "{} · {}\n{}\n", runbook.name, runbook.title, runbook.summary)?;
    writeln!(out, "Parameters (--set KEY=VALUE)")?;
    for (name, param) in &runbook.params {
        let configured = arguments.config.param(&runbook.name, name).filter(|_| !param.secret);
        let default = match (&param.default_text, param.required) {
            _ if configured.is_some() => configured.map_or_else(String::new, |entry| {
                format!("{} by {entry}, ", printable(entry.value.as_str().unwrap_or_default()))
            }),
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
