//! Weighs the causes: each sign that holds moves the scale, each that could not be seen widens the doubt.

use std::cmp::Reverse;

use super::remedy;
use super::trace::Trace;
use crate::case::{Cause, Likelihood, Sign, SignSide, Truth, Weight};
use crate::runbook::CausePlan;
use crate::script::Scope;

/// What speaks against any cause before anything is known: most causes are not at work on most hosts.
const PRIOR: i32 = -3;
/// From here on little doubt is left: two strong signs and a moderate one.
const CERTAIN: i32 = 7;
/// From here on the evidence speaks for it: a strong sign and a moderate one.
const LIKELY: i32 = 3;
/// From here on it fits: a moderate sign, or two weak ones.
const POSSIBLE: i32 = -1;
/// From here down the evidence excludes it: a strong sign against and nothing for it.
const RULED_OUT: i32 = -7;

const fn points(weight: Weight) -> i32 {
    match weight {
        Weight::Weak => 1,
        Weight::Moderate => 2,
        Weight::Strong => 4,
        Weight::Decisive => 12,
    }
}

/// The scale after all signs: as seen, and as it would be at best and at worst if the unseen were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Score {
    seen: i32,
    best: i32,
    worst: i32,
}

impl Score {
    fn of<'a>(signs: impl IntoIterator<Item = (&'a SignSide, &'a Weight, &'a Truth)>) -> Self {
        let mut score = Score { seen: PRIOR, best: PRIOR, worst: PRIOR };
        for (side, weight, holds) in signs {
            let points = points(*weight);
            match (holds, side) {
                (Truth::No, _) => {}
                (Truth::Yes, SignSide::For) => score.shift(points),
                (Truth::Yes, SignSide::Against) => score.shift(-points),
                (Truth::Unknown, SignSide::For) => score.best += points,
                (Truth::Unknown, SignSide::Against) => score.worst -= points,
            }
        }
        score
    }

    fn shift(&mut self, points: i32) {
        self.seen += points;
        self.best += points;
        self.worst += points;
    }

    /// What could not be seen never excludes a cause, and never makes it certain.
    fn likelihood(self) -> Likelihood {
        if self.worst >= CERTAIN {
            Likelihood::Certain
        } else if self.seen >= LIKELY {
            Likelihood::Likely
        } else if self.seen >= POSSIBLE || self.best >= LIKELY {
            Likelihood::Possible
        } else if self.best <= RULED_OUT {
            Likelihood::RuledOut
        } else {
            Likelihood::Unlikely
        }
    }
}

/// Weighs every cause and ranks them: the likelier first, among those that are possible the ones that something speaks for,
/// among equals the one whose remedy helps most.
pub(super) fn weigh(plans: &[CausePlan], scope: &Scope, trace: &mut Trace) -> Vec<Cause> {
    let mut weighed: Vec<(Cause, i64, i32)> = plans
        .iter()
        .filter(|plan| plan.when.as_ref().is_none_or(|when| scope.judge(when).truth != Truth::No))
        .map(|plan| weigh_one(plan, scope, trace))
        .collect();
    // What is at work is at work: between likely and certain, the remedy decides what comes first.
    let class = |likelihood: Likelihood| likelihood.min(Likelihood::Likely);
    weighed.sort_by_key(|(cause, rank, score)| {
        Reverse((class(cause.likelihood), *score >= POSSIBLE, *rank, cause.likelihood, *score))
    });
    // Where several runbooks know the same cause, it is told once, as the one says that sees it best.
    let mut causes: Vec<Cause> = Vec::with_capacity(weighed.len());
    for (cause, _, _) in weighed {
        match causes.iter_mut().find(|known| known.id == cause.id && !cause.runbooks.is_empty()) {
            Some(known) => known.runbooks.extend(cause.runbooks),
            None => causes.push(cause),
        }
    }
    causes
}

fn weigh_one(plan: &CausePlan, scope: &Scope, trace: &mut Trace) -> (Cause, i64, i32) {
    if let Some(each) = &plan.each {
        scope.set_value("each", Ok(each.entry.clone()));
    }
    plan.bindings.iter().for_each(|binding| binding.set(scope));
    scope.set_table("subject", plan.subject.iter().map(|figure| (figure.name.clone(), figure.value.clone())).collect());
    let signs: Vec<Sign> = plan
        .signs
        .iter()
        .enumerate()
        .map(|(place, sign)| {
            let judged = scope.judge(&sign.when);
            if judged.truth == Truth::Yes {
                trace.signs.insert((plan.id.clone(), place));
            }
            let say = match (&sign.say, judged.truth) {
                (Some(say), Truth::Yes) => scope.render(say).0,
                // A condition is code: without a sentence, a sign that holds says nothing.
                (None, Truth::Yes) => String::new(),
                _ => sign.when.text.clone(),
            };
            Sign { side: sign.side, weight: sign.weight, holds: judged.truth, say, gaps: judged.gaps }
        })
        .collect();
    let score = Score::of(signs.iter().map(|sign| (&sign.side, &sign.weight, &sign.holds)));
    let likelihood = score.likelihood();
    // Most are unlikely, and are not told by their figures. What is not known of the subject is left out; null would read as "there is
    // none".
    let figures = plan.subject.iter().filter(|_| likelihood > Likelihood::Unlikely);
    let subject = scope.table(figures.map(|figure| (figure.name.as_str(), &figure.value)));
    let title = (likelihood > Likelihood::Unlikely).then(|| scope.render(&plan.title));
    let title = match title {
        Some((title, gaps)) if gaps.is_empty() => title,
        // Where its figures could not be seen, what speaks for it tells as much.
        _ if likelihood >= Likelihood::Likely => format!("{}{}", plan.name, borne_by(&signs)),
        _ => plan.name.clone(),
    };
    let mut withheld = 0;
    let remedies = match likelihood {
        // A remedy for what is not at work would be a trap.
        Likelihood::RuledOut | Likelihood::Unlikely => Vec::new(),
        // Nor is there one for what is open for want of evidence alone.
        Likelihood::Possible if score.seen < POSSIBLE => Vec::new(),
        _ => {
            let filled = plan.remedies.iter().enumerate().filter_map(|(place, remedy)| {
                let filled = remedy::fill(remedy, scope);
                withheld += usize::from(filled == Err(Truth::Unknown));
                let filled = filled.ok()?;
                trace.remedies.insert((plan.id.clone(), place));
                Some(filled)
            });
            filled.collect()
        }
    };
    for binding in plan.bindings.iter() {
        scope.unset(&binding.name);
    }
    scope.unset("subject");
    scope.unset("each");
    (
        Cause {
            id: plan.id.clone(),
            runbooks: plan.runbooks.clone(),
            title,
            likelihood,
            severity: plan.severity,
            subject,
            signs,
            remedies,
            withheld,
        },
        plan.rank,
        score.seen,
    )
}

/// The weightiest signs for a cause, as the end of a sentence that begins with its name.
fn borne_by(signs: &[Sign]) -> String {
    let mut holding: Vec<&Sign> = signs
        .iter()
        .filter(|sign| sign.side == SignSide::For && sign.holds == Truth::Yes && !sign.say.is_empty())
        .collect();
    holding.sort_by_key(|sign| Reverse(sign.weight));
    let said: Vec<&str> = holding.iter().take(2).map(|sign| sign.say.trim_end_matches('.')).collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignSide::{Against, For};
    use Truth::{No, Unknown, Yes};
    use Weight::{Decisive, Moderate, Strong, Weak};

    fn likelihood(signs: &[(SignSide, Weight, Truth)]) -> Likelihood {
        Score::of(signs.iter().map(|(side, weight, holds)| (side, weight, holds))).likelihood()
    }

    #[test]
    fn one_feature_is_a_vote_and_no_verdict() {
        assert_eq!(likelihood(&[(For, Strong, Yes)]), Likelihood::Possible);
        assert_eq!(likelihood(&[(For, Strong, Yes), (For, Moderate, Yes)]), Likelihood::Likely);
        assert_eq!(likelihood(&[(For, Strong, Yes), (For, Strong, Yes), (For, Moderate, Yes)]), Likelihood::Certain);
        assert_eq!(likelihood(&[(For, Weak, Yes)]), Likelihood::Unlikely);
    }

    #[test]
    fn what_could_not_be_seen_excludes_nothing() {
        assert_eq!(likelihood(&[(Against, Strong, Yes)]), Likelihood::RuledOut);
        assert_eq!(likelihood(&[(Against, Strong, Yes), (For, Moderate, Unknown)]), Likelihood::Unlikely);
        assert_eq!(likelihood(&[(For, Strong, Unknown), (For, Moderate, Unknown)]), Likelihood::Possible);
        assert_eq!(likelihood(&[(For, Strong, No), (For, Moderate, No)]), Likelihood::Unlikely);
    }

    #[test]
    fn what_could_not_be_seen_keeps_a_cause_from_being_certain() {
        let signs = [(For, Decisive, Yes), (Against, Strong, Unknown)];
        assert_eq!(likelihood(&signs), Likelihood::Likely);
        assert_eq!(likelihood(&signs[..1]), Likelihood::Certain);
    }
}
