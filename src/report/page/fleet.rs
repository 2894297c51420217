//! The hosts of a merged case, a line each.

use super::{INSIDE, Page};
use crate::report::layout::{Cell, Tone};
use crate::report::sections::FleetSection;

impl Page<'_> {
    /// The hosts, those in trouble first, and those that did not answer.
    pub(super) fn fleet(&mut self, fleet: &FleetSection) {
        self.heading(&fleet.title);
        let name = self.column(fleet.rows.iter().map(|row| row.host.as_str()));
        for row in &fleet.rows {
            let mark = Cell::new((self.look.mark)(row.verdict), Tone::Verdict(row.verdict), self.look.mark_width);
            let host = Cell::new(&row.host, Tone::Plain, name);
            let rate = Cell::new(&row.rate, Tone::Faint, 12).right();
            self.row(INSIDE - 1, vec![mark, host, rate], &row.said, Tone::Plain);
        }
        for line in &fleet.notes {
            self.paragraph(INSIDE, line, Tone::Faint);
        }
    }
}
