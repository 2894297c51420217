//! The report for mail, for trackers without markup, and for screens that know only ASCII.

use std::io::{self, Write as _};

use super::layout::Bars;
use super::page::{Look, Page};
use super::sections::{Depth, Sections};
use super::{Options, Renderer};
use crate::case::{Case, Verdict};

/// The page of the terminal without colour, drawn with ASCII at 80 columns.
pub struct Text;

/// Columns of a page of plain text, wherever it is read.
const WIDTH: usize = 80;

pub(super) const LOOK: Look = Look {
    mark: |verdict| match verdict {
        Verdict::Ok => "[ok]",
        Verdict::Warning => "[WARN]",
        Verdict::Critical => "[CRIT]",
        Verdict::Unknown => "[?]",
        Verdict::Skipped => "[-]",
    },
    mark_width: 6,
    between: " | ",
    bars: Bars { full: '#', parts: &['|'] },
    cut: "...",
};

impl Renderer for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> &'static str {
        "plain text, 80 columns, no colour"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["txt", "text"]
    }

    fn render(&self, case: &Case, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        let depth = Depth::of_page(options);
        let mut page = io::BufWriter::new(out);
        for line in Page::draw(&Sections::of(case, depth), &LOOK, WIDTH, depth) {
            writeln!(page, "{}", options.charset.shown(&line.text()))?;
        }
        page.flush()
    }
}
