//! Strings from outside made harmless: process names, log lines and rule comments are written by strangers.

use crate::printable::push_visible;

/// Asks for the coloured picture of the sign before it. It is left out: a screen of text has one colour per cell.
const COLOURED: char = '\u{fe0f}';

/// The text as one line of at most `most` characters, with nothing in it that a terminal obeys. Line breaks and tabs
/// become spaces; text that was cut ends in `...`.
pub fn line(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most * 4));
    for word in text.split([' ', '\n', '\t']).map(|word| word.strip_suffix('\r').unwrap_or(word)) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars().filter(|c| *c != COLOURED) {
            push_visible(&mut out, c);
            if out.len() > most * 4 {
                break;
            }
        }
        if out.len() > most * 4 {
            break; // longer than `most` characters in any case: a character takes four bytes at most
        }
    }
    if out.chars().nth(most).is_some() {
        let kept = most.saturating_sub(3);
        let end = out.char_indices().nth(kept).map_or(out.len(), |(index, _)| index);
        out.truncate(end);
        out.push_str("...");
    }
    out
}

/// The lines of a command, as they were written, save for characters that a terminal obeys.
pub fn command(text: &str) -> Vec<String> {
    text.trim_matches(['\n', '\r'])
        .trim_end()
        .lines()
        .map(|line| {
            let mut out = String::with_capacity(line.len());
            for c in line.chars() {
                if c == '\t' { out.push(c) } else { push_visible(&mut out, c) }
            }
            out
        })
        .collect()
}

/// A space without width. It stands between the sign and the name of what a tracker would make a link or a mention of.
const GAP: &str = "&#8203;";

/// Whether a tracker reads the sign `c` before `next` as a reference: `@name`, `#4`, `!4`, `~label`, `%milestone`.
fn starts_reference(c: char, next: Option<char>) -> bool {
    matches!(c, '@' | '#' | '!' | '~' | '%' | '$' | '&')
        && next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '"' | '_'))
}

/// Whether a link that nobody wrote as one would begin here: the `:` of `://`, the `.` of `www.`.
fn starts_link(before: &str, c: char, after: &str) -> bool {
    let ends_in_www = || before.len() >= 3 && before.as_bytes()[before.len() - 3..].eq_ignore_ascii_case(b"www");
    c == ':' && after.starts_with("//") || c == '.' && ends_in_www()
}

/// The text for Markdown outside code: it shows as it is, and is neither markup, nor HTML, nor a link, nor a mention.
/// It must have been through [`line`].
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    for (index, c) in text.char_indices() {
        let after = &text[index + c.len_utf8()..];
        if starts_link(&text[..index], c, after) && c == '.' {
            out.push_str(GAP);
        }
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '$' => out.push_str("&#36;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', c]),
            '-' | '+' | '=' if index == 0 => out.extend(['\\', c]),
            '.' | ')' if index > 0 && index == number && !after.starts_with(|c| c != ' ') => {
                out.extend(['\\', c]); // `1. ` would begin a numbered list
            }
            _ => out.push(c),
        }
        if starts_reference(c, after.chars().next()) || c == ':' && starts_link(&text[..index], c, after) {
            out.push_str(GAP);
        }
    }
    out
}

/// The row of backticks that fences these lines: longer than any row inside.
pub fn fence(lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    "`".repeat(3.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printable::is_hazard;

    #[test]
    fn what_a_terminal_obeys_is_spelled_out() {
        assert_eq!(line("\u{1b}[2Jgone\u{7}", 80), "\\u{1b}[2Jgone\\u{7}");
        assert_eq!(line("abc\u{202e}fed\u{9b}31m", 80), "abc\\u{202e}fed\\u{9b}31m");
        assert_eq!(command("echo \u{1b}]0;x\u{7}"), ["echo \\u{1b}]0;x\\u{7}"]);
    }

    #[test]
    fn line_breaks_become_spaces_and_letters_of_all_scripts_stay() {
        assert_eq!(line("  two\r\n lines\tand\rmore ", 80), "two lines and\\rmore");
        assert_eq!(line("grüße 日本 🚒", 80), "grüße 日本 🚒");
    }

    #[test]
    fn text_beyond_the_limit_is_cut_visibly() {
        assert_eq!(line("0123456789", 10), "0123456789");
        assert_eq!(line("0123456789x", 10), "0123456...");
        assert_eq!(line(&"日".repeat(99), 10), format!("{}...", "日".repeat(7)));
    }

    #[test]
    fn commands_keep_their_spaces_and_lines() {
        assert_eq!(command("\n  a  b\n\n\tc \n\n"), ["  a  b", "", "\tc"]);
    }

    #[test]
    fn markdown_shows_specials_as_they_are() {
        assert_eq!(markdown("a|b `c` *d* _e_ [f](g)"), "a\\|b \\`c\\` \\*d\\* \\_e\\_ \\[f\\](g)");
        assert_eq!(markdown("<img src=x> &amp; \\"), "&lt;img src=x&gt; &amp;&#8203;amp; \\\\");
        assert_eq!(markdown("1. one"), "1\\. one");
        assert_eq!(markdown("- one"), "\\- one");
        assert_eq!(markdown("3.5 kB"), "3.5 kB");
    }

    #[test]
    fn markdown_makes_no_mentions_references_or_links() {
        assert_eq!(markdown("@root"), "@&#8203;root");
        assert_eq!(markdown("rule #4"), "rule \\#&#8203;4");
        assert_eq!(markdown("http://a.example"), "http:&#8203;//a.example");
        assert_eq!(markdown("WWW.a.example"), "WWW&#8203;.a.example");
        assert_eq!(markdown("99.4 % of it"), "99.4 % of it");
    }

    #[test]
    fn a_fence_is_longer_than_any_row_of_backticks_inside() {
        assert_eq!(fence(&["plain".into()]), "```");
        assert_eq!(fence(&["a ```` b ``".into()]), "`````");
    }

    proptest::proptest! {
        #[test]
        fn no_text_keeps_a_hazard_or_grows_beyond_its_limit(text in "\\PC{0,40}|[\\x00-\\x9f\u{200b}-\u{202e}]{0,40}", most in 3usize..30) {
            let line = line(&text, most);
            proptest::prop_assert!(!line.chars().any(is_hazard));
            proptest::prop_assert!(line.chars().count() <= most);
            let _ = markdown(&line);
            proptest::prop_assert!(!command(&text).iter().flat_map(|line| line.chars()).any(|c| c != '\t' && is_hazard(c)));
        }
    }
}
