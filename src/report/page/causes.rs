//! The causes, at the length that each deserves.

use super::{INSIDE, Page};
use crate::case::Likelihood;
use crate::report::layout::{Cell, Tone};
use crate::report::sections::{Considered, Depth, Sections, Why};

/// Signs of a likely cause that are shown on each side, unless the reader asks for more.
const MOST_SIGNS: usize = 3;
/// Dismissed causes that are shown with their reason.
const MOST_REASONS: usize = 6;
/// Possible causes that are shown.
const MOST_OPEN: usize = 6;

impl Page<'_> {
    pub(super) fn causes(&mut self, sections: &Sections) {
        let causes = &sections.causes;
        if causes.is_empty() {
            return;
        }
        let full = self.depth == Depth::Full;
        let hint = if full || causes.all().all(Considered::has_no_signs) { "" } else { "every sign: -o report.md" };
        self.heading_with("Causes considered", hint, Tone::Faint);
        for cause in &causes.standing {
            self.cause(cause);
            self.signs(cause);
        }
        let (shown, more) = causes.open.split_at(causes.open.len().min(if full { usize::MAX } else { MOST_OPEN }));
        for cause in shown {
            self.cause(cause);
            if full {
                self.signs(cause);
            }
        }
        if !more.is_empty() {
            let ids: Vec<&str> = more.iter().map(|cause| cause.id.as_str()).collect();
            self.row(INSIDE, vec![Cell::new("", Tone::Plain, 9)], &format!("also {}", ids.join(", ")), Tone::Plain);
        }
        if full {
            for cause in &causes.dismissed {
                self.cause(cause);
                self.signs(cause);
            }
        } else {
            self.dismissed(&causes.dismissed);
        }
    }

    /// A cause in one entry: how sure it is and what happens, and of one that does not stand also why it is not surer.
    fn cause(&mut self, cause: &Considered) {
        let tone = match cause.likelihood {
            Likelihood::Certain | Likelihood::Likely => Tone::Strong,
            _ => Tone::Plain,
        };
        let stands = tone == Tone::Strong;
        let title = match cause.reason().filter(|_| !stands && self.depth == Depth::Short) {
            Some(reason) => format!("{} ({reason})", cause.title),
            None => cause.title.clone(),
        };
        self.row(INSIDE, vec![Cell::new(cause.likelihood_word(), tone, 9)], &title, tone);
    }

    fn signs(&mut self, cause: &Considered) {
        let kinds: [(&str, Tone, &[Why], &str); 4] = [
            ("+", Tone::For, &cause.speaks_for, ""),
            ("-", Tone::Against, &cause.speaks_against, ""),
            ("?", Tone::Attention, &cause.unobserved, "not observable: "),
            ("", Tone::Faint, if self.depth == Depth::Full { &cause.absent } else { &[] }, "does not hold: "),
        ];
        for (mark, tone, signs, before) in kinds {
            let most = if self.depth == Depth::Full { usize::MAX } else { MOST_SIGNS };
            let (shown, more) = signs.split_at(signs.len().min(most));
            let said = if tone == Tone::Faint { Tone::Faint } else { Tone::Plain };
            for sign in shown {
                let text = format!("{before}{}", sign.say);
                self.row(INSIDE + 11, vec![Cell::new(mark, tone, 1)], &text, said);
            }
            if !more.is_empty() {
                let text = format!("{before}and {} more", more.len());
                self.row(INSIDE + 11, vec![Cell::new(mark, tone, 1)], &text, Tone::Faint);
            }
        }
    }

    /// The causes that the evidence speaks against, in one paragraph.
    fn dismissed(&mut self, causes: &[Considered]) {
        for (word, ruled_out) in [("unlikely", false), ("ruled out", true)] {
            let of_kind = causes.iter().filter(|cause| (cause.likelihood == Likelihood::RuledOut) == ruled_out);
            let named: Vec<String> = of_kind
                .enumerate()
                .map(|(index, cause)| match cause.reason().filter(|_| index < MOST_REASONS) {
                    Some(reason) => format!("{} ({reason})", cause.id),
                    None => cause.id.clone(),
                })
                .collect();
            if !named.is_empty() {
                self.row(INSIDE, vec![Cell::new(word, Tone::Faint, 9)], &named.join(", "), Tone::Faint);
            }
        }
    }
}
