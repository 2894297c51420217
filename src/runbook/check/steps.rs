//! Checks the steps of a runbook: what they call, what they need, and how they judge.

use super::{Checker, NoCheck};
use crate::case::Verdict;
use crate::probe;
use crate::runbook::bindings;
use crate::runbook::document::{AlsoDocument, OutcomeDocument, StepDocument, Text};
use crate::runbook::model::{Also, Argument, Outcome, Step, Target};
use crate::script::{Condition, Template};
use crate::suggest::Suggestion;
use crate::units::Span;

/// The sentence of a step for a live host, where the run looks at something else.
const NOT_LIVE: &str = "it looks at a live host only";

impl Checker<'_> {
    pub(super) fn step(&mut self, document: StepDocument, ids: &[String]) -> Step {
        let target = self.target(&document);
        let mut needs: Vec<String> = Vec::new();
        for need in &document.needs {
            if ids.contains(&need.value) {
                needs.push(need.value.clone());
            } else {
                let range = self.range(need);
                let help = Suggestion::of(&need.value, ids.iter().map(String::as_str)).question();
                self.report(Some(range), format!("there is no step `{}`", need.value), help);
            }
        }
        let judges_itself = document.outcomes.is_empty() && matches!(target, Some(Target::Check(_)));
        let arguments = target.as_ref().map(|target| self.arguments(target, document.with)).unwrap_or_default();
        let when = document.when.as_ref().and_then(|text| self.condition(text));
        let when = self.live(document.live_only, when, &document.id);
        let stop = document.stop.as_ref().and_then(|text| self.condition(text));
        let used =
            when.iter().flat_map(Condition::atoms).chain(arguments.iter().flat_map(|(_, argument)| match argument {
                Argument::Literal(_) => Vec::new(),
                Argument::Value(expression) => vec![expression],
                Argument::Text(template) => template.expressions().map(|(expression, _)| expression).collect(),
            }));
        let used: Vec<&str> = used.flat_map(|expression| expression.uses()).map(|used| used.name.as_str()).collect();
        // What a name stands for is known when the steps behind it have looked.
        let asked = bindings::behind(used.iter().copied(), &self.bindings);
        let behind = asked.iter().flat_map(|place| bindings::names(&self.bindings[*place]));
        for name in used.iter().copied().chain(behind) {
            if ids.iter().any(|id| id == name) && !needs.iter().any(|need| need == name) {
                needs.push(name.to_owned());
            }
        }
        let stops = stop.iter().flat_map(Condition::atoms).flat_map(|atom| atom.uses()).map(|used| used.name.as_str());
        let bindings = bindings::behind(used.iter().copied().chain(stops), &self.bindings);
        if !judges_itself && document.outcomes.last().is_none_or(|last| last.when.is_some()) {
            let range = self.range(&document.id);
            self.report(
                Some(range),
                format!("step `{}` has no last outcome without a condition", document.id.value),
                Some("add one, so that every answer is judged: `- verdict: ok` with a sentence".into()),
            );
        }
        if let Some(otherwise) = &document.otherwise {
            self.old_key("otherwise", otherwise, "skip_message");
        }
        let skip_message =
            document.skip_message.as_ref().or(document.otherwise.as_ref()).and_then(|text| self.template(text));
        // Where nothing else decides it, there is one reason to skip it.
        let is_live_alone = document.live_only && document.when.is_none();
        let skip_message = skip_message.or_else(|| Template::parse(NOT_LIVE, "").ok().filter(|_| is_live_alone));
        let timeout_seconds = document.timeout.as_ref().and_then(|text| match text.value.parse::<Span>() {
            Ok(span) => Some(span.0.as_secs_f64()),
            Err(error) => {
                let range = self.range(text);
                self.report(Some(range), error.to_string(), None);
                None
            }
        });
        let outcomes =
            document.outcomes.into_iter().filter_map(|outcome| self.outcome(outcome, &document.id)).collect();
        let also = document.also.into_iter().map(|AlsoDocument { title, outcomes }| {
            if outcomes.last().is_none_or(|last| last.when.is_some()) {
                let message =
                    format!("a further list of step `{}` has no last outcome without a condition", document.id.value);
                self.report(Some(self.range(&document.id)), message, Some("add one, with `ok:` and a sentence".into()));
            }
            let outcomes = outcomes.into_iter().filter_map(|outcome| self.outcome(outcome, &document.id)).collect();
            Also { title: title.unwrap_or_else(|| document.title.clone()), outcomes }
        });
        let also = also.collect();
        Step {
            id: document.id.value,
            title: document.title,
            target: target.unwrap_or(Target::Probe("")),
            arguments,
            when,
            skip_message,
            bindings,
            needs,
            timeout_seconds,
            outcomes,
            also,
            stop,
        }
    }

    /// The probe or check that a step calls.
    fn target(&mut self, document: &StepDocument) -> Option<Target> {
        match (&document.probe, &document.check) {
            (Some(name), None) => {
                let probe = probe::find(&name.value);
                if probe.is_none() {
                    let help = Suggestion::of(&name.value, probe::PROBES.iter().map(|probe| probe.name())).or_list();
                    self.report(Some(self.range(name)), format!("there is no probe `{}`", name.value), help);
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

    fn outcome(&mut self, document: OutcomeDocument, step: &Text) -> Option<Outcome> {
        let when = match &document.when {
            Some(text) => Some(self.condition(text)?),
            None => None,
        };
        let forms = [
            (document.ok, Some(Verdict::Ok)),
            (document.warning, Some(Verdict::Warning)),
            (document.critical, Some(Verdict::Critical)),
            (document.unknown, Some(Verdict::Unknown)),
            (document.skipped, Some(Verdict::Skipped)),
            (document.say, None),
        ];
        let mut given = forms.into_iter().filter_map(|(text, verdict)| Some((text?, verdict)));
        let (text, verdict) = match (given.next(), given.next()) {
            (Some((text, verdict)), None) if verdict.is_none() || document.verdict.is_none() => (text, verdict),
            (one, other) => {
                let at = other.or(one).map(|(text, _)| text);
                let range = self.range(at.as_ref().or(document.when.as_ref()).unwrap_or(step));
                let help = "write one of `ok:`, `warning:`, `critical:`, `unknown:` and `skipped:` with the sentence";
                self.report(Some(range), "an outcome has one verdict with one sentence", Some(help.to_owned()));
                return None;
            }
        };
        let Some(verdict) = verdict.or(document.verdict) else {
            let help = "write the verdict instead of `say`: `ok:`, `warning:` or `critical:`".to_owned();
            self.report(Some(self.range(&text)), "the outcome has no verdict", Some(help));
            return None;
        };
        let say = self.template(&text)?;
        let remedy = document.remedy.and_then(|remedy| self.remedy(remedy));
        Some(Outcome { when, verdict, say, remedy })
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
