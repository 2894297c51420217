//! The report for a ticket: GitHub, GitLab, Jira.
//!
//! Tables, fenced code and `<details>`, nothing else. Trackers refuse long texts, so every section has a number of bytes
//! that it may take, and says how much it left out.

use std::io;

use super::escape::{self, markdown as md};
use super::sections::{Advice, Advised, Books, Causes, Depth, Opening, Part, Sections, Steps, Unseen};
use super::{Options, Renderer};
use crate::case::{Case, SignSide, Urgency, Verdict};

/// Markdown for a ticket, under 60 kB.
pub struct Markdown;

// What each section may take, in bytes. GitHub refuses more than 65,536 characters, and the reader wants less.
const LEDGER: usize = 8_000;
const ADVICE: usize = 13_000;
const STEPS: usize = 9_000;
const CAUSES: usize = 5_000;
const SIGNS: usize = 8_000;
const UNSEEN: usize = 5_000;
const PARAMS: usize = 2_500;
const PROVENANCE: usize = 4_000;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "for a ticket on GitHub, GitLab or Jira"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["md", "markdown"]
    }

    fn render(&self, case: &Case, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        let sections = Sections::of(case, Depth::from(options));
        let mut text = opening(&sections.opening, &sections.steps);
        if let Some(books) = &sections.books {
            text.push_str(&ledger(books));
        }
        text.push_str(&advice(&sections.advice));
        text.push_str(&steps(&sections.steps));
        text.push_str(&causes(&sections.causes));
        text.push_str(&unseen(&sections.unseen));
        text.push_str(&about(&sections));
        out.write_all(text.as_bytes())
    }
}

/// Joins pieces for as long as they fit into `budget` bytes; says how many were left out.
fn within(budget: usize, pieces: impl IntoIterator<Item = String>) -> (String, usize) {
    let mut text = String::new();
    let mut pieces = pieces.into_iter();
    for piece in pieces.by_ref() {
        if text.len() + piece.len() > budget {
            return (text, 1 + pieces.count());
        }
        text.push_str(&piece);
    }
    (text, 0)
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("\n… and {more} more\n") }
}

/// A table whose rows fit into `budget` bytes. The cells are Markdown already.
fn table<const N: usize>(
    head: [&str; N],
    rules: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    budget: usize,
) -> String {
    let rows = rows.into_iter().map(|cells| format!("| {} |\n", cells.join(" | ")));
    let (rows, more) = within(budget, rows);
    format!("| {} |\n|{}|\n{rows}{}", head.join(" | "), rules.join("|"), and_more(more))
}

/// A block that opens on a click. Its summary is our own words: HTML is no place for a stranger's.
fn folded(summary: &'static str, inside: &str) -> String {
    format!("\n<details><summary>{summary}</summary>\n\n{inside}\n</details>\n")
}

/// Lines to paste, as they are.
fn fenced(language: &str, lines: &[String]) -> String {
    let fence = escape::fence(lines);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// A mark with its word; a mark alone is lost where a font lacks it.
fn verdict(verdict: Verdict) -> String {
    let mark = match verdict {
        Verdict::Ok => "✔",
        Verdict::Warning => "⚠",
        Verdict::Critical => "✖",
        Verdict::Unknown => "?",
        Verdict::Skipped => "–",
    };
    format!("{mark} {verdict}")
}

fn opening(opening: &Opening, steps: &Steps) -> String {
    let on = if opening.host.is_empty() { String::new() } else { format!(" on {}", md(&opening.host)) };
    let mut text = format!("# {}{on}\n\n**{}**\n\n", md(&opening.title), md(&opening.summary));
    for headline in &opening.headlines {
        text.push_str(&format!("- {}\n", md(headline)));
    }
    if !opening.headlines.is_empty() {
        text.push('\n');
    }
    let mut parts: Vec<String> = opening.header.iter().map(|part| md(part)).collect();
    parts.extend(opening.partial.map(|partial| format!("**{partial}**")));
    parts.push(format!("verdict **{}**", steps.verdict));
    parts.push(steps.coverage.clone());
    text.push_str(&parts.join(" · "));
    text.push('\n');
    text
}

fn ledger(books: &Books) -> String {
    let mut text = "\n## Where the inbound bytes went\n\n".to_owned();
    match &books.nothing {
        Some(nothing) => text.push_str(&format!("{}\n", md(nothing))),
        None => {
            let rows = books.bars.iter().map(|bar| {
                let label = match bar.part {
                    Part::Entry => md(&bar.label),
                    Part::MuchUnexplained => format!("**{}**", md(&bar.label)),
                    Part::Others | Part::Unexplained => format!("_{}_", md(&bar.label)),
                };
                [md(&bar.percent), bar.bytes.clone(), bar.packets.clone().unwrap_or_default(), label]
            });
            let head = ["Share", "Bytes", "Packets", "Where"];
            text.push_str(&format!("{}:\n\n", md(&books.total_in_full)));
            text.push_str(&table(head, ["--:", "--:", "--:", ":--"], rows, LEDGER));
        }
    }
    if !books.disagreements.is_empty() {
        text.push_str("\nSources disagree:\n\n");
        let items = books.disagreements.iter().map(|disagreement| format!("- {}\n", md(disagreement)));
        let (items, more) = within(LEDGER / 4, items);
        text.push_str(&items);
        text.push_str(&and_more(more));
    }
    text
}

fn advice(advice: &Advice) -> String {
    let mut text = "\n## What to do\n".to_owned();
    if let Some(instead) = &advice.instead {
        text.push_str(&format!("\n{}\n", md(instead)));
    }
    let (remedies, more) = within(ADVICE, advice.remedies.iter().map(advised));
    text.push_str(&remedies);
    text.push_str(&and_more(more + advice.more));
    text
}

fn advised(advised: &Advised) -> String {
    let mut text = format!("\n**{}:** {}", advised.urgency.word(), md(&advised.action));
    if let Some(risk) = &advised.risk {
        text.push_str(&format!(" _Risk: {}._", md(risk.trim_end_matches('.'))));
    }
    text.push('\n');
    let language = if advised.urgency == Urgency::Upstream { "text" } else { "sh" };
    if !advised.run.is_empty() {
        text.push_str(&format!("\n{}", fenced(language, &advised.run)));
    }
    if !advised.undo.is_empty() {
        text.push_str(&format!("\nUndo:\n\n{}", fenced(language, &advised.undo)));
    }
    text
}

fn steps(steps: &Steps) -> String {
    let rows = steps.steps.iter().map(|step| [verdict(step.verdict), md(&step.title), md(&step.sentence)]);
    let table = table(["", "Step", "What it found"], [":--"; 3], rows, STEPS);
    format!("\n## Steps: {}, {}\n\n{table}", steps.verdict, steps.coverage)
}

fn causes(causes: &Causes) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let rows = causes.all().map(|cause| {
        let why = cause.reason().map(|reason| md(&reason)).unwrap_or_default();
        let likelihood = cause.likelihood.word();
        let title = if cause.title == cause.id { String::new() } else { format!("{} ", md(&cause.title)) };
        [likelihood.to_owned(), format!("{title}`{}`", cause.id.replace(['`', '|'], "'")), why]
    });
    let overview = table(["Likelihood", "Cause", "What tells"], [":--"; 3], rows, CAUSES);

    let signs = causes.all().flat_map(|cause| {
        let kinds = [
            (&cause.speaks_for, "holds"),
            (&cause.speaks_against, "holds"),
            (&cause.unobserved, "not observable"),
            (&cause.absent, "does not hold"),
        ];
        kinds.into_iter().flat_map(|(signs, holds)| signs.iter().map(move |sign| (sign, holds))).map(|(sign, holds)| {
            let side = match sign.side {
                SignSide::For => "for",
                SignSide::Against => "against",
            };
            let gap = sign.gap.as_ref().map(|gap| format!(" ({})", md(gap))).unwrap_or_default();
            let weight = format!("{side}, {}", sign.weight_word());
            [md(&cause.id), weight, holds.to_owned(), format!("{}{gap}", md(&sign.say))]
        })
    });
    let mut signs = signs.peekable();
    let details = if signs.peek().is_some() {
        let table = table(["Cause", "Side", "", "Sign"], [":--"; 4], signs, SIGNS);
        folded("All signs for and against", &table)
    } else {
        String::new()
    };
    format!("\n## Causes considered\n\n{overview}{details}")
}

fn unseen(unseen: &Unseen) -> String {
    if unseen.is_empty() {
        return String::new();
    }
    let mut text = "\n## What could not be seen\n".to_owned();
    let item = |(title, what): &(String, String)| format!("- {}: {}\n", md(title), md(what));
    let (blind, more) = within(
        UNSEEN,
        unseen.blind.iter().map(|blind| {
            let (items, more) = within(UNSEEN * 2 / 3, blind.gaps.iter().map(item));
            let way_out = blind.way_out.as_ref().map(|way_out| format!("\nTo see it: **{}**\n", md(way_out)));
            format!("\n{items}{}{}", and_more(more), way_out.unwrap_or_default())
        }),
    );
    text.push_str(&blind);
    text.push_str(&and_more(more));
    if !unseen.lost.is_empty() {
        let (items, more) = within(UNSEEN / 2, unseen.lost.iter().map(item));
        text.push_str(&format!("\nLost while looking:\n\n{items}{}", and_more(more)));
    }
    text
}

fn about(sections: &Sections) -> String {
    let about = &sections.about;
    let fact = |label: &str, text: &str| [label.to_owned(), md(text)];
    let mut facts = vec![
        fact("Host", &about.host),
        fact("Run", &about.when),
        fact("Runbook", &about.runbook),
        fact("Versions", &about.versions),
        fact("Cost", &about.cost),
    ];
    let params = about.params.iter().map(|(key, value)| format!("{}={}", md(key), md(value)));
    let mut separated = params.enumerate().map(|(index, param)| if index == 0 { param } else { format!(", {param}") });
    let (params, more) = within(PARAMS, &mut separated);
    let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
    if !params.is_empty() {
        facts.push(["Parameters".to_owned(), format!("{params}{more}")]);
    }
    let facts = table(["", ""], [":--"; 2], facts, 2 * PARAMS + 6_000);
    let again = std::slice::from_ref(&about.again);
    let again = if about.again.len() <= PARAMS {
        format!("\nTo run it again:\n\n{}", fenced("sh", again))
    } else {
        "\nThe command that runs it again is in the terminal and text reports: it is too long for a ticket.\n"
            .to_owned()
    };
    let provenance = about.provenance.iter().map(|from| {
        [&from.title, &from.probe, &from.params, &from.started, &from.looked, &from.complete].map(|text| md(text))
    });
    let details = if about.provenance.is_empty() {
        String::new()
    } else {
        let head = ["Step", "Probe", "Parameters", "Began", "Looked for", "Saw"];
        folded("Where the figures come from", &table(head, [":--"; 6], provenance, PROVENANCE))
    };
    format!("\n## About this run\n\n{facts}{again}{details}")
}
