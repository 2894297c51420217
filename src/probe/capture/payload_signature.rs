//! What a datagram says, as far as its first bytes show: an answer of the service that its source port names, or not.

/// A DNS message's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Whether the message is an answer.
    pub answered: bool,
    /// The type that is asked for; none when the bytes end before it.
    pub kind: Option<u16>,
}

/// What a payload says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PayloadSignature {
    /// Whether it is an answer of the service that usually has the source port; none when that service has no mark that is
    /// known here.
    pub answer: Option<bool>,
    /// The question of a DNS message, when either port is 53.
    pub dns: Option<Question>,
}

/// Reads the payload of a UDP packet, which may be cut short.
pub fn read(source_port: u16, destination_port: u16, payload: &[u8]) -> PayloadSignature {
    if payload.is_empty() {
        return PayloadSignature::default();
    }
    let dns = if source_port == 53 || destination_port == 53 { question(payload) } else { None };
    PayloadSignature { answer: answers(source_port, payload), dns }
}

fn answers(port: u16, payload: &[u8]) -> Option<bool> {
    let first = payload.first().copied().unwrap_or(0);
    let is_text = |bytes: &[u8]| bytes.iter().take(32).all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e));
    let says = match port {
        17 | 19 => is_text(payload),
        53 => matches!(payload, [_, _, flags, ..] if payload.len() >= 12 && flags & 0x80 != 0),
        // The second word of an RPC message: 1 is a reply.
        111 => matches!(payload, [_, _, _, _, 0, 0, 0, 1, ..]),
        // Server and broadcast mode; control and private messages with the bit of a response.
        123 => match (first & 7, payload.get(1)) {
            (4 | 5, _) => true,
            (6, Some(second)) => second & 0x80 != 0,
            (7, _) => first & 0x80 != 0,
            _ => false,
        },
        // BER: a sequence.
        161 | 389 => first == 0x30,
        // The responder's cookie is set, and the version is 1 or 2.
        500 => payload.get(17).is_some_and(|version| matches!(version, 0x10 | 0x20)) && payload[8..16] != [0; 8],
        1900 => payload.starts_with(b"HTTP/") || payload.starts_with(b"NOTIFY"),
        // A success of STUN, with its cookie.
        3478 => matches!(payload, [1, 1, _, _, 0x21, 0x12, 0xa4, 0x42, ..]),
        3702 => first == b'<',
        5060 => payload.starts_with(b"SIP/"),
        // A header of 8 bytes, then memcached's text protocol.
        11211 => {
            payload.get(8..).is_some_and(|text| text.first().is_some_and(u8::is_ascii_alphanumeric) && is_text(text))
        }
        47808 => first == 0x81,
        _ => return None,
    };
    Some(says)
}

fn question(payload: &[u8]) -> Option<Question> {
    let [_, _, flags, _, high, low, _, _, _, _, _, _, names @ ..] = payload else { return None };
    let answered = flags & 0x80 != 0;
    if u16::from_be_bytes([*high, *low]) == 0 {
        return Some(Question { answered, kind: None });
    }
    let mut rest = names;
    loop {
        match rest {
            [0, high, low, ..] => return Some(Question { answered, kind: Some(u16::from_be_bytes([*high, *low])) }),
            // A name of a question is never compressed; a pointer is no DNS.
            [length @ 1..64, ..] => rest = rest.get(usize::from(*length) + 1..).unwrap_or_default(),
            _ => return Some(Question { answered, kind: None }),
        }
    }
}

/// The name of a DNS type.
pub fn dns_type(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_any_is_told_from_a_question() {
        let mut message = b"\x12\x34\x81\x80\0\x01\0\x05\0\0\0\0\x07example\x03org\0\0\xff\0\x01".to_vec();
        let payload_signature = read(53, 40_000, &message);
        assert_eq!(
            payload_signature,
            PayloadSignature { answer: Some(true), dns: Some(Question { answered: true, kind: Some(255) }) }
        );
        message[2] = 1;
        assert_eq!(read(40_000, 53, &message).dns, Some(Question { answered: false, kind: Some(255) }));
        assert_eq!(read(40_000, 53, &message).answer, None);
    }

    #[test]
    fn services_are_known_by_their_marks() {
        assert_eq!(read(123, 80, &[0xd7, 0, 3, 42]).answer, Some(true), "the answer to monlist");
        assert_eq!(read(123, 123, &[0x23, 0, 0, 0]).answer, Some(false), "a client asks");
        assert_eq!(read(1900, 80, b"HTTP/1.1 200 OK\r\n").answer, Some(true));
        assert_eq!(read(11211, 80, b"\0\0\0\0\0\x01\0\0VALUE a 0 1024\r\n").answer, Some(true));
        assert_eq!(read(37810, 80, &[1]).answer, None, "no mark is known");
    }

    proptest::proptest! {
        #[test]
        fn no_payload_makes_it_panic(port in 0usize..12, bytes in proptest::collection::vec(0u8.., 0..80)) {
            let port = [17, 19, 53, 111, 123, 161, 500, 1900, 3478, 3702, 11211, 47808][port];
            let _ = (read(port, 53, &bytes), read(53, port, &bytes));
        }
    }
}
