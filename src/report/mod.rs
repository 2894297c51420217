//! Reports: renderings of a case for people and for programs.
//!
//! A renderer is added by one file and one line in [`RENDERERS`]; `--format`, the endings that `-o` understands and the
//! help follow from it. What a report says, and in which order, is decided once, in `sections`; the renderers differ
//! in how it looks.

mod escape;
mod html;
mod json;
mod junit;
mod layout;
mod markdown;
mod nagios;
mod openmetrics;
mod page;
mod plot;
mod sections;
pub mod suites;
mod table;
mod terminal;
mod text;

pub use json::lines as json_lines;
pub use table::table;

use std::io;
use std::path::Path;

use crate::case::Case;
use crate::glyphs::Charset;

/// Every renderer, in the order that lists show them.
pub const RENDERERS: &[&dyn Renderer] = &[
    &terminal::Terminal,
    &markdown::Markdown,
    &html::Html,
    &json::Json,
    &text::Text,
    &junit::Junit,
    &nagios::Nagios,
    &openmetrics::OpenMetrics,
];

/// A form that a case can be written in.
pub trait Renderer: Sync {
    /// Its name, as `--format` takes it.
    fn name(&self) -> &'static str;
    /// What it is for, in one line.
    fn about(&self) -> &'static str;
    /// Endings of file names that stand for it, in lower case and without the dot.
    fn endings(&self) -> &'static [&'static str];
    /// Writes the report.
    fn render(&self, case: &Case, options: &Options, out: &mut dyn io::Write) -> io::Result<()>;
}

/// What the reader's screen can show, and how much the reader wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal. The report uses at least 40 and at most 120 of them; `text` always takes 80.
    pub width: usize,
    /// Whether `terminal` may use colours.
    pub color: bool,
    /// What the screen can show: `terminal` and `text` keep to ASCII where that is all.
    pub charset: Charset,
    /// Say more: every sign of every cause, where each step's figures come from, a longer ledger.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { width: 100, color: false, charset: Charset::Unicode, verbose: false }
    }
}

/// The names of all renderers: `terminal, markdown or json`.
pub fn names() -> String {
    let names: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name()).collect();
    match names.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        names => names.concat(),
    }
}

/// The endings of file names that stand for a renderer: `.md .json`.
pub fn endings() -> String {
    let first = RENDERERS.iter().filter_map(|renderer| renderer.endings().first());
    first.map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(" ")
}

/// The renderer of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}

/// The renderer that the ending of a file's name stands for.
pub fn by_ending(path: &Path) -> Option<&'static dyn Renderer> {
    let ending = path.extension()?.to_str()?.to_lowercase();
    RENDERERS.iter().copied().find(|renderer| renderer.endings().contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_ending_stands_for_one_renderer() {
        for renderer in RENDERERS {
            assert_eq!(by_name(renderer.name()).unwrap().name(), renderer.name());
            for ending in renderer.endings() {
                let found = by_ending(Path::new(&format!("/tmp/report.{}", ending.to_uppercase()))).unwrap();
                assert_eq!(found.name(), renderer.name(), "{ending}");
            }
        }
    }

    #[test]
    fn an_unknown_name_or_ending_is_none() {
        assert!(by_name("pdf").is_none());
        for path in ["report", "report.", "md", "report.case", ".md"] {
            assert!(by_ending(Path::new(path)).is_none(), "{path}");
        }
    }
}
