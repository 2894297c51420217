//! The last look at what leaves: the one place that knows every original that has a pseudonym, and searches for it in the bytes
//! of a report, a case or a ticket, in each of the forms in which such bytes may hold it: as it is, as a number, percent-encoded,
//! as the hexadecimal figures of its characters, with the entities of HTML or the backslashes of JSON and Markdown, in base64.
//!
//! What is found is replaced by the pseudonym in the same form. What cannot be is named, so that nothing is written.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::forms::Address;

/// How often what was replaced is looked through again: base64 within base64.
const MOST_LAYERS: usize = 3;
/// The shortest run of characters that is taken for base64.
const SHORTEST_BASE64: usize = 8;
/// The shortest name that is looked for in encoded texts: a shorter one is in every second of them by chance.
const SHORTEST_ENCODED: usize = 4;

/// What is still in the bytes and could not be replaced, named without showing it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an original that has the pseudonym {0} is still in what would leave, in a form that cannot be replaced")]
pub struct Left(pub String);

/// What an occurrence must stand apart from to count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// Letters, figures and `_`; a number in dots from further numbers, too.
    Word,
    /// Figures of hexadecimal numbers.
    Figures,
    /// Nothing: encoded texts go on.
    Anything,
}

struct Form {
    original: String,
    replacement: String,
    pseudonym: String,
    apart: Apart,
    /// Whether it counts only as it is written here: of names, capitals do not matter.
    exact: bool,
}

/// Every original that must not leave, in every form.
pub struct Originals {
    forms: Vec<Form>,
    /// Nothing to look for, or the automaton that does.
    automaton: Option<AhoCorasick>,
    /// Whether it could not be built: then nothing may leave.
    broken: bool,
}

impl Originals {
    /// Looks for the first of each pair, to be replaced by the second. One that is also a pseudonym cannot be told from it and
    /// is not looked for.
    pub(super) fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort();
        pairs.dedup();
        let shown: std::collections::BTreeSet<String> =
            pairs.iter().map(|(_, pseudonym)| pseudonym.to_ascii_lowercase()).collect();
        let mut forms: Vec<Form> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (original, pseudonym) in
            pairs.iter().filter(|(original, _)| !shown.contains(&original.to_ascii_lowercase()))
        {
            let addresses = Address::read(original).zip(Address::read(pseudonym));
            let mut add = |one: String, two: String, apart, exact| {
                if one != two && seen.insert(one.clone()) {
                    let pseudonym = pseudonym.clone();
                    forms.push(Form { original: one, replacement: two, pseudonym, apart, exact });
                }
            };
            add(original.clone(), pseudonym.clone(), Apart::Word, addresses.is_some());
            if let Some((one, two)) = addresses {
                add(original.to_uppercase(), pseudonym.to_uppercase(), Apart::Word, true);
                one.numbers(two).into_iter().for_each(|(one, two)| add(one, two, Apart::Figures, true));
            }
            if original.len() >= SHORTEST_ENCODED {
                // There may be thousands of addresses, and a few names.
                let forms = if addresses.is_some() { &ENCODED[..ENCODED_ADDRESS] } else { ENCODED };
                forms.iter().for_each(|form| add(form(original), form(pseudonym), Apart::Anything, true));
            }
        }
        forms.retain(|form| !form.original.is_empty());
        let build = || {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard);
            builder.build(forms.iter().map(|form| form.original.as_bytes())).ok()
        };
        let automaton = if forms.is_empty() { None } else { build() };
        let broken = !forms.is_empty() && automaton.is_none();
        Originals { forms, automaton, broken }
    }

    /// The bytes with every original replaced, and how many were; an error names what could not be.
    pub fn replaced(&self, bytes: &[u8]) -> Result<(Vec<u8>, u64), Left> {
        if self.broken {
            return Err(Left("?".to_owned()));
        }
        self.layer(bytes, MOST_LAYERS)
    }

    fn layer(&self, bytes: &[u8], layers: usize) -> Result<(Vec<u8>, u64), Left> {
        let Some(automaton) = &self.automaton else { return Ok((bytes.to_vec(), 0)) };
        let (mut out, mut count) = (bytes.to_vec(), 0);
        // What was replaced may have stood beside another that only now stands apart.
        for _ in 0..2 {
            let places = self.places(automaton, &out);
            if places.is_empty() {
                break;
            }
            count += places.len() as u64;
            let mut next = Vec::with_capacity(out.len());
            let mut from = 0;
            for (begin, end, form) in places {
                next.extend_from_slice(&out[from..begin]);
                next.extend_from_slice(self.forms[form].replacement.as_bytes());
                from = end;
            }
            next.extend_from_slice(&out[from..]);
            out = next;
        }
        if let Some((_, _, form)) = self.places(automaton, &out).first() {
            return Err(Left(self.forms[*form].pseudonym.clone()));
        }
        if layers > 0 {
            let (inner, more) = self.in_base64(&out, layers)?;
            (out, count) = (inner, count + more);
        }
        Ok((out, count))
    }

    /// Where originals are, the longest of those that begin at the same place, none within another.
    fn places(&self, automaton: &AhoCorasick, bytes: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut places: Vec<(usize, usize, usize)> = automaton
            .find_overlapping_iter(bytes)
            .map(|found| (found.start(), found.end(), found.pattern().as_usize()))
            .filter(|(begin, end, form)| {
                self.forms.get(*form).is_some_and(|form| form.stands_apart(bytes, *begin, *end))
            })
            .collect();
        places.sort_by_key(|(begin, end, form)| (*begin, std::cmp::Reverse(*end), *form));
        let mut until = 0;
        places.retain(|(begin, end, _)| {
            let free = *begin >= until;
            if free {
                until = *end;
            }
            free
        });
        places
    }

    /// The bytes with what is encoded in base64 looked through as well.
    fn in_base64(&self, bytes: &[u8], layers: usize) -> Result<(Vec<u8>, u64), Left> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let (mut out, mut count, mut at) = (Vec::with_capacity(bytes.len()), 0, 0);
        while at < bytes.len() {
            let end = at + bytes[at..].iter().take_while(|byte| is_part(**byte)).count();
            let padded = end + bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
            let run = &bytes[at..padded];
            match (end - at >= SHORTEST_BASE64).then(|| self.of_run(run, layers)).transpose()?.flatten() {
                Some((replaced, more)) => {
                    out.extend_from_slice(&replaced);
                    count += more;
                }
                None => out.extend_from_slice(run),
            }
            at = padded;
            if let Some(byte) = bytes.get(at).filter(|byte| !is_part(**byte)) {
                out.push(*byte);
                at += 1;
            }
        }
        Ok((out, count))
    }

    /// One run of characters of base64, if there is an original in it. It may begin with up to three characters of something
    /// else: a path, the sign before it.
    fn of_run(&self, run: &[u8], layers: usize) -> Result<Option<(Vec<u8>, u64)>, Left> {
        let Some(automaton) = &self.automaton else { return Ok(None) };
        let url = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
        if url && run.iter().any(|byte| matches!(byte, b'+' | b'/')) {
            // Of both alphabets: a path. Its parts are looked at one by one.
            let (mut parts, mut count) = (Vec::with_capacity(run.len()), 0);
            for part in run.split_inclusive(|byte| matches!(byte, b'/' | b'+')) {
                let length = part.len() - usize::from(matches!(part.last(), Some(b'/' | b'+')));
                let (part, sign) = part.split_at(length);
                match if part.len() >= SHORTEST_BASE64 { self.of_run(part, layers)? } else { None } {
                    Some((replaced, more)) => {
                        parts.extend_from_slice(&replaced);
                        count += more;
                    }
                    None => parts.extend_from_slice(part),
                }
                parts.extend_from_slice(sign);
            }
            return Ok((count > 0).then_some((parts, count)));
        }
        let padding = run.iter().rev().take_while(|byte| **byte == b'=').count();
        let alphabet = if url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let engine = GeneralPurpose::new(alphabet, config);
        for skipped in 0..4.min(run.len() - padding) {
            let text = &run[skipped..run.len() - padding];
            // One character alone holds no byte.
            let text = if text.len() % 4 == 1 { &text[..text.len() - 1] } else { text };
            let Ok(decoded) = engine.decode(text) else { continue };
            if self.places(automaton, &decoded).is_empty() && !looks_like_text(&decoded) {
                continue;
            }
            let (replaced, count) = self.layer(&decoded, layers - 1)?;
            if count > 0 {
                let rest = &run[skipped + text.len()..run.len() - padding];
                // Where there was no need of padding, none says whether there would have been some.
                let pads = padding > 0 || decoded.len() % 3 == 0 && !url && rest.is_empty();
                let encoded = GeneralPurpose::new(alphabet, config.with_encode_padding(pads)).encode(&replaced);
                let whole = [&run[..skipped], encoded.as_bytes(), rest].concat();
                return Ok(Some((whole, count)));
            }
        }
        Ok(None)
    }
}

/// Whether base64 may hold base64: what it decodes to is printable.
fn looks_like_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

impl Form {
    fn stands_apart(&self, bytes: &[u8], begin: usize, end: usize) -> bool {
        if self.exact && !bytes[begin..end].eq(self.original.as_bytes()) {
            return false;
        }
        let (before, after) = (bytes[..begin].last().copied(), bytes.get(end).copied());
        let then = bytes.get(end + 1).copied();
        let is_word =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        match self.apart {
            Apart::Anything => true,
            // `0x` may stand before.
            Apart::Figures => {
                let prefixed = before.is_some_and(|byte| byte == b'x') && begin > 1 && bytes[begin - 2] == b'0';
                (prefixed || !is_word(before)) && !is_word(after)
            }
            Apart::Word => {
                let number = self.original.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let more = number && after == Some(b'.') && digit(then) || number && before == Some(b'.');
                // `\n` and `\u001b` of JSON before a name are no letters of it.
                let escaped =
                    begin > 1 && bytes[begin - 2] == b'\\' && matches!(before, Some(b'n' | b't' | b'r' | b'b' | b'f'));
                (!is_word(before) || escaped) && !is_word(after) && !more
            }
        }
    }
}

/// How many of the following are looked for of an address.
const ENCODED_ADDRESS: usize = 6;
/// The ways in which the characters of a text are written otherwise.
const ENCODED: &[fn(&str) -> String] = &[
    |text| encoded(text, |byte| format!("%{byte:02X}")),
    |text| encoded(text, |byte| format!("%{byte:02x}")),
    |text| text.bytes().map(|byte| format!("{byte:02x}")).collect(),
    |text| text.bytes().map(|byte| format!("{byte:02X}")).collect(),
    |text| encoded(text, |byte| format!("&#{byte};")),
    |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    |text| text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
    |text| encoded(text, |byte| format!("&#x{byte:x};")),
    |text| encoded(text, |byte| format!("&#x{byte:X};")),
    |text| encoded(text, |byte| format!("\\u{byte:04x}")),
    |text| encoded(text, |byte| format!("\\{}", char::from(byte))),
    |text| text.replace('_', "\\_"),
    |text| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
    |text| text.bytes().map(|byte| format!("&#{byte};")).collect(),
];

/// The text with what is neither letter nor figure written otherwise.
fn encoded(text: &str, other: impl Fn(u8) -> String) -> String {
    let part = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { other(byte) };
    text.bytes().map(part).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn originals() -> Originals {
        Originals::new(
            [
                ("203.0.113.99", "198.51.100.7"),
                ("2001:db8::1", "2001:db9::77"),
                ("02:42:ac:11:00:02", "02:42:ac:99:88:77"),
                ("margarete", "user-3fa9c1"),
                ("db_7", "host-00aa11"),
            ]
            .map(|(one, two)| (one.to_owned(), two.to_owned()))
            .to_vec(),
        )
    }

    fn replaced(text: &str) -> String {
        String::from_utf8(originals().replaced(text.as_bytes()).unwrap().0).unwrap()
    }

    #[test]
    fn originals_are_found_in_every_encoding() {
        let all = [("203.0.113.99", "198.51.100.7"), ("2001:db8::1", "2001:db9::77"), ("margarete", "user-3fa9c1")];
        for (original, pseudonym) in all {
            let forms = if original.contains(['.', ':']) { &ENCODED[..ENCODED_ADDRESS] } else { ENCODED };
            for form in forms {
                // A form that changes nothing of the original is the original.
                let shown = if form(original) == original { pseudonym.to_owned() } else { form(pseudonym) };
                assert_eq!(replaced(&format!("x {} y", form(original))), format!("x {shown} y"));
            }
            for before in ["", "a", "ab", "login "] {
                for after in ["", ":secret", " and more of it"] {
                    let text = |name: &str| format!("{before} {name}{after}");
                    let bare = |text: &str| text.replace('=', "");
                    let shown = replaced(&STANDARD.encode(text(original)));
                    assert_eq!(bare(&shown), bare(&STANDARD.encode(text(pseudonym))));
                    let shown = replaced(&format!("k={};", URL_SAFE_NO_PAD.encode(text(original))));
                    assert_eq!(bare(&shown), format!("k{};", URL_SAFE_NO_PAD.encode(text(pseudonym))));
                }
            }
            let twice = STANDARD.encode(format!("inner {}", STANDARD.encode(original)));
            assert!(originals().replaced(twice.as_bytes()).unwrap().1 > 0, "base64 in base64");
        }
    }

    #[test]
    fn numbers_of_an_address_are_found() {
        for (text, shown) in [
            ("at 3405803875,", "at 3325256711,"),
            ("0xCB007163", "0xC6336407"),
            ("x=cb007163 ", "x=c6336407 "),
            ("host203-0-113-99.x", "host203-0-113-99.x"),
            ("host-203-0-113-99.x", "host-198-51-100-7.x"),
            ("id 0242acfffe110002", "id 0242acfffe110002"),
            ("id 0042acfffe110002", "id 0042acfffe998877"),
            ("02:42:AC:11:00:02", "02:42:AC:99:88:77"),
            ("0242ac110002", "0242ac998877"),
        ] {
            assert_eq!(replaced(text), shown);
        }
    }

    #[test]
    fn a_part_of_a_word_or_number_is_none() {
        for text in
            ["1203.0.113.99", "203.0.113.990", "203.0.113.99.1", "margaretes", "a13405803875", "2001:db8::1f", "xdb_7"]
        {
            assert_eq!(replaced(text), text);
        }
        assert_eq!(
            replaced("{\"a\":\"x\\nmargarete\",\"b\":\"Margarete\"}"),
            "{\"a\":\"x\\nuser-3fa9c1\",\"b\":\"user-3fa9c1\"}"
        );
        assert_eq!(replaced("203.0.113.99. It"), "198.51.100.7. It");
    }

    #[test]
    fn what_cannot_be_replaced_is_named_by_its_pseudonym() {
        // Each replacement brings up the next: no end is in sight.
        let endless = Originals::new(vec![("aaaa".into(), "bb.cccc".into()), ("cccc".into(), "dd.aaaa".into())]);
        assert_eq!(endless.replaced(b"x aaaa y").unwrap_err().0.len(), 7);
        assert_eq!(originals().replaced(b"calm").unwrap(), (b"calm".to_vec(), 0));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "[A-Za-z0-9+/_=-]{0,80}") {
            let all = originals();
            let _ = all.replaced(&bytes);
            let _ = all.replaced(text.as_bytes());
        }

        #[test]
        fn no_original_survives_in_any_form(before in "[ -~]{0,12}", after in "[ -~]{0,12}", form in 0..ENCODED.len()) {
            let clean = replaced(&format!("{before} {} {after}", ENCODED[form]("margarete")));
            proptest::prop_assert!(!clean.contains(&ENCODED[form]("margarete")), "{}", clean);
        }
    }
}
