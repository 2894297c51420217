//! What a client gets: typed answers, and beside each a short text of the same. Both are bounded.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::fit::{self, LeftOut, fit};
use crate::case::{
    Account, Case, Cause, Coverage, Evidence, Finding, Fleet, Likelihood, Reading, Remedy, SignSide, Truth, Urgency,
    Verdict,
};
use crate::glyphs::Charset;
use crate::printable;
use crate::report::{self, Options};

/// The part of an answer that its text may take.
const TEXT: usize = 3;
/// Characters of a sentence.
const SENTENCE: usize = 600;
/// What the rest of an answer takes: its braces, and the names of its parts.
const AROUND: usize = 160;

/// An answer, as it may leave.
#[derive(Debug)]
pub(super) struct Answer {
    /// For people, and for clients that take no values.
    pub text: String,
    /// The same, typed; an object.
    pub value: Value,
}

impl Answer {
    /// An answer of at most so many bytes as it goes to the client. What is left out is named in its own list, which is the field
    /// `left_out`.
    pub fn of<T: Serialize>(answer: &T, text: &str, most: usize) -> Result<Self, serde_json::Error> {
        let mut text = cut(&shown(text), most / TEXT);
        let mut value = serde_json::to_value(answer)?;
        spell_out(&mut value);
        let mut left_out: Vec<LeftOut> = match value.as_object_mut().and_then(|object| object.shift_remove("left_out"))
        {
            Some(named) => serde_json::from_value(named)?,
            None => Vec::new(),
        };
        let room = most.saturating_sub(fit::quoted(&text) + AROUND);
        let names = fit::NAMES.min(room / 4);
        left_out = fit::named(left_out, names);
        let of_names = |left_out: &[LeftOut]| serde_json::to_value(left_out).map(|named| fit::length(&named));
        if fit::length(&value) + of_names(&left_out)? > room {
            left_out.extend(fit(&mut value, room.saturating_sub(names)));
            left_out = fit::named(left_out, names);
        }
        if let (Some(object), false) = (value.as_object_mut(), left_out.is_empty()) {
            object.insert("left_out".to_owned(), serde_json::to_value(left_out)?);
        }
        // What a type keeps may need the room of the text, which says no more than that.
        let over = (fit::length(&value) + fit::quoted(&text) + AROUND).saturating_sub(most);
        if over > 0 {
            text = cut(&text, fit::quoted(&text).saturating_sub(over));
        }
        Ok(Answer { text, value })
    }
}

/// What a run, a replay, pasted outputs or a merge came to. The whole case can be read by `read_case`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Judged {
    /// The name by which `read_case`, `replay_case` and `merge_cases` take this case.
    pub case: String,
    /// The host.
    pub host: String,
    /// The runbook that judged.
    pub runbook: String,
    /// When it began to look, RFC 3339.
    pub started: String,
    /// How long it watched.
    pub window_seconds: f64,
    /// The gravest of all: `ok` only where all could be seen that had to be.
    pub verdict: Verdict,
    /// The conclusion in a sentence.
    pub summary: String,
    /// Headline figures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headlines: Vec<String>,
    /// The run was ended before its window was over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The causes that are likely or certain, the one whose remedy helps most first. None: nothing is advised.
    pub causes: Vec<AtWork>,
    /// What steps found that is not ok, where no cause says it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Found>,
    /// How many steps could look, of those that apply.
    pub coverage: Coverage,
    /// What was read in place of a host: the outputs that were recognised, what stands out in them, what to ask for next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// What could not be seen, and how to see it. Nothing here is fine because it was not seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_seen: Vec<String>,
    /// The commands of the remedies come from whoever wrote the case, not from casebook: read them before anybody runs them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign_commands: bool,
    /// What is in the case and not here: `read_case` has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A cause that is likely or certain.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AtWork {
    /// Its id in the runbook.
    pub id: String,
    /// What happens, and to what.
    pub title: String,
    /// How sure the signs make it.
    pub likelihood: Likelihood,
    /// How grave it is.
    pub severity: Verdict,
    /// The signs for it that hold, with their figures, the weightiest first.
    pub signs: Vec<String>,
    /// The signs against it that hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
    /// What to do: commands for people to read and run. This server runs none.
    pub remedies: Vec<Remedy>,
}

/// What a step found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Found {
    /// The step.
    pub step: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was found, with the figures.
    pub sentence: String,
}

/// How much of a case is told at once.
struct Depth {
    causes: usize,
    signs: usize,
    remedies: usize,
    findings: usize,
    gaps: usize,
}

/// From much to little: the first that fits is taken.
const DEPTHS: [Depth; 4] = [
    Depth { causes: 5, signs: 8, remedies: 8, findings: 12, gaps: 8 },
    Depth { causes: 3, signs: 5, remedies: 3, findings: 6, gaps: 4 },
    Depth { causes: 2, signs: 4, remedies: 1, findings: 3, gaps: 2 },
    Depth { causes: 1, signs: 3, remedies: 1, findings: 1, gaps: 1 },
];

/// The answer that tells of a case.
pub(super) fn judged(name: &str, case: &Case, most: usize) -> Result<Answer, serde_json::Error> {
    Answer::of(&conclusion(name, case, most)?, &in_short(case), most)
}

/// What a case says, as deep as fits into an answer of so many bytes.
pub(super) fn conclusion(name: &str, case: &Case, most: usize) -> Result<Judged, serde_json::Error> {
    let text = fit::quoted(&in_short(case)).min(most / TEXT);
    let room = most.saturating_sub(text + AROUND);
    let [deep @ .., least] = &DEPTHS;
    for depth in deep {
        let told = Judged::of(name, case, depth);
        if fit::length(&serde_json::to_value(&told)?) <= room {
            return Ok(told);
        }
    }
    Ok(Judged::of(name, case, least))
}

/// The conclusion for clients that take no values: what is wrong, what to do first, and whether all was seen.
pub(super) fn in_short(case: &Case) -> String {
    let mut text = format!("{}: {}\n", case.verdict, sentence(&case.diagnosis.summary));
    let first = case.diagnosis.causes.first().filter(|cause| cause.likelihood >= Likelihood::Likely);
    let remedy = first.and_then(|cause| cause.remedies.iter().min_by_key(|remedy| turn(remedy)));
    if let Some(Remedy { action, run, .. }) = remedy {
        let run = run.as_ref().map(|run| format!(" {run}")).unwrap_or_default();
        let whose = if case.foreign_commands { " (a command of whoever wrote the case: read it first)" } else { "" };
        text.push_str(&format!("To do: {action}{run}{whose}\n"));
    }
    let not_seen = if case.reading.is_some() { Vec::new() } else { not_seen(case) };
    if let [first, rest @ ..] = not_seen.as_slice() {
        let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
        text.push_str(&format!("Not seen{more}: {first}\n"));
    }
    text
}

/// In which order remedies come.
fn turn(remedy: &Remedy) -> u8 {
    match remedy.urgency {
        Urgency::Now => 0,
        Urgency::Lasting => 1,
        Urgency::Upstream => 2,
    }
}

impl Judged {
    fn of(name: &str, case: &Case, depth: &Depth) -> Self {
        let likely: Vec<&Cause> =
            case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely).collect();
        let mut left_out = Vec::new();
        let mut note = |what: &str, kept: usize, of: usize| {
            if kept < of {
                left_out.push(LeftOut { what: what.to_owned(), kept: format!("the first {kept} of {of}") });
            }
        };
        note("causes", depth.causes, likely.len());
        let mut causes = Vec::new();
        for cause in likely.iter().take(depth.causes) {
            let (at_work, signs) = AtWork::of(cause, depth);
            note(&format!("signs of {}", cause.id), depth.signs, signs);
            note(&format!("remedies of {}", cause.id), depth.remedies, cause.remedies.len());
            causes.push(at_work);
        }
        // Of outputs of tools nobody expects that they show all: what they do not show is in `reading`.
        let is_trouble = |finding: &&Finding| match finding.verdict {
            Verdict::Ok | Verdict::Skipped => false,
            Verdict::Unknown => case.reading.is_none(),
            Verdict::Warning | Verdict::Critical => true,
        };
        let troubled: Vec<&Finding> = case.findings.iter().filter(is_trouble).collect();
        // Beside a cause the steps say the same once more.
        let findings = if causes.is_empty() { depth.findings } else { 0 };
        note("findings that are not ok", findings, troubled.len());
        let not_seen = if case.reading.is_some() { Vec::new() } else { not_seen(case) };
        note("not_seen", depth.gaps, not_seen.len());
        Judged {
            case: name.to_owned(),
            host: case.host.name.clone(),
            runbook: case.runbook.name.clone(),
            started: case.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            window_seconds: (case.window_seconds * 1000.0).round() / 1000.0,
            verdict: case.verdict,
            summary: sentence(&case.diagnosis.summary),
            headlines: case.diagnosis.headlines.iter().take(3).map(|text| sentence(text)).collect(),
            partial: case.partial,
            causes,
            findings: troubled.iter().take(findings).map(|finding| Found::of(finding)).collect(),
            coverage: case.coverage,
            reading: case.reading.clone(),
            not_seen: not_seen.into_iter().take(depth.gaps).collect(),
            foreign_commands: case.foreign_commands,
            left_out,
        }
    }
}

impl AtWork {
    /// A cause, and how many signs speak for it.
    fn of(cause: &Cause, depth: &Depth) -> (Self, usize) {
        let mut holding: Vec<_> =
            cause.signs.iter().filter(|sign| sign.holds == Truth::Yes && !sign.say.is_empty()).collect();
        holding.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
        let of = |side: SignSide| holding.iter().filter(move |sign| sign.side == side).map(|sign| sentence(&sign.say));
        let mut remedies: Vec<&Remedy> = cause.remedies.iter().collect();
        remedies.sort_by_key(|remedy| turn(remedy));
        let at_work = AtWork {
            id: cause.id.clone(),
            title: sentence(&cause.title),
            likelihood: cause.likelihood,
            severity: cause.severity,
            signs: of(SignSide::For).take(depth.signs).collect(),
            against: of(SignSide::Against).take(depth.signs).collect(),
            remedies: remedies.into_iter().take(depth.remedies).cloned().collect(),
        };
        (at_work, of(SignSide::For).count())
    }
}

impl Found {
    fn of(finding: &Finding) -> Self {
        Found { step: finding.step.clone(), verdict: finding.verdict, sentence: sentence(&finding.sentence) }
    }
}

/// What could not be seen, each thing once: first what a step lacks, then parts of evidence, then what was not judged.
fn not_seen(case: &Case) -> Vec<String> {
    let of_steps = case.findings.iter().flat_map(|finding| &finding.gaps);
    let of_evidence = case
        .evidence
        .values()
        .flat_map(|evidence| evidence.gap.iter().chain(evidence.missing.iter().map(|missing| &missing.gap)));
    let mut told: Vec<String> = Vec::new();
    for gap in of_steps.chain(of_evidence).chain(&case.limits) {
        let gap = sentence(&gap.to_string());
        if !told.contains(&gap) {
            told.push(gap);
        }
    }
    told
}

/// A part of a case.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Part {
    /// The case.
    pub case: String,
    /// The runbook that judged.
    pub runbook: String,
    /// Section `summary`: the conclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Judged>,
    /// Section `causes`: all that were weighed, the likeliest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causes: Option<Vec<Cause>>,
    /// Section `steps`: what each step found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Finding>>,
    /// Section `evidence` without a step: what there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Vec<Observed>>,
    /// Section `evidence`: what a step observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Section `evidence` with a path: what stands there; of a list what comes from `from` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Section `ledger`: where the inbound bytes went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Account>,
    /// Section `hosts` of a merged case: what they have in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Fleet>,
    /// Section `report`: the report as text, from byte `from` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// More comes: ask again with this `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// What would have been too long: ask for it by its `path`, or with a larger `max_bytes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// What a step observed, from afar.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Observed {
    /// The step.
    pub step: String,
    /// Its probe.
    pub probe: String,
    /// Bytes of its result as JSON; none where it saw nothing.
    pub bytes: Option<usize>,
    /// Why it saw nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// What a probe saw.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Probed {
    /// The name by which `read_case` takes the whole of it, as the evidence of a step that is called as the probe.
    pub case: String,
    /// The host.
    pub host: String,
    /// What was seen, and what was not. `output` is as `list_probes` describes it.
    pub evidence: Evidence,
    /// What would have been too long: `read_case` has it by its path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// The runbooks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Runbooks {
    /// Each with what it is for.
    pub runbooks: Vec<Runbook>,
    /// Files that are none, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What would have been too long: name one runbook.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A runbook.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Runbook {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// Where it was read from, unless it ships with casebook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What people complain about when they need it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<String>,
    /// The names of its parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub param_names: Vec<String>,
    /// Its parameters, where it was named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
}

/// A parameter of a runbook.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Param {
    /// Its name.
    pub name: String,
    /// Its type: duration (10s), bitrate (20Mbit/s), size (64MiB), share (5%), integer, interface …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its value when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// It must be given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is for.
    pub help: String,
}

/// The probes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Probes {
    /// Each with what it observes.
    pub probes: Vec<Probe>,
    /// What would have been too long: name one probe, or allow more bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A probe.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Probe {
    /// Its name.
    pub name: String,
    /// What it observes.
    pub about: String,
    /// The tools that people would type instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// The names of its parameters.
    pub params: Vec<String>,
    /// The JSON schema of its parameters, where one probe was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params_schema: Option<Value>,
    /// The JSON schema of its output, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
}

/// The cases that can be read.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cases {
    /// Cases that this server made and still keeps, the newest first.
    pub made: Vec<Made>,
    /// Files below the folders that the operator opened.
    pub files: Vec<File>,
    /// Folders that could not be read, or of which not all is listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_listed: Vec<String>,
    /// What would have been too long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A case that this server made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Made {
    /// Its name.
    pub case: String,
    /// The host, as the case has it.
    pub host: String,
    /// What judged it.
    pub runbook: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its conclusion.
    pub summary: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct File {
    /// The name by which the tools take it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The report as plain text.
pub(super) fn report(case: &Case) -> String {
    let options = Options { width: 80, color: false, charset: Charset::Unicode, verbose: false };
    let mut bytes = Vec::new();
    if let Some(text) = report::by_name("text") {
        // A vector takes all that is written to it.
        let _ = text.render(case, &options, &mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first lines of a text, in so many bytes of JSON.
pub(super) fn cut(text: &str, most: usize) -> String {
    const MORE: &str = "…\n";
    if fit::quoted(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(fit::quoted(MORE));
    let (mut taken, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        taken += fit::quoted(c.encode_utf8(&mut [0; 4])) - fit::quoted("");
        if taken > room {
            break;
        }
        end = at + c.len_utf8();
    }
    let end = text[..end].rfind('\n').map_or(end, |line| line + 1);
    format!("{}{MORE}", &text[..end])
}

fn sentence(text: &str) -> String {
    let text = printable::printable(text.trim());
    match text.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A text of lines in which what a terminal would obey is spelled out.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') { shown.push(c) } else { printable::push_visible(&mut shown, c) }
    }
    shown
}

/// Spells out in every text what a terminal would obey: a client may show it on one.
fn spell_out(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().any(printable::is_hazard) => *text = shown(text),
        Value::Array(list) => list.iter_mut().for_each(spell_out),
        Value::Object(object) => {
            if object.keys().any(|key| key.chars().any(printable::is_hazard)) {
                *object =
                    std::mem::take(object).into_iter().map(|(key, value)| (printable::printable(key), value)).collect();
            }
            object.values_mut().for_each(spell_out);
        }
        _ => {}
    }
}
