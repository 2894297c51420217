//! `casebook cases`: what runs left in the state directory.

use std::io::{self, BufReader, BufWriter, IsTerminal, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::arguments::{CasesArguments, CasesCommand};
use super::store::{KEPT, Keep, Recovered, State, Unfinished, recover};
use super::{Usage, case_file, output, say, screen};
use crate::archive::{self, Summary};
use crate::bounded_json::Budget;
use crate::case::{Case, Gap, Reason};
use crate::engine::{self, Provenance, Record, Recorded, Request};
use crate::printable;
use crate::runbook;
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::units;

/// Characters of a summary in a row of the list.
const LONGEST_SUMMARY: usize = 2000;

pub(super) fn cases(arguments: &CasesArguments) -> anyhow::Result<u8> {
    match &arguments.command {
        None => list("text"),
        Some(CasesCommand::List { format }) => list(format),
        Some(CasesCommand::Show { case, attached, reading }) => show_attached(case, attached, &mut reading.budget()),
        Some(CasesCommand::Finish { id, save, scripts, output, reading }) => {
            let sinks = output::Sinks::prepare(output, save.as_deref())?;
            finish(id, scripts.limits(), &mut reading.budget(), &sinks)
        }
        Some(CasesCommand::Prune { keep, max_size }) => prune(*keep, *max_size),
    }
}

fn state() -> Result<Option<State>, Usage> {
    State::existing().map_err(|why| Usage(format!("cannot use the state directory {why}")))
}

fn list(format: &str) -> anyhow::Result<u8> {
    let Some(state) = state()? else {
        if format == "json" {
            return printed("{\n  \"folder\": null,\n  \"cases\": [],\n  \"unfinished\": []\n}\n");
        }
        say("no case is kept yet; `casebook run RUNBOOK` keeps one");
        return Ok(0);
    };
    output::read_enough(if format == "json" { list_json(&state) } else { list_text(&state) })?;
    Ok(0)
}

/// What a list shows of a kept case, and its size in bytes. Of each only that is read, and let go before the next.
fn shown(state: &State, id: &str) -> (u64, Result<Summary, String>) {
    let file = match state.open_case(id) {
        Ok(file) => file,
        Err(error) => return (0, Err(error)),
    };
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    (bytes, archive::summary(BufReader::new(file)).map_err(|error| error.to_string()))
}

fn list_text(state: &State) -> io::Result<()> {
    let mut out = screen::buffered();
    let mut is_empty = true;
    for id in state.cases().iter().rev() {
        is_empty = false;
        let (bytes, case) = shown(state, id);
        let size = units::bytes(bytes as f64);
        let (verdict, said) = match &case {
            Ok(case) => {
                let partial = if case.partial { "PARTIAL: " } else { "" };
                (case.verdict.word(), format!("{}: {partial}{}", case.host, clipped(&case.summary)))
            }
            Err(error) => ("-", format!("it {error}")),
        };
        writeln!(out, "{id}  {verdict:<8}  {size:>8}  {}", printable::printable(&said))?;
    }
    for Unfinished { id, runs, bytes } in state.unfinished() {
        is_empty = false;
        let size = units::bytes(bytes as f64);
        let (word, said) = match runs {
            true => ("running", String::new()),
            false => ("UNFINISHED", format!("judge what it saw: casebook cases finish {id}")),
        };
        writeln!(out, "{id}  {word:<8}  {size:>8}  {said}")?;
    }
    if is_empty {
        say(format_args!("no case is kept in {}", state.folder().display()));
    }
    out.flush()
}

/// The beginning of a text that is too long for a row.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SUMMARY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A list that is written while it is made.
struct Rows<F>(F);

impl<I: IntoIterator<Item = Value>, F: Fn() -> I> Serialize for Rows<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

fn list_json(state: &State) -> io::Result<()> {
    let case = |id: &String| match shown(state, id) {
        (bytes, Ok(case)) => json!({
            "id": id, "path": state.path(id), "bytes": bytes, "host": case.host, "runbook": case.runbook,
            "started": case.started, "partial": case.partial, "verdict": case.verdict,
            "summary": clipped(&case.summary),
        }),
        (bytes, Err(error)) => json!({"id": id, "path": state.path(id), "bytes": bytes, "error": error}),
    };
    let run = |run: Unfinished| json!({"id": run.id, "runs": run.runs, "bytes": run.bytes});
    let names = state.cases();
    let mut out = BufWriter::new(screen::out());
    let mut serializer = serde_json::Serializer::pretty(&mut out);
    let mut all = serializer.serialize_map(Some(3))?;
    all.serialize_entry("folder", state.folder())?;
    all.serialize_entry("cases", &Rows(|| names.iter().rev().map(case)))?;
    all.serialize_entry("unfinished", &Rows(|| state.unfinished().into_iter().map(run)))?;
    SerializeMap::end(all)?;
    writeln!(out)?;
    out.flush()
}

fn printed(text: &str) -> anyhow::Result<u8> {
    let mut out = screen::out();
    output::read_enough(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
    Ok(0)
}

fn show_attached(case: &str, name: &str, budget: &mut Budget) -> anyhow::Result<u8> {
    let file = case_file::read(case, Trust::Waived, budget)?;
    let Some(found) = file.attached.iter().find(|attached| attached.name == name) else {
        let names: Vec<&str> = file.attached.iter().map(|attached| attached.name.as_str()).collect();
        let there = if names.is_empty() {
            "nothing is attached to it".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        return Err(Usage(format!("{case} has nothing of the name {name}; {there}")).into());
    };
    if !case_file::is_kept(case) {
        say(
            "casebook: this text comes from the author of the case, not from casebook; read its commands before you paste them",
        );
    }
    let mut out = screen::out();
    if !io::stdout().is_terminal() {
        output::read_enough(out.write_all(&found.bytes).and_then(|()| out.flush()))?;
        return Ok(0);
    }
    // A terminal obeys what it is given; what is in the file may come from anybody.
    let text = std::str::from_utf8(&found.bytes).map_err(|_| {
        Usage(format!("{name} is not text; send it to a file: casebook cases show {case} --attached {name} > {name}"))
    })?;
    for line in text.lines() {
        writeln!(out, "{}", printable::printable(line))?;
    }
    Ok(0)
}

/// Judges what an unfinished run had seen, and keeps that in its place.
fn finish(meant: &str, limits: Limits, budget: &mut Budget, sinks: &output::Sinks) -> anyhow::Result<u8> {
    let none = |why: String| Usage(format!("cannot finish {meant}: {why}"));
    let state = state()?.ok_or_else(|| none("no run is unfinished".to_owned()))?;
    let id = state.find_unfinished(meant).map_err(none)?;
    let journal = state.journal(&id).map_err(none)?;
    let recovered =
        recover(&journal, budget).map_err(|why| none(format!("{why}; `casebook cases prune` removes it in time")))?;
    // A journal holds no packets, and the path that it names for them may be anybody's choice.
    let (file, map) = sinks.leaving(judge(recovered, limits)?)?;
    let written = map.and(sinks.write(&file));
    let packed = case_file::packed(file.clone())?;
    match state.put(&id, &packed) {
        Ok(kept) => {
            say(format_args!("case kept: {kept}"));
            if let Err(error) = state.forget_journal(&id) {
                say(format_args!("casebook: its journal stays: {error}"));
            }
        }
        Err(error) => say(format_args!("casebook: the case is not kept, its journal stays: {error}")),
    }
    written?;
    Ok(file.case.verdict.exit_status())
}

fn judge(recovered: Recovered, limits: Limits) -> anyhow::Result<Case> {
    let Recovered { runbook: recorded, host, started, params, given, evidence, cost, torn } = recovered;
    let loaded =
        runbook::load_recorded(&recorded).map_err(|problems| Usage(problems.render(screen::stderr_color())))?;
    let params: Map<String, Value> = params.into_iter().filter(|(name, _)| loaded.params.contains_key(name)).collect();
    let mut params = engine::resolve_params(&loaded, &params).map_err(|error| Usage(error.to_string()))?;
    params.given = given;
    let record = Record { partial: true, cost: Some(cost), ..Record::new(host, started) };
    let provenance = Provenance::Recorded(record);
    let request = Request { runbook: &loaded, params, provenance, limits, printed: &|_, _| {} };
    let why = match torn {
        true => "the run ended while its answer was being written down",
        false => "the run ended before its answer was written down",
    };
    let gap = move |probe: &str| {
        Gap::new(Reason::Cancelled, format!("ask probe {probe}"), why).to_fix("run it again, to its end")
    };
    let observer = Recorded::new(evidence, &loaded).lacking(gap);
    Ok(engine::run(&request, &observer).map_err(|error| Usage(error.to_string()))?)
}

fn prune(keep: Option<usize>, max_size: Option<units::Size>) -> anyhow::Result<u8> {
    let Some(state) = state()? else {
        say("no case is kept, so none is removed");
        return Ok(0);
    };
    let cases = keep.unwrap_or(KEPT.cases);
    let keep = Keep {
        cases,
        bytes: max_size.map_or(KEPT.bytes, |size| size.0),
        unfinished: if keep == Some(0) { 0 } else { KEPT.unfinished },
    };
    let (files, bytes) = state.prune(&keep);
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (removed, left) = (counted(files, "file"), counted(state.cases().len(), "case"));
    say(format_args!("removed {removed}, {}; left: {left}", units::bytes(bytes as f64)));
    Ok(0)
}
