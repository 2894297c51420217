//! Lines on a screen of fixed columns: wrapping, columns, bars. What a line looks like is named by a tone; only the
//! terminal turns tones into colours.

use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use crate::case::Verdict;

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Of less weight.
    Faint,
    /// Of more weight.
    Strong,
    /// A command to paste.
    Command,
    /// In the colour of a verdict.
    Verdict(Verdict),
    /// In the colour of a verdict, and of more weight.
    Summary(Verdict),
    /// Speaks for a cause.
    For,
    /// Speaks against it.
    Against,
    /// Attention: unexplained, unseen, lost.
    Attention,
}

/// A finished line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces, from left to right.
    pub spans: Vec<(Tone, String)>,
}

impl Line {
    /// A line of one piece.
    pub fn of(tone: Tone, text: impl Into<String>) -> Self {
        Line { spans: vec![(tone, text.into())] }
    }

    /// Its text, without tones.
    pub fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same line with `text` flush right at `width`; none when there is no room for it.
    pub fn with_right(mut self, tone: Tone, text: &str, width: usize) -> Option<Self> {
        let free = width.checked_sub(display_width(&self.text()) + display_width(text))?;
        if free < 2 {
            return None;
        }
        self.spans.push((Tone::Plain, " ".repeat(free)));
        self.spans.push((tone, text.to_owned()));
        Some(self)
    }
}

/// One column of a row.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its text; it wraps inside its column.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
    /// Its width in columns.
    pub width: usize,
    /// Flush right instead of left.
    pub right: bool,
}

impl Cell {
    /// A column, flush left.
    pub fn new(text: impl Into<String>, tone: Tone, width: usize) -> Self {
        Cell { text: text.into(), tone, width, right: false }
    }

    /// The same, flush right.
    pub fn right(self) -> Self {
        Cell { right: true, ..self }
    }
}

/// Lays a row of columns out, two spaces between them, each wrapped inside its own width.
pub fn row(indent: usize, cells: &[Cell]) -> Vec<Line> {
    let wrapped: Vec<Vec<String>> = cells.iter().map(|cell| wrap(&cell.text, cell.width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    (0..height)
        .map(|index| {
            let mut line = Line::default();
            let mut owed = indent; // spaces are written only once something stands behind them
            for (cell, lines) in cells.iter().zip(&wrapped) {
                let text = lines.get(index).map_or("", String::as_str);
                let used = display_width(text);
                let free = cell.width.saturating_sub(used);
                let before = if cell.right { free } else { 0 };
                if !text.is_empty() {
                    line.spans.push((Tone::Plain, " ".repeat(owed + before)));
                    line.spans.push((cell.tone, text.to_owned()));
                    owed = 0;
                }
                owed += if text.is_empty() { cell.width } else { free - before } + 2;
            }
            line
        })
        .collect()
}

/// Lays text out over lines of `width` columns, `indent` spaces before each.
pub fn paragraph(indent: usize, text: &str, tone: Tone, width: usize) -> Vec<Line> {
    row(indent, &[Cell::new(text, tone, width.saturating_sub(indent))])
}

/// Breaks text into lines of at most `width` columns. Words stay whole unless they are wider than that, and a figure
/// stays with its unit.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width.max(2)).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(&with_units_glued(text), options)
        .into_iter()
        .map(|line| line.trim_end().replace(GLUE, " "))
        .collect()
}

/// A space at which no line is broken.
const GLUE: char = '\u{a0}';

/// Words that belong to the figure before them.
const UNITS: [&str; 24] = [
    "%",
    "bit/s",
    "kbit/s",
    "Mbit/s",
    "Gbit/s",
    "Tbit/s",
    "B",
    "kB",
    "MB",
    "GB",
    "TB",
    "µs",
    "ms",
    "s",
    "min",
    "h",
    "d",
    "packets/s",
    "kB/s",
    "MB/s",
    "GB/s",
    "B/s",
    "CPUs",
    "UTC",
];

fn with_units_glued(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(' ') {
        if !out.is_empty() {
            let unit = word.trim_end_matches([',', '.', ';', ':', ')']);
            let figure = |text: &str, last: bool| {
                let mut letters = text.chars();
                (if last { letters.next_back() } else { letters.next() }).is_some_and(|c| c.is_ascii_digit())
            };
            let belongs =
                figure(&out, true) && UNITS.contains(&unit) || out.ends_with(['<', '>']) && figure(word, false);
            out.push(if belongs { GLUE } else { ' ' });
        }
        out.push_str(word);
    }
    out
}

/// How bars are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Bars {
    /// A full cell.
    pub full: char,
    /// Cells filled by one part, two parts … of as many as there are, plus one.
    pub parts: &'static [char],
}

impl Bars {
    /// A bar of `share` of `cells` cells. What is there at all shows as one part of a cell at least.
    pub fn draw(&self, share: f64, cells: usize) -> String {
        let steps = self.parts.len() + 1;
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let filled = (share * (cells * steps) as f64).round() as usize;
        let filled = if share > 0.0 { filled.max(1) } else { 0 };
        let mut bar: String = std::iter::repeat_n(self.full, filled / steps).collect();
        bar.extend((filled % steps).checked_sub(1).and_then(|part| self.parts.get(part)));
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: Bars = Bars { full: '█', parts: &['▏', '▎', '▍', '▌', '▋', '▊', '▉'] };

    #[test]
    fn a_bar_shows_the_least_share_and_never_more_than_all() {
        assert_eq!(BLOCKS.draw(0.0, 10), "");
        assert_eq!(BLOCKS.draw(0.000_001, 10), "▏");
        assert_eq!(BLOCKS.draw(0.5, 3), "█▌");
        assert_eq!(BLOCKS.draw(1.0, 3), "███");
        assert_eq!(BLOCKS.draw(7.0, 3), "███");
        assert_eq!(BLOCKS.draw(f64::NAN, 3), "");
    }

    #[test]
    fn cells_wrap_inside_their_columns() {
        let lines = row(
            1,
            &[
                Cell::new("x", Tone::Plain, 1),
                Cell::new("two words", Tone::Plain, 5),
                Cell::new("and a third cell", Tone::Plain, 10),
            ],
        );
        let text: Vec<String> = lines.iter().map(Line::text).collect();
        assert_eq!(text, [" x  two    and a", "    words  third cell"]);
    }

    #[test]
    fn flush_right_cells_end_in_their_column() {
        let lines = row(0, &[Cell::new("9", Tone::Plain, 4).right(), Cell::new("x", Tone::Plain, 1)]);
        assert_eq!(lines[0].text(), "   9  x");
    }

    #[test]
    fn a_figure_stays_with_its_unit() {
        assert_eq!(wrap("it receives 45.1 Mbit/s.", 17), ["it receives", "45.1 Mbit/s."]);
        assert_eq!(wrap("about > 99.9 % of it", 12), ["about", "> 99.9 % of", "it"]);
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken_and_hyphens_are_not() {
        assert_eq!(wrap("0123456789", 4), ["0123", "4567", "89"]);
        assert_eq!(wrap("see high-inbound-traffic", 20), ["see", "high-inbound-traffic"]);
        assert!(wrap("日本日本日本", 5).iter().all(|line| display_width(line) <= 5));
    }

    #[test]
    fn what_stands_flush_right_needs_room() {
        let line = || Line::of(Tone::Plain, "Steps");
        assert_eq!(line().with_right(Tone::Plain, "ok", 12).unwrap().text(), "Steps     ok");
        assert!(line().with_right(Tone::Plain, "ok", 8).is_none());
    }
}
