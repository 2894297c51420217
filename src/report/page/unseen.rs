//! What could not be seen, under the way to see it.

use super::{INSIDE, Page};
use crate::report::layout::{Cell, Tone};
use crate::report::sections::Unseen;

impl Page<'_> {
    pub(super) fn unseen(&mut self, unseen: &Unseen) {
        if unseen.is_empty() {
            return;
        }
        self.heading("What could not be seen");
        let titles = unseen.blind.iter().flat_map(|blind| &blind.gaps).chain(&unseen.lost);
        let title = self.column(titles.map(|(title, _)| title.as_str()));
        for blind in &unseen.blind {
            self.paragraph(INSIDE, &blind.way.heading(), Tone::Strong);
            self.gaps(&blind.gaps, title);
        }
        if !unseen.lost.is_empty() {
            self.paragraph(INSIDE, "Lost while looking:", Tone::Strong);
            self.gaps(&unseen.lost, title);
        }
    }

    fn gaps(&mut self, gaps: &[(String, String)], title: usize) {
        for (step, text) in gaps {
            self.row(INSIDE + 2, vec![Cell::new(step, Tone::Plain, title)], text, Tone::Plain);
        }
    }
}
