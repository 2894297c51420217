//! Text from outside made harmless to print and to paste: process names, log lines and rule comments are written by
//! strangers.

use std::borrow::Cow;

/// A character that a terminal or a browser obeys instead of showing it, or that hides what stands beside it: control
/// characters, changes of the writing direction, and letters without a glyph.
pub fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Adds a character; a hazard is spelled out: `\u{1b}`.
pub fn push_visible(out: &mut String, c: char) {
    if is_hazard(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// The text with its hazards spelled out, so that a name can neither move a cursor nor forge a line. Bytes that are not
/// UTF-8 become the replacement character.
pub fn printable(bytes: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(bytes.as_ref());
    if !text.chars().any(is_hazard) {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}

/// A line without the sequences by which a terminal is told of colours and places.
pub fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\x1b') {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            // CSI: parameters, then a letter.
            Some('[') => while chars.next().is_some_and(|c| !matches!(c, '@'..='~')) {},
            // OSC: up to BEL or ESC \.
            Some(']') => {
                while let Some(c) = chars.next() {
                    if c == '\x07' || (c == '\x1b' && chars.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            Some('(' | ')') => drop(chars.next()),
            _ => {}
        }
    }
    Cow::Owned(plain)
}

/// One word of a shell command: in quotes unless it is plainly harmless, because an attacker may have chosen it.
pub fn shell_word(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-.,/:=+@%".contains(c);
    if !text.is_empty() && text.chars().all(harmless) && !text.starts_with('-') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if c == '\'' { out.push_str(r"'\''") } else { push_visible(&mut out, c) }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_an_escape_sequence_cannot_colour_the_report() {
        assert_eq!(printable(b"sshd\x1b[31m\n"), "sshd\\u{1b}[31m\\n");
        assert_eq!(printable("evil\u{202e}gnp"), "evil\\u{202e}gnp");
        assert_eq!(printable("dämon 日本 🚒"), "dämon 日本 🚒");
        assert_eq!(printable(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn shell_words_are_quoted_only_when_the_shell_would_read_more() {
        assert_eq!(shell_word("high=20Mbit/s"), "high=20Mbit/s");
        assert_eq!(shell_word("name=it's $HOME"), r"'name=it'\''s $HOME'");
        assert_eq!(shell_word("-rf"), "'-rf'");
        assert_eq!(shell_word(""), "''");
    }
}
