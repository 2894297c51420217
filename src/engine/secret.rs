//! Secret parameters. Expressions, evidence and reports hold a stand-in; the value itself goes to the probe alone.

use serde_json::{Map, Value, json};

use crate::case::{Evidence, Gap};
use crate::redact;
use crate::runbook::Runbook;

/// A text shorter than this is taken out of evidence only where it is a whole text: inside others it would be found by
/// chance.
const TELLING: usize = 4;

/// The secrets of a run: what stands in for each, and its value.
#[derive(Clone, Default)]
pub struct Secrets {
    of: Vec<(String, String)>,
}

/// What stands in for the secret parameter of that name.
pub(super) fn stand_in(name: &str) -> String {
    format!("(secret {name})")
}

impl Secrets {
    /// Takes the secrets out of the parameters and leaves their stand-ins.
    pub fn take(runbook: &Runbook, params: &mut Map<String, Value>) -> Self {
        let mut of = Vec::new();
        for (name, value) in params.iter_mut() {
            let secret = runbook.params.get(name).is_some_and(|spec| spec.secret);
            if let (true, Some(text)) = (secret, value.as_str()) {
                let stand_in = stand_in(name);
                if !text.is_empty() && text != stand_in {
                    of.push((stand_in.clone(), text.to_owned()));
                }
                *value = json!(stand_in);
            }
        }
        // One secret may be a part of another: the longer is taken out first.
        of.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.len()));
        Secrets { of }
    }

    /// The parameters of a probe with the secrets in place.
    pub fn put_in(&self, params: Value) -> Value {
        self.of.iter().fold(params, |params, (stand_in, secret)| {
            walk(params, &|text| if text.contains(stand_in.as_str()) { text.replace(stand_in, secret) } else { text })
        })
    }

    /// The evidence without the secrets, wherever the probe repeats them.
    pub fn take_out(&self, mut evidence: Evidence) -> Evidence {
        self.clean(&mut evidence);
        evidence
    }

    /// Leaves the secrets out of the evidence, wherever the probe repeats them.
    pub fn clean(&self, evidence: &mut Evidence) {
        // Those that nobody declared are left out before anything is judged, so that a replay judges the same.
        redact::evidence(evidence);
        if self.of.is_empty() {
            return;
        }
        let hide = |text: String| self.hide(text);
        let hide_gap = |gap: Gap| Gap {
            tried: hide(gap.tried),
            reason: gap.reason,
            why: hide(gap.why),
            to_fix: gap.to_fix.map(hide),
        };
        evidence.params = walk(std::mem::take(&mut evidence.params), &hide);
        evidence.output = evidence.output.take().map(|output| walk(output, &hide));
        evidence.gap = evidence.gap.take().map(hide_gap);
        for missing in &mut evidence.missing {
            missing.gap = hide_gap(missing.gap.clone());
        }
        evidence.loss = std::mem::take(&mut evidence.loss).into_iter().map(hide).collect();
    }

    /// The text without the secrets.
    pub fn hide(&self, text: String) -> String {
        self.of.iter().fold(text, |text, (stand_in, secret)| {
            if text == *secret {
                stand_in.clone()
            } else if secret.len() >= TELLING && text.contains(secret.as_str()) {
                text.replace(secret, stand_in)
            } else {
                text
            }
        })
    }
}

/// The value with each of its texts, keys included, changed.
fn walk(value: Value, change: &dyn Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.into_iter().map(|item| walk(item, change)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, field)| (change(key), walk(field, change))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Missing, Reason};

    fn secrets(of: &[(&str, &str)]) -> Secrets {
        Secrets { of: of.iter().map(|(name, secret)| (stand_in(name), (*secret).to_owned())).collect() }
    }

    #[test]
    fn a_probe_gets_the_secret_and_its_evidence_loses_it() {
        let secrets = secrets(&[("token", "hunter2")]);
        let params = secrets.put_in(json!({"url": "http://x/?t=(secret token)", "depth": 2}));
        assert_eq!(params, json!({"url": "http://x/?t=hunter2", "depth": 2}));
        let gap = Gap::new(Reason::Failed, "log in with hunter2", "hunter2 is wrong").to_fix("do not use hunter2");
        let evidence = Evidence {
            probe: "test".into(),
            params,
            started: jiff::Timestamp::UNIX_EPOCH,
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: Some(json!({"seen": ["a hunter2 b"], "by": {"hunter2": 1}})),
            gap: Some(gap.clone()),
            missing: vec![Missing { fields: vec!["seen".into()], gap }],
            loss: vec!["hunter2 was lost".into()],
            typed: Default::default(),
        };
        let text = serde_json::to_string(&secrets.take_out(evidence)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("(secret token)"), "{text}");
    }

    #[test]
    fn a_short_secret_is_hidden_where_it_stands_alone() {
        let secrets = secrets(&[("pin", "12")]);
        let mut evidence = Evidence {
            probe: "test".into(),
            params: json!({"pin": "12"}),
            started: jiff::Timestamp::UNIX_EPOCH,
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: Some(json!("port 1234")),
            gap: None,
            missing: Vec::new(),
            loss: Vec::new(),
            typed: Default::default(),
        };
        evidence = secrets.take_out(evidence);
        assert_eq!(evidence.params, json!({"pin": "(secret pin)"}));
        assert_eq!(evidence.output, Some(json!("port 1234")));
    }
}
