//! What to do: the remedies of the causes that hold, and of the findings.

use std::collections::HashSet;

use super::{letter, name, titled};
use crate::case::{Case, Finding, Likelihood, Remedy, Sign, SignSide, Truth, Urgency, Verdict, Weight};
use crate::report::escape;

/// Causes whose remedies are shown. They come with the one that helps most first.
const MOST_CAUSES: usize = 4;
/// Remedies that are shown.
const MOST_REMEDIES: usize = 12;
/// Steps that are named when they could not look.
const MOST_NAMED: usize = 4;

/// Said above the remedies of a case that somebody else wrote.
const FOREIGN: &str =
    "The commands below come from the author of this case, not from casebook. Read them before you paste them.";
/// Said with commands whose values nobody quoted.
const UNQUOTED: &str = "The command below was put together by the check itself: casebook quoted nothing in it. Read it before you paste it.";

/// What to do.
pub struct Advice {
    /// Whose the commands are, where they are not casebook's.
    pub warning: Option<&'static str>,
    /// In the order in which to do it.
    pub remedies: Vec<Advised>,
    /// Remedies that are not shown.
    pub more: usize,
    /// Said in place of remedies: that there is nothing to do, or why nothing can be advised.
    pub instead: Option<String>,
}

/// One thing to do.
pub struct Advised {
    /// When and where it helps.
    pub urgency: Urgency,
    /// The sentence.
    pub action: String,
    /// Why its commands want a second look.
    pub warning: Option<&'static str>,
    /// Lines to paste.
    pub run: Vec<String>,
    /// Lines that take it back.
    pub undo: Vec<String>,
    /// What may go wrong.
    pub risk: Option<String>,
}

impl Advised {
    fn of(remedy: &Remedy) -> Self {
        Advised {
            urgency: remedy.urgency,
            action: letter(&remedy.action),
            warning: remedy.unquoted.then_some(UNQUOTED),
            run: remedy.run.as_deref().map(escape::command).unwrap_or_default(),
            undo: remedy.undo.as_deref().map(escape::command).unwrap_or_default(),
            risk: remedy.risk.as_deref().map(letter).filter(|risk| !risk.is_empty()),
        }
    }

    /// What makes it the same advice as another: its commands, or its sentence where it has none.
    fn key(&self) -> (bool, String) {
        if self.run.is_empty() { (false, self.action.clone()) } else { (true, self.run.join("\n")) }
    }
}

impl Advice {
    pub(super) fn of(case: &Case, saw_all: bool) -> Self {
        let standing = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
        let found = case.findings.iter().filter(|finding| finding.verdict != Verdict::Skipped);
        let mut seen = HashSet::new();
        let mut remedies: Vec<Advised> = standing
            .take(MOST_CAUSES)
            .flat_map(|cause| &cause.remedies)
            .chain(found.flat_map(|finding| &finding.remedies))
            .map(Advised::of)
            .filter(|advised| seen.insert(advised.key()))
            .collect();
        let more = remedies.len().saturating_sub(MOST_REMEDIES);
        remedies.truncate(MOST_REMEDIES);
        remedies.sort_by_key(|advised| advised.urgency); // stable: the cause whose remedy helps most stays first
        let instead = remedies.is_empty().then(|| instead(case, saw_all));
        let warning = (case.foreign_commands && !remedies.is_empty()).then_some(FOREIGN);
        Advice { warning, remedies, more, instead }
    }
}

/// What is said when there is no remedy to show. That nothing needs doing is said only where everything was looked at.
fn instead(case: &Case, saw_all: bool) -> String {
    let steps = |verdict: Verdict| case.findings.iter().filter(move |finding| finding.verdict == verdict);
    let title = |finding: &Finding| titled(&finding.step, Some(finding));
    let coverage = case.coverage;
    let blind = coverage.applicable.saturating_sub(coverage.looked);
    let likely = || case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    if likely().any(|cause| cause.withheld > 0) {
        return "That depends on what could not be seen. How to see more is below.".to_owned();
    }
    if likely().next().is_some() {
        return "The runbook has no remedy for what it found.".to_owned();
    }
    match case.verdict {
        Verdict::Ok if blind == 0 && coverage.looked > 0 => match (case.partial, saw_all) {
            (false, true) => "Nothing needs doing.".to_owned(),
            (false, false) => "Nothing needs doing, by what could be seen; what could not be seen is below.".to_owned(),
            (true, _) => "Nothing needs doing, by what was seen before the run was ended.".to_owned(),
        },
        Verdict::Warning | Verdict::Critical => {
            let worrying = listed(steps(Verdict::Critical).chain(steps(Verdict::Warning)).map(title));
            let look = if worrying.is_empty() { String::new() } else { format!("; look at: {worrying}") };
            format!("No cause is likely enough to advise on{look}.")
        }
        _ if coverage.applicable == 0 => "No step applied here, so nothing can be advised.".to_owned(),
        _ if coverage.looked == 0 => {
            "No step could look, so nothing can be advised. How to see more is below.".to_owned()
        }
        _ if blind == 0 && !case.limits.is_empty() => {
            "What was judged asks for nothing, but not all was judged. What kept it from that is below.".to_owned()
        }
        _ => {
            let unknown = listed(steps(Verdict::Unknown).map(title));
            let unknown = if unknown.is_empty() { String::new() } else { format!(" ({unknown})") };
            // What is suspected asks for a look.
            let speaks =
                |sign: &Sign| sign.side == SignSide::For && sign.holds == Truth::Yes && sign.weight >= Weight::Moderate;
            let causes = &case.diagnosis.causes;
            let suspected =
                causes.iter().any(|cause| cause.likelihood == Likelihood::Possible && cause.signs.iter().any(speaks));
            let seen = match suspected {
                true => "No cause is likely enough to advise on",
                false => "What was looked at asks for nothing",
            };
            format!(
                "{seen}, but {blind} of {} steps could not look{unknown}. How to see more \
                 is below.",
                coverage.applicable
            )
        }
    }
}

/// Names with commas between them; of a long list, the first few.
fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|text| name(&text)).collect();
    let (shown, more) = names.split_at(names.len().min(MOST_NAMED));
    let shown = shown.join(", ");
    if more.is_empty() { shown } else { format!("{shown} and {} more", more.len()) }
}
