//! A text as somebody pasted it, as lines: without the quoting, colours, fences and entities that mail, forums and terminals put
//! around what a tool printed. Each line keeps its number.

use std::borrow::Cow;

use crate::printable::without_colours;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use aho_corasick::packed::Searcher;
use jiff::Timestamp;
use smallvec::SmallVec;

/// A text from one file or from standard input.
#[derive(Debug)]
pub(super) struct Document {
    /// The file, or `-`.
    pub name: String,
    /// When the file was last changed.
    pub modified: Option<Timestamp>,
    text: String,
    /// How often JSON was looked for in vain in it.
    pub json: AtomicU8,
    /// The line at which the output that is looked at must have ended: the next prompt.
    pub prompt: AtomicUsize,
    /// Where each line begins and ends.
    lines: Vec<(u32, u32)>,
}

/// The words of a line: most lines have fewer, and then they take no memory of their own.
pub(super) type Words<'l> = SmallVec<[&'l str; 24]>;

/// The words of a line, one after the other. Blanks of other scripts than ours part words, too; to look for them takes five times
/// as long.
pub(super) fn split(line: &str) -> impl Iterator<Item = &str> {
    let (plain, other) = if line.is_ascii() { (line, "") } else { ("", line) };
    plain.split_ascii_whitespace().chain(other.split_whitespace())
}

/// The words of a line.
pub(super) fn words_of(line: &str) -> Words<'_> {
    split(line).collect()
}

/// Times that JSON is looked for in vain in one text: one of nothing but brackets would be read from each of them to its end.
const MOST_JSON: u8 = 4;

/// Entities of HTML that copies from a page hold.
const ENTITIES: &[(&str, &str)] = &[
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("&nbsp;", " "),
    ("&#160;", " "),
    ("&amp;", "&"),
];

/// What forums put around a block of text.
const TAGS: &[&str] = &[
    "[code]",
    "[/code]",
    "[quote]",
    "[/quote]",
    "[noparse]",
    "[/noparse]",
    "<pre>",
    "</pre>",
    "<code>",
    "</code>",
    "<blockquote>",
    "</blockquote>",
    "{noformat}",
    "{code}",
    "<br>",
    "<br/>",
    "<br />",
];

impl Document {
    pub(super) fn new(name: impl Into<String>, bytes: Vec<u8>, modified: Option<Timestamp>) -> Self {
        let text = decoded(bytes);
        let text = if needs_cleaning(&text) { cleaned(text) } else { text };
        let mut lines = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
            if end > start || end < text.len() {
                lines.push((place(start), place(end)));
            }
            start = end + 1;
        }
        Document {
            name: name.into(),
            modified,
            text,
            json: AtomicU8::new(0),
            prompt: AtomicUsize::new(usize::MAX),
            lines,
        }
    }

    /// Whether JSON is still looked for in it: not after it was looked for in vain so often.
    pub(super) fn may_hold_json(&self) -> bool {
        self.json.load(Ordering::Relaxed) < MOST_JSON
    }

    /// How many lines it has, up to the next prompt while its outputs are looked for.
    pub(super) fn len(&self) -> usize {
        self.lines.len().min(self.prompt.load(Ordering::Relaxed))
    }

    /// Lets it end at a line; at none, it is whole.
    pub(super) fn end_at(&self, prompt: Option<usize>) {
        self.prompt.store(prompt.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// The line of that number, from 0; empty beyond the end.
    pub(super) fn line(&self, at: usize) -> &str {
        let Some((start, end)) = self.lines.get(at) else { return "" };
        self.text.get(*start as usize..*end as usize).unwrap_or_default()
    }

    /// Some lines as one text.
    pub(super) fn slice(&self, first: usize, after: usize) -> &str {
        let (Some((start, _)), Some((_, end))) =
            (self.lines.get(first), after.checked_sub(1).and_then(|at| self.lines.get(at)))
        else {
            return "";
        };
        self.text.get(*start as usize..*end as usize).unwrap_or_default()
    }

    /// Whether the text ends within that line: without an end of line behind it.
    pub(super) fn ends_within(&self, at: usize) -> bool {
        at + 1 == self.lines.len() && !self.text.ends_with('\n')
    }
}

/// A line without what the poster wrote behind it or marked in it: `33861296 packet receive errors    <---- HERE`. For outputs of
/// figures alone: in a line of a log a stranger may have written the same.
pub(super) fn without_note(line: &str) -> Cow<'_, str> {
    let is_arrow = |tail: &str| {
        tail.starts_with(['←', '⇐'])
            || tail.starts_with('<') && tail.get(1..3).is_some_and(|sign| matches!(sign, "--" | "==" | "<<" | "- "))
    };
    let begins = |(at, c): &(usize, char)| matches!(c, '<' | '←' | '⇐') && line.get(*at..).is_some_and(is_arrow);
    let end = line.char_indices().find(begins).map_or(line.len(), |(at, _)| at);
    let plain = line.get(..end).filter(|plain| !plain.trim().is_empty()).unwrap_or(line);
    if plain.contains("**") { Cow::Owned(plain.replace("**", "")) } else { Cow::Borrowed(plain.trim_end()) }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Bytes as text: UTF-8, or UTF-16 where a byte order mark says so. What is neither becomes replacement characters.
fn decoded(bytes: Vec<u8>) -> String {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.get(2..).unwrap_or_default().chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.get(..2) {
        Some([0xff, 0xfe]) => wide(u16::from_le_bytes),
        Some([0xfe, 0xff]) => wide(u16::from_be_bytes),
        _ => String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// What a line may hold that has to be taken off, or made plain, besides colours, carriage returns and entities.
const ADORNMENTS: &[&str] = &[
    "\n>",
    "\n >",
    "\n`",
    "**\n",
    "```",
    "~~~",
    "\u{a0}",
    "\u{2028}",
    "\u{201c}",
    "\u{ff1a}",
    "[code",
    "[CODE",
    "[QUOTE",
    "[quote",
    "<pre",
    "<code",
    "</pre",
    "</code",
    "{noformat",
    "{code",
];

/// Whether anything has to be taken off: most logs come as they are.
fn needs_cleaning(text: &str) -> bool {
    let all = || ADORNMENTS.iter().copied().chain(ENTITIES.iter().map(|(entity, _)| *entity));
    let bytes = text.as_bytes();
    if text.starts_with(['\u{feff}', '>', '`'])
        || text.ends_with("**")
        || memchr::memchr2(b'\x1b', b'\r', bytes).is_some()
    {
        return true;
    }
    // Not every processor can look for all of them at once.
    match Searcher::new(all()) {
        Some(searcher) => searcher.find(bytes).is_some(),
        None => all().any(|needle| memchr::memmem::find(bytes, needle.as_bytes()).is_some()),
    }
}

/// The text with each line cleaned, in the place where it stands: no line grows.
fn cleaned(text: String) -> String {
    let ends = text.ends_with('\n');
    let mut read = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut bytes = text.into_bytes();
    let mut written = 0;
    let mut clean = String::new();
    while read < bytes.len() {
        let rest = bytes.get(read..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        clean.clear();
        clean.push_str(&line_of(std::str::from_utf8(&rest[..length]).unwrap_or_default()));
        clean.push('\n');
        read = (read + length + 1).min(bytes.len());
        // The last line may have no end to write over.
        let fits = clean.len().min(bytes.len() - written);
        if let (Some(place), Some(line)) = (bytes.get_mut(written..written + fits), clean.as_bytes().get(..fits)) {
            place.copy_from_slice(line);
        }
        written += fits;
    }
    bytes.truncate(written);
    // A last line of which nothing is left stays a line.
    if !ends && clean.len() > 1 && bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// A line without what was put around it.
fn line_of(line: &str) -> Cow<'_, str> {
    // What a terminal overwrote is gone from the screen, too.
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut line = without_colours(line);
    if line.contains(['\u{ff1a}', '\u{a0}', '\u{2028}', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) {
        let plain = |c| match c {
            '\u{a0}' | '\u{2028}' => ' ',
            '\u{ff1a}' => ':',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            other => other,
        };
        line = Cow::Owned(line.chars().map(plain).collect());
    }
    if line.contains('&') {
        for (entity, plain) in ENTITIES {
            if line.contains(entity) {
                line = Cow::Owned(line.replace(entity, plain));
            }
        }
    }
    // Bold to its end, as forums mark the line that matters.
    if line.trim_end().ends_with("**") && line.matches("**").count() == 2 && !line.contains("***") {
        line = Cow::Owned(line.replace("**", ""));
    }
    // A line between single signs of code.
    let code = line.trim().strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    if let Some(inner) = code.filter(|inner| !inner.trim().is_empty() && !inner.contains('`')).map(str::to_owned) {
        line = Cow::Owned(inner);
    }
    let mut rest = line.as_ref();
    // Quoted once or several times; a prompt of one `>` goes with it.
    while let Some(inner) = rest.trim_start().strip_prefix('>') {
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    // Several lines between two signs of code: the first and the last have one.
    if rest.matches('`').take(2).count() == 1 {
        let trimmed = rest.trim();
        // A tool draws a branch of a tree with it: "`- Actions".
        let is_text = |inner: &&str| inner.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '$' | '#'));
        rest = trimmed.strip_prefix('`').filter(is_text).or_else(|| trimmed.strip_suffix('`')).unwrap_or(rest);
    }
    loop {
        let trimmed = rest.trim();
        // A fence stands alone or with the name of a language; chats put the first and the last line beside it.
        if let Some(inner) = trimmed.strip_prefix("```").or_else(|| trimmed.strip_prefix("~~~")) {
            let is_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '`' | '~');
            if inner.len() < 24 && inner.trim().chars().all(is_tag) {
                return Cow::Borrowed("");
            }
            rest = inner;
            continue;
        }
        if let Some(inner) = trimmed.strip_suffix("```").or_else(|| trimmed.strip_suffix("~~~")) {
            rest = inner;
            continue;
        }
        let begins =
            TAGS.iter().find(|tag| trimmed.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)));
        if let Some(tag) = begins {
            rest = trimmed.get(tag.len()..).unwrap_or_default();
            continue;
        }
        let ends = TAGS.iter().find(|tag| {
            trimmed
                .len()
                .checked_sub(tag.len())
                .and_then(|at| trimmed.get(at..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(tag))
        });
        match ends {
            Some(tag) => rest = trimmed.get(..trimmed.len() - tag.len()).unwrap_or_default(),
            None => break,
        }
    }
    if rest.len() == line.len() { line } else { Cow::Owned(rest.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let document = Document::new("-", bytes.to_vec(), None);
        (0..document.len()).map(|at| document.line(at).to_owned()).collect()
    }

    #[test]
    fn what_mail_forums_and_terminals_put_around_a_line_goes_and_its_number_stays() {
        for (given, line) in [
            ("> > eth0 Link encap:Ethernet", "eth0 Link encap:Ethernet"),
            ("\x1b[01;31meth0\x1b[0m up\r", "eth0 up"),
            ("\u{feff}eth0 up", "eth0 up"),
            ("2: eth0: &lt;UP&gt; a&nbsp;b &amp; c", "2: eth0: <UP> a b & c"),
            ("[CODE]eth0 up[/CODE]", "eth0 up"),
            ("`[ 4131.099119] TCP: x`", "[ 4131.099119] TCP: x"),
            ("`a` and `b`", "`a` and `b`"),
            ("`Mem: 1K used", "Mem: 1K used"),
            ("> `Mem: 1K used", "Mem: 1K used"),
            ("`- Actions", "`- Actions"),
            ("a ` b", "a ` b"),
            ("**RX errors 0  dropped 91**", "RX errors 0  dropped 91"),
            ("root@web1:~**# ss -s**", "root@web1:~# ss -s"),
            ("***.80 and ***.81", "***.80 and ***.81"),
            ("```text", ""),
            ("```$ uptime", "$ uptime"),
            ("FRAG: inuse 0 memory 0```", "FRAG: inuse 0 memory 0"),
            ("\x1b]0;root@web1: ~\x07root@web1:~# date", "root@web1:~# date"),
            ("10%\r100%", "100%"),
            ("tcp\u{a0}0", "tcp 0"),
        ] {
            assert_eq!(lines(format!("{given}\nnext").as_bytes()), [line, "next"], "{given:?}");
        }
        assert_eq!(
            lines("\u{feff}eth0\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice()),
            ["eth0"]
        );
        assert_eq!(lines(b"a\xffb\n\nc"), ["a\u{fffd}b", "", "c"]);
        assert_eq!(lines(b""), Vec::<String>::new());
        assert_eq!(lines(b"a\r\nb\n\r"), ["a", "b", ""]);
    }

    #[test]
    fn what_the_poster_wrote_behind_a_figure_is_no_part_of_it() {
        for (line, plain) in [
            ("33861296 packet receive errors    <---- HERE", "33861296 packet receive errors"),
            ("rx_missed_errors: 4954 <== this", "rx_missed_errors: 4954"),
            ("rx_missed_errors: **4954**", "rx_missed_errors: 4954"),
            ("4954 packets pruned ← why?", "4954 packets pruned"),
            ("<---- look", "<---- look"),
            ("TCPTimeWaitOverflow: 3", "TCPTimeWaitOverflow: 3"),
        ] {
            assert_eq!(without_note(line), plain, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_line_is_lost(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let document = Document::new("-", bytes.clone(), None);
            if !matches!(bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff])) {
                proptest::prop_assert_eq!(document.len(), bytes.strip_suffix(b"\n").map_or_else(|| bytes.split(|b| *b == b'\n').count() - usize::from(bytes.is_empty()), |rest| rest.split(|b| *b == b'\n').count()));
            }
            let _ = document.slice(0, document.len());
        }
    }
}
