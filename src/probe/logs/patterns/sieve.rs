//! Finds the lines that patterns may match, by what they need, many patterns at once.

use std::sync::Arc;

use grep_matcher::{LineMatchKind, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_syntax::ast::parse::Parser;

use crate::case::{Gap, Reason};

use super::bad;
use super::form::Form;
use super::groups::apart;
use super::reading::{Reading, reading};
use super::words::{Next, Words};
use crate::probe::logs::access;
use crate::probe::logs::repeat;
use crate::probe::logs::single;

/// Up to so many forms are tried on a line one after another, which costs less than asking for all of them at once and
/// then for the captures of each that matched.
pub(super) const FEW: usize = 8;

/// How the lines that may match are found.
#[derive(Debug, Clone, Default)]
enum Any {
    /// Each line has to be looked at.
    All,
    /// No line can match.
    #[default]
    None,
    /// By the words that they need.
    Words(Words),
    /// Where an expression needs none: by all of them at once.
    Lines(RegexMatcher),
}

/// Finds the lines that forms may match.
#[derive(Debug, Clone, Default)]
pub(super) struct Sieve {
    /// The forms, by index.
    pub members: Vec<usize>,
    /// Finds lines that may match any of them.
    any: Any,
    /// Says which of them a line matches, when they are many and words do not tell, by their place among the members.
    pub which: Option<RegexSet>,
    /// Whether lines may say that the one before came again.
    pub repeats: bool,
}

impl Sieve {
    /// For logs whose lines have frames: requests are there only where a proxy hands them to the logger.
    pub(super) fn of_framed(names: &[&str], forms: &[Form]) -> Result<Self, Gap> {
        let text = |form: &Form| {
            Some(if form.of_requests() { access::PROXY.to_owned() } else { form.in_line().unwrap_or_default() })
        };
        Sieve::new(names, forms, text)
    }

    /// For access logs.
    pub(super) fn of_requests(names: &[&str], forms: &[Form]) -> Result<Self, Gap> {
        let text =
            |form: &Form| (form.bound.is_none() || form.of_requests()).then(|| form.in_line().unwrap_or_default());
        Sieve::new(names, forms, text)
    }

    /// `text` gives what a line needs to match a form; none where the form has no place here, nothing where every line counts.
    fn new(names: &[&str], forms: &[Form], text: impl Fn(&Form) -> Option<String>) -> Result<Self, Gap> {
        let (members, texts): (Vec<usize>, Vec<String>) =
            forms.iter().enumerate().filter_map(|(index, form)| Some((index, text(form)?))).unzip();
        let own = || members.iter().filter_map(|index| forms.get(*index));
        let name = |form: &Form| names.get(form.pattern).copied().unwrap_or_default();
        let all = texts.iter().any(String::is_empty);
        let repeats = own().any(|form| form.bound.is_some() && !form.of_requests());
        let compiled = || -> Result<_, Gap> {
            let together = |error: String| Gap::new(Reason::Malformed, "compile the patterns together", error);
            if texts.is_empty() {
                return Ok((Any::None, None));
            }
            let repeated = repeats.then(|| format!(r"{}\d", repeat::LAST));
            if !all {
                let of_forms = own().zip(&texts).map(|(form, text)| reading(text, form.built_in));
                let each: Vec<Arc<Reading>> =
                    of_forms.chain(repeated.as_deref().map(|text| reading(text, true))).collect();
                let needed: Option<Vec<&[Vec<u8>]>> = each.iter().map(|reading| reading.words()).collect();
                if let Some(words) = needed.and_then(Words::of) {
                    return Ok((Any::Words(words), None));
                }
            }
            // In one expression with others, no name may come twice.
            let mut texts: Vec<String> = members.iter().zip(&texts).map(|(index, text)| apart(text, *index)).collect();
            let which = if members.len() > FEW {
                Some(set(&texts).map_err(|error| together(error.to_string()))?)
            } else {
                None
            };
            if all {
                return Ok((Any::All, which));
            }
            texts.extend(repeated);
            Ok((Any::Lines(line_matcher(&texts).map_err(|error| together(error.to_string()))?), which))
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
        // What is asked for must compile at once; what is built in does, and is compiled when a line may match it. Of many that are
        // compiled together, what takes part in a text at its beginning only might fail to compile where the text alone does not.
        for form in own().filter(|form| !form.built_in || members.len() <= FEW) {
            if which.is_none() {
                let compiled = form.compile().map_err(|error| bad(name(form), &error.to_string()))?;
                form.single.get_or_init(|| compiled);
            } else if let Some(text) = form.text.as_ref().filter(|_| form.bound.is_some()) {
                Parser::new()
                    .parse(&single::at_beginning(text))
                    .map_err(|error| bad(name(form), &error.to_string()))?;
            }
        }
        Ok(Sieve { members, any, which, repeats })
    }

    /// A place in the next of the lines that may match, at `from` or after it. What is known of those after it is kept in `next`, for
    /// the same lines; a `from` of 0 begins anew.
    pub(super) fn next_candidate(&self, lines: &[u8], from: usize, next: &mut Next) -> Option<usize> {
        let rest = lines.get(from..).filter(|rest| !rest.is_empty())?;
        match &self.any {
            Any::All => Some(from),
            Any::None => None,
            Any::Words(words) => words.find(lines, from, next),
            Any::Lines(matcher) => match matcher.find_candidate_line(rest) {
                Ok(Some(LineMatchKind::Confirmed(at) | LineMatchKind::Candidate(at))) => Some(from + at),
                Ok(None) | Err(_) => None,
            },
        }
    }

    /// Says in `maybe` which of the members the line may match, by their place; whether that tells at all.
    pub(super) fn mark(&self, line: &[u8], maybe: &mut Vec<bool>) -> bool {
        if let Any::Words(words) = &self.any {
            words.mark(line, maybe, self.members.len());
            return true;
        }
        let Some(which) = &self.which else { return false };
        maybe.clear();
        maybe.resize(self.members.len(), false);
        for place in which.matches(line) {
            if let Some(maybe) = maybe.get_mut(place) {
                *maybe = true;
            }
        }
        true
    }
}

fn set<P: AsRef<str>>(patterns: &[P]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).unicode(false).build()
}

fn line_matcher<P: AsRef<str>>(patterns: &[P]) -> Result<RegexMatcher, grep_regex::Error> {
    RegexMatcherBuilder::new().unicode(false).multi_line(true).crlf(true).build_many(patterns)
}
