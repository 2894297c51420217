//! From a place in a text to the place in the YAML source that the text was read from.
//!
//! Quotes, escapes, folding and indentation make the two differ. What never differs is the order of the characters that are
//! not white space, so these are counted.

use std::iter::Peekable;
use std::str::CharIndices;

/// The byte at a line and column, both from 1.
pub(crate) fn byte_offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(index, _)| index);
    (start + within).min(text.len())
}

/// Where the byte `offset` of `value` stands in `source`, which begins with the scalar that the value was read from. None
/// where the source is an alias, or where it does not hold the value.
pub(super) fn in_source(source: &str, value: &str, offset: usize) -> Option<usize> {
    let mut places = Places::new(source)?;
    let mut place = None;
    for (index, wanted) in value.char_indices() {
        if wanted.is_whitespace() {
            if index >= offset {
                break;
            }
            continue;
        }
        let (at, found) = places.next()?;
        if found != wanted {
            return None;
        }
        if index >= offset {
            place = Some(at);
            break;
        }
    }
    place.or_else(|| places.next().map(|(at, _)| at)).or(Some(source.len()))
}

/// The characters of a scalar that are not white space, each with its place in the source.
struct Places<'a> {
    chars: Peekable<CharIndices<'a>>,
    style: Style,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Bare,
    Single,
    Double,
}

impl<'a> Places<'a> {
    fn new(source: &'a str) -> Option<Self> {
        let mut begin = 0;
        // An anchor or a tag may stand before the scalar.
        while source[begin..].starts_with(['&', '!']) {
            let rest = &source[begin..];
            let end = rest.find(char::is_whitespace)?;
            begin += end + rest[end..].find(|c: char| !c.is_whitespace())?;
        }
        let (skipped, style) = match source[begin..].chars().next()? {
            '*' => return None,
            '\'' => (1, Style::Single),
            '"' => (1, Style::Double),
            // The head of a block scalar, a comment included, is no content.
            '|' | '>' => (source[begin..].find('\n')?, Style::Bare),
            _ => (0, Style::Bare),
        };
        let mut chars = source.char_indices().peekable();
        while chars.peek().is_some_and(|(at, _)| *at < begin + skipped) {
            chars.next();
        }
        Some(Places { chars, style })
    }

    /// The character that the escape after a backslash stands for; none when it stands for white space or a fold.
    fn escaped(&mut self) -> Option<char> {
        let digits = match self.chars.next()?.1 {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0' => return Some('\0'),
            'a' => return Some('\x07'),
            'b' => return Some('\x08'),
            'e' => return Some('\x1b'),
            't' | 'n' | 'v' | 'f' | 'r' | 'N' | '_' | 'L' | 'P' => return None,
            other => return Some(other).filter(|c| !c.is_whitespace()),
        };
        let code: String = (0..digits).filter_map(|_| self.chars.next()).map(|(_, digit)| digit).collect();
        u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).filter(|c| !c.is_whitespace())
    }
}

impl Iterator for Places<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            let (at, c) = self.chars.next()?;
            match (self.style, c) {
                (_, c) if c.is_whitespace() => {}
                (Style::Double, '\\') => {
                    if let Some(c) = self.escaped() {
                        return Some((at, c));
                    }
                }
                (Style::Single, '\'') => match self.chars.next_if(|(_, next)| *next == '\'') {
                    Some(_) => return Some((at, '\'')),
                    None => return None,
                },
                (Style::Double, '"') => return None,
                _ => return Some((at, c)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rest of the source from where `part` of the value stands.
    fn from<'a>(source: &'a str, value: &str, part: &str) -> &'a str {
        &source[in_source(source, value, value.find(part).unwrap()).unwrap()..]
    }

    #[test]
    fn a_plain_scalar_is_the_source_itself() {
        assert_eq!(from("a b c", "a b c", "c"), "c");
        assert_eq!(from("a\n   b c", "a b c", "c"), "c");
    }

    #[test]
    fn quotes_and_escapes_are_counted_as_what_they_stand_for() {
        assert_eq!(from("'it''s x' # x", "it's x", "x"), "x' # x");
        assert_eq!(from(r#""t\t\"\u0041\x42 x""#, "t\t\"AB x", "x"), r#"x""#);
        assert_eq!(from("\"a \\\n   b x\"", "a b x", "x"), "x\"");
    }

    #[test]
    fn block_scalars_begin_after_their_head() {
        assert_eq!(from(">- # a\n  a\n  b\n\n  c\n", "a b\nc", "a"), "a\n  b\n\n  c\n");
        assert_eq!(from("|2-\n    a\n  b\n", "  a\nb", "b"), "b\n");
    }

    #[test]
    fn anchors_and_tags_are_no_part_of_the_text() {
        assert_eq!(from("&a !!str \"a b\"", "a b", "b"), "b\"");
    }

    #[test]
    fn an_alias_has_no_place_inside() {
        assert_eq!(in_source("*a", "text", 1), None);
    }

    proptest::proptest! {
        #[test]
        fn no_source_makes_it_panic(source in "\\PC{0,30}", value in "\\PC{0,30}", offset in 0usize..40) {
            let _ = in_source(&source, &value, offset);
        }

        #[test]
        fn every_character_of_a_quoted_text_is_found(value in "[a-z'\" \\\\äß]{1,30}", at in 0usize..30) {
            let offset = value.char_indices().map(|(index, _)| index).nth(at % value.chars().count()).unwrap();
            let wanted = value[offset..].chars().next().unwrap();
            let source = format!("'{}'", value.replace('\'', "''"));
            let place = in_source(&source, &value, offset).unwrap();
            if !wanted.is_whitespace() {
                proptest::prop_assert!(source[place..].starts_with(wanted));
            }
        }
    }
}
