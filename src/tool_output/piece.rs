//! A part of a text: an output that was recognised, or lines that were not.

use super::data::Data;
use super::recognisers::Recogniser;

/// An output that was recognised.
pub(super) struct Piece {
    pub recogniser: &'static Recogniser,
    pub document: usize,
    pub first: usize,
    pub after: usize,
    /// The command line that it stands behind, counted over all texts, and how long that slept between what it printed.
    pub command: usize,
    pub slept: Option<f64>,
    /// Seconds that were slept between the output before and this one, as the command lines say.
    pub rested: f64,
    pub data: Data,
}

/// Lines that were not.
pub(super) struct Unrecognised {
    pub document: usize,
    pub first: usize,
    pub after: usize,
    /// Words between outputs are no output.
    pub prose: bool,
}
