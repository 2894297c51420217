//! What was read in place of a host: outputs, what stands out in them, and what to run next.

use super::{name, sentence};
use crate::case::Case;
use crate::report::escape;

/// Outputs and lines that are listed.
const MOST: usize = 60;
/// Characters of a command.
const COMMAND: usize = 400;

/// Outputs of tools that somebody gave.
pub struct Read {
    /// When they were made, and what tells it.
    pub moment: String,
    /// Each output: tool, place, what was taken.
    pub recognised: Vec<[String; 3]>,
    /// What was not recognised.
    pub unrecognised: Vec<String>,
    /// There is more among it than words of somebody.
    pub outputs_unrecognised: bool,
    /// What stands out.
    pub stands_out: Vec<String>,
    /// Commands to run next, as they are.
    pub next: Vec<String>,
}

impl Read {
    pub(super) fn of(case: &Case) -> Option<Self> {
        let reading = case.reading.as_ref()?;
        Some(Read {
            moment: sentence(&reading.moment),
            recognised: reading
                .recognised
                .iter()
                .take(MOST)
                .map(|of| [name(&of.tool), name(&of.place), sentence(&of.taken)])
                .collect(),
            unrecognised: reading.unrecognised.iter().take(MOST).map(|text| sentence(text)).collect(),
            outputs_unrecognised: reading.unrecognised_lines > 0,
            // What the first sentence says is not said again.
            stands_out: reading
                .stands_out
                .iter()
                .filter(|told| !case.diagnosis.summary.contains(told.trim_end_matches('.')))
                .take(MOST)
                .map(|text| sentence(text))
                .collect(),
            next: reading.next.iter().take(MOST).map(|text| escape::line(text, COMMAND)).collect(),
        })
    }
}
