//! What a report says, in the order in which a reader on a ticket needs it, before anything is said about how it looks.
//!
//! Pure: a case goes in, text ready to be laid out comes out. Every string has lost what a terminal would obey; markup is
//! the renderer's own affair.

mod about;
mod advice;
mod causes;
mod figures;
mod fleet;
mod ledger;
mod opening;
mod pictures;
mod read;
mod steps;
mod unseen;

pub use about::About;
pub use advice::{Advice, Advised};
pub use causes::{Causes, Considered, Why};
pub use figures::Watched;
pub use fleet::{FleetSection, Held};
pub use ledger::{Bar, LedgerSection, Part};
pub use opening::Opening;
pub use pictures::{Lines, Pictures, Rates, Remotes, Sizes, Span};
pub use read::Read;
pub use steps::{Step, Steps};
pub use unseen::{Unseen, Way};

use super::Options;
use super::escape;
use crate::case::{Case, Finding};
use crate::units;

/// How much a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What fits a screen.
    Brief,
    /// What an operator needs.
    Short,
    /// All that the case has, within reason.
    Full,
}

impl Depth {
    /// How much a page of lines says: there is no folding, so without `-v` it is what fits a screen.
    pub fn of_page(options: &Options) -> Self {
        if options.verbose { Depth::Full } else { Depth::Brief }
    }
}

impl From<&Options> for Depth {
    fn from(options: &Options) -> Self {
        if options.verbose { Depth::Full } else { Depth::Short }
    }
}

/// A report, before it has a look. The fields stand in its order.
pub struct Sections {
    /// Where and when, the conclusion, the headline figures.
    pub opening: Opening,
    /// What was read in place of a host.
    pub read: Option<Read>,
    /// Where the inbound bytes went.
    pub books: Option<LedgerSection>,
    /// Where the outbound bytes came from.
    pub sent_books: Option<LedgerSection>,
    /// The hosts, where it is a case of many.
    pub fleet: Option<FleetSection>,
    /// What to do.
    pub advice: Advice,
    /// What there is to draw.
    pub pictures: Pictures,
    /// The steps with their verdicts.
    pub steps: Steps,
    /// The causes that were considered.
    pub causes: Causes,
    /// What could not be seen.
    pub unseen: Unseen,
    /// The host, the versions, the parameters, how to run it again.
    pub about: About,
}

impl Sections {
    /// What is to be said about this case.
    pub fn of(case: &Case, depth: Depth) -> Self {
        let unseen = Unseen::of(case);
        Sections {
            opening: Opening::of(case),
            read: Read::of(case),
            books: case.ledger.as_ref().map(|account| LedgerSection::of(account, depth)),
            sent_books: case.ledger.as_ref().and_then(|account| LedgerSection::of_sent(account, depth)),
            fleet: case.fleet.as_ref().map(|fleet| FleetSection::of(fleet, depth)),
            advice: Advice::of(case, unseen.is_empty()),
            pictures: Pictures::of(case),
            steps: Steps::of(case),
            causes: Causes::of(&case.diagnosis),
            unseen,
            about: About::of(case),
        }
    }
}

/// Characters that a name or a label may take.
const NAME: usize = 120;
/// Characters that a sentence may take: it is one line of evidence, not a page of it.
const SENTENCE: usize = 600;
/// Characters that the sentence of a remedy may take: it can be a letter to a provider.
const LETTER: usize = 2000;

fn name(text: &str) -> String {
    escape::line(text, NAME)
}

fn sentence(text: &str) -> String {
    escape::line(text, SENTENCE)
}

fn letter(text: &str) -> String {
    escape::line(text, LETTER)
}

/// The title of a step, or its id where the case has no finding for it.
fn title_of(case: &Case, step: &str) -> String {
    let finding = case.findings.iter().find(|finding| finding.step == step);
    titled(step, finding)
}

fn titled(step: &str, finding: Option<&Finding>) -> String {
    name(finding.map(|finding| finding.title.as_str()).filter(|title| !title.trim().is_empty()).unwrap_or(step))
}

/// The length of a window, with its tenths: they show that a window was cut short.
pub fn window(seconds: f64) -> String {
    if (0.1..120.0).contains(&seconds) { format!("{seconds:.1} s") } else { units::span(seconds) }
}
