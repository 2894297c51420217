//! What a service's first bytes say.

use crate::printable::printable;

/// Bytes of a banner that are kept.
pub const LONGEST: usize = 512;

/// The first line, harmless to print; none of nothing.
pub fn line(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default();
    Some(printable(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The protocol that such a line begins.
pub fn protocol(line: &str) -> Option<&'static str> {
    let upper = line.to_ascii_uppercase();
    let of_mail = upper.contains("SMTP") || upper.contains("MAIL");
    Some(match () {
        () if line.starts_with("SSH-") => "ssh",
        () if line.starts_with("HTTP/") => "http",
        () if line.starts_with("220") && of_mail => "smtp",
        () if line.starts_with("220") && upper.contains("FTP") => "ftp",
        () if line.starts_with("+OK") => "pop3",
        () if upper.starts_with("* OK") => "imap",
        () => return None,
    })
}

/// The status of an HTTP answer.
pub fn http_status(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once(' ')?;
    let status = rest.split(' ').next()?;
    (version.starts_with("HTTP/") && status.len() == 3).then(|| status.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banner_is_its_first_line() {
        assert_eq!(line(b"SSH-2.0-OpenSSH_9.6\r\nmore").as_deref(), Some("SSH-2.0-OpenSSH_9.6"));
        assert_eq!(line(b"no end").as_deref(), Some("no end"));
        assert_eq!(line(b""), None);
        assert_eq!(line(b"\x1b[31mred\n").as_deref(), Some("\\u{1b}[31mred"));
        assert_eq!(line(&[b'a'; 9000]).map(|line| line.len()), Some(LONGEST));
    }

    #[test]
    fn protocols_are_told_by_their_greeting() {
        for (line, name) in [
            ("SSH-2.0-OpenSSH_9.6", Some("ssh")),
            ("HTTP/1.1 200 OK", Some("http")),
            ("220 mx.example.org ESMTP Postfix", Some("smtp")),
            ("220 (vsFTPd 3.0.5)", Some("ftp")),
            ("+OK ready", Some("pop3")),
            ("* OK [CAPABILITY IMAP4rev1] ready", Some("imap")),
            ("J\u{0}8.0.36", None),
        ] {
            assert_eq!(protocol(line), name, "{line}");
        }
    }

    #[test]
    fn a_status_is_three_digits_behind_a_version() {
        assert_eq!(http_status("HTTP/1.1 503 Service Unavailable"), Some(503));
        assert_eq!(http_status("HTTP/1.0 200"), Some(200));
        assert_eq!(http_status("HTTP/1.1 20000 OK"), None);
        assert_eq!(http_status("220 ready"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_banner_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..700)) {
            if let Some(line) = line(&bytes) {
                protocol(&line);
                http_status(&line);
            }
        }
    }
}
