//! What a step observed, with where it came from and what is missing from it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Gap;

/// What a probe saw, before the engine adds where and when.
#[derive(Debug, Clone)]
pub struct Observed<T> {
    /// The probe's result.
    pub output: T,
    /// Parts of the result that could not be seen.
    pub missing: Vec<Missing>,
    /// What was lost while looking, as sentences: ring drops, vanished processes, rotated files.
    pub loss: Vec<String>,
}

impl<T> Observed<T> {
    /// A result with nothing missing.
    pub fn whole(output: T) -> Self {
        Observed { output, missing: Vec::new(), loss: Vec::new() }
    }

    /// Notes that `fields` could not be seen. Each is a path in the output: `owners`, `tcp.rx_bytes`.
    pub fn miss(&mut self, fields: &[&str], gap: Gap) {
        self.missing.push(Missing { fields: fields.iter().map(|field| (*field).to_owned()).collect(), gap });
    }
}

/// A part of a result that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// Paths in the output that are null, empty or incomplete because of the gap: `processes`, `tcp.rx_bytes`.
    pub fields: Vec<String>,
    /// Why.
    pub gap: Gap,
}

/// What one step observed: the result or the gap, and its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The probe that looked.
    pub probe: String,
    /// The parameters that it was given, all of them.
    pub params: Value,
    /// When it began to look.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// How long it looked, in seconds.
    pub seconds: f64,
    /// CPU time that the looking cost, in seconds, the threads that helped included, where the kernel says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Peak resident memory of the whole run by the time when the looking ended, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// What it saw; none when there is a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it saw nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Parts that it could not see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What was lost while looking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss: Vec<String>,
    /// `output` as the probe's own type, in the run that observed it; never in a record.
    #[serde(skip)]
    #[schemars(skip)]
    pub typed: Typed,
}

/// A result as its probe's own type, so that a probe that derives from it need not read it back from JSON.
#[derive(Clone, Default)]
pub struct Typed(Option<Arc<dyn Any + Send + Sync>>);

impl Typed {
    /// Holds a result.
    pub fn of<T: Any + Send + Sync>(result: T) -> Self {
        Typed(Some(Arc::new(result)))
    }

    /// The result, where it is held and of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.0.as_ref()?).downcast().ok()
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Typed(held)" } else { "Typed(none)" })
    }
}

/// It says nothing that `output` does not say.
impl PartialEq for Typed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Evidence {
    /// Whether it is of another network namespace as a whole: no figure of it is this host's.
    pub fn is_of_elsewhere(&self) -> bool {
        self.output.as_ref().and_then(|output| output.get("namespace")).is_some_and(Value::is_object)
    }

    /// The gap that explains why the field at `path` is not known, if one was recorded for it or for what holds it.
    pub fn gap_at(&self, path: &str) -> Option<&Gap> {
        let covers =
            |field: &str| path == field || path.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.gap.as_ref().or_else(|| {
            self.missing.iter().find(|missing| missing.fields.iter().any(|field| covers(field))).map(|m| &m.gap)
        })
    }
}
