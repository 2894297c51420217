//! The report for a ticket: GitHub, GitLab, Jira.
//!
//! Tables, fenced code and `<details>`, nothing else. Trackers refuse long texts, so every section has a number of bytes
//! that it may take: its own and what the sections before it left. It says how much it left out.

use std::io;

use super::escape::{self, markdown as md};
use super::sections::{Advised, Considered, Depth, LedgerSection, Part, Sections};
use super::{Options, Renderer};
use crate::case::{Case, SignSide, Urgency, Verdict};

/// Markdown for a ticket, under 60 kB.
pub struct Markdown;

/// Bytes that a report may take. GitHub refuses more than 65,536 characters, and the reader wants less.
const MOST: usize = 58_000;

/// Writes a section in so many bytes.
type Section = fn(&Sections, usize) -> String;

/// The sections in order, each with its weight: its part of what the sections before it left over.
const SECTIONS: [(usize, Section); 10] = [
    (12, opening),
    (9, read),
    (8, ledger),
    (8, sent_ledger),
    (9, fleet),
    (11, advice),
    (8, steps),
    (11, causes),
    (7, unseen),
    (10, about),
];

/// Bytes that a table's head, a list's heading and the word of what was left out take.
const FRAME: usize = 200;

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
        let mut text = String::new();
        let mut weights: usize = SECTIONS.iter().map(|(weight, _)| weight).sum();
        for (weight, section) in SECTIONS {
            let budget = (MOST - text.len().min(MOST)) * weight / weights;
            text.push_str(&section(&sections, budget));
            weights -= weight;
        }
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
    let (rows, more) = within(budget.saturating_sub(FRAME), rows);
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

fn opening(sections: &Sections, budget: usize) -> String {
    let opening = &sections.opening;
    let on = if opening.host.is_empty() { String::new() } else { format!(" on {}", md(&opening.host)) };
    let vantage = opening.vantage.as_ref().map(|vantage| format!("{}\n\n", md(vantage))).unwrap_or_default();
    let head = format!("# {}{on}\n\n{vantage}**{}**\n\n", md(&opening.title), md(&opening.summary));
    let mut parts: Vec<String> = opening.header.iter().map(|part| md(part)).collect();
    parts.extend(opening.partial.map(|partial| format!("**{partial}**")));
    parts.push(format!("verdict **{}**", sections.steps.verdict));
    parts.push(sections.steps.coverage.clone());
    let foot = format!("{}\n", parts.join(" · "));
    let room = budget.saturating_sub(head.len() + foot.len() + FRAME);
    let (headlines, more) = within(room, opening.headlines.iter().map(|headline| format!("- {}\n", md(headline))));
    let gap = if headlines.is_empty() { "" } else { "\n" };
    format!("{head}{headlines}{}{gap}{foot}", and_more(more))
}

fn ledger(sections: &Sections, budget: usize) -> String {
    sections.books.as_ref().map_or(String::new(), |books| side(books, budget))
}

fn sent_ledger(sections: &Sections, budget: usize) -> String {
    sections.sent_books.as_ref().map_or(String::new(), |books| side(books, budget))
}

/// One side of the ledger.
fn side(books: &LedgerSection, budget: usize) -> String {
    let mut text = format!("\n## {}\n\n", books.heading);
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
            let head = ["Share", "Bytes", "Packets", books.column];
            text.push_str(&format!("{}:\n\n", md(&books.total_in_full)));
            let room = (budget * 3 / 4).saturating_sub(text.len());
            text.push_str(&table(head, ["--:", "--:", "--:", ":--"], rows, room));
        }
    }
    for note in &books.notes {
        text.push_str(&format!("\n{}\n", md(note)));
    }
    if !books.disagreements.is_empty() {
        text.push_str("\nSources disagree:\n\n");
        let items = books.disagreements.iter().map(|disagreement| format!("- {}\n", md(disagreement)));
        let (items, more) = within((budget / 4).saturating_sub(FRAME), items);
        text.push_str(&items);
        text.push_str(&and_more(more));
    }
    text
}

fn advice(sections: &Sections, budget: usize) -> String {
    let advice = &sections.advice;
    let mut text = "\n## What to do\n".to_owned();
    if let Some(instead) = &advice.instead {
        text.push_str(&format!("\n{}\n", md(instead)));
    }
    if let Some(warning) = advice.warning {
        text.push_str(&format!("\n**{}**\n", md(warning)));
    }
    let (remedies, more) = within(budget.saturating_sub(FRAME + text.len()), advice.remedies.iter().map(advised));
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
    if let Some(warning) = advised.warning {
        text.push_str(&format!("\n_{}_\n", md(warning)));
    }
    let language = if advised.urgency == Urgency::Upstream { "text" } else { "sh" };
    if !advised.run.is_empty() {
        text.push_str(&format!("\n{}", fenced(language, &advised.run)));
    }
    if !advised.undo.is_empty() {
        text.push_str(&format!("\nUndo:\n\n{}", fenced(language, &advised.undo)));
    }
    text
}

fn steps(sections: &Sections, budget: usize) -> String {
    let steps = &sections.steps;
    let rows = steps.steps.iter().map(|step| {
        let said: Vec<String> =
            std::iter::once(step.sentence.clone()).chain(step.details()).map(|text| md(&text)).collect();
        [verdict(step.verdict), md(&step.title), said.join("; ")]
    });
    let table = table(["", "Step", "What it found"], [":--"; 3], rows, budget.saturating_sub(FRAME));
    format!("\n## Steps: {}, {}\n\n{table}", steps.verdict, steps.coverage)
}

fn fleet(sections: &Sections, budget: usize) -> String {
    let Some(fleet) = &sections.fleet else { return String::new() };
    let rows = fleet.rows.iter().map(|row| [verdict(row.verdict), md(&row.host), md(&row.rate), md(&row.said)]);
    let table =
        table(["", "Host", "Receives", "What it is"], [":--", ":--", "--:", ":--"], rows, budget.saturating_sub(FRAME));
    let notes: String = fleet.notes.iter().map(|note| format!("\n{}\n", md(note))).collect();
    format!("\n## {}\n\n{table}{notes}", md(&fleet.title))
}

fn causes(sections: &Sections, budget: usize) -> String {
    let causes = &sections.causes;
    if causes.is_empty() {
        return String::new();
    }
    let row = |cause: &Considered| {
        let why = cause.reason().map(|reason| md(&reason)).unwrap_or_default();
        let title = if cause.title == cause.id { String::new() } else { format!("{} ", md(&cause.title)) };
        let from = if cause.from.is_empty() { String::new() } else { format!(" {}", md(&cause.from)) };
        [cause.likelihood_word(), format!("{title}`{}`{from}", cause.id.replace(['`', '|'], "'")), why]
    };
    let overview = |causes: &mut dyn Iterator<Item = &Considered>, budget: usize| {
        table(["Likelihood", "Cause", "What tells"], [":--"; 3], causes.map(row), budget)
    };
    let mut face = format!("{}.\n", causes.counts());
    if !(causes.standing.is_empty() && causes.open.is_empty()) {
        face.push_str(&format!("\n{}", overview(&mut causes.standing.iter().chain(&causes.open), budget / 4)));
    }
    if !causes.dismissed.is_empty() {
        face.push_str(&folded(
            "Causes that are unlikely or ruled out",
            &overview(&mut causes.dismissed.iter(), budget / 4),
        ));
    }

    let signs = causes.all().flat_map(|cause| {
        let kinds =
            [(&cause.speaks_for, "holds"), (&cause.speaks_against, "holds"), (&cause.unobserved, "not observable")];
        kinds
            .into_iter()
            .flat_map(|(signs, holds)| signs.iter().map(move |sign| (sign, holds)))
            .map(|(sign, holds)| {
                let side = match sign.side {
                    SignSide::For => "for",
                    SignSide::Against => "against",
                };
                let weight = format!("{side}, {}", sign.weight_word());
                [md(&cause.id), weight, holds.to_owned(), md(&sign.say)]
            })
            .chain(cause.left_out().map(|left_out| [md(&cause.id), String::new(), String::new(), left_out]))
    });
    let mut signs = signs.peekable();
    let details = if signs.peek().is_some() {
        let table = table(
            ["Cause", "Side", "", "Sign"],
            [":--"; 4],
            signs,
            (budget - face.len().min(budget)).saturating_sub(FRAME),
        );
        folded("All signs for and against", &table)
    } else {
        String::new()
    };
    format!("\n## Causes considered\n\n{face}{details}")
}

/// What was read in place of a host.
fn read(sections: &Sections, budget: usize) -> String {
    let Some(read) = &sections.read else { return String::new() };
    let items = read.stands_out.iter().map(|sentence| format!("- {}\n", md(sentence)));
    let (items, more) = within(budget / 2, items);
    let next = fenced("sh", &read.next);
    let outputs =
        read.recognised.iter().map(|[tool, place, taken]| format!("- {} ({}): {}\n", md(tool), md(place), md(taken)));
    let lost = read.unrecognised.iter().map(|lines| format!("- not recognised: {}\n", md(lines)));
    let (outputs, others) = within(budget.saturating_sub(items.len() + next.len() + FRAME), outputs.chain(lost));
    format!(
        "\n## What was read and stands out\n\n{items}{}\nMade at: {}\n\nWhat to run next, for what these outputs do not show:\n\n{next}{}",
        and_more(more),
        md(&read.moment),
        folded("What was recognised", &format!("{outputs}{}", and_more(others)))
    )
}

fn unseen(sections: &Sections, budget: usize) -> String {
    let unseen = &sections.unseen;
    if unseen.is_empty() {
        return String::new();
    }
    let list = |heading: &str, gaps: &[(String, String)], budget: usize| {
        let items = gaps.iter().map(|(title, what)| format!("- {}: {}\n", md(title), md(what)));
        let (items, more) = within(budget.saturating_sub(FRAME), items);
        format!("\n{}\n\n{items}{}", md(heading), and_more(more))
    };
    let groups = unseen.blind.iter().map(|blind| list(&blind.way.heading(), &blind.gaps, budget / 2));
    let (groups, more) = within(budget * 2 / 3, groups);
    let mut text = format!("\n## What could not be seen\n{groups}{}", and_more(more));
    if !unseen.lost.is_empty() {
        text.push_str(&list("Lost while looking:", &unseen.lost, budget / 3));
    }
    text
}

fn about(sections: &Sections, budget: usize) -> String {
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
    let (params, more) = within(budget / 8, &mut separated);
    let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
    if !params.is_empty() {
        facts.push(["Parameters".to_owned(), format!("{params}{more}")]);
    }
    let facts = table(["", ""], [":--"; 2], facts, budget / 2);
    let again = std::slice::from_ref(&about.again);
    let again = if about.again.len() <= budget / 8 {
        let what = if about.read { "look at the host itself" } else { "run it again" };
        format!("\nTo {what}:\n\n{}", fenced("sh", again))
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
        folded(
            "Where the figures come from",
            &table(head, [":--"; 6], provenance, budget - (facts.len() + again.len() + FRAME).min(budget)),
        )
    };
    format!("\n## About this run\n\n{facts}{again}{details}")
}
