//! The report for an operator at a terminal.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use super::layout::{Bars, Line, Tone};
use super::page::{Look, Page};
use super::sections::{Depth, Sections};
use super::{Options, Renderer, text};
use crate::case::{Case, Verdict};
use crate::glyphs::Charset;

/// Aligned columns, in colour where the terminal can.
pub struct Terminal;

/// The narrowest page that columns fit on.
const NARROWEST: usize = 40;
/// The widest page that is read with ease.
const WIDEST: usize = 120;

const LOOK: Look = Look {
    mark: |verdict| match verdict {
        Verdict::Ok => "✔",
        Verdict::Warning => "⚠",
        Verdict::Critical => "✖",
        Verdict::Unknown => "?",
        Verdict::Skipped => "–",
    },
    mark_width: 1,
    between: " · ",
    bars: Bars { full: '█', parts: &['▏', '▎', '▍', '▌', '▋', '▊', '▉'] },
    cut: "…",
};

impl Renderer for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn about(&self) -> &'static str {
        "for an operator at a terminal: aligned, in colour, as wide as the screen"
    }

    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    fn render(&self, case: &Case, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        let depth = Depth::of_page(options);
        let width = options.width.clamp(NARROWEST, WIDEST);
        let mut page = io::BufWriter::new(out);
        let look = match options.charset {
            Charset::Unicode => &LOOK,
            Charset::Ascii => &text::LOOK,
        };
        for line in Page::draw(&Sections::of(case, depth), look, width, depth) {
            if options.color {
                paint(&line, options.charset, &mut page)?;
            } else {
                write!(page, "{}", options.charset.shown(&line.text()))?;
            }
            writeln!(page)?;
        }
        page.flush()
    }
}

fn paint(line: &Line, charset: Charset, out: &mut impl io::Write) -> io::Result<()> {
    for (tone, text) in &line.spans {
        let style = style(*tone);
        // Spaces stay unpainted, so that what is copied from the screen carries nothing.
        let (blank, text) = text.split_at(text.len() - text.trim_start().len());
        write!(out, "{blank}{}{}{}", style.render(), charset.shown(text), style.render_reset())?;
    }
    Ok(())
}

fn style(tone: Tone) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    let of_verdict = |verdict| match verdict {
        Verdict::Ok => color(AnsiColor::Green),
        Verdict::Warning => color(AnsiColor::Yellow),
        Verdict::Critical => color(AnsiColor::Red),
        Verdict::Unknown => color(AnsiColor::Magenta),
        Verdict::Skipped => Style::new().dimmed(),
    };
    match tone {
        Tone::Plain => Style::new(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
        Tone::Command => color(AnsiColor::Cyan),
        Tone::Verdict(verdict) => of_verdict(verdict),
        Tone::Summary(verdict) => of_verdict(verdict).bold(),
        Tone::For => color(AnsiColor::Green),
        Tone::Against => color(AnsiColor::Red),
        Tone::Attention => color(AnsiColor::Yellow),
    }
}
