//! One pattern by itself: whether it matches a line, and where its groups are.

use memchr::memmem::Finder;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::HirKind;

/// Shorter beginnings stand in lines that do not match.
const SHORTEST_BEGINNING: usize = 4;
/// Places where a line has a pattern's beginning that are tried one by one. A line that somebody fills with it is searched as
/// any other, so that its length costs no more than once.
const MOST_TRIES: usize = 3;

/// A pattern, and where its groups were found in the line that it was tried on last.
#[derive(Debug, Clone)]
pub(super) struct Single {
    regex: Regex,
    beginning: Option<Beginning>,
    locations: CaptureLocations,
    /// Where in the line the text begins that the locations count from.
    offset: usize,
}

/// What each match begins with, and the pattern at the beginning of a text. Where a match begins is then known before its
/// groups are looked for, which else takes a search forwards and one backwards.
#[derive(Debug, Clone)]
struct Beginning {
    literal: Finder<'static>,
    regex: Regex,
}

impl Single {
    /// Compiles a pattern: bytes, not characters.
    pub(super) fn compile(pattern: &str) -> Result<Self, regex::Error> {
        let regex = regex(pattern)?;
        let beginning = literal(pattern).and_then(|literal| {
            let anchored = self::regex(&at_beginning(pattern)).ok()?;
            let same = anchored.captures_len() == regex.captures_len();
            same.then(|| Beginning { literal: Finder::new(&literal).into_owned(), regex: anchored })
        });
        let locations = regex.capture_locations();
        Ok(Single { regex, beginning, locations, offset: 0 })
    }

    /// Compiles a pattern that matches at the beginning of a text and nowhere else.
    pub(super) fn compile_at_beginning(pattern: &str) -> Result<Self, regex::Error> {
        let regex = regex(&at_beginning(pattern))?;
        let locations = regex.capture_locations();
        Ok(Single { regex, beginning: None, locations, offset: 0 })
    }

    /// Whether it matches the line.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }

    /// Whether it matches the line; [`Self::group`] says where.
    pub(super) fn find(&mut self, line: &[u8]) -> bool {
        self.offset = 0;
        let Some(Beginning { literal, regex }) = &self.beginning else {
            return self.regex.captures_read(&mut self.locations, line).is_some();
        };
        for _ in 0..MOST_TRIES {
            let Some(at) = literal.find(&line[self.offset..]) else { return false };
            self.offset += at;
            if regex.captures_read(&mut self.locations, &line[self.offset..]).is_some() {
                return true;
            }
            self.offset += 1;
        }
        self.offset = 0;
        self.regex.captures_read(&mut self.locations, line).is_some()
    }

    /// The text of a group in the line in which [`Self::find`] found the pattern.
    pub(super) fn group<'l>(&self, index: usize, line: &'l [u8]) -> Option<&'l [u8]> {
        let (start, end) = self.locations.get(index)?;
        line.get(self.offset + start..self.offset + end)
    }
}

/// The pattern at the beginning of a text.
pub(super) fn at_beginning(pattern: &str) -> String {
    format!(r"\A(?:{pattern})")
}

fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
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
                let whole = regex(pattern).unwrap();
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
