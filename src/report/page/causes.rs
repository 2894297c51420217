//! The causes in full: each with every sign that has a sentence, and a count of the others.

use super::{INSIDE, Page};
use crate::case::Likelihood;
use crate::report::layout::{Cell, Tone};
use crate::report::sections::{Considered, Sections, Why};

impl Page<'_> {
    pub(super) fn causes(&mut self, sections: &Sections) {
        let causes = &sections.causes;
        if causes.is_empty() {
            return;
        }
        self.heading("Causes considered");
        for cause in causes.all() {
            let tone = match cause.likelihood {
                Likelihood::Certain | Likelihood::Likely => Tone::Strong,
                _ => Tone::Plain,
            };
            self.row(INSIDE, vec![Cell::new(cause.likelihood_word(), tone, 9)], &cause.titled(), tone);
            self.signs(cause);
        }
    }

    fn signs(&mut self, cause: &Considered) {
        let kinds: [(&str, Tone, &[Why]); 3] = [
            ("+", Tone::For, &cause.speaks_for),
            ("-", Tone::Against, &cause.speaks_against),
            ("?", Tone::Attention, &cause.unobserved),
        ];
        for (mark, tone, signs) in kinds {
            for sign in signs {
                self.row(INSIDE + 11, vec![Cell::new(mark, tone, 1)], &sign.say, Tone::Plain);
            }
        }
        if let Some(left_out) = cause.left_out() {
            self.row(INSIDE + 11, vec![Cell::new("", Tone::Faint, 1)], &left_out, Tone::Faint);
        }
    }
}
