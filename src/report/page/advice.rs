//! What to do, with commands that stay as they are.

use textwrap::core::display_width;

use super::{INDENT, Page};
use crate::report::layout::{Cell, Line, Tone, row};
use crate::report::sections::{Advice, Advised};

impl Page<'_> {
    pub(super) fn advice(&mut self, advice: &Advice) {
        self.heading("What to do");
        if let Some(instead) = &advice.instead {
            self.paragraph(INDENT, instead, Tone::Plain);
        }
        if let Some(warning) = advice.warning {
            self.paragraph(INDENT, warning, Tone::Strong);
        }
        let mut before = None;
        for advised in &advice.remedies {
            self.advised(advised, before != Some(advised.urgency));
            before = Some(advised.urgency);
        }
        if advice.more > 0 {
            self.paragraph(INDENT, &format!("{} more in the markdown and JSON reports", advice.more), Tone::Faint);
        }
    }

    pub(super) fn advised(&mut self, advised: &Advised, named: bool) {
        let word = if named { advised.urgency.word() } else { "" };
        let head = |page: &Self, width| {
            let room = page.width - INDENT - 10;
            let cells = [Cell::new(word, Tone::Strong, 8), Cell::new(&advised.action, Tone::Plain, width)];
            (room, row(INDENT, &cells))
        };
        let risk = advised
            .risk
            .as_ref()
            .map(|risk| if risk.starts_with("risk") { risk.clone() } else { format!("risk {risk}") });
        let (room, whole) = head(self, self.width - INDENT - 10);
        // A risk in a word or two stands flush right in the first line; one with a reason takes lines of its own.
        let beside = risk.as_ref().filter(|risk| display_width(risk) <= 12).and_then(|risk| {
            let (_, mut lines) = head(self, room - display_width(risk) - 2);
            let first = std::mem::take(lines.first_mut()?);
            lines[0] = first.with_right(Tone::Faint, risk, self.width)?;
            Some(lines)
        });
        let under = if beside.is_none() { risk } else { None };
        self.lines.extend(beside.unwrap_or(whole));
        if let Some(warning) = advised.warning {
            self.paragraph(INDENT + 10, warning, Tone::Strong);
        }
        self.commands(INDENT + 12, &advised.run);
        if let Some(risk) = under {
            self.paragraph(INDENT + 10, &risk, Tone::Faint);
        }
        match advised.undo.as_slice() {
            [] => {}
            [only] => {
                let undo = format!("{:1$}undo: ", "", INDENT + 10);
                self.lines.push(Line { spans: vec![(Tone::Faint, undo), (Tone::Command, only.clone())] });
            }
            several => {
                self.lines.push(Line::of(Tone::Faint, format!("{:1$}undo:", "", INDENT + 10)));
                self.commands(INDENT + 12, several);
            }
        }
    }
}
