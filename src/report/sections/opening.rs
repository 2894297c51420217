//! The first lines: where, when, and the conclusion.

use super::about::{moment, overrides};
use super::{letter, name, sentence, window};
use crate::case::{Case, Choice, Redacted, Verdict};

/// Headlines that a report shows; more would not be headlines.
const MOST_HEADLINES: usize = 6;

/// Where and when, the conclusion, the headline figures.
pub struct Opening {
    /// The parts of the first line: version, runbook, host, time, the file that it came from if it has the name of one that
    /// ships, window.
    pub header: Vec<String>,
    /// The run was ended before its window was over.
    pub partial: Option<&'static str>,
    /// What was looked at, when it was not the host itself, and what the host would show.
    pub vantage: Option<String>,
    /// The conclusion, in one sentence.
    pub summary: String,
    /// The gravest finding.
    pub verdict: Verdict,
    /// Figures, a sentence each, without those that the conclusion tells, and what was taken out of the case.
    pub headlines: Vec<String>,
    /// How many of the headlines are figures: they come first.
    pub figures: usize,
    /// The runbook's title, or its name where it has none.
    pub title: String,
    /// The host's name.
    pub host: String,
}

impl Opening {
    pub(super) fn of(case: &Case) -> Self {
        let mut header = vec![
            format!("casebook {}", name(&case.casebook)),
            name(&case.runbook.name),
            name(&case.host.name),
            moment(case),
        ];
        // Whoever knows the runbook by its name must see that this was another.
        header.extend(overrides(case));
        if case.window_seconds > 0.0 {
            header.push(format!("window {}", window(case.window_seconds)));
        }
        header.retain(|part| !part.is_empty());
        let title = if case.runbook.title.trim().is_empty() { &case.runbook.name } else { &case.runbook.title };
        let summary = sentence(&case.diagnosis.summary);
        let figures = case.diagnosis.headlines.iter().map(|headline| sentence(headline));
        let mut headlines: Vec<String> =
            figures.filter(|headline| !headline.is_empty() && !says(&summary, headline)).take(MOST_HEADLINES).collect();
        let figures = headlines.len();
        let read = case.reading.is_some();
        headlines.extend(case.runbook.choice.iter().flat_map(|choice| chosen(choice, read)).map(|said| letter(&said)));
        headlines.extend(redacted(&case.redacted));
        Opening {
            header,
            partial: case.partial.then_some("PARTIAL: the run ended early"),
            vantage: case.host.vantage.as_ref().map(|vantage| sentence(&vantage.sentence())),
            summary: if summary.is_empty() { "The run came to no conclusion.".to_owned() } else { summary },
            verdict: case.verdict,
            headlines,
            figures,
            title: name(title),
            host: name(&case.host.name),
        }
    }
}

/// Whether the conclusion tells all of a headline.
fn says(summary: &str, headline: &str) -> bool {
    let (summary, headline) = (summary.to_lowercase(), headline.trim_end_matches('.').to_lowercase());
    headline.split("; ").all(|part| {
        let ends = |(at, _)| {
            let mut rest = summary[at + part.len()..].chars();
            // `load 3` is not told by `load 3.2`, nor by `load 32`.
            match rest.next() {
                Some('.' | ',') => !rest.next().is_some_and(char::is_alphanumeric),
                next => !next.is_some_and(char::is_alphanumeric),
            }
        };
        summary.match_indices(part).any(ends)
    })
}

/// Which runbooks were run as one and why, and which were not.
fn chosen(choice: &Choice, read: bool) -> Vec<String> {
    let why = |runbook: &str, why: &str| if why.is_empty() { runbook.to_owned() } else { format!("{runbook} ({why})") };
    let picked: Vec<String> = choice.picked.iter().map(|picked| why(&picked.runbook, &picked.why())).collect();
    let first = match (choice.complaint.is_empty(), choice.unknown) {
        _ if read => "Judged by: ",
        (true, _) => "Nothing was complained of, so everything was looked at: ",
        (false, true) => "No runbook knows a word of the complaint, so everything was looked at: ",
        (false, false) => "Looked at: ",
    };
    let left: Vec<String> = choice.left.iter().map(|left| why(&left.runbook, &left.why)).collect();
    let mut said = vec![format!("{first}{}.", picked.join(", "))];
    let not = if read { "Not judged by" } else { "Not looked at" };
    said.extend((!left.is_empty()).then(|| format!("{not}: {}.", left.join(", "))));
    said
}

/// What was taken out of the case: `Redacted: 1 secret left out; 12 addresses, 2 users under pseudonyms`.
fn redacted(redacted: &Redacted) -> Option<String> {
    let count = |figure: u64, one: &str, many: &str| format!("{figure} {}", if figure == 1 { one } else { many });
    let mut parts = Vec::new();
    if redacted.secrets > 0 {
        parts.push(format!("{} left out", count(redacted.secrets, "secret", "secrets")));
    }
    let named: Vec<String> = [
        (redacted.addresses, "address", "addresses"),
        (redacted.users, "user", "users"),
        (redacted.hosts, "host name", "host names"),
    ]
    .into_iter()
    .filter(|(figure, ..)| *figure > 0)
    .map(|(figure, one, many)| count(figure, one, many))
    .collect();
    if !named.is_empty() {
        parts.push(format!("{} under pseudonyms", named.join(", ")));
    }
    (!parts.is_empty()).then(|| format!("Redacted: {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_headline_is_told_by_the_conclusion_where_every_part_of_it_stands_there() {
        let summary = "The host is short of nothing: the CPUs are 5 % busy, load 3.2; 18 GB are available.";
        for told in
            ["the CPUs are 5 % busy, load 3.2; 18 GB are available", "The CPUs are 5 % busy", "18 GB are available."]
        {
            assert!(says(summary, told), "{told}");
        }
        for untold in ["the CPUs are 5 % busy, load 3", "the CPUs are 5 % busy; 1 GB is cache", "18 GB are avail"] {
            assert!(!says(summary, untold), "{untold}");
        }
    }
}
