//! From evidence to findings: the first outcome that holds wins, and what could not be seen is never fine.

use serde_json::Map;

use super::remedy::fill;
use super::step_result::StepResult;
use crate::case::{Finding, Gap, Reason, Said, Truth, Verdict};
use crate::runbook::{Outcome, Step};
use crate::script::{CheckFinding, Scope};

/// Judges one step. Beside the finding: which of the step's outcomes held.
pub(super) fn judge(step: &Step, seen: &StepResult, scope: &Scope) -> (Finding, Option<usize>) {
    let finding = |verdict, sentence: String, gaps| Finding {
        step: step.id.clone(),
        title: step.title.clone(),
        verdict,
        sentence,
        gaps,
        remedies: Vec::new(),
        data: Map::new(),
        besides: Vec::new(),
    };
    let blind = |gap: &Gap| finding(Verdict::Unknown, not_looked(std::slice::from_ref(gap)), vec![gap.clone()]);
    let found = match seen {
        StepResult::Skipped(why) => finding(Verdict::Skipped, why.clone(), Vec::new()),
        StepResult::Unasked(gaps) => finding(Verdict::Unknown, not_looked(gaps), gaps.clone()),
        StepResult::Evidence(evidence) => match &evidence.gap {
            Some(gap) => blind(gap),
            None => return by_all_outcomes(step, scope, &finding),
        },
        StepResult::Checked(checked) => match (&checked.evidence.gap, checked.findings.split_first()) {
            (Some(gap), _) => blind(gap),
            (None, Some((first, besides))) if step.outcomes.is_empty() => by_check(first, besides, &finding),
            _ => return by_all_outcomes(step, scope, &finding),
        },
    };
    (found, None)
}

type NewFinding<'a> = dyn Fn(Verdict, String, Vec<Gap>) -> Finding + 'a;

/// What a check found is the finding, where its step has no outcomes of its own.
fn by_check(first: &CheckFinding, besides: &[CheckFinding], finding: &NewFinding<'_>) -> Finding {
    // What a check says that it could not tell is a gap like any other.
    let gaps = match first.verdict {
        Verdict::Unknown => vec![Gap::new(Reason::Failed, "judge by what was seen", first.sentence.clone())],
        _ => Vec::new(),
    };
    let mut found = finding(first.verdict, first.sentence.clone(), gaps);
    found.data = first.data.clone();
    found.remedies = first.remedies.iter().chain(besides.iter().flat_map(|other| &other.remedies)).cloned().collect();
    found.besides =
        besides.iter().map(|other| Said { verdict: other.verdict, sentence: other.sentence.clone() }).collect();
    found
}

fn not_looked(gaps: &[Gap]) -> String {
    match gaps.first() {
        Some(gap) => format!("not looked: could not {}: {}", gap.tried, gap.why),
        None => "not looked".to_owned(),
    }
}

/// The finding of every list of outcomes that a step has: the gravest, with what the others say of trouble beside it.
fn by_all_outcomes(step: &Step, scope: &Scope, finding: &NewFinding<'_>) -> (Finding, Option<usize>) {
    let (mut found, place) = by_outcomes(&step.outcomes, scope, finding);
    for also in &step.also {
        let (mut other, _) = by_outcomes(&also.outcomes, scope, finding);
        other.title.clone_from(&also.title);
        if other.verdict.gravity() > found.verdict.gravity() {
            std::mem::swap(&mut found, &mut other);
        }
        Gap::gather(&mut found.gaps, other.gaps);
        found.remedies.extend(other.remedies);
        found.besides.extend(other.besides);
        let fine = matches!(other.verdict, Verdict::Ok | Verdict::Skipped);
        if !fine && other.sentence != found.sentence {
            // A sentence stands below its own title.
            let sentence = match other.title == found.title {
                true => other.sentence,
                false => format!("{}: {}", other.title, other.sentence),
            };
            found.besides.push(Said { verdict: other.verdict, sentence });
        }
    }
    (found, place)
}

fn by_outcomes(outcomes: &[Outcome], scope: &Scope, finding: &NewFinding<'_>) -> (Finding, Option<usize>) {
    let mut unseen: Vec<Gap> = Vec::new();
    for (place, outcome) in outcomes.iter().enumerate() {
        let judged = match &outcome.when {
            Some(condition) => scope.judge(condition),
            None => true.into(),
        };
        match judged.truth {
            Truth::No => continue,
            Truth::Unknown => {
                Gap::gather(&mut unseen, judged.gaps);
                continue;
            }
            Truth::Yes => {}
        }
        let (sentence, gaps) = scope.render(&outcome.say);
        // Trouble that was seen stands. "Fine" does not, while something worse could not be told.
        let fine = matches!(outcome.verdict, Verdict::Ok | Verdict::Skipped);
        if fine && !(unseen.is_empty() && gaps.is_empty()) {
            Gap::gather(&mut unseen, gaps);
            let why = unseen.first().map(|gap| format!("could not {}: {}", gap.tried, gap.why)).unwrap_or_default();
            return (finding(Verdict::Unknown, format!("cannot tell: {why}"), unseen), None);
        }
        let mut found = finding(outcome.verdict, sentence, gaps);
        found.remedies = outcome.remedy.iter().filter_map(|remedy| fill(remedy, scope).ok()).collect();
        return (found, Some(place));
    }
    let found = match unseen.first() {
        Some(gap) => {
            finding(Verdict::Unknown, format!("cannot tell: could not {}: {}", gap.tried, gap.why), unseen.clone())
        }
        None => finding(Verdict::Unknown, "no outcome of this step holds".to_owned(), Vec::new()),
    };
    (found, None)
}
