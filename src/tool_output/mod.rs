//! What tools printed, as evidence: pasted in one text or in several files, an sosreport, log files.
//!
//! The way of the data: `input` gathers texts, `text` takes off what mail and terminals put around them, `prompt` finds the
//! commands, the `recognisers` take the `data` of outputs, known by their content and not by names. Out of the pieces each probe
//! is answered. What the outputs do not show is a gap; nothing is guessed, and a counter since boot is never a rate.

mod answers;
mod arrays;
mod busybox;
mod cards;
mod clocks;
mod configured;
mod containers;
mod counters;
mod data;
mod dressed;
mod fill;
mod firewall;
mod folders;
mod growth;
mod here;
mod hops;
mod input;
mod interfaces;
mod limits;
mod links;
mod log_lines;
mod logins;
mod machine;
mod managers;
mod margins;
mod meters;
mod moment;
mod next;
mod outputs;
mod packets;
mod paths;
mod pidstat;
mod piece;
mod pieces;
mod pods;
mod pressure;
mod proc_sockets;
mod prompt;
mod queues;
mod recognise;
mod recognisers;
mod resolver;
mod sadf;
mod samples;
mod sentences;
mod services;
mod smart;
mod sockets;
mod stands_out;
mod storage;
mod tables;
mod taken;
#[cfg(test)]
mod tests;
mod text;
mod told;
mod top;
mod transcripts;
mod units;
mod vnstat;
mod volumes;
mod when;
mod xml;

pub use input::NoOutput;
pub use outputs::ToolOutput;
pub use recognisers::{RECOGNISERS, Recogniser};

use std::path::PathBuf;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::case::{Evidence, Reading};

/// The outputs in one text, as if it had been pasted at the beginning of 1970; none where nothing is known in it.
pub fn of_text(text: &str) -> Option<ToolOutput> {
    ToolOutput::read(&[PathBuf::from("-")], &mut text.as_bytes(), None, Timestamp::UNIX_EPOCH).ok()
}

/// What was read, and what it tells besides the causes: `evidence` is what the probes were answered with.
pub fn reading(output: &ToolOutput, evidence: &IndexMap<String, Evidence>) -> Reading {
    let chosen = output.pieces.chosen();
    Reading {
        moment: output.moment().to_owned(),
        recognised: output.recognised().to_vec(),
        unrecognised: output.not_recognised(),
        unrecognised_lines: output.lines_not_recognised(),
        stands_out: stands_out::sentences(&output.pieces, &chosen, evidence),
        next: next::commands(output, &chosen, evidence),
    }
}
