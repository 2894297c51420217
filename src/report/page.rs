//! The report as lines on a screen of fixed columns: what `terminal` and `text` share.

use textwrap::core::display_width;

use super::layout::{Bars, Cell, Line, Tone, paragraph, row, wrap};
use super::sections::{Advice, Advised, Books, Considered, Depth, Part, Sections, Unseen, Why};
use crate::case::{Likelihood, Verdict};

/// The signs that a page is drawn with.
pub struct Look {
    /// The mark of each verdict.
    pub mark: fn(Verdict) -> &'static str,
    /// Columns that a mark takes.
    pub mark_width: usize,
    /// Between the parts of the first line.
    pub between: &'static str,
    /// The ledger's bars.
    pub bars: Bars,
}

/// Where the text of a section begins.
const INDENT: usize = 2;
/// Where the rows of a section begin.
const INSIDE: usize = 4;
/// Signs of a likely cause that are shown on each side, unless the reader asks for more.
const MOST_SIGNS: usize = 3;
/// Dismissed causes that are shown with their reason.
const MOST_REASONS: usize = 6;
/// Possible causes that are shown.
const MOST_OPEN: usize = 6;
/// Gaps and losses that are shown under each heading.
const MOST_GAPS: usize = 12;

/// A page on the way.
pub struct Page<'a> {
    look: &'a Look,
    width: usize,
    depth: Depth,
    lines: Vec<Line>,
}

impl<'a> Page<'a> {
    /// Draws the whole report.
    pub fn draw(sections: &Sections, look: &'a Look, width: usize, depth: Depth) -> Vec<Line> {
        let mut page = Page { look, width, depth, lines: Vec::new() };
        page.opening(sections);
        if let Some(books) = &sections.books {
            page.books(books);
        }
        page.advice(&sections.advice);
        page.steps(sections);
        page.causes(sections);
        page.unseen(&sections.unseen);
        page.about(sections);
        page.lines
    }

    fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.lines.push(Line::of(Tone::Strong, format!("{:INDENT$}{text}", "")));
    }

    fn paragraph(&mut self, indent: usize, text: &str, tone: Tone) {
        self.lines.extend(paragraph(indent, text, tone, self.width));
    }

    /// A row whose last column takes what the others leave.
    fn row(&mut self, indent: usize, mut cells: Vec<Cell>, last: &str, tone: Tone) {
        let taken: usize = cells.iter().map(|cell| cell.width + 2).sum();
        cells.push(Cell::new(last, tone, self.width.saturating_sub(indent + taken)));
        self.lines.extend(row(indent, &cells));
    }

    /// Lines to paste: as they are, however long.
    fn commands(&mut self, indent: usize, commands: &[String]) {
        for command in commands {
            let indent = if command.is_empty() { 0 } else { indent };
            self.lines.push(Line { spans: vec![(Tone::Plain, " ".repeat(indent)), (Tone::Command, command.clone())] });
        }
    }

    /// The width of a column that holds these: as wide as the widest, but never so wide that it takes the row.
    fn column<'t>(&self, texts: impl Iterator<Item = &'t str>) -> usize {
        texts.map(display_width).max().unwrap_or(0).clamp(8, (self.width / 4).max(12))
    }

    fn opening(&mut self, sections: &Sections) {
        let opening = &sections.opening;
        let mut parts: Vec<&str> = opening.header.iter().map(String::as_str).collect();
        parts.extend(opening.partial);
        let mut line = Line::default();
        for (index, part) in parts.iter().enumerate() {
            let tone = if opening.partial == Some(part) { Tone::Attention } else { Tone::Faint };
            let between = if index == 0 { "" } else { self.look.between };
            if index > 0 && display_width(&line.text()) + display_width(between) + display_width(part) > self.width {
                self.lines.push(std::mem::take(&mut line));
                line.spans.push((Tone::Plain, " ".repeat(INDENT)));
            } else {
                line.spans.push((Tone::Faint, between.to_owned()));
            }
            let room = self.width - INDENT; // a name longer than the screen goes on in the next line
            let mut pieces = wrap(part, room).into_iter();
            line.spans.extend(pieces.next().map(|piece| (tone, piece)));
            for piece in pieces {
                self.lines.push(std::mem::take(&mut line));
                line.spans.push((Tone::Plain, " ".repeat(INDENT)));
                line.spans.push((tone, piece));
            }
        }
        self.lines.push(line);
        self.blank();
        self.paragraph(INDENT, &opening.summary, Tone::Summary(opening.verdict));
        for headline in &opening.headlines {
            self.paragraph(INDENT, headline, Tone::Plain);
        }
    }

    fn books(&mut self, books: &Books) {
        match &books.nothing {
            Some(nothing) => {
                self.heading("Where the inbound bytes went");
                self.paragraph(INSIDE, nothing, Tone::Plain);
            }
            None => self.heading(&format!("Where the inbound bytes went ({})", books.total)),
        }
        let cells = self.width * 3 / 10;
        let percent = books.bars.iter().map(|bar| display_width(&bar.percent)).max().unwrap_or(0);
        for bar in &books.bars {
            let tone = match bar.part {
                Part::Entry => Tone::Plain,
                Part::Others | Part::Unexplained => Tone::Faint,
                Part::MuchUnexplained => Tone::Attention,
            };
            let drawn = self.look.bars.draw(bar.share.unwrap_or(0.0), cells);
            let columns = vec![Cell::new(drawn, tone, cells), Cell::new(&bar.percent, tone, percent).right()];
            self.row(INSIDE, columns, &bar.label, tone);
        }
        for disagreement in &books.disagreements {
            self.paragraph(INSIDE, &format!("Sources disagree: {disagreement}"), Tone::Attention);
        }
    }

    fn advice(&mut self, advice: &Advice) {
        self.heading("What to do");
        if let Some(instead) = &advice.instead {
            self.paragraph(INDENT, instead, Tone::Plain);
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

    fn advised(&mut self, advised: &Advised, named: bool) {
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

    fn steps(&mut self, sections: &Sections) {
        let steps = &sections.steps;
        let coverage = format!("{}{}{}", steps.verdict, self.look.between, steps.coverage);
        let tone = if steps.complete { Tone::Verdict(steps.verdict) } else { Tone::Attention };
        self.blank();
        let heading = || Line::of(Tone::Strong, format!("{:INDENT$}Steps", ""));
        match heading().with_right(tone, &coverage, self.width) {
            Some(line) => self.lines.push(line),
            None => self.lines.push(heading()),
        }
        let title = self.column(steps.steps.iter().map(|step| step.title.as_str()));
        for step in &steps.steps {
            let tone = if step.verdict == Verdict::Skipped { Tone::Faint } else { Tone::Plain };
            let mark = Cell::new((self.look.mark)(step.verdict), Tone::Verdict(step.verdict), self.look.mark_width);
            // The mark and the title are one column apart.
            let title_cell = Cell::new(&step.title, tone, title);
            self.row(INDENT + 1, vec![mark, title_cell], &step.sentence, tone);
            let provenance = sections.about.provenance.iter().find(|provenance| provenance.step == step.id);
            if let (Depth::Full, Some(from)) = (self.depth, provenance) {
                let text =
                    format!("{} {}; {}, {}; {}", from.probe, from.params, from.started, from.looked, from.complete);
                self.paragraph(INDENT + 1 + self.look.mark_width + 2 + title + 2, &text, Tone::Faint);
            }
        }
    }

    fn causes(&mut self, sections: &Sections) {
        let causes = &sections.causes;
        if causes.is_empty() {
            return;
        }
        self.heading("Causes considered");
        let full = self.depth == Depth::Full;
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
        self.row(INSIDE, vec![Cell::new(cause.likelihood.word(), tone, 9)], &title, tone);
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
                let text = format!("{before}{} more", more.len());
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

    fn unseen(&mut self, unseen: &Unseen) {
        if unseen.is_empty() {
            return;
        }
        self.heading("What could not be seen");
        let titles = unseen.blind.iter().flat_map(|blind| &blind.gaps).chain(&unseen.lost);
        let title = self.column(titles.map(|(title, _)| title.as_str()));
        for blind in &unseen.blind {
            self.gaps(&blind.gaps, title);
            if let Some(way_out) = &blind.way_out {
                self.row(INSIDE, vec![Cell::new("to see it", Tone::Strong, title)], way_out, Tone::Strong);
            }
        }
        self.gaps(&unseen.lost, title);
    }

    fn gaps(&mut self, gaps: &[(String, String)], title: usize) {
        let most = if self.depth == Depth::Full { usize::MAX } else { MOST_GAPS };
        let (shown, more) = gaps.split_at(gaps.len().min(most));
        for (step, text) in shown {
            self.row(INSIDE, vec![Cell::new(step, Tone::Plain, title)], text, Tone::Plain);
        }
        if !more.is_empty() {
            self.row(INSIDE, vec![Cell::new("", Tone::Plain, title)], &format!("and {} more", more.len()), Tone::Faint);
        }
    }

    fn about(&mut self, sections: &Sections) {
        let about = &sections.about;
        self.blank();
        let fact = |page: &mut Self, label: &str, text: &str| {
            page.row(INDENT, vec![Cell::new(label, Tone::Faint, 6)], text, Tone::Faint);
        };
        fact(self, "Host", &about.host);
        if self.depth == Depth::Full {
            fact(self, "Run", &format!("{}; {}; {}", about.when, about.runbook, about.versions));
        }
        let label = format!("{:INDENT$}Again   ", "");
        self.lines.push(Line { spans: vec![(Tone::Faint, label), (Tone::Command, about.again.clone())] });
        fact(self, "Cost", &about.cost);
    }
}
