//! `casebook test`.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::arguments::TestArguments;
use super::output::read_enough;
use super::place::{Place, Readers};
use super::screen::{self, stdout_color};
use super::{BAD_USAGE, Usage, say};
use crate::runbook::{self, Kind};
use crate::suggest::Suggestion;
use crate::sys::trust::Trust;
use crate::testing::{self, Coverage, Shown, Source, Trial};

/// The exit status when a test failed, or when too little is covered.
const FAILED: u8 = 1;

/// What the arguments name.
struct Wanted {
    sources: Vec<Source>,
    /// Files that cannot be read, each with the reason.
    unreadable: Vec<(String, String)>,
    /// Words that names of tests must hold, one of them.
    words: Vec<String>,
}

pub(super) fn test(arguments: &TestArguments) -> anyhow::Result<u8> {
    let place = arguments.output.as_deref().map(|path| Place::prepare_for(path, Readers::Umask)).transpose()?;
    let wanted = wanted(arguments)?;
    let clock = Instant::now();
    let limits = arguments.scripts.limits();
    let trust = arguments.scripts.trusting();
    let mut broken = wanted.unreadable;
    broken.iter().for_each(|(_, why)| say(format_args!("casebook: {why}")));
    let mut files = Vec::new();
    for source in &wanted.sources {
        match testing::read(source, trust) {
            Ok(file) => files.push(file),
            Err(problems) => {
                say(problems.render(screen::stderr_color()));
                broken.push((source.found.origin.clone(), problems.render(false)));
            }
        }
    }
    let fits = |file: &str, name: &str| {
        let name = format!("{file}::{name}");
        let filtered = arguments.filter.as_ref().is_none_or(|filter| name.contains(filter));
        filtered && (wanted.words.is_empty() || wanted.words.iter().any(|word| name.contains(word)))
    };
    let chosen: usize =
        files.iter().map(|file| file.tests.iter().filter(|test| fits(file.name(), &test.name)).count()).sum();
    let all: usize = files.iter().map(|file| file.tests.len()).sum();
    if chosen == 0 && all > 0 {
        return Err(unfitting(&wanted.words, arguments.filter.as_deref()).into());
    }
    let loud = !arguments.quiet && arguments.format == "text";
    let shown = Shown { color: stdout_color() };
    let mut out = screen::stdout().of_data(arguments.format != "text");
    let whole = chosen == all && all > 0;
    if arguments.min_coverage.is_some() && !whole && broken.is_empty() {
        return Err(Usage("--min-coverage wants all tests: leave out the words and --filter".to_owned()).into());
    }
    if loud && !files.is_empty() {
        read_enough(writeln!(out, "running {chosen} {}", if chosen == 1 { "test" } else { "tests" }))?;
    }
    let (mut trials, mut coverage): (Vec<Trial>, Coverage) = Default::default();
    for file in &files {
        coverage.add(file);
        for test in file.tests.iter().filter(|test| fits(file.name(), &test.name)) {
            let trial = testing::run(file, test, &limits);
            coverage.note(file, &trial.trace);
            if loud {
                read_enough(writeln!(out, "{}", testing::line(&trial, shown)))?;
            }
            trials.push(trial);
        }
    }
    let took = clock.elapsed();
    let xml = || testing::junit(&trials, &broken, took);
    if let Some(place) = &place {
        place.write(|out| out.write_all(xml().as_bytes()))?;
    }
    let mut text = String::new();
    if arguments.format == "junit" {
        text = xml();
    } else {
        let failures = testing::failures(&trials, shown);
        if !failures.is_empty() {
            text.push_str(&format!("\n{failures}"));
        }
        // What a part of the tests does not reach says nothing.
        if arguments.coverage || (whole && loud) {
            let never = coverage.show(arguments.coverage);
            text.push_str(if never.is_empty() { "" } else { "\n" });
            text.push_str(&never);
        }
        if loud {
            let (held, parts) = coverage.counts();
            if whole {
                let share = crate::units::percent(coverage.share());
                text.push_str(&format!(
                    "\ncoverage: {held} of {parts} outcomes, signs, remedies and verdicts held in a test ({share})\n"
                ));
            }
        }
        if loud || !failures.is_empty() || !broken.is_empty() {
            let line = testing::summary(&trials, all - chosen, broken.len(), took, shown);
            text.push_str(&format!("\n{line}\n"));
        }
    }
    read_enough(write!(out, "{text}").and_then(|()| out.flush()))?;
    if !broken.is_empty() {
        return Ok(BAD_USAGE);
    }
    if let Some(least) = arguments.min_coverage.filter(|least| coverage.share() < least.0) {
        let (share, least) = (crate::units::percent(coverage.share()), crate::units::percent(least.0));
        say(format_args!("casebook: the tests cover {share}, less than the {least} that are asked for"));
        return Ok(FAILED);
    }
    Ok(if trials.iter().all(Trial::passed) { 0 } else { FAILED })
}

/// Finds what the arguments name: files, folders, checks and runbooks; what is none of these is a word to filter by.
fn wanted(arguments: &TestArguments) -> Result<Wanted, Usage> {
    let trust = arguments.scripts.trusting();
    let mut wanted = Wanted { sources: Vec::new(), unreadable: Vec::new(), words: Vec::new() };
    let mut named = false;
    for name in &arguments.names {
        let path = Path::new(name);
        if path.is_dir() && (name.contains('/') || name == "." || name == "..") {
            wanted.take(testing::in_folder(path).map_err(Usage)?, trust);
            named = true;
        } else if name.contains('/') || [".yaml", ".yml", ".lua"].iter().any(|ending| name.ends_with(ending)) {
            wanted.take(beside(path), trust);
            named = true;
        } else {
            match testing::by_name(name, trust).map_err(Usage)? {
                Some(sources) if sources.is_empty() => return Err(Usage(format!("{name} has no tests: {}", WRITE))),
                Some(sources) => {
                    wanted.sources.extend(sources);
                    named = true;
                }
                None if path.is_dir() => {
                    wanted.take(testing::in_folder(path).map_err(Usage)?, trust);
                    named = true;
                }
                None => wanted.words.push(name.clone()),
            }
        }
    }
    if !named && arguments.shipped {
        wanted.sources.extend(testing::shipped());
    } else if !named {
        wanted.take(testing::in_places().map_err(Usage)?, trust);
    }
    if wanted.sources.is_empty() && wanted.unreadable.is_empty() {
        let places = if named { "there" } else { "in ./runbooks and ./lua/checks" };
        let word = wanted.words.first().map(|word| unfitting(std::slice::from_ref(word), None));
        return Err(word.filter(|_| !named).unwrap_or_else(|| Usage(format!("there are no tests {places}: {WRITE}"))));
    }
    Ok(wanted)
}

const WRITE: &str =
    "write them beside it, in a file NAME.test.yaml; `casebook test --shipped` runs those that are shipped";

/// The files of tests that a path means: itself, or those beside a check or runbook.
fn beside(path: &Path) -> Vec<std::path::PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.contains(".test.") || !path.exists() {
        return vec![path.to_owned()];
    }
    let tests = ["yaml", "yml", "lua"].map(|ending| path.with_extension(format!("test.{ending}")));
    let there: Vec<_> = tests.iter().filter(|path| path.exists()).cloned().collect();
    // Where there are none, the message names the first that could be.
    if there.is_empty() { tests.into_iter().take(1).collect() } else { there }
}

impl Wanted {
    fn take(&mut self, paths: Vec<std::path::PathBuf>, trust: Trust) {
        for path in paths {
            match testing::of_file(&path, trust) {
                Ok(source) => self.sources.push(source),
                Err(why) => self.unreadable.push((path.display().to_string(), why)),
            }
        }
    }
}

/// No test has a name that fits.
fn unfitting(words: &[String], filter: Option<&str>) -> Usage {
    let shown = words.iter().map(String::as_str).chain(filter).collect::<Vec<_>>().join("`, `");
    let listed = [Kind::Check, Kind::Runbook].into_iter().flat_map(|kind| runbook::list(kind, Trust::Waived));
    let names: Vec<String> = listed.filter_map(|listed| listed.found.ok()).map(|found| found.name).collect();
    let message = format!("no check, no runbook and no test is named `{shown}`");
    let suggestions = words.iter().map(|word| Suggestion::of(word, names.iter().map(String::as_str)));
    let likely = suggestions.into_iter().find(|suggestion| suggestion.name().is_some());
    Usage(likely.map_or(message.clone(), |suggestion| suggestion.behind(&message)))
}
