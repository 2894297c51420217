//! What the payload of a TCP segment begins with: a request of HTTP/1 in clear text, a record of TLS, or anything else.

use memchr::memchr;

/// What a segment begins with, as far as its bytes were captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Opening {
    /// Nothing that is known here, or nothing of it was captured.
    #[default]
    Other,
    /// A request of HTTP/1.0 or 1.1.
    Request,
    /// A record of TLS that opens or ends a session: handshake, change of cipher, alert.
    TlsSession,
    /// A record of TLS that carries data of an application, or the encrypted end of a handshake.
    TlsData,
}

/// The longest method, and the space behind it.
const LONGEST_METHOD: usize = 11;

/// Reads the payload of a segment, which may be cut short.
#[inline(always)]
pub fn read(payload: &[u8]) -> Opening {
    match payload {
        [20..=22, 3, 0..=4, ..] => Opening::TlsSession,
        [23, 3, 0..=4, ..] => Opening::TlsData,
        [b'C'..=b'U', ..] if target(payload).is_some() => Opening::Request,
        _ => Opening::Other,
    }
}

/// The path that a request asks for, without its query, and whether it goes on beyond what was captured. None where the payload
/// begins no request, or asks for a tunnel.
pub fn path(payload: &[u8]) -> Option<(&[u8], bool)> {
    let target = target(payload)?;
    let path = if matches!(target, [b'/' | b'*', ..]) {
        target
    } else {
        // A whole URL names the host first.
        let host = memchr(b':', target).and_then(|colon| target.get(colon..)?.strip_prefix(b"://"))?;
        match host.iter().position(|byte| matches!(byte, b'/' | b'?' | b' ')) {
            Some(end) if host[end] == b'/' => &host[end..],
            Some(_) => return Some((b"/", false)),
            None => return None,
        }
    };
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#' | b' ' | b'\r' | b'\n'));
    Some((&path[..end.unwrap_or(path.len())], end.is_none()))
}

/// What follows the method and the space of a request, if the payload begins with one. A line that is there to its end must name
/// its version: other protocols of lines have words of the same look.
fn target(payload: &[u8]) -> Option<&[u8]> {
    let space = payload.iter().take(LONGEST_METHOD).position(|byte| *byte == b' ')?;
    let (method, rest) = payload.split_at(space);
    let tunnel = match method {
        b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE" | b"OPTIONS" | b"TRACE" | b"PATCH" => false,
        // WebDAV with its extensions for versions, searching and calendars.
        b"PROPFIND" | b"PROPPATCH" | b"MKCOL" | b"COPY" | b"MOVE" | b"LOCK" | b"UNLOCK" | b"REPORT" | b"SEARCH"
        | b"MKCALENDAR" | b"QUERY" => false,
        b"CONNECT" => true,
        _ => return None,
    };
    let target = &rest[1..];
    let begins = match target {
        [first, ..] if tunnel => first.is_ascii_alphanumeric() || *first == b'[',
        [b'/' | b'*', ..] => true,
        _ => target.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"http")),
    };
    let whole = memchr(b'\n', target).map(|end| target[..end].strip_suffix(b"\r").unwrap_or(&target[..end]));
    let in_place = match whole {
        Some(line) => matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9']),
        None => target.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\r'),
    };
    (begins && in_place).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &[u8]) -> Option<(String, bool)> {
        path(payload).map(|(path, cut)| (String::from_utf8_lossy(path).into_owned(), cut))
    }

    #[test]
    fn a_request_is_known_by_its_method_and_what_it_asks_for() {
        for (payload, asked) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n", Some(("/", false))),
            ("GET /shop?id=7 HTTP/1.0\r\n\r\n", Some(("/shop", false))),
            ("POST /login HTTP/1.1\n", Some(("/login", false))),
            ("OPTIONS * HTTP/1.1\r\n", Some(("*", false))),
            ("PROPFIND /dav/ HTTP/1.1\r\n", Some(("/dav/", false))),
            ("MKCALENDAR /home/ HTTP/1.1\r\n", Some(("/home/", false))),
            ("GET http://a.example/b/c?d HTTP/1.1\r\n", Some(("/b/c", false))),
            ("GET http://a.example HTTP/1.1\r\n", Some(("/", false))),
            ("CONNECT a.example:443 HTTP/1.1\r\n", None),
            // Cut by the capture, or by the sender.
            ("GET /a/long/pa", Some(("/a/long/pa", true))),
            ("GET /shop?id=", Some(("/shop", false))),
            ("GET http://a.exam", None),
            ("GET /a HTTP/1.1\r", Some(("/a", false))),
        ] {
            assert_eq!(read(payload.as_bytes()), Opening::Request, "{payload:?}");
            assert_eq!(shown(payload.as_bytes()), asked.map(|(path, cut)| (path.to_owned(), cut)), "{payload:?}");
        }
    }

    #[test]
    fn other_protocols_begin_with_no_request() {
        for payload in [
            "",
            "GET",
            "GET ",
            "get / HTTP/1.1\r\n",
            "GETS / HTTP/1.1\r\n",
            "GET key\r\n",
            // Redis inline, RTSP, SIP, ICAP, SMTP, IMAP, POP3, an answer, a part of a request.
            "GET /key\r\n",
            "OPTIONS rtsp://a/b RTSP/1.0\r\n",
            "OPTIONS * RTSP/1.0\r\n",
            "OPTIONS sip:a@b SIP/2.0\r\n",
            "REQMOD icap://a/b ICAP/1.0\r\n",
            "HELO a\r\n",
            "MAIL FROM:<a@b>\r\n",
            "a1 SEARCH ALL\r\n",
            "HTTP/1.1 200 OK\r\n",
            "Host: a\r\n",
            "PRI * HTTP/2.0\r\n",
            "GET /\u{1}\u{2}",
        ] {
            assert_eq!((read(payload.as_bytes()), shown(payload.as_bytes())), (Opening::Other, None), "{payload:?}");
        }
        assert_eq!(read(b"*1\r\n$4\r\nPING\r\n"), Opening::Other, "Redis");
        assert_eq!(read(b"Q\0\0\0\x0eSELECT 1\0"), Opening::Other, "PostgreSQL");
    }

    #[test]
    fn records_of_tls_are_told_by_their_kind() {
        for (payload, opening) in [
            (&[22, 3, 1, 2, 0, 1][..], Opening::TlsSession),
            (&[20, 3, 3, 0, 1, 1, 23, 3, 3], Opening::TlsSession),
            (&[21, 3, 3, 0, 2], Opening::TlsSession),
            (&[23, 3, 3, 1, 0, 9], Opening::TlsData),
            (&[23, 3, 9, 1, 0, 9], Opening::Other),
            (&[23, 3], Opening::Other),
        ] {
            assert_eq!(read(payload), opening, "{payload:?}");
        }
    }

    #[test]
    fn a_request_that_is_split_is_known_from_the_first_letter_of_its_target_on() {
        let whole = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 1..whole.len() {
            let known = read(&whole[..end]) == Opening::Request;
            assert_eq!(known, end >= 5, "{:?}", String::from_utf8_lossy(&whole[..end]));
            assert_eq!(read(&whole[end..]), Opening::Other, "the rest after {end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_payload_makes_it_panic(bytes in proptest::collection::vec(0u8.., 0..80)) {
            let _ = (read(&bytes), path(&bytes));
        }

        #[test]
        fn nearly_a_request_does_not_panic(text in "(GET|CONNECT|MKCALENDAR|OPTIONS) ?(/|\\*|https?:?/?/?)?[ -~\r\n]{0,40}") {
            if let Some((path, _)) = path(text.as_bytes()) {
                proptest::prop_assert_eq!(read(text.as_bytes()), Opening::Request);
                proptest::prop_assert!(!path.is_empty() && !path.contains(&b' ') && !path.contains(&b'?'));
            }
        }
    }
}
