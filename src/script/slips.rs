//! What people write who come from other languages, and what Lua has instead. Nothing here is a mistake that Lua would accept.

use std::ops::Range;

use crate::units::{BitRate, Size, Span};

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One expression, in which nothing is assigned.
    Expression,
    /// A whole script.
    Script,
}

/// Something that is not Lua, where it stands, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    pub message: String,
    pub range: Range<usize>,
}

/// Signs that Lua does not have, the longest first, and what to write.
const SIGNS: &[(&str, &str)] = &[
    ("!==", "`!==` is not Lua: write `~=`"),
    ("!=", "`!=` is not Lua: write `~=`"),
    ("===", "`===` is not Lua: write `==`"),
    ("&&", "`&&` is not Lua: write `and`"),
    ("||", "`||` is not Lua: write `or`"),
    ("++", "`x++` is not Lua: write `x = x + 1`"),
    ("+=", "`x += y` is not Lua: write `x = x + y`"),
    ("-=", "`x -= y` is not Lua: write `x = x - y`"),
    ("*=", "`x *= y` is not Lua: write `x = x * y`"),
    ("/=", "`x /= y` is not Lua: write `x = x / y`; unequal is `~=`"),
    ("<>", "`<>` is not Lua: write `~=`"),
    ("!", "`!x` is not Lua: write `not x`"),
    ("?", "`a ? b : c` is not Lua: write `a and b or c`"),
    ("`", "a text stands in quotes: \"text\""),
];

/// What to write instead of a text that holds values.
pub(super) const F_STRINGS: &str = "Lua has no f-strings: write \"text \" .. x, or {{ x }} in a sentence of a runbook";

/// Words of other languages.
const WORDS: &[(&str, &str)] = &[
    ("null", "Lua has no `null`: `known(x)` asks whether a value is there, and nothing is `nil`"),
    ("NULL", "Lua has no `NULL`: `known(x)` asks whether a value is there, and nothing is `nil`"),
    ("None", "Lua has no `None`: `known(x)` asks whether a value is there, and nothing is `nil`"),
    ("undefined", "Lua has no `undefined`: `known(x)` asks whether a value is there, and nothing is `nil`"),
    ("True", "write `true`"),
    ("False", "write `false`"),
    ("TRUE", "write `true`"),
    ("FALSE", "write `false`"),
    ("AND", "write `and`"),
    ("OR", "write `or`"),
    ("NOT", "write `not`"),
    ("len", "write `#x`, or `count(x)`"),
];

/// What to write instead of a word that names nothing here.
pub fn instead(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, instead)| *instead)
}

/// The first thing in a text that Lua does not have, and people of other languages write.
pub(super) fn find(text: &str, place: Place) -> Option<Slip> {
    Reader { text, place, depth: 0, functions: text.contains("function") }.read()
}

struct Reader<'a> {
    text: &'a str,
    place: Place,
    /// How deep in tables, where `=` has its place.
    depth: usize,
    functions: bool,
}

impl Reader<'_> {
    fn read(mut self) -> Option<Slip> {
        // A first line for the shell is no Lua.
        let shell = self.place == Place::Script && self.text.starts_with('#');
        let mut at = if shell { self.text.find('\n').unwrap_or(self.text.len()) } else { 0 };
        while let Some(first) = self.text.get(at..)?.chars().next() {
            let rest = &self.text[at..];
            at += match first {
                ' ' | '.' | ',' | '(' | ')' => 1,
                '"' | '\'' => quoted(rest, first),
                '-' if rest.starts_with("--") => comment(rest),
                '[' if long(rest).is_some() => long(rest)?,
                c if c.is_ascii_digit() => match self.quantity(rest, at) {
                    Ok(length) => length,
                    Err(slip) => return Some(slip),
                },
                c if c.is_alphabetic() || c == '_' => match self.word(rest, at) {
                    Ok(length) => length,
                    Err(slip) => return Some(slip),
                },
                _ => match self.sign(rest, at) {
                    Ok(length) => length,
                    Err(slip) => return Some(slip),
                },
            };
        }
        None
    }

    fn slip(at: usize, length: usize, message: impl Into<String>) -> Slip {
        Slip { message: message.into(), range: at..at + length }
    }

    fn sign(&mut self, rest: &str, at: usize) -> Result<usize, Slip> {
        for two in ["==", "~=", "<=", ">="] {
            if rest.starts_with(two) && !rest.starts_with("===") {
                return Ok(2);
            }
        }
        if let Some((sign, message)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            return Err(Self::slip(at, sign.len(), *message));
        }
        match rest.chars().next() {
            Some('{') => self.depth += 1,
            Some('}') => self.depth = self.depth.saturating_sub(1),
            Some('=') if self.place == Place::Expression && self.depth == 0 && !self.functions => {
                return Err(Self::slip(at, 1, "`=` is no comparison in Lua: write `==`"));
            }
            _ => {}
        }
        Ok(rest.chars().next().map_or(1, char::len_utf8))
    }

    fn word(&self, rest: &str, at: usize) -> Result<usize, Slip> {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_field = self.text[..at].trim_end().ends_with(['.', ':']);
        if is_field {
            return Ok(length);
        }
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        if let (true, Some(quote)) = (matches!(word, "f" | "F"), quote)
            && after[..quoted(after, quote)].contains('{')
        {
            return Err(Self::slip(at, length + quoted(after, quote), F_STRINGS));
        }
        match word {
            "elif" | "elsif" if self.place == Place::Script => {
                Err(Self::slip(at, length, format!("`{word}` is not Lua: write `elseif`")))
            }
            _ => Ok(length),
        }
    }

    /// A number, which must not have a unit behind it.
    fn quantity(&self, rest: &str, at: usize) -> Result<usize, Slip> {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let after = &rest[digits..];
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, behind) = after.split_at(letters);
        if let Some(percent) = after.strip_prefix('%') {
            let next = percent.trim_start();
            let word = next.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
            if next.is_empty() || next.starts_with([')', ',']) || ["and", "or", "then"].contains(&word) {
                let share = rest[..digits].parse::<f64>().map_or_else(|_| "0.05".into(), |n| (n / 100.0).to_string());
                let message = format!("a share is a number from 0 to 1 here: write {share}");
                return Err(Self::slip(at, digits + 1, message));
            }
            return Ok(digits);
        }
        // 0x1f and 1e9 are numbers of Lua; 20M/s is read as a whole.
        let exponent = unit.len() == 1 && unit.eq_ignore_ascii_case("e");
        if unit.is_empty() || exponent || rest.starts_with("0x") || rest.starts_with("0X") {
            return Ok(digits + number_end(after));
        }
        let per_second =
            if behind.starts_with("/s") && !behind[2..].starts_with(char::is_alphanumeric) { 2 } else { 0 };
        let whole = &rest[..digits + letters + per_second];
        let message = match base(whole) {
            Some((figure, unit)) => format!("`{whole}` is not a number to Lua: write {figure} ({unit})"),
            None => format!("`{whole}` is not a number to Lua: write the figure alone, in its base unit"),
        };
        Err(Self::slip(at, whole.len(), message + ", or make it a parameter"))
    }
}

/// A quantity as a figure in its base unit.
fn base(text: &str) -> Option<(String, &'static str)> {
    let span = || text.parse::<Span>().ok().map(|Span(span)| (span.as_secs_f64().to_string(), "seconds"));
    let size = || text.parse::<Size>().ok().map(|Size(bytes)| (bytes.to_string(), "bytes"));
    let rate = || text.parse::<BitRate>().ok().map(|BitRate(rate)| (rate.to_string(), "bits per second"));
    span().or_else(size).or_else(rate)
}

/// The rest of a number after its first digits: an exponent, hexadecimal digits.
fn number_end(after: &str) -> usize {
    let mut before = ' ';
    after
        .find(|c: char| {
            let part = c.is_ascii_alphanumeric() || c == '.' || (matches!(c, '+' | '-') && matches!(before, 'e' | 'E'));
            before = c;
            !part
        })
        .unwrap_or(after.len())
}

/// The length of a text in quotes at the start, up to the end of its line where it is not closed.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return index,
            c if c == quote => return index + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn comment(rest: &str) -> usize {
    long(&rest[2..]).map_or_else(|| rest.find('\n').unwrap_or(rest.len()), |length| 2 + length)
}

/// The length of a `[[…]]` or `[=[…]=]` text at the start.
fn long(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('[')?;
    let level = inner.find(|c| c != '=').filter(|level| inner[*level..].starts_with('['))?;
    let close = format!("]{}]", "=".repeat(level));
    Some(rest.find(&close).map_or(rest.len(), |index| index + close.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(place: Place, text: &str, at: &str, said: &str) {
        let slip = find(text, place).unwrap_or_else(|| panic!("{text} is Lua"));
        assert_eq!(&text[slip.range.clone()], at, "{slip:?}");
        assert!(slip.message.contains(said), "{slip:?}");
    }

    #[test]
    fn what_other_languages_have_is_answered_with_lua() {
        for (text, at, said) in [
            ("a != b", "!=", "write `~=`"),
            ("a && b", "&&", "write `and`"),
            ("a || b", "||", "write `or`"),
            ("!a", "!", "write `not x`"),
            ("a = 3", "=", "write `==`"),
            ("a === 3", "===", "write `==`"),
            ("a > 20Mbit/s", "20Mbit/s", "write 20000000 (bits per second)"),
            ("a > 64MiB", "64MiB", "write 67108864 (bytes)"),
            ("a > 10s and b", "10s", "write 10 (seconds)"),
            ("a > 5% and b", "5%", "write 0.05"),
            ("a ? b : c", "?", "`a and b or c`"),
            ("f\"{a} in\"", "f\"{a} in\"", "no f-strings"),
        ] {
            says(Place::Expression, text, at, said);
        }
        says(Place::Script, "x += 1", "+=", "x = x + y");
        says(Place::Script, "x++", "++", "x = x + 1");
        says(Place::Script, "if a then elif b then end", "elif", "write `elseif`");
    }

    #[test]
    fn what_is_lua_is_left_alone() {
        for text in [
            "a == b and c ~= d or not e",
            "first(list, {port = 53, name = \"a != b && c\"})",
            "any(list, function(e) local x = 1 return x <= e end)",
            "1e9 + 2.5e-3 + 0x1F + 7 % 3 + 8%3",
            "[[a != b]] .. 'x && y' -- !z",
            "{1, 2}, x.f",
        ] {
            assert_eq!(find(text, Place::Expression), None, "{text}");
        }
        assert_eq!(find("local x = 3\nx = x + 1", Place::Script), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = (find(&text, Place::Expression), find(&text, Place::Script));
        }
    }
}
