//! The report as lines on a screen of fixed columns: what `terminal` and `text` share.

mod advice;
mod brief;
mod causes;
mod fleet;
mod read;
mod unseen;

use textwrap::core::display_width;

use super::layout::{Bars, Cell, Line, Tone, paragraph, row, wrap};
use super::sections::{About, Bar, Depth, LedgerSection, Part, Sections, Steps};
use crate::case::Verdict;

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
    /// Ends a text that was cut.
    pub cut: &'static str,
}

/// Where the text of a section begins.
const INDENT: usize = 2;
/// Where the rows of a section begin.
const INSIDE: usize = 4;
/// Headlines of the short answer.
const MOST_HEADLINES: usize = 2;

/// A page on the way.
pub struct Page<'a> {
    look: &'a Look,
    width: usize,
    depth: Depth,
    lines: Vec<Line>,
}

impl<'a> Page<'a> {
    /// Draws the report: the short answer, or all of it.
    pub fn draw(sections: &Sections, look: &'a Look, width: usize, depth: Depth) -> Vec<Line> {
        let mut page = Page { look, width, depth, lines: Vec::new() };
        if depth != Depth::Full {
            page.brief(sections);
            return page.lines;
        }
        page.opening(sections);
        if let Some(read) = &sections.read {
            page.read(read);
        }
        if let Some(books) = &sections.books {
            page.books(books, None);
        }
        if let Some(books) = &sections.sent_books {
            page.books(books, None);
        }
        if let Some(fleet) = &sections.fleet {
            page.fleet(fleet);
        }
        page.advice(&sections.advice);
        if let Some(read) = &sections.read {
            page.run_next(read);
        }
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
        self.paragraph(INDENT, text, Tone::Strong);
    }

    /// A heading with a word flush right, where there is room for it.
    fn heading_with(&mut self, text: &str, right: &str, tone: Tone) {
        self.blank();
        self.paragraph(INDENT, text, Tone::Strong);
        let line = self.lines.last().filter(|_| !right.is_empty()).cloned();
        if let (Some(line), Some(last)) =
            (line.and_then(|line| line.with_right(tone, right, self.width)), self.lines.last_mut())
        {
            *last = line;
        }
    }

    /// A heading right under what stands before it, with a text flush right, or in lines of its own where that does not fit.
    fn headed(&mut self, text: &str, right: &str, tone: Tone) {
        let line = Line { spans: vec![(Tone::Plain, " ".repeat(INDENT)), (Tone::Strong, text.to_owned())] };
        match line.clone().with_right(tone, right, self.width) {
            Some(line) => self.lines.push(line),
            None => {
                self.lines.push(line);
                self.paragraph(INSIDE, right, tone);
            }
        }
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
        texts.map(display_width).max().unwrap_or(0).clamp(8, self.width * 3 / 10)
    }

    fn opening(&mut self, sections: &Sections) {
        let opening = &sections.opening;
        let full = self.depth == Depth::Full;
        let mut parts: Vec<&str> = opening.header.iter().map(String::as_str).collect();
        if !full && sections.about.without_root {
            parts.push("run without root");
        }
        if !full && sections.about.read {
            parts.push("read from outputs");
        }
        parts.extend(opening.partial);
        // Where one line does not hold it all, the version is left to the full report.
        if !full && display_width(&parts.join(self.look.between)) > self.width {
            parts.remove(0);
        }
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
        if let Some(vantage) = &opening.vantage {
            self.paragraph(INDENT, vantage, Tone::Attention);
        }
        self.paragraph(INDENT, &opening.summary, Tone::Summary(opening.verdict));
        let (figures, others) = opening.headlines.split_at(opening.figures);
        let shown = figures.len().min(if full { usize::MAX } else { MOST_HEADLINES });
        for headline in figures[..shown].iter().chain(others) {
            self.paragraph(INDENT, headline, Tone::Plain);
        }
    }

    /// One side of the ledger: all of it, or its `most` first entries, with what is unexplained in the heading.
    fn books(&mut self, books: &LedgerSection, most: Option<usize>) {
        match (&books.nothing, most) {
            (Some(nothing), None) => {
                self.heading(books.heading);
                self.paragraph(INSIDE, nothing, Tone::Plain);
            }
            (Some(nothing), Some(_)) => {
                self.blank();
                self.paragraph(INDENT, nothing, Tone::Plain);
            }
            (None, None) => self.heading(&format!("{} ({})", books.heading, books.total)),
            (None, Some(_)) => {
                let unexplained = books.unexplained().filter(|bar| bar.part == Part::Unexplained);
                let unexplained = unexplained.map_or(String::new(), |bar| format!(", {} unexplained", bar.percent));
                self.heading(&format!("{} ({}{unexplained})", books.heading, books.total));
            }
        }
        let full = self.depth == Depth::Full;
        let cells = if full { self.width * 3 / 10 } else { self.width / 5 };
        let percent = books.bars.iter().map(|bar| display_width(&bar.percent)).max().unwrap_or(0);
        let entry = |bar: &Bar| matches!(bar.part, Part::Entry | Part::Others);
        let entries = books.bars.iter().filter(|bar| entry(bar)).take(most.unwrap_or(usize::MAX));
        let rest = books.bars.iter().filter(|bar| !entry(bar));
        for bar in entries.chain(rest.filter(|bar| most.is_none() || bar.part == Part::MuchUnexplained)) {
            let tone = match bar.part {
                Part::Entry => Tone::Plain,
                Part::Others | Part::Unexplained => Tone::Faint,
                Part::MuchUnexplained => Tone::Attention,
            };
            let drawn = self.look.bars.draw(bar.share.unwrap_or(0.0), cells);
            let columns = vec![Cell::new(drawn, tone, cells), Cell::new(&bar.percent, tone, percent).right()];
            self.row(INSIDE, columns, &bar.label, tone);
        }
        for note in &books.notes {
            self.paragraph(INSIDE, note, Tone::Attention);
        }
        let shown = books.disagreements.len().min(if full { usize::MAX } else { 1 });
        for disagreement in &books.disagreements[..shown] {
            self.paragraph(INSIDE, &format!("Sources disagree: {disagreement}"), Tone::Attention);
        }
        if books.disagreements.len() > shown {
            let more = format!("and {} more where sources disagree: -v", books.disagreements.len() - shown);
            self.paragraph(INSIDE, &more, Tone::Attention);
        }
    }

    /// The gravest verdict and how many steps could look, which stand there at any width.
    fn steps_heading(&mut self, steps: &Steps) {
        let coverage = format!("{}{}{}", steps.verdict, self.look.between, steps.coverage);
        let tone = if steps.complete { Tone::Verdict(steps.verdict) } else { Tone::Attention };
        self.blank();
        self.headed("Steps", &coverage, tone);
    }

    fn steps(&mut self, sections: &Sections) {
        let steps = &sections.steps;
        self.steps_heading(steps);
        let title = self.column(steps.steps.iter().map(|step| step.title.as_str()));
        for step in &steps.steps {
            let tone = if step.verdict == Verdict::Skipped { Tone::Faint } else { Tone::Plain };
            let mark = Cell::new((self.look.mark)(step.verdict), Tone::Verdict(step.verdict), self.look.mark_width);
            let title_cell = Cell::new(&step.title, tone, title);
            self.row(INDENT + 1, vec![mark, title_cell], &step.sentence, tone);
            let under = INDENT + 1 + self.look.mark_width + 2 + title + 2;
            for detail in step.details() {
                self.paragraph(under, &detail, Tone::Faint);
            }
            let provenance = sections.about.provenance.iter().find(|provenance| provenance.step == step.id);
            if let (Depth::Full, Some(from)) = (self.depth, provenance) {
                let asked = format!("{} {}", from.probe, from.params);
                let text = format!("{}; {}, {}; {}", asked.trim_end(), from.started, from.looked, from.complete);
                self.paragraph(under, &text, Tone::Faint);
            }
        }
    }

    fn about(&mut self, sections: &Sections) {
        let about = &sections.about;
        self.blank();
        let fact = |page: &mut Self, label: &str, text: &str| {
            page.row(INDENT, vec![Cell::new(label, Tone::Faint, 6)], text, Tone::Faint);
        };
        fact(self, "Host", &about.host);
        fact(self, "Run", &format!("{}; {}; {}", about.when, about.runbook, about.versions));
        self.again(about);
        fact(self, "Cost", &about.cost);
        for from in &about.provenance {
            fact(self, "", &format!("{} ({}): {}", from.title, from.probe, from.looked));
        }
    }

    /// The command that runs it again, or that looks at the host.
    fn again(&mut self, about: &About) {
        let label = format!("{:INDENT$}{}   ", "", if about.read { "Live " } else { "Again" });
        self.lines.push(Line { spans: vec![(Tone::Faint, label), (Tone::Command, about.again.clone())] });
    }
}
