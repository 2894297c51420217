//! `casebook cases`: what runs left in the state directory.

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};

use super::arguments::{CasesArguments, CasesCommand};
use super::keep::{KEPT, Keep, Recovered, State, Unfinished, recover};
use super::{Usage, case_file, output, say};
use crate::archive;
use crate::case::{Case, Gap, Reason};
use crate::engine::{self, Recorded, Request};
use crate::printable;
use crate::runbook;
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::units;

pub(super) fn cases(arguments: &CasesArguments) -> anyhow::Result<u8> {
    match &arguments.command {
        None => list("text"),
        Some(CasesCommand::List { format }) => list(format),
        Some(CasesCommand::Show { case, attached }) => show_attached(case, attached),
        Some(CasesCommand::Finish { id, save, scripts, output }) => {
            let sinks = output::Sinks::prepare(output, save.as_deref())?;
            finish(id, scripts.limits(), &sinks)
        }
        Some(CasesCommand::Prune { keep, max_size }) => prune(*keep, *max_size),
    }
}

fn state() -> Result<Option<State>, Usage> {
    State::existing().map_err(|why| Usage(format!("there is no state directory: {why}")))
}

fn list(format: &str) -> anyhow::Result<u8> {
    let Some(state) = state()? else {
        if format == "json" {
            return printed("{\n  \"folder\": null,\n  \"cases\": [],\n  \"unfinished\": []\n}\n");
        }
        say("no case is kept yet; `casebook run RUNBOOK` keeps one");
        return Ok(0);
    };
    let kept: Vec<(String, u64, Result<Case, String>)> = state
        .cases()
        .into_iter()
        .rev()
        .map(|id| match state.read(&id) {
            Ok(bytes) => {
                let case = archive::read(&bytes).map(|file| file.case).map_err(|error| error.to_string());
                (id, bytes.len() as u64, case)
            }
            Err(error) => (id, 0, Err(error)),
        })
        .collect();
    let unfinished = state.unfinished();
    if format == "json" {
        let cases = kept.iter().map(|(id, bytes, case)| match case {
            Ok(case) => json!({
                "id": id, "path": state.path(id), "bytes": bytes, "host": case.host.name, "runbook": case.runbook.name,
                "started": case.started, "partial": case.partial, "verdict": case.verdict,
                "summary": case.diagnosis.summary,
            }),
            Err(error) => json!({"id": id, "path": state.path(id), "bytes": bytes, "error": error}),
        });
        let unfinished = unfinished.iter().map(|run| json!({"id": run.id, "runs": run.runs, "bytes": run.bytes}));
        let all = json!({
            "folder": state.folder(),
            "cases": cases.collect::<Vec<_>>(),
            "unfinished": unfinished.collect::<Vec<_>>(),
        });
        return printed(&format!("{all:#}\n"));
    }
    let mut text = String::new();
    for (id, bytes, case) in &kept {
        let size = units::bytes(*bytes as f64);
        let (verdict, said) = match case {
            Ok(case) => {
                let partial = if case.partial { "PARTIAL: " } else { "" };
                (case.verdict.word(), format!("{}: {partial}{}", case.host.name, case.diagnosis.summary))
            }
            Err(error) => ("-", format!("it {error}")),
        };
        text.push_str(&format!("{id}  {verdict:<8}  {size:>8}  {}\n", printable::printable(&said)));
    }
    for Unfinished { id, runs, bytes } in &unfinished {
        let size = units::bytes(*bytes as f64);
        let (word, said) = match runs {
            true => ("running", String::new()),
            false => ("UNFINISHED", format!("judge what it saw: casebook cases finish {id}")),
        };
        text.push_str(&format!("{id}  {word:<8}  {size:>8}  {said}\n"));
    }
    if text.is_empty() {
        say(format_args!("no case is kept in {}", state.folder().display()));
    }
    printed(&text)
}

fn printed(text: &str) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    output::read_enough(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
    Ok(0)
}

fn show_attached(case: &str, name: &str) -> anyhow::Result<u8> {
    let file = case_file::read(case, Trust::Waived)?;
    let Some(found) = file.attached.iter().find(|attached| attached.name == name) else {
        let names: Vec<&str> = file.attached.iter().map(|attached| attached.name.as_str()).collect();
        let there = if names.is_empty() {
            "nothing is attached to it".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        return Err(Usage(format!("{case} has nothing of the name {name}; {there}")).into());
    };
    let mut out = io::stdout().lock();
    if !out.is_terminal() {
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
fn finish(meant: &str, limits: Limits, sinks: &output::Sinks) -> anyhow::Result<u8> {
    let none = |why: String| Usage(format!("cannot finish {meant}: {why}"));
    let state = state()?.ok_or_else(|| none("no run is unfinished".to_owned()))?;
    let id = state.find_unfinished(meant).map_err(none)?;
    let journal = state.journal(&id).map_err(none)?;
    let recovered =
        recover(&journal).map_err(|why| none(format!("{why}; `casebook cases prune` removes it in time")))?;
    let (case, map) = sinks.leaving(judge(recovered, limits)?)?;
    let written = map.and(sinks.write(&case));
    let packed = case_file::packed(&case)?;
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
    Ok(case.verdict.exit_status())
}

fn judge(recovered: Recovered, limits: Limits) -> anyhow::Result<Case> {
    let Recovered { runbook: recorded, host, started, params, given, evidence, cost, torn } = recovered;
    let loaded =
        runbook::load_recorded(&recorded).map_err(|problems| Usage(problems.render(output::stderr_color())))?;
    let params: Map<String, Value> = params.into_iter().filter(|(name, _)| loaded.params.contains_key(name)).collect();
    let request =
        Request { runbook: &loaded, params, host, started, cancelled: &|| false, limits, printed: &|_, _| {} };
    let why = match torn {
        true => "the run ended while its answer was being written down",
        false => "the run ended before its answer was written down",
    };
    let gap = move |probe: &str| {
        Gap::new(Reason::Cancelled, format!("ask probe {probe}"), why).way_out("run it again, to its end")
    };
    let observer = Recorded::new(evidence, &loaded).lacking(gap);
    let mut case = engine::run(&request, &observer).map_err(|error| Usage(error.to_string()))?;
    (case.partial, case.cost, case.given) = (true, cost, given);
    Ok(case)
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
