//! Finds the lines that patterns may match, by what they need, many patterns at once.

use grep_matcher::{LineMatchKind, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_syntax::ast::parse::Parser;

use crate::case::{Gap, Reason};

use super::bad;
use super::form::Form;
use crate::probe::logs::access;
use crate::probe::logs::repeat;
use crate::probe::logs::single;

/// Up to so many forms are tried on a line one after another, which costs less than asking for all of them at once and
/// then for the captures of each that matched.
pub(super) const FEW: usize = 8;

/// Finds the lines that forms may match.
#[derive(Debug, Clone)]
pub(super) struct Sieve {
    /// The forms, by index.
    pub members: Vec<usize>,
    /// Whether each line has to be looked at.
    all: bool,
    /// Finds lines that may match any of them, by the literals that they need.
    any: Option<RegexMatcher>,
    /// Says which of them a line may match, when they are many, by their place among the members.
    pub which: Option<RegexSet>,
    /// Whether lines may say that the one before came again.
    pub repeats: bool,
}

impl Sieve {
    /// For logs whose lines have frames: requests are there only where a proxy hands them to the logger.
    pub(super) fn of_framed(names: &[&str], forms: &[Form]) -> Result<Self, Gap> {
        let text = |index: usize, form: &Form| {
            Some(if form.of_requests() { access::PROXY.to_owned() } else { form.in_line(index).unwrap_or_default() })
        };
        Sieve::new(names, forms, text)
    }

    /// For access logs.
    pub(super) fn of_requests(names: &[&str], forms: &[Form]) -> Result<Self, Gap> {
        let text = |index: usize, form: &Form| {
            (form.bound.is_none() || form.of_requests()).then(|| form.in_line(index).unwrap_or_default())
        };
        Sieve::new(names, forms, text)
    }

    /// `text` gives what a line needs to match a form; none where the form has no place here, nothing where every line counts.
    fn new(names: &[&str], forms: &[Form], text: impl Fn(usize, &Form) -> Option<String>) -> Result<Self, Gap> {
        let (members, texts): (Vec<usize>, Vec<String>) =
            forms.iter().enumerate().filter_map(|(index, form)| Some((index, text(index, form)?))).unzip();
        let own = || members.iter().filter_map(|index| forms.get(*index));
        let name = |form: &Form| names.get(form.pattern).copied().unwrap_or_default();
        let all = texts.iter().any(String::is_empty);
        let repeats = own().any(|form| form.bound.is_some() && !form.of_requests());
        let compiled = || -> Result<_, Gap> {
            let together = |error: String| Gap::new(Reason::Malformed, "compile the patterns together", error);
            let which = if members.len() > FEW {
                Some(set(&texts).map_err(|error| together(error.to_string()))?)
            } else {
                None
            };
            let any = if all || texts.is_empty() {
                None
            } else {
                let mut texts = texts.clone();
                texts.extend(repeats.then(|| format!(r"{}\d", repeat::LAST)));
                Some(line_matcher(&texts).map_err(|error| together(error.to_string()))?)
            };
            Ok((any, which))
        };
        let (any, which) = match compiled() {
            Ok(compiled) => compiled,
            // An error of all together is told as that of the one that causes it.
            Err(all) => {
                let alone = own().zip(&texts).find_map(|(form, text)| {
                    let error = line_matcher(&[text]).map(drop).map_err(|error| error.to_string());
                    let error = error.and_then(|()| set(&[text]).map(drop).map_err(|error| error.to_string()));
                    error.err().map(|error| bad(name(form), &error))
                });
                return Err(alone.unwrap_or(all));
            }
        };
        // Of few, each is tried on each line that may match; of many, what takes part in a text at its beginning only might fail
        // to compile where the text alone does not.
        for form in own() {
            if which.is_none() {
                let compiled = form.compile().map_err(|error| bad(name(form), &error.to_string()))?;
                form.single.get_or_init(|| compiled);
            } else if let Some(text) = form.text.as_ref().filter(|_| form.bound.is_some()) {
                Parser::new()
                    .parse(&single::at_beginning(text))
                    .map_err(|error| bad(name(form), &error.to_string()))?;
            }
        }
        Ok(Sieve { members, all, any, which, repeats })
    }

    /// A place in the next line that may match, or none.
    pub(super) fn next_candidate(&self, lines: &[u8]) -> Option<usize> {
        if self.all {
            return Some(0);
        }
        match self.any.as_ref()?.find_candidate_line(lines) {
            Ok(Some(LineMatchKind::Confirmed(at) | LineMatchKind::Candidate(at))) => Some(at),
            Ok(None) | Err(_) => None,
        }
    }
}

fn set<P: AsRef<str>>(patterns: &[P]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).unicode(false).build()
}

fn line_matcher<P: AsRef<str>>(patterns: &[P]) -> Result<RegexMatcher, grep_regex::Error> {
    RegexMatcherBuilder::new().unicode(false).multi_line(true).crlf(true).build_many(patterns)
}
