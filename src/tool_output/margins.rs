//! What stands before the lines of a whole text, and is of the pager or the page that it was copied from: numbers of lines, and colours
//! whose escape was lost. Rows that a tool numbers itself (hops, rules) are none of that: only lines among which somebody typed a command,
//! or a logger wrote, are taken for numbered.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::prompt::Prompt;
use super::text::Document;
use crate::probe::logs;

/// Lines that follow one another, from which on their numbers are those of a page.
const LEAST: usize = 4;
/// Bytes of the largest text in which numbers are looked for: people copy such pages by hand.
const LARGEST: usize = 1 << 20;

/// The text without them; none where it has none.
pub(super) fn without(document: &Document) -> Option<String> {
    let all = document.len();
    if all == 0 || document.slice(0, all).len() > LARGEST {
        return None;
    }
    let (mut text, mut changed, mut at) = (String::new(), false, 0);
    while at < all {
        let run = run_from(document, at);
        for line in (at..at + run.max(1)).map(|at| document.line(at)) {
            let plain = if run > 0 { numbered(line).map_or(line, |(_, rest)| rest) } else { line };
            let bare = without_colours(plain);
            changed |= run > 0 || matches!(bare, Cow::Owned(_));
            let _ = writeln!(text, "{bare}");
        }
        at += run.max(1);
    }
    if document.ends_within(all - 1) {
        text.pop();
    }
    changed.then_some(text)
}

/// `  12 root@gw:~# ss -s`, `12: …`, `12| …`: the number, and what stands behind it.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let number = line.get(..digits).filter(|_| (1..=6).contains(&digits))?.parse().ok()?;
    let rest = line.get(digits..)?;
    if rest.is_empty() {
        return Some((number, rest));
    }
    // One sign, and one blank: what is more is indented.
    let rest = rest.strip_prefix([':', '|', '.', ')']).unwrap_or(rest);
    let rest =
        rest.strip_prefix('\t').or_else(|| rest.strip_prefix(' ')).or_else(|| rest.is_empty().then_some(rest))?;
    Some((number, rest))
}

/// How many lines from that one on are numbered by a page; 0 where none are.
fn run_from(document: &Document, at: usize) -> usize {
    let Some((first, _)) = numbered(document.line(at)) else { return 0 };
    let follows =
        |place: &usize| numbered(document.line(*place)).is_some_and(|(number, _)| number == first + (place - at));
    let run = (at..document.len()).take_while(follows).count();
    let is_text = |place: usize| {
        let Some((_, rest)) = numbered(document.line(place)) else { return false };
        let rest = without_colours(rest);
        let typed =
            Prompt::of(&rest).is_some_and(|prompt| prompt.host.is_some() || rest.trim_start().starts_with(['$', '#']));
        typed || logs::kind_of(rest.trim_start().as_bytes()).is_some_and(|kind| kind != logs::Kind::Application)
    };
    if run >= LEAST && (at..at + run).any(is_text) { run } else { 0 }
}

/// `[01;32mroot@gw[00m:` without `[01;32m`: what is left of a colour whose escape was lost.
fn without_colours(line: &str) -> Cow<'_, str> {
    if !(line.contains("[0m") || line.contains("[00m") || line.contains("[m")) {
        return Cow::Borrowed(line);
    }
    let (mut plain, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(open) = rest.find('[') {
        let inner = rest.get(open + 1..).unwrap_or_default();
        let length = inner.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        let is_colour = length <= 16 && inner.as_bytes().get(length) == Some(&b'm');
        plain.push_str(rest.get(..open).unwrap_or_default());
        if !is_colour {
            plain.push('[');
        }
        rest = if is_colour { inner.get(length + 1..).unwrap_or_default() } else { inner };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<String> {
        without(&Document::new("-", text.as_bytes().to_vec(), None))
    }

    #[test]
    fn numbers_of_lines_and_colours_without_their_escape_go() {
        let text = "  1 [01;32mroot@gw[00m:[01;34m~[00m# ss -s\n  2 Total: 61211\n  3 TCP:   60990 (estab 812)\n  4\n  5   indented\nThanks\n";
        assert_eq!(
            plain(text).unwrap(),
            "root@gw:~# ss -s\nTotal: 61211\nTCP:   60990 (estab 812)\n\n  indented\nThanks\n"
        );
        assert_eq!(plain("7: $ date\n8: x\n9: y\n10: z").unwrap(), "$ date\nx\ny\nz");
    }

    #[test]
    fn rows_that_a_tool_numbers_stay() {
        for text in [
            " 1  gw.lan (192.0.2.1)  0.412 ms\n 2  * * *\n 3  a.example (203.0.113.7)  1.1 ms\n 4  * * *\n 5  * * *\n",
            "1    ACCEPT     all  --  anywhere\n2    DROP       all  --  anywhere\n3    ACCEPT     tcp\n4    DROP tcp\n",
            "1: $ date\n2: x\n",
            "[ 12.0] eth0: link is up [0] or [12;m\n",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
