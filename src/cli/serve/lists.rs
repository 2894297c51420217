//! The tools that list what there is.

use super::super::Usage;
use super::answer::{Answer, Cases, Param, Probe, Probes, Runbook, Runbooks};
use super::asked::{ListCases, ListProbes, ListRunbooks, USUAL, bytes};
use super::desk::Desk;
use super::look::{is_refused, probes};
use crate::printable::printable;
use crate::runbook::{self, Kind, Listed, ParamSpec, ParamType, SHIPPED};
use crate::suggest::Suggestion;

pub(super) fn list_runbooks(desk: &Desk, asked: &ListRunbooks) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, USUAL)?;
    let mut answer = Runbooks { runbooks: Vec::new(), refused: Vec::new(), left_out: Vec::new() };
    for Listed { found, .. } in runbook::list(Kind::Runbook, desk.trust()) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                answer.refused.push(error.to_string());
                continue;
            }
        };
        if asked.name.as_ref().is_some_and(|name| *name != found.name) {
            continue;
        }
        match runbook::load_found(&found, desk.trust()) {
            Ok(runbook) => answer.runbooks.push(listed(desk, runbook, asked.name.is_some())),
            Err(problems) => {
                answer.refused.push(format!("{}: {} problems", printable(&found.origin), problems.problems.len()));
            }
        }
    }
    if let (Some(name), true) = (&asked.name, answer.runbooks.is_empty()) {
        let names = runbook::names(Kind::Runbook);
        let suggestion = Suggestion::of(name, names.iter().map(String::as_str));
        return Err(Usage(suggestion.or_list_behind(&format!("there is no runbook `{}`", printable(name)))).into());
    }
    let names: Vec<&str> = answer.runbooks.iter().map(|runbook| runbook.name.as_str()).collect();
    let text = format!("Runbooks: {}\n", names.join(", "));
    desk.leaving(Answer::of(&answer, &text, most)?)
}

/// A runbook as it is listed; by itself with what each parameter is for.
fn listed(desk: &Desk, runbook: runbook::Runbook, alone: bool) -> Runbook {
    let params = runbook.params.iter().filter(|(_, spec)| spec.kind != ParamType::Path);
    let names = params.clone().map(|(name, _)| name.clone());
    let told = |(name, spec): (&String, &ParamSpec)| {
        let configured = desk.config.param(&runbook.name, name).filter(|_| !spec.secret);
        // No case names what it is, so nothing would find it again: it is hidden whole.
        let hides = desk.hides() && spec.kind.can_be_secret();
        let configured = match configured {
            Some(_) if hides => Some("as configured on the host (hidden)".to_owned()),
            configured => configured.and_then(|entry| entry.value.as_str().map(str::to_owned)),
        };
        Param {
            name: name.clone(),
            kind: spec.kind.word(),
            default: configured.or_else(|| spec.default_text.clone()),
            required: spec.required,
            help: spec.help.clone(),
        }
    };
    let (param_names, params) = match alone {
        true => (Vec::new(), params.map(told).collect()),
        false => (names.collect(), Vec::new()),
    };
    Runbook {
        param_names,
        params,
        origin: (runbook.origin != SHIPPED && !runbook.ships).then(|| printable(&runbook.origin)),
        symptoms: if alone { runbook.symptoms } else { Vec::new() },
        about: runbook.summary,
        name: runbook.name,
    }
}

pub(super) fn list_probes(asked: &ListProbes) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, USUAL)?;
    let mut answer = Probes { probes: Vec::new(), left_out: Vec::new() };
    for probe in probes().filter(|probe| asked.name.as_ref().is_none_or(|name| name == probe.name())) {
        let alone = asked.name.is_some();
        let mut schema = probe.params_schema().to_value();
        let mut params = Vec::new();
        if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
            properties.retain(|name, _| !is_refused(probe.name(), name));
            params.extend(properties.keys().cloned());
        }
        answer.probes.push(Probe {
            name: probe.name().to_owned(),
            about: probe.about().to_owned(),
            replaces: if alone { probe.replaces().iter().map(|tool| (*tool).to_owned()).collect() } else { Vec::new() },
            params,
            params_schema: alone.then_some(schema),
            output_schema: (alone && asked.output_schema).then(|| probe.output_schema().to_value()),
        });
    }
    if let (Some(name), true) = (&asked.name, answer.probes.is_empty()) {
        let suggestion = Suggestion::of(name, probes().map(|probe| probe.name()));
        return Err(Usage(suggestion.or_list_behind(&format!("there is no probe `{}` here", printable(name)))).into());
    }
    let names: Vec<&str> = answer.probes.iter().map(|probe| probe.name.as_str()).collect();
    let text = format!("Probes: {}\n", names.join(", "));
    Ok(Answer::of(&answer, &text, most)?)
}

pub(super) fn list_cases(desk: &Desk, asked: &ListCases) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, USUAL)?;
    let (files, not_listed) = desk.folders.list();
    let made = desk.made();
    let text =
        format!("{} cases of this server, {} files below the folders of the operator\n", made.len(), files.len());
    desk.leaving(Answer::of(&Cases { made, files, not_listed, left_out: Vec::new() }, &text, most)?)
}
