//! Why a script has no result.

use std::fmt;
use std::time::Duration;

use super::error::ScriptError;
use crate::case::Gap;
use crate::sys::lua_hook::Place;
use crate::units;

/// Something was asked for that could not be seen. Raised in a script; when the script lets it pass, its answer is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} is not known: {gap}")]
pub struct NotKnown {
    /// What was asked for, as the script would write it: `e.listeners[3].process`.
    pub path: String,
    /// Why it could not be seen.
    pub gap: Gap,
}

/// The script wrote more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it put out more than {limit} bytes")]
pub struct TooMuchOutput {
    /// Bytes that it may put out.
    pub limit: usize,
}

/// Memory as limits of it are written.
fn size(bytes: usize) -> String {
    const UNITS: [(usize, &str); 2] = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| units::bytes(bytes as f64), |(unit, name)| format!("{} {name}", bytes / unit))
}

/// Why a script has no result.
#[derive(Debug, Clone, PartialEq)]
pub enum ScriptStop {
    /// It ran longer than it may.
    Time {
        /// Where it was.
        place: Option<Place>,
        /// Time that it may take.
        limit: Duration,
    },
    /// It was told to stop and did not, inside a function of Lua's own that cannot be interrupted. Its thread was left behind.
    Hung {
        /// Where it was last seen.
        place: Option<Place>,
        /// Time that it may take.
        limit: Duration,
    },
    /// It wanted more memory than it may have.
    Memory {
        /// Where it was.
        place: Option<Place>,
        /// Bytes that it may have.
        limit: usize,
    },
    /// It logged or gave back more than it may.
    Output {
        /// Where it was.
        place: Option<Place>,
        /// Bytes that it may put out.
        limit: usize,
    },
    /// It needed what could not be seen, and did not say what then.
    NotKnown {
        /// What was asked for.
        path: String,
        /// Why it could not be seen.
        gap: Box<Gap>,
        /// Where it was asked for.
        place: Option<Place>,
    },
    /// It raised an error.
    Failed(ScriptError),
    /// There was no thread or no state to run it in.
    NoThread(String),
}

impl ScriptStop {
    /// Where the script was.
    pub fn place(&self) -> Option<Place> {
        match self {
            ScriptStop::Time { place, .. }
            | ScriptStop::Hung { place, .. }
            | ScriptStop::Memory { place, .. }
            | ScriptStop::Output { place, .. }
            | ScriptStop::NotKnown { place, .. } => place.clone(),
            ScriptStop::Failed(error) => error.place(),
            ScriptStop::NoThread(_) => None,
        }
    }

    /// What to do about it.
    pub fn to_fix(&self) -> Option<String> {
        match self {
            ScriptStop::Time { .. } => Some("make it do less, or raise the limit with `--script-time`".into()),
            ScriptStop::Hung { .. } => Some(
                "look for one call over very large data (a table, a string, a pattern), or raise the limit with `--script-time`"
                    .into(),
            ),
            ScriptStop::Memory { .. } => Some("make it keep less, or raise the limit with `--script-memory`".into()),
            ScriptStop::Output { .. } => Some("make it put out less, or raise the limit with `--script-output`".into()),
            ScriptStop::NotKnown { gap, .. } => gap.to_fix.clone(),
            ScriptStop::Failed(error) => error.hint.clone(),
            ScriptStop::NoThread(_) => None,
        }
    }
}

impl std::error::Error for ScriptStop {}

impl fmt::Display for ScriptStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |place: &Option<Place>| match place {
            Some(place) => format!("{}:{}", place.file, place.line),
            None => "the script".to_owned(),
        };
        match self {
            ScriptStop::Time { place, limit } => {
                write!(f, "{}: it ran longer than {} of script time", at(place), units::span(limit.as_secs_f64()))?;
            }
            ScriptStop::Hung { place, limit } => write!(
                f,
                "{}: it ran longer than {} of script time and could not be interrupted; it was left behind",
                at(place),
                units::span(limit.as_secs_f64())
            )?,
            ScriptStop::Memory { place, limit } => {
                write!(f, "{}: it wanted more memory than the {} it may have", at(place), size(*limit))?;
            }
            ScriptStop::Output { place, limit } => {
                write!(f, "{}: it put out more than the {} it may", at(place), size(*limit))?;
            }
            ScriptStop::NotKnown { path, gap, place } => write!(f, "{}: {path} is not known: {gap}", at(place))?,
            ScriptStop::Failed(error) => write!(f, "{error}")?,
            ScriptStop::NoThread(why) => write!(f, "the script could not be started: {why}")?,
        }
        match (self, self.to_fix()) {
            (ScriptStop::NotKnown { .. } | ScriptStop::Failed(_), _) | (_, None) => Ok(()),
            (_, Some(to_fix)) => write!(f, "; {to_fix}"),
        }
    }
}
