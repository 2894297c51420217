//! Glyphs beyond ASCII that casebook prints, each with what stands for it where the locale has ASCII alone.

use std::borrow::Cow;

/// Each glyph and its twin in ASCII.
const TWINS: &[(char, &str)] = &[
    ('…', "..."),
    ('·', "|"),
    ('–', "-"),
    ('—', "-"),
    ('−', "-"),
    ('✔', "+"),
    ('⚠', "!"),
    ('✖', "x"),
    ('█', "#"),
    ('▉', "|"),
    ('▊', "|"),
    ('▋', "|"),
    ('▌', "|"),
    ('▍', "|"),
    ('▎', "|"),
    ('▏', "|"),
    ('━', "#"),
    ('╸', ">"),
    ('µ', "u"),
    ('μ', "u"),
    ('×', "x"),
    ('≤', "<="),
    ('≥', ">="),
    ('√', "sqrt"),
    ('→', "->"),
    ('↑', "^"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
    ('\u{a0}', " "),
];

/// The text in ASCII: glyphs as their twins, and whatever else is beyond ASCII spelled out, `\u{e9}`.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match TWINS.iter().find(|(glyph, _)| *glyph == c) {
            _ if c.is_ascii() => out.push(c),
            Some((_, twin)) => out.push_str(twin),
            None => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// What the locale of a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// ASCII alone.
    Ascii,
    /// All of Unicode.
    Unicode,
}

impl Charset {
    /// What the environment says, in the order of POSIX: LC_ALL, LC_CTYPE, LANG; the first that is set and not empty decides.
    /// Where none is, as in most containers, terminals are taken to show UTF-8.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        match set.map(|locale| locale.to_ascii_lowercase()) {
            Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => Charset::Ascii,
            _ => Charset::Unicode,
        }
    }

    /// What this process's terminal can show.
    pub fn of_this_process() -> Self {
        Charset::of_environment(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The text as it can be shown.
    pub fn shown(self, text: &str) -> Cow<'_, str> {
        match self {
            Charset::Ascii => ascii(text),
            Charset::Unicode => Cow::Borrowed(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_twin_is_ascii_and_what_has_none_is_spelled_out() {
        assert!(TWINS.iter().all(|(glyph, twin)| !glyph.is_ascii() && twin.is_ascii()));
        assert_eq!(ascii("a · b … ≤ 3 µs"), "a | b ... <= 3 us");
        assert_eq!(ascii("dämon 日"), "d\\u{e4}mon \\u{65e5}");
        assert!(matches!(ascii("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |set: &[(&str, &str)]| {
            Charset::of_environment(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]), Charset::Ascii);
        assert_eq!(of(&[("LC_ALL", ""), ("LC_CTYPE", "POSIX"), ("LANG", "de_DE.UTF-8")]), Charset::Ascii);
        assert_eq!(of(&[("LANG", "de_DE.ISO-8859-1")]), Charset::Ascii);
        assert_eq!(of(&[("LC_ALL", "C.UTF-8"), ("LANG", "C")]), Charset::Unicode);
        assert_eq!(of(&[("LC_CTYPE", "en_US.utf8"), ("LANG", "C")]), Charset::Unicode);
        assert_eq!(of(&[]), Charset::Unicode);
    }
}
