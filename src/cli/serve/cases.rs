//! The tools that work on what was seen before: cases, and what tools printed.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::fleet_file::{Gathered, stem, why_no_case};
use super::super::shelf::{self, Shelf};
use super::super::{Usage, case_file, given, merge, read, replay};
use super::answer::{Answer, Observed, Part, conclusion, in_short, report};
use super::asked::{CONCLUSION, MergeCases, ReadCase, ReadToolOutput, ReplayCase, Section, USUAL, bytes};
use super::desk::Desk;
use super::fit;
use super::look::refuse_paths;
use crate::archive::{self, CaseFile, Ended, FleetPart};
use crate::case::Case;
use crate::config::Config;
use crate::engine::{Record, ResolvedParams};
use crate::printable::printable;
use crate::runbook;
use crate::suggest::Suggestion;
use crate::tool_output::ToolOutput;

/// The most bytes of a file of pasted outputs.
const LARGEST_TEXT: u64 = 64 * 1024 * 1024;
/// Cases that are merged at once, and their bytes, packed.
const MOST_MERGED: usize = 1000;
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of an answer that are not the part that was asked for.
const AROUND: usize = 800;

pub(super) fn read_case(desk: &Desk, asked: &ReadCase) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, USUAL)?;
    let (CaseFile { mut case, .. }, is_fleet) = desk.case(&asked.case)?;
    // Whoever wrote the cases of a merge wrote what they advise.
    case.foreign_commands |= is_fleet || !(desk.is_made(&asked.case) || runbook::is_shipped(&case.runbook));
    let case = desk.hidden(case)?;
    if asked.section == Section::Summary {
        let part = Part {
            case: asked.case.clone(),
            runbook: case.runbook.name.clone(),
            summary: Some(conclusion(&asked.case, &case, most)?),
            ..Part::default()
        };
        return desk.leaving(Answer::of(&part, &in_short(&case), most)?);
    }
    let text = format!("{} of {}: {}\n", asked.section.word(), asked.case, case.diagnosis.summary);
    let mut part = part(case, asked, most)?;
    part.case.clone_from(&asked.case);
    let mut answer = Answer::of(&part, &text, most.saturating_sub(part.report.as_ref().map_or(0, |_| text.len())))?;
    // Of what was cut once more, the next part begins where this one ends.
    let next = gone_on(&answer.value, &serde_json::to_value(&part)?, asked.from);
    if let (Some(next), Some(object)) = (next, answer.value.as_object_mut()) {
        object.insert("next".to_owned(), Value::from(next));
    }
    desk.leaving(answer)
}

/// Where the list or the text that was asked for goes on, when less of it is in the answer than there was for it.
fn gone_on(answer: &Value, part: &Value, from: usize) -> Option<usize> {
    const LISTS: [&str; 4] = ["value", "causes", "steps", "observed"];
    let lists = LISTS.iter().filter_map(|name| Some((answer.get(name)?.as_array()?, part.get(name)?.as_array()?)));
    let cut = lists.filter(|(kept, whole)| kept.len() < whole.len()).map(|(kept, _)| from + kept.len());
    let texts = answer.get("report").and_then(Value::as_str).zip(part.get("report").and_then(Value::as_str));
    let same = |(kept, whole): (&str, &str)| {
        let same =
            kept.chars().zip(whole.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum::<usize>();
        (same < whole.len()).then_some(from + same)
    };
    cut.chain(texts.and_then(same)).next()
}

fn part(mut case: Case, asked: &ReadCase, most: usize) -> Result<Part, Usage> {
    let mut part = Part { runbook: case.runbook.name.clone(), ..Part::default() };
    match asked.section {
        Section::Summary => {}
        Section::Causes => {
            let mut causes = std::mem::take(&mut case.diagnosis.causes);
            if let Some(id) = &asked.cause {
                let known: Vec<String> = causes.iter().map(|cause| cause.id.clone()).collect();
                causes.retain(|cause| cause.id == *id);
                if causes.is_empty() {
                    let suggestion = Suggestion::of(id, known.iter().map(String::as_str));
                    return Err(Usage(suggestion.behind(&format!("the case has no cause `{}`", printable(id)))));
                }
            }
            part.causes = Some(from(causes, asked.from, most, &mut part.next));
        }
        Section::Steps => part.steps = Some(from(std::mem::take(&mut case.findings), asked.from, most, &mut part.next)),
        Section::Evidence => evidence(&mut part, case, asked, most)?,
        Section::Ledger => {
            let none = || Usage("the case has no ledger: its runbook does not account for bytes".to_owned());
            part.ledger = Some(case.ledger.take().ok_or_else(none)?);
        }
        Section::Hosts => {
            let none = || Usage("it is the case of one host: merge_cases makes one of many".to_owned());
            part.hosts = Some(case.fleet.take().ok_or_else(none)?);
        }
        Section::Report => {
            let text = report(&case);
            let begin = text.char_indices().map(|(at, _)| at).find(|at| *at >= asked.from);
            let rest = begin.map_or("", |begin| &text[begin..]);
            // Line breaks and quotes take two bytes each.
            let room = most.saturating_sub(AROUND);
            let (mut taken, mut end) = (0, rest.len());
            for (at, c) in rest.char_indices() {
                taken += if matches!(c, '\n' | '"' | '\\') { 2 } else { c.len_utf8() };
                if taken > room {
                    end = rest[..at].rfind('\n').map_or(at, |line| line + 1);
                    break;
                }
            }
            part.next = (end < rest.len()).then(|| text.len() - rest.len() + end);
            part.report = Some(rest[..end].to_owned());
        }
    }
    Ok(part)
}

/// What of a list comes from a place on and fits; where it does not all fit, `next` says where to go on.
fn from<T: serde::Serialize>(list: Vec<T>, from: usize, most: usize, next: &mut Option<usize>) -> Vec<T> {
    let mut room = most.saturating_sub(AROUND);
    let mut kept = Vec::new();
    for (place, value) in list.into_iter().enumerate().skip(from) {
        let bytes = serde_json::to_value(&value).map_or(0, |value| fit::length(&value) + 1);
        // One is told at least, as far as it fits.
        if bytes > room && !kept.is_empty() {
            *next = Some(place);
            break;
        }
        room = room.saturating_sub(bytes);
        kept.push(value);
    }
    kept
}

fn evidence(part: &mut Part, mut case: Case, asked: &ReadCase, most: usize) -> Result<(), Usage> {
    let Some(step) = &asked.step else {
        let observed = case.evidence.iter().map(|(step, evidence)| Observed {
            step: step.clone(),
            probe: evidence.probe.clone(),
            bytes: evidence.output.as_ref().map(fit::length),
            gap: evidence.gap.as_ref().map(ToString::to_string),
        });
        part.observed = Some(from(observed.collect(), asked.from, most, &mut part.next));
        return Ok(());
    };
    let Some(evidence) = case.evidence.shift_remove(step) else {
        let suggestion = Suggestion::of(step, case.evidence.keys().map(String::as_str));
        return Err(Usage(suggestion.or_list_behind(&format!("nothing was observed for `{}`", printable(step)))));
    };
    let Some(path) = asked.path.as_deref().filter(|path| !path.is_empty()) else {
        part.evidence = Some(evidence);
        return Ok(());
    };
    // As `left_out` names it, from the root of the answer or from that of the output.
    let path = ["evidence.output.", "output."].iter().find_map(|root| path.strip_prefix(root)).unwrap_or(path);
    let nothing = || Usage(format!("the output of `{}` has nothing at `{}`", printable(step), printable(path)));
    let mut output = evidence.output;
    let found = output.as_mut().and_then(|output| at(output, path)).ok_or_else(nothing)?;
    part.value = Some(match found.take() {
        Value::Array(mut list) => Value::Array(list.drain(asked.from.min(list.len())..).collect()),
        value => value,
    });
    Ok(())
}

/// What stands at a path: names with dots between them, places of lists in brackets. A name may have dots itself.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Array(list) => {
            let (place, rest) = path.strip_prefix('[')?.split_once(']')?;
            at(list.get_mut(place.parse::<usize>().ok()?)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        Value::Object(object) => {
            let is_name = |key: &str| {
                path.strip_prefix(key)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
            };
            let key = object.keys().filter(|key| is_name(key)).max_by_key(|key| key.len())?.clone();
            let rest = &path[key.len()..];
            at(object.get_mut(&key)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => None,
    }
}

pub(super) fn replay_case(desk: &Desk, asked: ReplayCase) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, CONCLUSION)?;
    let (CaseFile { case: recorded, attached }, is_fleet) = desk.case(&asked.case)?;
    if is_fleet || recorded.fleet.is_some() {
        let why = "it is a case of many hosts: replay the cases of its hosts, and merge what comes of them";
        return Err(Usage(why.to_owned()).into());
    }
    let runbook = match &asked.runbook {
        Some(name) => desk.runbook(name)?,
        None if recorded.runbook.text.is_empty() => {
            let why = "it is what a probe saw by itself: name a runbook to judge it by";
            return Err(Usage(why.to_owned()).into());
        }
        None => runbook::load_recorded(&recorded.runbook)
            .map_err(|problems| Usage(problems.render(false)))
            .context("the case's own runbook cannot be read by this casebook; name one to judge by")?,
    };
    refuse_paths(&runbook, &asked.params)?;
    given::refuse_bare_rates(&asked.params, &runbook.params)?;
    // What was foreign once stays so, also in a replay of its replay.
    let others = recorded.foreign_commands || (!desk.is_made(&asked.case) && !runbook::is_shipped(&recorded.runbook));
    let foreign = asked.runbook.is_none() && others;
    let params = ResolvedParams::again(&runbook, &recorded, asked.params).map_err(|error| Usage(error.to_string()))?;
    let record = Record { foreign_commands: foreign, ..Record::of(&recorded) };
    let case = replay::judge(recorded.evidence, &runbook, params, record, desk.limits())?;
    desk.judged("replay", &CaseFile { case, attached }, most)
}

pub(super) fn merge_cases(desk: &Desk, asked: &MergeCases) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, CONCLUSION)?;
    if asked.cases.is_empty() || asked.cases.len() > MOST_MERGED {
        return Err(Usage(format!("name 1 to {MOST_MERGED} cases")).into());
    }
    let mut gathered = Gathered::default();
    let mut packed: Vec<(String, Vec<u8>)> = Vec::new();
    let mut taken = 0;
    let mut named = HashSet::new();
    let mut add = |host: &str, bytes: &[u8]| {
        taken += bytes.len();
        packed.push((host.to_owned(), bytes.to_vec()));
        if taken <= MOST_BYTES {
            return Ok(());
        }
        let most = crate::units::bytes(MOST_BYTES as f64);
        Err(Usage(format!("the cases come to more than {most}: merge them by casebook merge")))
    };
    // One that is named twice is taken once.
    for name in asked.cases.iter().filter(|name| named.insert(name.as_str())) {
        let bytes = desk.bytes(name)?;
        if archive::is_fleet(&bytes) {
            let mut take = |part: FleetPart| -> Result<(), Usage> {
                if let FleetPart::Case { case: Ok(file), packed, .. } = &part {
                    add(&file.case.host.name, packed)?;
                }
                gathered.take(part);
                Ok(())
            };
            archive::read_fleet(Cursor::new(bytes.as_slice()), &desk.budget(), &mut take).map_err(|why| match why {
                Ended::Taker(error) => error,
                Ended::Broken(broken) => Usage(format!("{} {broken}", printable(name))),
            })?;
            continue;
        }
        match archive::read_within(&bytes, &mut desk.budget()) {
            Ok(file) if file.case.fleet.is_some() => {
                let why = format!("{} is a merged case as JSON, without the cases of its hosts", printable(name));
                return Err(Usage(why).into());
            }
            Ok(file) => {
                if archive::is_packed(&bytes) {
                    add(&file.case.host.name, &bytes)?;
                } else {
                    add(&file.case.host.name, &case_file::packed(file.clone())?)?;
                }
                let own = (!desk.is_made(name)).then(|| stem(name));
                gathered.add_of(file.case, own, None);
            }
            // It does not keep the others from being merged, and its host is one without a case.
            Err(broken) => gathered.miss(stem(name), why_no_case(&broken, &bytes)),
        }
    }
    let arrived = gathered.arrived();
    let mut case = gathered.merged().ok_or_else(|| Usage("none of them is a case that can be read".to_owned()))?;
    case.foreign_commands = true;
    let mut file = Vec::new();
    {
        let mut writer = merge::begun(&mut file, arrived, &case)?;
        for (host, packed) in &packed {
            writer.add(host, packed)?;
        }
        writer.finish()?;
    }
    desk.judged_and_packed("merge", case, file, most)
}

pub(super) fn read_tool_output(desk: &Desk, asked: ReadToolOutput) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, CONCLUSION)?;
    let text = match (asked.text, &asked.file) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(name)) => desk.text(name, LARGEST_TEXT)?,
        _ => return Err(Usage("give either `text` or `file`".to_owned()).into()),
    };
    let at = asked.at.as_deref().map(super::super::arguments::time_of_day).transpose();
    let at = at.map_err(|why| Usage(format!("at: {why}")))?;
    let read =
        ToolOutput::read(&[PathBuf::from("-")], &mut text.as_slice(), at, Timestamp::now()).map_err(
            |why| match desk.hides() {
                // The reason may quote what is in them.
                true => Usage(
                    "these outputs cannot be judged; why is not said, for it would show what is in them (--redact)"
                        .to_owned(),
                ),
                false => Usage(why.to_string()),
            },
        )?;
    let (runbook, params) = match &asked.runbook {
        Some(name) => (desk.runbook(name)?, Map::new()),
        None => {
            let shelf = Shelf::find(desk.trust(), &Config::default(), &Map::new())?;
            let complaint = shelf::complaint(asked.complaint.as_deref().unwrap_or_default());
            let choice = shelf.choose_for(&complaint, &read)?;
            shelf.for_outputs(choice, &Map::new(), |name| desk.runbook(name))?
        }
    };
    let case = read::judge_read(&read, &runbook, params, desk.limits())?;
    desk.judged("read", &CaseFile::from(case), most)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_where_left_out_names_it() {
        let mut value = json!({"a": [{"b.c": {"d": 1}}, [2, 3]], "a.b": 4});
        let mut found = |path: &str| at(&mut value, path).map(|value| value.clone());
        assert_eq!(found("a[0].b.c.d"), Some(json!(1)));
        assert_eq!(found("a[1][1]"), Some(json!(3)));
        assert_eq!(found("a.b"), Some(json!(4)));
        for path in ["a[2]", "a[-1]", "a[x]", "a[99999999999999999999]", "b", "a[1", "a[0].b"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn a_list_goes_on_where_it_ended() {
        let list: Vec<String> = (0..100).map(|n| format!("line {n} of a long list that does not fit")).collect();
        let (mut next, mut seen) = (Some(0), Vec::new());
        while let Some(place) = next.take() {
            seen.extend(from(list.clone(), place, 1500, &mut next));
        }
        assert_eq!(seen, list);
    }
}
