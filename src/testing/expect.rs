//! What a test expects, and what came instead.

use regex::Regex;
use serde_json::{Map, Value};
use serde_yaml::Spanned;

use super::document::{ExpectDocument, FindingDocument};
use super::evidence::suggestion;
use super::faults::Faults;
use super::node::Text;
use super::node::{self, Node};
use super::subject::Subject;
use crate::case::{Case, Cause, Finding, Likelihood, Remedy, Verdict};
use crate::runbook::Runbook;

/// Figures are the same when they differ by less than this share: one was written by hand.
const SAME: f64 = 1e-9;
/// The word for "no cause".
const NONE: &str = "none";
/// From the least to the most sure.
const LIKELIHOODS: [Likelihood; 5] =
    [Likelihood::RuledOut, Likelihood::Unlikely, Likelihood::Possible, Likelihood::Likely, Likelihood::Certain];

/// What a test expects.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    whole: Expected,
    besides: Vec<Pattern>,
    findings: Vec<(String, Expected)>,
    causes: Vec<(String, Comparison)>,
    first_cause: Option<String>,
}

/// What is expected of a finding, or of the whole run.
#[derive(Debug, Default)]
struct Expected {
    verdict: Option<Verdict>,
    sentence: Option<Pattern>,
    data: Map<String, Value>,
    remedies: Option<Vec<Pattern>>,
}

#[derive(Debug)]
enum Pattern {
    Part(String),
    Matches(Regex),
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Part(part) => text.contains(part),
            Pattern::Matches(expression) => expression.is_match(text),
        }
    }

    fn shown(&self) -> String {
        match self {
            Pattern::Part(part) => part.clone(),
            Pattern::Matches(expression) => format!("(matches) {expression}"),
        }
    }
}

#[derive(Debug)]
struct Comparison {
    operator: &'static str,
    likelihood: Likelihood,
    written: String,
}

impl Comparison {
    fn holds(&self, found: Likelihood) -> bool {
        match self.operator {
            "<=" => found <= self.likelihood,
            ">=" => found >= self.likelihood,
            "<" => found < self.likelihood,
            ">" => found > self.likelihood,
            _ => found == self.likelihood,
        }
    }
}

/// Something that is not as it was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What it is about: "verdict", "cause syn-flood".
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Why things could not be seen, where that may be the reason.
    pub gaps: Vec<String>,
}

/// Checks what a test expects against what its subject can say.
pub(super) fn read(
    document: Spanned<ExpectDocument>,
    subject: &Subject,
    runbook: &Runbook,
    faults: &mut Faults<'_>,
) -> Expectation {
    let (at, document) = (document.referenced, document.value);
    let mut expectation = Expectation {
        whole: Expected {
            verdict: document.verdict,
            sentence: document.sentence.and_then(|node| pattern(&node, faults)),
            data: node::values(&document.data),
            remedies: document.remedies.map(|list| patterns(&list, faults)),
        },
        besides: patterns(&document.besides, faults),
        ..Expectation::default()
    };
    let is_check = matches!(subject, Subject::Check(_));
    for (step, finding) in document.findings {
        if is_check {
            let help = Some("`verdict`, `sentence`, `data` and `remedies` are those of the check".to_owned());
            faults.name(&step, "a check has no steps".to_owned(), help);
        } else if !runbook.steps.iter().any(|known| known.id == step.value) {
            let help = suggestion(&step.value, runbook.steps.iter().map(|step| &step.id));
            faults.name(&step, format!("the runbook has no step `{}`", step.value), help);
        }
        expectation.findings.push((step.value, expected(finding, faults)));
    }
    for (cause, likelihood) in document.causes {
        check_cause(&cause, runbook, faults);
        if let Some(comparison) = comparison(&likelihood, faults) {
            expectation.causes.push((cause.value, comparison));
        }
    }
    if let Some(first) = document.first_cause {
        if first.value != NONE {
            check_cause(&first, runbook, faults);
        }
        expectation.first_cause = Some(first.value);
    }
    let of_a_check = !expectation.whole.data.is_empty() || !expectation.besides.is_empty();
    if of_a_check && !is_check {
        let help = Some("name the step below `findings:`".to_owned());
        faults.report(&at, "", "`data` and `besides` are what a check finds".to_owned(), help);
    }
    if expectation.is_empty() {
        let help = Some("give at least one, such as `verdict: ok`".to_owned());
        faults.report(&at, "", "the test expects nothing".to_owned(), help);
    }
    expectation
}

fn expected(document: FindingDocument, faults: &mut Faults<'_>) -> Expected {
    Expected {
        verdict: document.verdict,
        sentence: document.sentence.and_then(|node| pattern(&node, faults)),
        data: node::values(&document.data),
        remedies: document.remedies.map(|list| patterns(&list, faults)),
    }
}

fn patterns(nodes: &[Spanned<Node>], faults: &mut Faults<'_>) -> Vec<Pattern> {
    nodes.iter().filter_map(|node| pattern(node, faults)).collect()
}

fn pattern(node: &Spanned<Node>, faults: &mut Faults<'_>) -> Option<Pattern> {
    match &node.value {
        Node::Text(text) if !text.is_empty() => return Some(Pattern::Part(text.clone())),
        Node::Number(number) => return Some(Pattern::Part(number.to_string())),
        Node::Map(fields) => {
            if let [(name, expression)] = fields.as_slice()
                && name.value == "matches"
                && let Node::Text(text) = &expression.value
            {
                match Regex::new(text) {
                    Ok(regex) => return Some(Pattern::Matches(regex)),
                    Err(error) => {
                        let why = error.to_string();
                        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                        faults.at(expression, format!("this is not a regular expression: {why}"), None);
                        return None;
                    }
                }
            }
        }
        _ => {}
    }
    let help = Some("write a part of it, or {matches: REGEX}".to_owned());
    faults.at(node, "a part of the text is wanted here".to_owned(), help);
    None
}

fn check_cause(cause: &Text, runbook: &Runbook, faults: &mut Faults<'_>) {
    if !runbook.causes.iter().any(|known| known.id == cause.value) {
        let help = suggestion(&cause.value, runbook.causes.iter().map(|cause| &cause.id));
        faults.name(cause, format!("there is no cause `{}`", cause.value), help);
    }
}

fn comparison(text: &Text, faults: &mut Faults<'_>) -> Option<Comparison> {
    let written = text.value.trim();
    let operator = ["<=", ">=", "<", ">", "="].into_iter().find(|operator| written.starts_with(operator));
    let operator = operator.unwrap_or("");
    let word = written[operator.len()..].trim();
    match LIKELIHOODS.into_iter().find(|likelihood| likelihood.word() == word) {
        Some(likelihood) => Some(Comparison { operator, likelihood, written: written.to_owned() }),
        None => {
            let words: Vec<String> = LIKELIHOODS.iter().map(|likelihood| likelihood.word().to_owned()).collect();
            faults.name(text, format!("`{word}` is not a likelihood"), suggestion(word, words.iter()));
            None
        }
    }
}

impl Expectation {
    /// Whether the cause is expected to be at work.
    pub(super) fn expects(&self, cause: &str) -> bool {
        let is_likely = |comparison: &Comparison| {
            matches!(comparison.operator, "" | "=" | ">=") && comparison.likelihood >= Likelihood::Likely
        };
        self.first_cause.as_deref() == Some(cause)
            || self.causes.iter().any(|(id, comparison)| id == cause && is_likely(comparison))
    }

    fn is_empty(&self) -> bool {
        self.whole.is_empty()
            && self.besides.is_empty()
            && self.findings.is_empty()
            && self.causes.is_empty()
            && self.first_cause.is_none()
    }

    /// What is otherwise in the case.
    pub fn differences(&self, subject: &Subject, case: &Case) -> Vec<Difference> {
        let mut differences = Vec::new();
        match (subject, case.findings.first()) {
            (Subject::Check(_), Some(finding)) => {
                self.whole.of_finding("", finding, &mut differences);
                for pattern in &self.besides {
                    if !finding.besides.iter().any(|said| pattern.fits(&said.sentence)) {
                        let found = list(finding.besides.iter().map(|said| said.sentence.as_str()));
                        differences.push(difference("besides", pattern.shown(), found));
                    }
                }
            }
            _ => self.whole.of_case(case, &mut differences),
        }
        for (step, expected) in &self.findings {
            match case.findings.iter().find(|finding| finding.step == *step) {
                Some(finding) => expected.of_finding(&format!("{step}: "), finding, &mut differences),
                None => differences.push(difference(step, "a finding".to_owned(), "none".to_owned())),
            }
        }
        for (id, comparison) in &self.causes {
            let cause = case.diagnosis.causes.iter().find(|cause| cause.id == *id);
            if let Some(cause) = cause.filter(|cause| !comparison.holds(cause.likelihood)) {
                let mut different =
                    difference(&format!("cause {id}"), comparison.written.clone(), cause.likelihood.to_string());
                different.gaps = unseen(cause);
                differences.push(different);
            }
        }
        if let Some(expected) = &self.first_cause {
            let least = if expected == NONE { Likelihood::Likely } else { Likelihood::Possible };
            let first = case.diagnosis.causes.first().filter(|cause| cause.likelihood >= least);
            let found = first.map_or(NONE, |cause| cause.id.as_str());
            if found != expected {
                let likelihood = first.map(|cause| format!(" ({})", cause.likelihood)).unwrap_or_default();
                differences.push(difference("first cause", expected.clone(), format!("{found}{likelihood}")));
            }
        }
        differences
    }
}

impl Expected {
    fn is_empty(&self) -> bool {
        self.verdict.is_none() && self.sentence.is_none() && self.data.is_empty() && self.remedies.is_none()
    }

    fn of_case(&self, case: &Case, differences: &mut Vec<Difference>) {
        let remedies = case.findings.iter().flat_map(|finding| &finding.remedies);
        let remedies: Vec<&Remedy> =
            case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies).chain(remedies).collect();
        self.compare("", case.verdict, &case.diagnosis.summary, &Map::new(), &remedies, differences);
    }

    fn of_finding(&self, of: &str, finding: &Finding, differences: &mut Vec<Difference>) {
        let remedies: Vec<&Remedy> = finding.remedies.iter().collect();
        let first = differences.len();
        self.compare(of, finding.verdict, &finding.sentence, &finding.data, &remedies, differences);
        if let Some(different) = differences.get_mut(first) {
            different.gaps = finding.gaps.iter().map(ToString::to_string).collect();
        }
    }

    fn compare(
        &self,
        of: &str,
        verdict: Verdict,
        sentence: &str,
        data: &Map<String, Value>,
        remedies: &[&Remedy],
        differences: &mut Vec<Difference>,
    ) {
        let mut differ = |what: &str, expected: String, found: String| {
            differences.push(difference(&format!("{of}{what}"), expected, found));
        };
        let mut verdict_differs = false;
        if let Some(expected) = self.verdict.filter(|expected| *expected != verdict) {
            verdict_differs = true;
            differ("verdict", expected.to_string(), verdict.to_string());
        }
        match &self.sentence {
            Some(pattern) if !pattern.fits(sentence) => differ("sentence", pattern.shown(), sentence.to_owned()),
            // The sentence tells why the verdict is another.
            None if verdict_differs => differ("sentence", "(any)".to_owned(), sentence.to_owned()),
            _ => {}
        }
        for (path, expected, found) in unlike(&self.data, data) {
            differ(&format!("data {path}"), expected, found);
        }
        let Some(patterns) = &self.remedies else { return };
        let texts: Vec<String> = remedies.iter().map(|remedy| text_of(remedy)).collect();
        if patterns.is_empty() && !texts.is_empty() {
            differ("remedies", NONE.to_owned(), list(remedies.iter().map(|remedy| remedy.action.as_str())));
        }
        for pattern in patterns.iter().filter(|pattern| !texts.iter().any(|text| pattern.fits(text))) {
            differ("remedies", pattern.shown(), list(texts.iter().map(String::as_str)));
        }
    }
}

fn difference(what: &str, expected: String, found: String) -> Difference {
    Difference { what: what.to_owned(), expected, found, gaps: Vec::new() }
}

/// All that a remedy says or runs.
fn text_of(remedy: &Remedy) -> String {
    let parts = [Some(&remedy.action), remedy.run.as_ref(), remedy.undo.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { NONE.to_owned() } else { texts.join("\n") }
}

/// Why signs of a cause could not be observed.
fn unseen(cause: &Cause) -> Vec<String> {
    let mut gaps: Vec<String> = cause.signs.iter().flat_map(|sign| &sign.gaps).map(ToString::to_string).collect();
    gaps.sort();
    gaps.dedup();
    gaps
}

/// Where the figures are not as expected: path, what was expected, what was found.
fn unlike(expected: &Map<String, Value>, found: &Map<String, Value>) -> Vec<(String, String, String)> {
    let mut differences = Vec::new();
    for (name, expected) in expected {
        compare_value(name, expected, found.get(name), &mut differences);
    }
    differences
}

fn compare_value(path: &str, expected: &Value, found: Option<&Value>, out: &mut Vec<(String, String, String)>) {
    match (expected, found) {
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(expected), Some(Value::Object(found))) => {
            for (name, expected) in expected {
                compare_value(&format!("{path}.{name}"), expected, found.get(name), out);
            }
        }
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare_value(&format!("{path}[{}]", index + 1), expected, Some(found), out);
            }
        }
        // Lua does not tell an empty list from an empty map.
        (Value::Array(expected), Some(Value::Object(found))) if expected.is_empty() && found.is_empty() => {}
        (Value::Number(a), Some(Value::Number(b))) if alike(a.as_f64(), b.as_f64()) => {}
        (expected, Some(found)) if expected == found => {}
        (expected, found) => {
            let found = found.map_or_else(|| NONE.to_owned(), ToString::to_string);
            out.push((path.to_owned(), expected.to_string(), found));
        }
    }
}

fn alike(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a == b || (a - b).abs() <= SAME * a.abs().max(b.abs()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unlike_of(expected: Value, found: Value) -> Vec<String> {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        unlike(&map(expected), &map(found)).into_iter().map(|(path, ..)| path).collect()
    }

    #[test]
    fn figures_may_be_more_than_expected_but_not_other() {
        let found = json!({"pid": 812, "share": 0.1 + 0.2, "who": {"name": "named", "uid": 5}, "ports": [1, 2]});
        let same = json!({"pid": 812.0, "share": 0.3, "who": {"name": "named"}, "ports": [1, 2], "none": null});
        assert_eq!(unlike_of(same, found.clone()), [""; 0]);
        let other = json!({"pid": 813, "who": {"name": "bind"}, "ports": [1], "gone": 1});
        assert_eq!(unlike_of(other, found), ["pid", "who.name", "ports", "gone"]);
    }

    #[test]
    fn likelihoods_are_compared_in_their_order() {
        let holds = |text: &str, found| {
            let text: Text = node::from_yaml(&format!("{text:?}")).unwrap();
            comparison(&text, &mut Faults::new("")).unwrap().holds(found)
        };
        assert!(holds("certain", Likelihood::Certain) && !holds("certain", Likelihood::Likely));
        assert!(holds(">= likely", Likelihood::Certain) && !holds("> likely", Likelihood::Likely));
        assert!(holds("<= unlikely", Likelihood::RuledOut) && !holds("< unlikely", Likelihood::Unlikely));
        assert!(holds("= ruled-out", Likelihood::RuledOut));
    }

    #[test]
    fn a_pattern_is_a_part_or_a_regular_expression() {
        let fits = |yaml: &str, text: &str| {
            let node: Spanned<Node> = node::from_yaml(yaml).unwrap();
            pattern(&node, &mut Faults::new(yaml)).map(|pattern| pattern.fits(text))
        };
        assert_eq!(fits("for anyone", "named resolves for anyone"), Some(true));
        assert_eq!(fits("{matches: '^\\w+ resolves'}", "named resolves for anyone"), Some(true));
        assert_eq!(fits("{matches: '^resolves'}", "named resolves for anyone"), Some(false));
        assert_eq!(fits("25", "25 clients"), Some(true));
        assert_eq!(fits("{matches: '('}", ""), None);
        assert_eq!(fits("[a]", ""), None);
    }
}
