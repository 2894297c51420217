//! Shows bytes of a log as text that cannot steer a terminal.

use crate::printable::is_hazard;

/// The mark of a text that was cut.
const CUT: &str = "…";

/// The bytes as text of at most `most` bytes: hazards and bytes that are not UTF-8 are escaped.
pub(super) fn escaped(bytes: &[u8], most: usize) -> String {
    let mut text = String::new();
    let room = most.saturating_sub(CUT.len());
    // The longest text that still has room for the mark.
    let mut cut_at = 0;
    let mut push = |text: &mut String, piece: &mut dyn Iterator<Item = char>| {
        text.extend(piece);
        if text.len() <= room {
            cut_at = text.len();
        }
        text.len() <= most
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let fits = if is_hazard(character) {
                push(&mut text, &mut character.escape_default())
            } else {
                push(&mut text, &mut std::iter::once(character))
            };
            if !fits {
                return cut(text, cut_at);
            }
        }
        for byte in chunk.invalid() {
            if !push(&mut text, &mut format!("\\x{byte:02x}").chars()) {
                return cut(text, cut_at);
            }
        }
    }
    text
}

fn cut(mut text: String, at: usize) -> String {
    text.truncate(at);
    text.push_str(CUT);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_escaped() {
        assert_eq!(escaped(b"a\x1b[2Jb\0\x07", 300), r"a\u{1b}[2Jb\u{0}\u{7}");
        assert_eq!(escaped("grün \u{202e}gnp".as_bytes(), 300), r"grün \u{202e}gnp");
        assert_eq!(escaped(b"user \xff\xfe!", 300), r"user \xff\xfe!");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        assert_eq!(escaped(b"abcdefghij", 10), "abcdefghij");
        assert_eq!(escaped(b"abcdefghijk", 10), "abcdefg…");
        assert_eq!(escaped(b"abcdef\x1b", 10), "abcdef…");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_too_long_or_unprintable(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let text = escaped(&bytes, 60);
            proptest::prop_assert!(text.len() <= 60);
            proptest::prop_assert!(!text.chars().any(is_hazard));
        }
    }
}
