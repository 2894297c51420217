//! Checks the steps of a runbook: what they call, what they need, and how they judge.

use super::{Checker, NoCheck};
use crate::nearest::nearest;
use crate::probe;
use crate::runbook::document::{OutcomeDocument, StepDocument, Text};
use crate::runbook::model::{Argument, Outcome, Step, Target};
use crate::script::Condition;
use crate::units::Span;

impl Checker<'_> {
    pub(super) fn step(&mut self, document: StepDocument, ids: &[String]) -> Step {
        let target = self.target(&document);
        let mut needs: Vec<String> = Vec::new();
        for need in &document.needs {
            if ids.contains(&need.value) {
                needs.push(need.value.clone());
            } else {
                let range = self.range(need);
                let help =
                    nearest(&need.value, ids.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                self.report(Some(range), format!("there is no step `{}`", need.value), help);
            }
        }
        let judges_itself = document.outcomes.is_empty() && matches!(target, Some(Target::Check(_)));
        let arguments = target.as_ref().map(|target| self.arguments(target, document.with)).unwrap_or_default();
        let when = document.when.as_ref().and_then(|text| self.condition(text));
        let used =
            when.iter().flat_map(Condition::atoms).chain(arguments.iter().flat_map(|(_, argument)| match argument {
                Argument::Literal(_) => Vec::new(),
                Argument::Value(expression) => vec![expression],
                Argument::Text(template) => template.expressions().map(|(expression, _)| expression).collect(),
            }));
        for name in used.flat_map(|expression| expression.uses()).map(|used| &used.name) {
            if self.late.contains(name) {
                let problem = format!("step `{}` is asked before `{name}` is known", document.id.value);
                let help = "names of `let` are known when all steps have looked: use them in outcomes and causes";
                self.report(Some(self.range(&document.id)), problem, Some(help.into()));
            }
            if ids.contains(name) && !needs.contains(name) {
                needs.push(name.clone());
            }
        }
        if !judges_itself && document.outcomes.last().is_none_or(|last| last.when.is_some()) {
            let range = self.range(&document.id);
            self.report(
                Some(range),
                format!("step `{}` has no last outcome without a condition", document.id.value),
                Some("add one, so that every answer is judged: `- verdict: ok` with a sentence".into()),
            );
        }
        let otherwise = document.otherwise.as_ref().and_then(|text| self.template(text));
        let timeout_seconds = document.timeout.as_ref().and_then(|text| match text.value.parse::<Span>() {
            Ok(span) => Some(span.0.as_secs_f64()),
            Err(error) => {
                let range = self.range(text);
                self.report(Some(range), error.to_string(), None);
                None
            }
        });
        let stop = document.stop.as_ref().and_then(|text| self.condition(text));
        let outcomes = document.outcomes.into_iter().filter_map(|outcome| self.outcome(outcome)).collect();
        Step {
            id: document.id.value,
            title: document.title,
            target: target.unwrap_or(Target::Probe("")),
            arguments,
            when,
            otherwise,
            needs,
            timeout_seconds,
            outcomes,
            stop,
        }
    }

    /// The probe or check that a step calls.
    fn target(&mut self, document: &StepDocument) -> Option<Target> {
        match (&document.probe, &document.check) {
            (Some(name), None) => {
                let probe = probe::find(&name.value);
                if probe.is_none() {
                    let names = probe::PROBES.iter().map(|probe| probe.name());
                    let help = match nearest(&name.value, names.clone()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
                    };
                    self.report(Some(self.range(name)), format!("there is no probe `{}`", name.value), Some(help));
                }
                probe.map(|probe| Target::Probe(probe.name()))
            }
            (None, Some(name)) => match (self.find)(&name.value) {
                Ok(check) => Some(Target::Check(check)),
                Err(NoCheck { message, help }) => {
                    self.report(Some(self.range(name)), message, help);
                    None
                }
            },
            (probe, _) => {
                let message = match probe {
                    Some(_) => format!("step `{}` calls both a probe and a check", document.id.value),
                    None => format!("step `{}` calls neither a probe nor a check", document.id.value),
                };
                let help = "write `probe: NAME` or `check: NAME`; `casebook list` shows them".to_owned();
                self.report(Some(self.range(&document.id)), message, Some(help));
                None
            }
        }
    }

    fn outcome(&mut self, document: OutcomeDocument) -> Option<Outcome> {
        let when = match &document.when {
            Some(text) => Some(self.condition(text)?),
            None => None,
        };
        let say = self.template(&document.say)?;
        let remedy = document.remedy.and_then(|remedy| self.remedy(remedy));
        Some(Outcome { when, verdict: document.verdict, say, remedy })
    }

    /// Steps that need one another can never be asked.
    pub(super) fn cycles(&mut self, steps: &[Step], at: &Text) {
        let mut done: Vec<&str> = Vec::new();
        let mut left: Vec<&Step> = steps.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|step| {
                let ready = step.needs.iter().all(|need| done.contains(&need.as_str()));
                if ready {
                    done.push(&step.id);
                }
                !ready
            });
            if left.len() == before {
                let chain: Vec<String> =
                    left.iter().map(|step| format!("{} needs {}", step.id, step.needs.join(" and "))).collect();
                let range = self.range(at);
                self.report(Some(range), format!("steps need one another: {}", chain.join("; ")), None);
                return;
            }
        }
    }
}
