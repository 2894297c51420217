//! Completion of a command line by the shell: `COMPLETE=bash casebook` prints what the shell evaluates, and with `--` and the
//! words so far it prints what may follow.
//!
//! Whoever presses Tab asked for nothing yet. So this runs with the rights of the caller alone, runs no script, connects to
//! nothing, and stays silent whatever goes wrong.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::panic;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{Bash, CompleteEnv, Elvish, Fish, Shells, Zsh};

use super::arguments::Arguments;
use super::store::State;
use crate::probe::{self, PROBES};
use crate::report::RENDERERS;
use crate::runbook::{self, Kind};
use crate::script::lint::declared_params;
use crate::sys::caller;
use crate::sys::confine::{self, Profile};
use crate::sys::trust::Trust;

/// The variable that a shell sets.
const VARIABLE: &str = "COMPLETE";
/// The shells that can complete.
const SHELLS: Shells<'static> = Shells(&[&Bash, &Zsh, &Fish, &Elvish]);
/// Candidates of one kind that are offered.
const MOST: usize = 500;
/// Where the kernel lists the interfaces.
const INTERFACES: &str = "/sys/class/net";

/// Answers a shell. False, when none asks: a variable of that name that is left over from elsewhere changes nothing.
pub(super) fn answered() -> bool {
    let Some(shell) = env::var_os(VARIABLE) else { return false };
    let known =
        Path::new(&shell).file_stem().and_then(OsStr::to_str).is_some_and(|name| SHELLS.completer(name).is_some());
    let words: Vec<OsString> = env::args_os().collect();
    if !known || (words.len() > 1 && words.get(1).is_none_or(|word| word != "--")) {
        return false;
    }
    // Names of files are completed wherever they are; nothing is written, no program run, nothing connected to.
    confine::confine(&Profile { read: vec!["/".into()], ..Profile::default() });
    panic::set_hook(Box::new(|_| {}));
    let folder = env::current_dir().ok();
    let answer = || CompleteEnv::with_factory(Arguments::command).shells(SHELLS).try_complete(words, folder.as_deref());
    let _ = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        caller::as_caller(|| answer().map_err(std::io::Error::other).map(drop))
    }));
    true
}

/// Names that begin as what is typed, those alone that a shell takes as they are.
fn names(current: &OsStr, all: impl IntoIterator<Item = (String, Option<String>)>) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=:@".contains(c));
    all.into_iter()
        .filter(|(name, _)| name.starts_with(current) && plain(name))
        .take(MOST)
        .map(|(name, about)| CompletionCandidate::new(name).help(about.map(Into::into)))
        .collect()
}

/// The same, and files beside them.
fn names_and(files: PathCompleter, current: &OsStr, all: Vec<(String, Option<String>)>) -> Vec<CompletionCandidate> {
    let mut candidates = names(current, all);
    candidates.extend(files.complete(current));
    candidates
}

fn found(kind: Kind) -> Vec<(String, Option<String>)> {
    runbook::names(kind).into_iter().map(|name| (name, None)).collect()
}

fn is_source(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ["yaml", "yml", "lua"].iter().any(|known| ending == *known))
}

/// Runbooks by name, and files.
pub(super) fn runbooks(current: &OsStr) -> Vec<CompletionCandidate> {
    names_and(PathCompleter::any().filter(is_source), current, found(Kind::Runbook))
}

/// Checks by name, and files.
pub(super) fn checks(current: &OsStr) -> Vec<CompletionCandidate> {
    names_and(PathCompleter::any().filter(is_source), current, found(Kind::Check))
}

/// Runbooks and checks by name, and files.
pub(super) fn sources(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = found(Kind::Runbook).into_iter().chain(found(Kind::Check)).collect();
    names_and(PathCompleter::any().filter(is_source), current, all)
}

/// Probes.
pub(super) fn probes(current: &OsStr) -> Vec<CompletionCandidate> {
    names(current, PROBES.iter().map(|probe| (probe.name().to_owned(), Some(probe.about().to_owned()))))
}

/// What there is a schema of.
pub(super) fn schemas(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut candidates = names(current, ["case", "runbook", "test"].map(|name| (name.to_owned(), None)));
    candidates.extend(probes(current));
    candidates
}

/// Formats of reports.
pub(super) fn formats(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = RENDERERS.iter().map(|renderer| (renderer.name().to_owned(), Some(renderer.about().to_owned())));
    names(current, all)
}

fn kept() -> Vec<(String, Option<String>)> {
    let state = State::existing().ok().flatten();
    let mut cases: Vec<String> = state.iter().flat_map(State::cases).collect();
    cases.reverse();
    if !cases.is_empty() {
        cases.insert(0, "latest".to_owned());
    }
    cases.into_iter().map(|case| (case, None)).collect()
}

/// Cases by name, and files.
pub(super) fn cases(current: &OsStr) -> Vec<CompletionCandidate> {
    names_and(PathCompleter::file(), current, kept())
}

/// Runs that were not finished.
pub(super) fn unfinished(current: &OsStr) -> Vec<CompletionCandidate> {
    let state = State::existing().ok().flatten();
    let runs = state.iter().flat_map(State::unfinished).map(|run| (run.id, None));
    names(current, runs.collect::<Vec<_>>())
}

/// Interfaces of this host.
pub(super) fn interfaces(current: &OsStr) -> Vec<CompletionCandidate> {
    names(current, interface_names().into_iter().map(|name| (name, None)))
}

fn interface_names() -> Vec<String> {
    let entries = fs::read_dir(INTERFACES).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect();
    names.sort();
    names
}

/// The words of the command line after the subcommand.
fn words() -> (String, Vec<String>) {
    let mut words = env::args_os().skip_while(|word| word != "--").skip(2).filter_map(|word| word.into_string().ok());
    (words.next().unwrap_or_default(), words.collect())
}

/// Parameters with `=` behind their names, or what may stand behind it.
fn parameters(current: &OsStr, params: Vec<(String, Option<String>)>) -> Vec<CompletionCandidate> {
    if current.to_str().is_some_and(|current| current.starts_with("interface=")) {
        return names(current, interface_names().into_iter().map(|name| (format!("interface={name}"), None)));
    }
    names(current, params.into_iter().map(|(name, about)| (format!("{name}="), about)))
}

/// The parameters of the runbook that the command line names.
pub(super) fn set(current: &OsStr) -> Vec<CompletionCandidate> {
    let (_, words) = words();
    let named = words.iter().filter(|word| !word.starts_with('-') && !word.contains('='));
    // A file of somebody else is read no sooner than the run would read it.
    let mut found = named.filter_map(|name| runbook::find(Kind::Runbook, name, None, Trust::Required).ok());
    let params = found.next().map(|found| runbook::declared_params(&found, Trust::Required)).unwrap_or_default();
    parameters(current, params.into_iter().map(|(name, about)| (name, Some(about))).collect())
}

/// The parameters of the check or probe that the command line names.
pub(super) fn params(current: &OsStr) -> Vec<CompletionCandidate> {
    let (command, words) = words();
    let Some(name) = words.iter().find(|word| !word.starts_with('-')) else { return Vec::new() };
    let params = match command.as_str() {
        "check" => {
            let found = runbook::find(Kind::Check, name, None, Trust::Required);
            found.map(|found| declared_params(&found.text)).unwrap_or_default()
        }
        _ => {
            let schema = probe::find(name).map(|probe| probe.params_schema().to_value()).unwrap_or_default();
            let properties = schema.get("properties").and_then(serde_json::Value::as_object);
            properties.into_iter().flat_map(|fields| fields.keys().cloned()).collect()
        }
    };
    parameters(current, params.into_iter().map(|name| (name, None)).collect())
}

/// Commands that have a manual page.
pub(super) fn commands(current: &OsStr) -> Vec<CompletionCandidate> {
    let command = Arguments::command();
    let all =
        command.get_subcommands().map(|sub| (sub.get_name().to_owned(), sub.get_about().map(ToString::to_string)));
    names(current, all.collect::<Vec<_>>())
}
