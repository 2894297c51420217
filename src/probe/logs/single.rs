//! One pattern by itself: whether it matches a line, and where its groups are.

use memchr::memmem::Finder;
use regex_automata::meta::{BuildError, Cache, Config, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::HirKind;

/// Shorter beginnings stand in lines that do not match.
const SHORTEST_BEGINNING: usize = 4;
/// Places where a line has a pattern's beginning that are tried one by one. A line that somebody fills with it is searched as
/// any other, so that its length costs no more than once.
const MOST_TRIES: usize = 3;

/// The memory that an expression may take once it is compiled, in bytes.
const MOST_MEMORY: usize = 10 * 1024 * 1024;

/// A pattern, and where its groups were found in the line that it was tried on last.
#[derive(Debug, Clone)]
pub(super) struct Single {
    regex: Regex,
    /// What each match begins with. Where a match begins is then known before its groups are looked for, which else takes a search
    /// forwards and one backwards.
    beginning: Option<Finder<'static>>,
    cache: Cache,
    captures: Captures,
    /// Where in the line the text begins that the captures count from.
    offset: usize,
}

impl Single {
    /// Compiles a pattern: bytes, not characters.
    pub(super) fn compile(pattern: &str) -> Result<Self, BadPattern> {
        let beginning = literal(pattern).map(|literal| Finder::new(&literal).into_owned());
        Single::new(pattern, beginning)
    }

    /// Compiles a pattern that matches at the beginning of a text and nowhere else.
    pub(super) fn compile_at_beginning(pattern: &str) -> Result<Self, BadPattern> {
        Single::new(&at_beginning(pattern), None)
    }

    fn new(pattern: &str, beginning: Option<Finder<'static>>) -> Result<Self, BadPattern> {
        // An automaton that is whole before the first line takes longer to build than most logs take to search.
        let config = Config::new().dfa(false).utf8_empty(false).nfa_size_limit(Some(MOST_MEMORY));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex = Regex::builder().configure(config).syntax(syntax).build(pattern).map_err(BadPattern::of)?;
        let (cache, captures) = (regex.create_cache(), regex.create_captures());
        Ok(Single { regex, beginning, cache, captures, offset: 0 })
    }

    /// Whether it matches the line.
    pub(super) fn is_match(&mut self, line: &[u8]) -> bool {
        self.regex.search_half_with(&mut self.cache, &Input::new(line).earliest(true)).is_some()
    }

    /// Whether it matches the line; [`Self::group`] says where.
    pub(super) fn find(&mut self, line: &[u8]) -> bool {
        let Single { regex, beginning, cache, captures, offset } = self;
        *offset = 0;
        let Some(literal) = beginning else {
            regex.search_captures_with(cache, &Input::new(line), captures);
            return captures.is_match();
        };
        for _ in 0..MOST_TRIES {
            let Some(at) = literal.find(&line[*offset..]) else { return false };
            *offset += at;
            let input = Input::new(&line[*offset..]).anchored(Anchored::Yes);
            regex.search_captures_with(cache, &input, captures);
            if captures.is_match() {
                return true;
            }
            *offset += 1;
        }
        *offset = 0;
        regex.search_captures_with(cache, &Input::new(line), captures);
        captures.is_match()
    }

    /// The text of a group in the line in which [`Self::find`] found the pattern.
    pub(super) fn group<'l>(&self, index: usize, line: &'l [u8]) -> Option<&'l [u8]> {
        let group = self.captures.get_group(index)?;
        line.get(self.offset + group.start..self.offset + group.end)
    }
}

/// Why a pattern cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadPattern(String);

impl BadPattern {
    fn of(error: BuildError) -> Self {
        let syntax = error.syntax_error().map(ToString::to_string);
        let size = error.size_limit().map(|limit| format!("compiled, it is larger than {limit} bytes"));
        BadPattern(syntax.or(size).unwrap_or_else(|| error.to_string()))
    }
}

/// The pattern at the beginning of a text.
pub(super) fn at_beginning(pattern: &str) -> String {
    format!(r"\A(?:{pattern})")
}

/// The bytes that each match begins with, when there are enough of them and the pattern asks for nothing before them.
fn literal(pattern: &str) -> Option<Vec<u8>> {
    let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()?;
    if !hir.properties().look_set().is_empty() {
        return None;
    }
    let HirKind::Concat(parts) = hir.kind() else { return None };
    match parts.first()?.kind() {
        HirKind::Literal(literal) if literal.0.len() >= SHORTEST_BEGINNING => Some(literal.0.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::RegexBuilder;

    use super::*;

    #[test]
    fn only_a_pattern_that_begins_with_words_has_a_beginning() {
        for (pattern, beginning) in [
            (r"Failed password for (?P<user>\S+)", Some("Failed password for ")),
            (r"(?x) Failed \x20 (?P<user>\S+) # of a login", Some("Failed ")),
            (r"(?i)failed (?P<user>\S+)", None),
            (r"\bfailed (?P<user>\S+)", None),
            (r"failed (?P<user>\S+)$", None),
            (r"(?P<user>\S+) failed", None),
            (r"failed (?P<user>\S+)|denied", None),
            (r"of (?P<user>\S+)", None),
        ] {
            assert_eq!(literal(pattern).as_deref(), beginning.map(str::as_bytes), "{pattern}");
            assert!(Single::compile(pattern).is_ok(), "{pattern}");
        }
        assert!(Single::compile("(").is_err());
    }

    #[test]
    fn a_beginning_without_a_match_hides_no_later_one() {
        let mut single = Single::compile(r"from (?P<address>\d+)\.(?P<rest>\d+)?").unwrap();
        for ahead in 0..6 {
            let line = format!("{}from 192.0", "from nowhere ".repeat(ahead));
            assert!(single.find(line.as_bytes()));
            assert_eq!(single.group(1, line.as_bytes()), Some(b"192".as_slice()), "{line}");
            assert_eq!(single.group(2, line.as_bytes()), Some(b"0".as_slice()));
        }
        assert!(single.find(b"from 10."));
        assert_eq!(single.group(2, b"from 10."), None);
        assert!(!single.find(b"from nowhere"));
    }

    proptest::proptest! {
        #[test]
        fn it_finds_what_a_search_from_end_to_end_finds(line in "(from |to |ab|1|2|\\.| ){0,12}") {
            for pattern in [r"from (?P<a>\S+)(?: (?P<b>\S+))?", r"from (?P<a>\d+)(?P<b>\.)", r"from  ?(?P<a>[a-z]*)(?P<b>1)"] {
                let mut single = Single::compile(pattern).unwrap();
                let whole = RegexBuilder::new(pattern).unicode(false).build().unwrap();
                let expected = whole.captures(line.as_bytes());
                proptest::prop_assert_eq!(single.find(line.as_bytes()), expected.is_some());
                proptest::prop_assert_eq!(single.is_match(line.as_bytes()), expected.is_some());
                if let Some(expected) = expected {
                    for group in 1..3 {
                        let expected = expected.get(group).map(|group| group.as_bytes());
                        proptest::prop_assert_eq!(single.group(group, line.as_bytes()), expected);
                    }
                }
            }
        }
    }
}
