//! What was read in place of a host.

use super::{INDENT, INSIDE, Page};
use crate::report::layout::Tone;
use crate::report::sections::{Depth, Read};

/// Sentences of the short answer.
const BRIEF: usize = 6;
/// Places that were not recognised, in the short answer.
const UNREAD: usize = 3;

impl Page<'_> {
    /// What stands out in what was read.
    pub(super) fn read(&mut self, read: &Read) {
        let most = if self.depth == Depth::Full { usize::MAX } else { BRIEF };
        if !read.stands_out.is_empty() {
            self.heading("What was read and stands out");
            for sentence in read.stands_out.iter().take(most) {
                self.paragraph(INSIDE, sentence, Tone::Plain);
            }
            if read.stands_out.len() > most {
                self.paragraph(INSIDE, &format!("and {} more: -v", read.stands_out.len() - most), Tone::Faint);
            }
        }
        if self.depth != Depth::Full && read.outputs_unrecognised {
            let more = read.unrecognised.len().saturating_sub(UNREAD);
            let more = if more == 0 { String::new() } else { format!("; and {more} more: -v") };
            let named = read.unrecognised.iter().take(UNREAD).map(String::as_str).collect::<Vec<_>>().join("; ");
            self.paragraph(INDENT, &format!("Not recognised: {named}{more}"), Tone::Faint);
        }
        self.paragraph(INDENT, &format!("Made at: {}", read.moment), Tone::Faint);
    }

    /// What to run next, to paste; and in the full report what was recognised.
    pub(super) fn run_next(&mut self, read: &Read) {
        self.heading("What to run next, for what these outputs do not show");
        self.commands(INSIDE, &read.next);
        if self.depth != Depth::Full {
            return;
        }
        self.heading("What was recognised");
        for [tool, place, taken] in &read.recognised {
            self.paragraph(INSIDE, &format!("{tool} ({place}): {taken}"), Tone::Plain);
        }
        for lines in &read.unrecognised {
            self.paragraph(INSIDE, &format!("not recognised: {lines}"), Tone::Faint);
        }
    }
}
