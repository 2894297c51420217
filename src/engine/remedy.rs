//! Remedies, with their figures filled in.

use crate::case::{Remedy, Truth, Urgency};
use crate::runbook::RemedyPlan;
use crate::script::Scope;

/// A remedy with its figures filled in. The error is why there is none: `No` where it does not apply, `Unknown` where what it
/// needs could not be seen: its condition, its command, or the letter that it is, cannot be filled.
pub(super) fn fill(plan: &RemedyPlan, scope: &Scope) -> Result<Remedy, Truth> {
    match plan.when.as_ref().map_or(Truth::Yes, |condition| scope.judge(condition).truth) {
        Truth::Yes => {}
        other => return Err(other),
    }
    let command = |template: &Option<crate::script::Template>| match template {
        Some(template) => scope.render_command(template).map(|text| Some(text.trim().to_owned())),
        None => Ok(None),
    };
    let (Ok(run), Ok(undo)) = (command(&plan.run), command(&plan.undo)) else { return Err(Truth::Unknown) };
    let (action, gaps) = scope.render(&plan.action);
    // A letter with blanks says nothing to whoever gets it.
    if plan.urgency == Urgency::Upstream && !gaps.is_empty() {
        return Err(Truth::Unknown);
    }
    Ok(Remedy {
        urgency: plan.urgency,
        action: action.trim().to_owned(),
        run,
        undo,
        risk: plan.risk.as_ref().map(|risk| scope.render(risk).0),
        unquoted: false,
    })
}
