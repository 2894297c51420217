//! What tools printed, as evidence: pasted in one text or in several files, an sosreport, log files.
//!
//! The way of the data: `input` gathers texts, `text` takes off what mail and terminals put around them, `prompt` finds the
//! commands, the `recognisers` take the `data` of outputs, known by their content and not by names. Out of the pieces each probe
//! is answered. What the outputs do not show is a gap; nothing is guessed, and a counter since boot is never a rate.

mod counters;
mod data;
mod fill;
mod firewall;
mod here;
mod input;
mod interfaces;
mod links;
mod log_lines;
mod machine;
mod moment;
mod next;
mod outputs;
mod packets;
mod proc_sockets;
mod prompt;
mod recognisers;
mod samples;
mod services;
mod sockets;
mod stands_out;
mod tables;
mod taken;
mod text;
mod told;

pub use input::NoOutput;
pub use outputs::ToolOutput;
pub use recognisers::{RECOGNISERS, Recogniser};

use std::path::PathBuf;

use jiff::Timestamp;

use crate::case::{Case, Reading};

/// The outputs in one text, as if it had been pasted at the beginning of 1970; none where nothing is known in it.
pub fn of_text(text: &str) -> Option<ToolOutput> {
    ToolOutput::read(&[PathBuf::from("-")], &mut text.as_bytes(), None, Timestamp::UNIX_EPOCH).ok()
}

/// What was read, and what it tells besides the causes of `case`.
pub fn reading(output: &ToolOutput, case: &Case) -> Reading {
    let chosen = output.chosen();
    Reading {
        moment: output.moment().to_owned(),
        recognised: output.recognised(),
        unrecognised: output.not_recognised(),
        stands_out: stands_out::sentences(output, &chosen, case),
        next: next::commands(output, &chosen),
    }
}

/// Gives a case what was read in place of a host. Where no cause is likely its first sentence says what is suspected, or what
/// stands out.
pub fn attach(case: &mut Case, reading: Reading) {
    if let Some(summary) = stands_out::summary(case, &reading) {
        case.diagnosis.summary = summary;
    }
    case.reading = Some(reading);
}
