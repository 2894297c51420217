//! The words that lines need to match: they are found in many lines at once, faster than any expression is tried on one.

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use memchr::memmem;
use regex_syntax::ast::Ast;
use regex_syntax::hir::literal::{Extractor, Seq};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter words stand in most lines.
const SHORTEST: usize = 3;
/// Of a longer word, its beginning is looked for.
const LONGEST: usize = 24;
/// Longer ones than these find no fewer lines.
const LONG: usize = 12;
/// Words that one place of an expression may begin with.
const MOST_OF_PLACE: usize = 16;
/// Places of an expression that are weighed, and how far each is followed.
const MOST_PLACES: usize = 64;
const FAR: usize = 16;
const CLASSES_FAR: usize = 6;
/// Words that are looked for in one pass by vector instructions, which processors have for so many.
const MOST_OF_PASS: usize = 32;

/// Words of which every line has one that matches one of several expressions.
#[derive(Debug, Clone)]
pub(super) struct Words {
    passes: Vec<Pass>,
    /// Of each word, which expressions need it.
    of: Vec<Vec<usize>>,
}

/// Words that are looked for together.
#[derive(Debug, Clone)]
struct Pass {
    /// The number of the first of them.
    first: usize,
    finder: Finder,
}

#[derive(Debug, Clone)]
enum Finder {
    One(Box<memmem::Finder<'static>>),
    Few(packed::Searcher),
    /// Where the processor has no such instructions.
    Plain(AhoCorasick),
}

/// Where the words of each pass were found next in some lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Next(Vec<Known>);

#[derive(Debug, Clone, Copy)]
enum Known {
    Not,
    At(usize),
    Nowhere,
}

/// The words of one expression, made of `ast`, of which every line has one that matches it. None where it needs none.
pub(super) fn words_of(text: &str, ast: &Ast) -> Option<Vec<Vec<u8>>> {
    needed(&translated(text, ast)?)
}

impl Words {
    /// What finds the words of some expressions, by those that each needs.
    pub(super) fn of<'w>(needed: impl IntoIterator<Item = &'w [Vec<u8>]>) -> Option<Self> {
        let each = needed.into_iter().enumerate();
        let mut words: Vec<(&[u8], usize)> =
            each.flat_map(|(index, words)| words.iter().map(move |word| (word.as_slice(), index))).collect();
        words.sort_by_key(|(word, _)| word.len());
        let mut kept: Vec<(&[u8], Vec<usize>)> = Vec::new();
        // The letters of each kept word: what lacks one of them does not hold the word.
        let mut letters_of_kept: Vec<u64> = Vec::new();
        for (word, index) in words {
            let letters = letters(word);
            let mut shorter =
                letters_of_kept.iter().zip(&mut kept).filter(|(of_shorter, _)| *of_shorter & !letters == 0);
            // What holds another word is found by that.
            match shorter.find(|(_, (shorter, _))| memmem::find(word, shorter).is_some()) {
                Some((_, (_, of))) if of.contains(&index) => {}
                Some((_, (_, of))) => of.push(index),
                None => {
                    kept.push((word, vec![index]));
                    letters_of_kept.push(letters);
                }
            }
        }
        // Those that begin alike are told apart in one pass.
        kept.sort();
        let mut passes = Vec::new();
        for (nth, words) in kept.chunks(MOST_OF_PASS).enumerate() {
            let words: Vec<&[u8]> = words.iter().map(|(word, _)| *word).collect();
            passes.push(Pass { first: nth * MOST_OF_PASS, finder: Finder::of(&words)? });
        }
        Some(Words { passes, of: kept.into_iter().map(|(_, of)| of).collect() })
    }

    /// Where the first of them begins in the lines, at `from` or after it. What is found beyond it is kept in `next`, for the same
    /// lines and a later `from`; 0 begins anew.
    pub(super) fn find(&self, lines: &[u8], from: usize, next: &mut Next) -> Option<usize> {
        if from == 0 || next.0.len() != self.passes.len() {
            next.0.clear();
            next.0.resize(self.passes.len(), Known::Not);
        }
        let mut first = None;
        for (pass, known) in self.passes.iter().zip(&mut next.0) {
            let at = match *known {
                Known::At(at) if at >= from => Some(at),
                Known::Nowhere => None,
                Known::At(_) | Known::Not => {
                    let at = pass.finder.find(lines, from).map(|(at, _)| at);
                    *known = at.map_or(Known::Nowhere, Known::At);
                    at
                }
            };
            first = first.into_iter().chain(at).min();
        }
        first
    }

    /// Says which expressions the line has a word of.
    pub(super) fn mark(&self, line: &[u8], found: &mut Vec<bool>, expressions: usize) {
        found.clear();
        found.resize(expressions, false);
        for Pass { first, finder } in &self.passes {
            let mut from = 0;
            while let Some((at, word)) = finder.find(line, from) {
                for index in self.of.get(first + word).into_iter().flatten() {
                    if let Some(found) = found.get_mut(*index) {
                        *found = true;
                    }
                }
                // No word holds another, so no two begin in one place.
                from = at + 1;
            }
        }
    }
}

impl Finder {
    fn of(words: &[&[u8]]) -> Option<Self> {
        if let [word] = words {
            return Some(Finder::One(Box::new(memmem::Finder::new(word).into_owned())));
        }
        match packed::Searcher::new(words) {
            Some(few) => Some(Finder::Few(few)),
            None => {
                let plain = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words);
                plain.ok().map(Finder::Plain)
            }
        }
    }

    /// Where the first of its words begins, at `from` or after it; and which it is.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: text.len() };
        match self {
            Finder::One(one) => one.find(text.get(from..)?).map(|at| (from + at, 0)),
            Finder::Few(few) if from <= text.len() => {
                few.find_in(text, span).map(|found| (found.start(), found.pattern().as_usize()))
            }
            Finder::Plain(plain) if from <= text.len() => {
                plain.find(Input::new(text).span(span)).map(|found| (found.start(), found.pattern().as_usize()))
            }
            _ => None,
        }
    }
}

/// A bit for each byte of the word, some of which share one.
fn letters(word: &[u8]) -> u64 {
    word.iter().fold(0, |letters, byte| letters | 1 << (byte % 64))
}

/// The expression, if it is one for a line: no line holds a line end.
fn translated(text: &str, ast: &Ast) -> Option<Hir> {
    let hir = TranslatorBuilder::new().unicode(false).utf8(false).build().translate(text, ast).ok()?;
    (!has_line_end(&hir)).then_some(hir)
}

fn has_line_end(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Repetition(repetition) => has_line_end(&repetition.sub),
        HirKind::Capture(capture) => has_line_end(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_line_end),
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// Words of which every text has one that matches.
fn needed(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let by_parts = match hir.kind() {
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Alternation(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(needed).collect();
            each.map(|each| each.concat())
        }
        HirKind::Concat(parts) => {
            let long = parts.iter().find_map(|part| match part.kind() {
                HirKind::Literal(literal) if literal.0.len() >= LONG => literal.0.get(..literal.0.len().min(LONGEST)),
                _ => None,
            });
            if let Some(long) = long {
                return Some(vec![long.to_vec()]);
            }
            // What may be left out, and what is any of many bytes, begins with no word.
            let begins = |part: &Hir| match part.kind() {
                HirKind::Literal(_) | HirKind::Capture(_) | HirKind::Alternation(_) => true,
                HirKind::Repetition(repetition) => repetition.min > 0,
                HirKind::Class(Class::Bytes(class)) => class.iter().map(|range| range.len()).sum::<usize>() <= 4,
                _ => false,
            };
            let places = parts.iter().take(MOST_PLACES).enumerate().filter(|(_, part)| begins(part));
            let mut classes = 0;
            let places = places.flat_map(|(place, part)| {
                // Of letters in either case, four in a row make as many words as are looked for.
                let is_class = matches!(part.kind(), HirKind::Class(_));
                classes = if is_class { classes + 1 } else { 0 };
                let (far, is_told) = if is_class { (CLASSES_FAR, classes % 4 != 1) } else { (FAR, false) };
                let rest = &parts[place..parts.len().min(place + far)];
                let from_here = if is_told { None } else { beginnings(&Hir::concat(rest.to_vec())) };
                [from_here, if is_class { None } else { needed(part) }]
            });
            places.flatten().reduce(|one, other| if worth(&other) > worth(&one) { other } else { one })
        }
        _ => None,
    };
    let whole = beginnings(hir);
    [whole, by_parts].into_iter().flatten().reduce(|one, other| if worth(&other) > worth(&one) { other } else { one })
}

/// Words of which every text begins with one that matches.
fn beginnings(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut extractor = Extractor::new();
    extractor.limit_literal_len(LONGEST).limit_total(MOST_OF_PLACE);
    let words: Seq = extractor.extract(hir);
    let words: Vec<Vec<u8>> = words.literals()?.iter().map(|word| word.as_bytes().to_vec()).collect();
    (!words.is_empty() && words.iter().all(|word| word.len() >= SHORTEST)).then_some(words)
}

/// Long words are rare in lines that do not match, and few are found sooner than many.
fn worth(words: &[Vec<u8>]) -> (usize, std::cmp::Reverse<usize>) {
    (words.iter().map(Vec::len).min().unwrap_or(0).min(LONG), std::cmp::Reverse(words.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::logs::patterns::groups::parsed;

    fn words_in(text: &str) -> Option<Vec<Vec<u8>>> {
        words_of(text, &parsed(text).ok()?)
    }

    fn finder<T: AsRef<str>>(texts: &[T]) -> Option<Words> {
        let needed: Option<Vec<_>> = texts.iter().map(|text| words_in(text.as_ref())).collect();
        Words::of(needed?.iter().map(Vec::as_slice))
    }

    fn words(text: &str) -> Option<Vec<String>> {
        let mut words = words_in(text)?;
        words.sort();
        Some(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    #[test]
    fn the_longest_words_that_no_match_lacks_are_looked_for() {
        for (text, expected) in [
            ("Out of memory", Some(&["Out of memory"][..])),
            (r"Failed password for (?P<user>\S+) from (?P<address>\S+)", Some(&["Failed password for "])),
            (r"^(?P<who>\S+) was (?:banned|refused) at last$", Some(&[" was banned at last", " was refused at last"])),
            (r"(?P<a>\d+)(?: times)? refused", Some(&[" refused"])),
            (r"link (?:up|down)", Some(&["link down", "link up"])),
            (r"(?i)oom", Some(&["OOM", "OOm", "OoM", "Oom", "oOM", "oOm", "ooM", "oom"])),
            (r"(?:one two|\d+ three)", Some(&[" three", "one two"])),
            (r"(?:one two|\d+)", None),
            (r"\d+ \S+", None),
            (r"of|at", None),
            ("", None),
        ] {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(text), expected, "{text}");
        }
        assert!(words_in("abc\\nabc").is_none() && words_in("(").is_none());
    }

    #[test]
    fn many_words_are_found_one_after_another_whichever_pass_they_are_of() {
        let texts: Vec<String> = (0..100).map(|number| format!("word {number:02}x")).collect();
        let words = finder(&texts).unwrap();
        assert_eq!((words.passes.len(), words.of.len()), (4, 100));
        let lines: String = (0..100).rev().map(|number| format!("this line has word {number:02}x in it\n")).collect();
        let (mut next, mut from, mut places) = (Next::default(), 0, Vec::new());
        while let Some(at) = words.find(lines.as_bytes(), from, &mut next) {
            places.push(at);
            from = at + 5;
        }
        let expected: Vec<usize> = lines.match_indices("word").map(|(at, _)| at).collect();
        assert_eq!(places, expected);
        let mut found = Vec::new();
        words.mark(b"word 07x word 99x word 9", &mut found, 100);
        let found: Vec<usize> = found.iter().enumerate().filter(|(_, found)| **found).map(|(index, _)| index).collect();
        assert_eq!(found, [7, 99]);
        // Words that overlap are all found, and what holds another belongs to both.
        let words = finder(&["abcd", "cdef", "xabcdx"]).unwrap();
        let mut found = Vec::new();
        words.mark(b"abcdef", &mut found, 3);
        assert_eq!(found, [true, true, true]);
        words.mark(b"abc cdef", &mut found, 3);
        assert_eq!(found, [false, true, false]);
    }

    proptest::proptest! {
        #[test]
        fn no_line_that_matches_lacks_them(line in "(from |to |ab|1|2|\\.| |opened |Fail){0,10}", which in 0..8_usize) {
            let text = [
                r"from (?P<a>\S+)", r"(?:from|to) \d", r"[a-f]b1", r"(?i)FAIL\S*1", r"(?:opened )+\d?", r"(?:ab){1,3}(?:1|2)", r"^to .*ed $",
                r"(?:Fail|op)(?:ened|ab) ?",
            ][which];
            let matches = regex::bytes::RegexBuilder::new(text).unicode(false).build().unwrap().is_match(line.as_bytes());
            if let Some(words) = finder(&["Out of memory", text]) {
                proptest::prop_assert!(!matches || words.find(line.as_bytes(), 0, &mut Next::default()).is_some(), "{text}");
                let mut found = Vec::new();
                words.mark(line.as_bytes(), &mut found, 2);
                proptest::prop_assert!(!matches || found[1], "{text}");
                proptest::prop_assert!(!found[0]);
            }
        }
    }
}
