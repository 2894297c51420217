//! Remedies, with their figures filled in.

use crate::case::{Remedy, Truth, Urgency};
use crate::runbook::RemedyPlan;
use crate::script::Scope;

/// A remedy with its figures filled in; none when it does not apply, or when its command, or the letter that it is, cannot be
/// filled.
pub(super) fn fill(plan: &RemedyPlan, scope: &Scope) -> Option<Remedy> {
    if plan.when.as_ref().is_some_and(|condition| scope.judge(condition).truth != Truth::Yes) {
        return None;
    }
    let command = |template: &Option<crate::script::Template>| match template {
        Some(template) => scope.render_command(template).map(|text| Some(text.trim().to_owned())).map_err(drop),
        None => Ok(None),
    };
    let (Ok(run), Ok(undo)) = (command(&plan.run), command(&plan.undo)) else { return None };
    let (action, gaps) = scope.render(&plan.action);
    // A letter with blanks says nothing to whoever gets it.
    if plan.urgency == Urgency::Upstream && !gaps.is_empty() {
        return None;
    }
    Some(Remedy {
        urgency: plan.urgency,
        action: action.trim().to_owned(),
        run,
        undo,
        risk: plan.risk.as_ref().map(|risk| scope.render(risk).0),
        unquoted: false,
    })
}
