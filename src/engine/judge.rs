//! From evidence to findings: the first outcome that holds wins, and what could not be seen is never fine.

use super::run::Seen;
use crate::case::{Finding, Gap, Remedy, Truth, Verdict};
use crate::runbook::{RemedyPlan, Step};
use crate::script::Scope;

/// Judges one step.
pub(super) fn judge(step: &Step, seen: &Seen, scope: &Scope) -> Finding {
    let finding = |verdict, sentence: String, gaps| Finding {
        step: step.id.clone(),
        title: step.title.clone(),
        verdict,
        sentence,
        gaps,
        remedy: None,
    };
    match seen {
        Seen::Skipped(why) => finding(Verdict::Skipped, why.clone(), Vec::new()),
        Seen::Unasked(gaps) => finding(Verdict::Unknown, not_looked(gaps), gaps.clone()),
        Seen::Evidence(evidence) => match &evidence.gap {
            Some(gap) => finding(Verdict::Unknown, not_looked(std::slice::from_ref(gap)), vec![gap.clone()]),
            None => by_outcomes(step, scope, &finding),
        },
    }
}

fn not_looked(gaps: &[Gap]) -> String {
    match gaps.first() {
        Some(gap) => format!("not looked: could not {}: {}", gap.tried, gap.why),
        None => "not looked".to_owned(),
    }
}

fn by_outcomes(step: &Step, scope: &Scope, finding: &dyn Fn(Verdict, String, Vec<Gap>) -> Finding) -> Finding {
    let mut unseen: Vec<Gap> = Vec::new();
    for outcome in &step.outcomes {
        let judged = match &outcome.when {
            Some(condition) => scope.judge(condition),
            None => true.into(),
        };
        match judged.truth {
            Truth::No => continue,
            Truth::Unknown => {
                unseen.extend(judged.gaps);
                continue;
            }
            Truth::Yes => {}
        }
        let (sentence, gaps) = scope.render(&outcome.say);
        // Trouble that was seen stands. "Fine" does not, while something worse could not be told.
        let fine = matches!(outcome.verdict, Verdict::Ok | Verdict::Skipped);
        if fine && !(unseen.is_empty() && gaps.is_empty()) {
            unseen.extend(gaps);
            unseen.dedup();
            let why = unseen.first().map(|gap| format!("could not {}: {}", gap.tried, gap.why)).unwrap_or_default();
            return finding(Verdict::Unknown, format!("cannot tell: {why}"), unseen);
        }
        let mut found = finding(outcome.verdict, sentence, gaps);
        found.remedy = outcome.remedy.as_ref().and_then(|remedy| fill(remedy, scope));
        return found;
    }
    unseen.dedup();
    match unseen.first() {
        Some(gap) => {
            finding(Verdict::Unknown, format!("cannot tell: could not {}: {}", gap.tried, gap.why), unseen.clone())
        }
        None => finding(Verdict::Unknown, "no outcome of this step holds".to_owned(), Vec::new()),
    }
}

/// A remedy with its figures filled in; none when it does not apply, or when its command cannot be filled.
pub(super) fn fill(plan: &RemedyPlan, scope: &Scope) -> Option<Remedy> {
    if plan.when.as_ref().is_some_and(|condition| scope.judge(condition).truth != Truth::Yes) {
        return None;
    }
    let command = |template: &Option<crate::script::Template>| match template {
        Some(template) => scope.render_command(template).map(|text| Some(text.trim().to_owned())).map_err(drop),
        None => Ok(None),
    };
    let (Ok(run), Ok(undo)) = (command(&plan.run), command(&plan.undo)) else { return None };
    Some(Remedy {
        urgency: plan.urgency,
        action: scope.render(&plan.action).0.trim().to_owned(),
        run,
        undo,
        risk: plan.risk.as_ref().map(|risk| scope.render(risk).0),
    })
}
