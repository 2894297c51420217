//! The engine of the rules that say what a secret looks like. The rules themselves are data: `rules.toml`, of which `build.rs`
//! makes constants, so that a run that meets no secret neither reads nor compiles any.
//!
//! One automaton, a constant as well, looks for all the keywords of all rules; nearly no text has one. Only rules with a keyword in
//! the text are compiled, once, and tried. Every expression is of the `regex` crate, whose time is linear in the text.

use std::sync::{LazyLock, OnceLock};

use regex::{Captures, Regex, RegexSet};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use regex_automata::{Input, meta};

/// A form that secrets take.
pub struct Rule {
    /// Its name in `rules.toml`.
    pub id: &'static str,
    /// What is left out, as the stand-in and the messages name it: `password`.
    pub name: &'static str,
    /// Whether it is so telling that it also counts in program text, where `password: {type: text}` is none.
    pub source: bool,
    /// How it looks.
    regex: &'static str,
    /// The group that is the secret; 0 stands for every group that took part, or all of the match where there is none.
    group: usize,
    /// One of these stands in every match beside its keywords, if there are any.
    needs: &'static [&'static str],
    /// One of these stands in every match behind the beginning of its keyword, if there are any.
    behind: &'static [&'static str],
    /// The least entropy of the secret, in bits per character.
    entropy: f64,
    /// What is not meant, by its place in [`ALLOWLISTS`].
    allowlists: &'static [usize],
}

/// What is no secret although a rule finds it.
struct Allowlist {
    /// What the expressions look at.
    target: Target,
    regexes: &'static [&'static str],
    /// Words, in lower case, that no secret holds.
    stopwords: &'static [&'static str],
}

/// What the expressions of an allowlist look at.
#[derive(Clone, Copy)]
enum Target {
    Secret,
    Match,
    Line,
}

include!(concat!(env!("OUT_DIR"), "/redact_rules.rs"));

/// A set of rules, a bit for each.
type Set = u128;

/// The state behind a byte, in the search for all keywords.
fn next(state: u16, byte: u8) -> u16 {
    let class = CLASSES.get(usize::from(byte)).copied().unwrap_or(0);
    let at = 2 * (usize::from(state) * WIDTH + usize::from(class));
    NEXT.get(at..).and_then(|row| row.first_chunk()).map_or(0, |state| u16::from_le_bytes(*state))
}

/// The rules of which the keywords stand in the text, and where the first keyword of a rule with signs behind it begins.
fn possible(text: &str) -> (Set, usize) {
    let (mut set, mut second, mut first, mut state) = (0, SINGLE, text.len(), 0);
    for (at, byte) in text.bytes().enumerate() {
        state = next(state, byte);
        if state >= FIRST_END {
            let end = ENDS.get(usize::from(state - FIRST_END)).copied();
            let (of, second_of, longest) = end.unwrap_or((Set::MAX, Set::MAX, at + 1));
            (set, second) = (set | of, second | second_of);
            first = if longest > 0 { first.min(at + 1 - longest) } else { first };
        }
    }
    (set & second, first)
}

/// A rule does not compile.
#[derive(Debug)]
pub struct Broken;

/// The rules that match the text, by their place in [`RULES`], in program text (`source`) only those that need no context; an
/// error when one of them does not compile, which a test excludes.
pub fn matching(text: &str, source: bool) -> Result<Vec<(usize, &'static Regex)>, Broken> {
    let mut matching = Vec::new();
    let (mut possible, first) = possible(text);
    let behind = text.get(first..).unwrap_or(text);
    while possible != 0 {
        let index = possible.trailing_zeros() as usize;
        possible &= possible - 1;
        let Some(rule) = RULES.get(index) else { break };
        if source && !rule.source || !rule.has_signs(text, behind) {
            continue;
        }
        // Asked for the end of the match: for the bare answer this library takes its slowest way, where the text is longer than 128 bytes.
        if text.len() <= SHORT
            && text.is_ascii()
            && short(index).ok_or(Broken)?.search_half(&Input::new(text)).is_none()
        {
            continue;
        }
        let regex = compiled(index).ok_or(Broken)?;
        if regex.is_match(text) {
            matching.push((index, regex));
        }
    }
    Ok(matching)
}

/// Bytes of a text that is looked at first without what makes a search fast: literals, automata, and the expression backwards take
/// longer to prepare than such a text takes to be searched.
const SHORT: usize = 1024;

/// A rule's expression for short texts of ASCII alone, which have a keyword and no secret, as most have.
fn short(index: usize) -> Option<&'static meta::Regex> {
    static COMPILED: [OnceLock<Option<meta::Regex>>; RULES.len()] = [const { OnceLock::new() }; RULES.len()];
    COMPILED.get(index)?.get_or_init(|| compiled_soon(RULES.get(index)?.regex)).as_ref()
}

/// An expression in the form that is compiled soonest: over bytes, which in ASCII are the characters, and without what only makes a
/// long search fast.
fn compiled_soon(regex: &str) -> Option<meta::Regex> {
    let captures = WhichCaptures::Implicit;
    let plain =
        meta::Config::new().auto_prefilter(false).hybrid(false).dfa(false).onepass(false).which_captures(captures);
    let bytes = syntax::Config::new().unicode(false).utf8(false);
    meta::Builder::new().configure(plain.utf8_empty(false)).syntax(bytes).build(regex).ok()
}

/// A rule's expression, compiled when it is first needed.
fn compiled(index: usize) -> Option<&'static Regex> {
    static COMPILED: [OnceLock<Option<Regex>>; RULES.len()] = [const { OnceLock::new() }; RULES.len()];
    COMPILED.get(index)?.get_or_init(|| Regex::new(RULES.get(index)?.regex).ok()).as_ref()
}

/// The expressions of an allowlist. One that does not compile allows nothing.
fn allowed(index: usize, text: &str) -> bool {
    static COMPILED: [OnceLock<Option<RegexSet>>; ALLOWLISTS.len()] = [const { OnceLock::new() }; ALLOWLISTS.len()];
    let compile = || RegexSet::new(ALLOWLISTS.get(index)?.regexes).ok();
    COMPILED.get(index).and_then(|set| set.get_or_init(compile).as_ref()).is_some_and(|set| set.is_match(text))
}

impl Rule {
    /// Whether the signs that every match has are in the text, and in what stands behind its first keyword.
    fn has_signs(&self, text: &str, behind: &str) -> bool {
        let is_in = |text: &str, sign: &str| match sign.strip_prefix('^') {
            Some(beginning) => text.starts_with(beginning),
            None => text.contains(sign),
        };
        let has = |text: &str, signs: &[&str]| signs.is_empty() || signs.iter().any(|sign| is_in(text, sign));
        has(text, self.needs) && has(behind, self.behind)
    }

    /// The places of the secrets in a match: those that no allowlist excludes, in their order.
    pub fn secrets(&self, text: &str, found: &Captures<'_>) -> Vec<(usize, usize)> {
        let Some(whole) = found.get(0) else { return Vec::new() };
        let mut groups: Vec<_> = match self.group {
            0 => found.iter().skip(1).flatten().collect(),
            group => found.get(group).into_iter().collect(),
        };
        if groups.is_empty() {
            groups.push(whole);
        }
        groups.retain(|secret| self.means(text, whole.as_str(), (secret.start(), secret.end())));
        groups.iter().map(|secret| (secret.start(), secret.end())).collect()
    }

    fn means(&self, text: &str, whole: &str, (begin, end): (usize, usize)) -> bool {
        let Some(secret) = text.get(begin..end).filter(|secret| !secret.is_empty()) else { return false };
        if self.entropy > 0.0 && entropy(secret) < self.entropy {
            return false;
        }
        !self.allowlists.iter().any(|index| {
            let Some(list) = ALLOWLISTS.get(*index) else { return false };
            let looked_at = match list.target {
                Target::Secret => secret,
                Target::Match => whole,
                Target::Line => {
                    let from = text[..begin].rfind('\n').map_or(0, |at| at + 1);
                    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
                    &text[from..to]
                }
            };
            let lower = || secret.to_ascii_lowercase();
            !list.stopwords.is_empty() && list.stopwords.iter().any(|word| lower().contains(word))
                || allowed(*index, looked_at)
        })
    }
}

/// Bits per character, by how often each occurs.
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = text.len() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    -parts.map(|part| part * part.log2()).sum::<f64>()
}

/// Whether a name is that of a secret, and nothing else.
pub fn is_name(name: &str) -> bool {
    static OF_ASCII: LazyLock<Option<meta::Regex>> = LazyLock::new(|| compiled_soon(NAME));
    static OF_ANY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(NAME).ok());
    possible(name).0 >> OF_NAMES & 1 == 1
        && if name.is_ascii() {
            OF_ASCII.as_ref().is_none_or(|regex| regex.is_match(name))
        } else {
            OF_ANY.as_ref().is_none_or(|regex| regex.is_match(name))
        }
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;

    use super::*;
    use crate::redact::secret;

    #[test]
    fn every_rule_and_every_allowlist_compiles_and_no_id_is_given_twice() {
        let mut ids = std::collections::BTreeSet::new();
        for (index, rule) in RULES.iter().enumerate() {
            assert!(compiled(index).is_some() && short(index).is_some(), "{}", rule.id);
            assert!(ids.insert(rule.id), "{}", rule.id);
        }
        assert!(WORDS.iter().all(|(word, ..)| !word.is_empty() && *word == word.to_ascii_lowercase().as_str()));
        for list in ALLOWLISTS {
            RegexSet::new(list.regexes).unwrap();
        }
    }

    #[test]
    fn the_more_a_text_varies_the_higher_is_its_entropy() {
        assert!(entropy("aaaaaaaa") < 0.1 && (entropy("abababab") - 1.0).abs() < 0.01 && entropy("k9X2pQ7z") > 2.9);
    }

    #[test]
    fn letters_that_count_as_others_hide_no_secret() {
        assert!(
            is_name("to\u{212a}en") && is_name("pa\u{17f}\u{17f}word") && is_name("DB_Password") && !is_name("state")
        );
        assert!(secret::without("pa\u{17f}\u{17f}word=hunter2", false).is_some());
    }

    #[test]
    fn the_name_of_a_secret_is_one_in_whatever_case_and_assigned_in_whatever_form() {
        for name in
            ["masterauth", "requirepass", "REDISCLI_AUTH", "db_password", "Session-Id", "authtok", "x.psk", "rootpw"]
        {
            assert!(is_name(name), "{name}");
            for text in
                [format!("{name}=Xyzzy4711q"), format!("{name}: Xyzzy4711q"), format!("\"{name}\": \"Xyzzy4711q\"")]
            {
                assert!(secret::without(&text, false).is_some(), "{text}");
            }
        }
        for name in ["keyboard", "bypass", "tokens_seen", "masterauthor", "address"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn keywords_leave_out_no_rule_that_would_match() {
        for text in crate::redact::corpus::secrets().into_iter().map(|(text, _)| text) {
            let (possible, first) = possible(&text);
            for (index, rule) in RULES.iter().enumerate() {
                let wanted = compiled(index).unwrap().is_match(&text);
                let soon = !text.is_ascii() || short(index).unwrap().is_match(&text) == wanted;
                assert!(soon, "{}: {text}", rule.id);
                let has = rule.has_signs(&text, &text[first..]);
                assert!(!wanted || has && possible & 1 << index != 0, "{}: {text}", rule.id);
            }
        }
    }
    /// What the crate finds with the same words.
    fn found_by_the_crate(text: &str) -> (Set, usize) {
        static WHOLE: LazyLock<AhoCorasick> = LazyLock::new(|| {
            let words = WORDS.iter().map(|(word, ..)| word);
            AhoCorasick::builder().ascii_case_insensitive(true).build(words).unwrap()
        });
        let none = (0, SINGLE, text.len());
        let (set, second, first) = WHOLE.find_overlapping_iter(text).fold(none, |(set, second, first), word| {
            let (_, of, second_of) = WORDS[word.pattern().as_usize()];
            let first = if of & BEHIND == 0 { first } else { first.min(word.start()) };
            (set | of, second | second_of, first)
        });
        (set & second, first)
    }

    #[test]
    fn the_constant_search_finds_what_the_crate_finds() {
        let corpus = crate::redact::corpus::secrets().into_iter().map(|(text, _)| text);
        let words = WORDS.iter().map(|(word, ..)| (*word).to_owned());
        let pairs = WORDS.iter().zip(WORDS.iter().skip(1)).map(|((one, ..), (other, ..))| format!("{one}{other}"));
        for text in corpus.chain(words).chain(pairs) {
            for text in [text.to_uppercase(), text] {
                assert_eq!(possible(&text), found_by_the_crate(&text), "{text}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn in_any_text_too(picked in proptest::collection::vec((0..WORDS.len(), 0usize..12, ".{0,3}"), 0..8)) {
            // Words that are cut, one behind the other, so that the end of one is the beginning of the next.
            let piece = |(word, cut, noise): &(usize, usize, String)| {
                let word = WORDS[*word].0;
                format!("{}{noise}", word.chars().skip(cut % word.chars().count()).collect::<String>())
            };
            let text: String = picked.iter().map(piece).collect();
            proptest::prop_assert_eq!(possible(&text), found_by_the_crate(&text));
        }
    }
}
