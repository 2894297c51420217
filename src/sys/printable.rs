//! Names that come from outside, made safe to print.

/// Text with its control characters escaped, so that a name can neither move a cursor nor forge a line. Bytes that are
/// not UTF-8 become the replacement character.
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(char::is_control) {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_name_with_an_escape_sequence_cannot_colour_the_report() {
        assert_eq!(printable(b"sshd\x1b[31m\n"), "sshd\\u{1b}[31m\\n");
        assert_eq!(printable("dämon".as_bytes()), "dämon");
    }
}
