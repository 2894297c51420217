//! The forms in which texts write addresses, and how another address is written in the same form: `203.0.113.99`,
//! `2001:db8::1%eth0`, `02:42:ac:11:00:02`, `0242.ac11.0002`, `ip-203-0-113-99`, `99.113.0.203.in-addr.arpa`, `637100CB:1F90`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Figures that are not 0 in a hexadecimal number of eight that is taken for an address.
const LEAST_FIGURES: usize = 3;
/// The least number that is taken for an address.
const LEAST_NUMBER: u32 = 100_000_000;

/// What an address is, however it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A link address.
    Link([u8; 6]),
    /// The last 24 bits of an IPv6 address, of which the group is made that its owner listens to: `ff02::1:ff11:2`.
    Tail([u8; 3]),
}

/// How an address is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As everybody does, for its kind.
    Usual,
    /// The figures of a link address with other signs between them, or none.
    Figures,
    /// The name under which the address is looked up: in-addr.arpa, ip6.arpa.
    Reverse,
    /// Within a name: `ip-203-0-113-99`.
    Dashed,
    /// As the kernel prints it in /proc/net: each 32 bits in the order of this machine.
    Native,
}

impl Address {
    /// The address of a text that is nothing but one, as everybody writes it.
    pub fn read(text: &str) -> Option<Self> {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(six)) => Some(tail(six).map_or(Address::Ip(six.into()), Address::Tail)),
            Ok(address) => Some(Address::Ip(address)),
            Err(_) => {
                let bytes = link(text)?;
                Some(match bytes {
                    [0x33, 0x33, 0xff, a, b, c] => Address::Tail([a, b, c]),
                    _ => Address::Link(bytes),
                })
            }
        }
    }

    /// As everybody writes it.
    pub fn usual(self) -> String {
        match self {
            Address::Ip(address) => address.to_string(),
            Address::Link(bytes) => bytes.map(|byte| format!("{byte:02x}")).join(":"),
            Address::Tail([a, b, c]) => {
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c])).to_string()
            }
        }
    }

    /// As it is written in this form; `like` is another one in the same form.
    pub fn write(self, form: Form, like: &str) -> String {
        match (form, self) {
            (Form::Usual, Address::Tail([a, b, c])) if like.starts_with("33") => {
                refilled(like, &hex(&[0x33, 0x33, 0xff, a, b, c]))
            }
            (Form::Usual, Address::Link(bytes)) => refilled(like, &hex(&bytes)),
            (Form::Figures, Address::Link(bytes)) => refilled(like, &hex(&bytes)),
            (Form::Figures, Address::Tail([a, b, c])) => refilled(like, &hex(&[0x33, 0x33, 0xff, a, b, c])),
            (Form::Reverse, Address::Ip(IpAddr::V4(four))) => {
                let [a, b, c, d] = four.octets();
                format!("{d}.{c}.{b}.{a}{}", &like[like.len() - ".in-addr.arpa".len()..])
            }
            (Form::Reverse, Address::Ip(IpAddr::V6(six))) => {
                let figures: String = hex(&six.octets()).chars().rev().collect();
                let (name, zone) = like.split_at(like.len() - ".ip6.arpa".len());
                refilled(name, &figures) + zone
            }
            (Form::Dashed, Address::Ip(IpAddr::V4(four))) => four.to_string().replace('.', "-"),
            (Form::Native, Address::Ip(IpAddr::V4(four))) => hex(&native(&four.octets())).to_uppercase(),
            (Form::Native, Address::Ip(IpAddr::V6(six))) => hex(&native(&six.octets())).to_uppercase(),
            _ => self.usual(),
        }
    }

    /// Forms that are found only when the address is known, for nothing tells them from other numbers; each with the same
    /// form of another address.
    pub fn numbers(self, other: Self) -> Vec<(String, String)> {
        let mut forms = Vec::new();
        let mut add = |one: &str, two: &str| {
            forms.push((one.to_owned(), two.to_owned()));
            forms.push((one.to_uppercase(), two.to_uppercase()));
        };
        match (self, other) {
            (Address::Ip(IpAddr::V4(one)), Address::Ip(IpAddr::V4(two))) => {
                // 10.0.0.0 is also the number 10: only forms count that are hardly anything else.
                for (one, two) in
                    [(u32::from(one), u32::from(two)), (u32::from(one).swap_bytes(), u32::from(two).swap_bytes())]
                {
                    let figures = format!("{one:08x}");
                    if figures.bytes().filter(|figure| *figure != b'0').count() >= LEAST_FIGURES {
                        add(&figures, &format!("{two:08x}"));
                    }
                    if one >= LEAST_NUMBER {
                        add(&one.to_string(), &two.to_string());
                    }
                }
                for sign in ["-", "_"] {
                    add(&one.to_string().replace('.', sign), &two.to_string().replace('.', sign));
                }
                let pairs = |four: Ipv4Addr| four.octets().map(|byte| format!("{byte:02x}")).join(":");
                add(&pairs(one), &pairs(two));
            }
            (Address::Ip(IpAddr::V6(one)), Address::Ip(IpAddr::V6(two))) => {
                add(&hex(&one.octets()), &hex(&two.octets()));
                add(&hex(&native(&one.octets())), &hex(&native(&two.octets())));
                add(&one.to_string().replace(':', "-"), &two.to_string().replace(':', "-"));
                let groups = |six: Ipv6Addr, sign: &str| six.segments().map(|part| format!("{part:04x}")).join(sign);
                add(&groups(one, "-"), &groups(two, "-"));
            }
            (Address::Link(one), Address::Link(two)) => {
                add(&hex(&one), &hex(&two));
                let identifier = |[a, b, c, d, e, f]: [u8; 6]| hex(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
                add(&identifier(one), &identifier(two));
            }
            _ => {}
        }
        forms.sort();
        forms.dedup();
        forms
    }
}

/// An address in a text.
pub struct Found<'a> {
    /// What it is.
    pub address: Address,
    /// How it is written.
    pub form: Form,
    /// What stands there, without the length of a prefix.
    pub text: &'a str,
    /// The length of the prefix behind it.
    pub network: Option<u32>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each 32 bits in the order of this machine.
fn native(bytes: &[u8]) -> Vec<u8> {
    let words = bytes.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    words.flat_map(u32::to_ne_bytes).collect()
}

/// The text with its figures replaced one by one, in the same case.
fn refilled(like: &str, figures: &str) -> String {
    let upper = like.chars().any(|c| c.is_ascii_uppercase());
    let mut figures = figures.chars();
    like.chars()
        .map(|c| match c.is_ascii_hexdigit().then(|| figures.next()).flatten() {
            Some(figure) if upper => figure.to_ascii_uppercase(),
            Some(figure) => figure,
            None => c,
        })
        .collect()
}

/// A link address in pairs of figures: `02:42:ac:11:00:02`.
fn link(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

fn tail(six: Ipv6Addr) -> Option<[u8; 3]> {
    let [.., d, e, f] = six.octets();
    let group = six.segments();
    (group[0] & 0xfff0 == 0xff00 && group[1..5] == [0; 4] && group[5] == 1 && group[6] >> 8 == 0xff)
        .then_some([d, e, f])
}

/// All forms; what stands around them is checked in code.
static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<frame>(?:[0-9A-Fa-f]{2}:){13}[0-9A-Fa-f]{2})",
        r"|(?P<reverse>(?:[0-9]{1,3}\.){4}(?i:in-addr\.arpa)|(?:[0-9A-Fa-f]\.){32}(?i:ip6\.arpa))",
        r"|(?P<native>[0-9A-F]{32}|[0-9A-F]{8}):[0-9A-F]{4}",
        r"|(?P<figures>(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})",
        r"|(?P<usual>(?:[0-9A-Fa-f]{0,4}:){2,8}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})|(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:/(?P<network>[0-9]{1,3}))?",
        r"|(?P<dashed>(?:[0-9]{1,3}-){3}[0-9]{1,3})",
    ))
    .ok()
});

/// Reads a form whose figures are all of the address.
fn figures<const N: usize>(text: &str) -> Option<[u8; N]> {
    let figures: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(figures.chunks(2)) {
        *byte = u8::try_from(pair.first()? * 16 + pair.get(1)?).ok()?;
    }
    (figures.len() == 2 * N).then_some(bytes)
}

fn reverse(text: &str) -> Option<Address> {
    let lower = text.to_ascii_lowercase();
    if let Some(name) = lower.strip_suffix(".in-addr.arpa") {
        let parts: Vec<&str> = name.rsplit('.').collect();
        return parts.join(".").parse::<Ipv4Addr>().ok().map(|four| Address::Ip(four.into()));
    }
    let name: String = lower.strip_suffix(".ip6.arpa")?.chars().rev().collect();
    figures::<16>(&name).map(|bytes| Address::Ip(Ipv6Addr::from(bytes).into()))
}

fn of_native(text: &str) -> Option<Address> {
    match text.len() {
        8 => figures::<4>(text).map(|bytes| Address::Ip(Ipv4Addr::from(u32::from_ne_bytes(bytes)).into())),
        _ => figures::<16>(text).map(|bytes| {
            let swapped = native(&bytes);
            Address::Ip(Ipv6Addr::from(<[u8; 16]>::try_from(swapped).unwrap_or_default()).into())
        }),
    }
}

/// Whether this is an address; `::` and words of Rust and Perl (`a::b`) are none.
fn of_usual(text: &str) -> Option<Address> {
    let address = Address::read(text)?;
    let is_word = matches!(address, Address::Ip(IpAddr::V6(_))) && !text.bytes().any(|byte| byte.is_ascii_digit());
    (!is_word).then_some(address)
}

fn of_figures(text: &str) -> Option<Address> {
    // `1234.5678.9012` may be a version.
    if text.contains('.') && !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    figures::<6>(text).map(|bytes| match bytes {
        [0x33, 0x33, 0xff, a, b, c] => Address::Tail([a, b, c]),
        _ => Address::Link(bytes),
    })
}

/// The text with each of its addresses changed, in whatever form: what was found is given, what takes its place comes back.
pub fn each(text: &str, mut change: impl FnMut(&Found<'_>) -> Option<String>) -> String {
    // Without a pattern nothing could be told apart; that it compiles is tested.
    let Some(regex) = &*FORMS else { return String::new() };
    if !text.contains([':', '.', '-']) {
        return text.to_owned();
    }
    let (mut shown, mut from, mut at) = (String::with_capacity(text.len()), 0, 0);
    while let Some(found) = regex.captures_at(text, at) {
        let Some(whole) = found.get(0) else { break };
        let (parts, end) = read(text, &found);
        if parts.is_empty() {
            // What begins within may be one: `1:2001:db8::1` is none, `x 1.2.3.4`, after `x`, is.
            at = next_start(text, whole.start(), whole.end());
            continue;
        }
        for (start, part) in parts {
            if let Some(replacement) = change(&part) {
                shown.push_str(&text[from..start]);
                shown.push_str(&replacement);
                from = start + part.text.len() + part.network.map_or(0, |network| network.to_string().len() + 1);
            }
        }
        at = end.max(whole.start() + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    shown.push_str(&text[from..]);
    shown
}

/// Where to look on after a match that was none: behind the run of characters that it began in.
fn next_start(text: &str, start: usize, end: usize) -> usize {
    let rest = &text[start..];
    let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    let mut at = (start + run.max(1)).min(end.max(start + 1));
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The addresses of a match, each with where it begins, and where the match ends; none where what stands around says that it
/// is none.
fn read<'a>(text: &'a str, found: &Captures<'a>) -> (Vec<(usize, Found<'a>)>, usize) {
    let nothing = (Vec::new(), 0);
    let Some(whole) = found.get(0) else { return nothing };
    let before = text[..whole.start()].chars().next_back();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let one = |start: usize, address: Address, form: Form, text: &'a str, network: Option<u32>| {
        (start, Found { address, form, text, network })
    };
    if let Some(dashed) = found.name("dashed") {
        return match of_dashed(text, dashed.start(), dashed.as_str()) {
            Some(address) => (vec![one(dashed.start(), address, Form::Dashed, dashed.as_str(), None)], dashed.end()),
            None => nothing,
        };
    }
    if before.is_some_and(|c| is_letter(c) || c == '.') && found.name("figures").is_none() {
        return nothing;
    }
    if let Some(frame) = found.name("frame") {
        if goes_on(text, frame.end(), true) {
            return nothing;
        }
        let link_at = |at: usize| {
            let part = &frame.as_str()[at..at + 17];
            Address::read(part).map(|address| one(frame.start() + at, address, Form::Usual, part, None))
        };
        return ([link_at(0), link_at(18)].into_iter().flatten().collect(), frame.end());
    }
    let simple = [
        ("reverse", Form::Reverse, reverse as fn(&str) -> Option<Address>),
        ("native", Form::Native, of_native),
        ("figures", Form::Figures, of_figures),
    ];
    for (name, form, reads) in simple {
        let Some(part) = found.name(name) else { continue };
        let beside = before.is_some_and(|c| is_letter(c) || matches!(c, '-' | '.' | ':'));
        return match reads(part.as_str()) {
            Some(address) if !goes_on(text, whole.end(), true) && !beside => {
                (vec![one(part.start(), address, form, part.as_str(), None)], whole.end())
            }
            _ => nothing,
        };
    }
    let Some(usual) = found.name("usual") else { return nothing };
    let (mut candidate, prefix) = (usual.as_str(), found.name("network"));
    if of_usual(candidate).is_none() {
        // `fe80::1: no route`, `eth0:1.2.3.4`
        candidate = candidate.trim_end_matches(':');
    }
    let end = usual.start() + candidate.len();
    let network = prefix
        .filter(|_| end == usual.end())
        .filter(|prefix| !prefix.as_str().starts_with('0') || prefix.len() == 1)
        .and_then(|prefix| prefix.as_str().parse::<u32>().ok())
        .filter(|prefix| *prefix <= if candidate.contains(':') { 128 } else { 32 });
    let whole_end = network.and(prefix).map_or(end, |prefix| prefix.end());
    match of_usual(candidate) {
        Some(address) if !goes_on(text, whole_end, false) => {
            (vec![one(usual.start(), address, Form::Usual, candidate, network)], whole_end)
        }
        _ => nothing,
    }
}

/// Whether what stands behind is still a part of the same word.
fn goes_on(text: &str, end: usize, strict: bool) -> bool {
    let mut after = text[end..].chars();
    let next = after.next();
    let then = after.next();
    next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        || next == Some('.') && then.is_some_and(|c| c.is_ascii_digit())
        || strict && matches!(next, Some(':' | '-')) && then.is_some_and(|c| c.is_ascii_hexdigit())
}

/// `ip-203-0-113-99`, `203-0-113-99.dyn.example.org`: four numbers of an address, in a name. A date is none.
fn of_dashed(text: &str, start: usize, dashed: &str) -> Option<Address> {
    let four: Ipv4Addr = dashed.replace('-', ".").parse().ok()?;
    let before = &text[..start];
    let after = &text[start + dashed.len()..];
    if before.ends_with(|c: char| c.is_ascii_digit())
        || after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    {
        return None;
    }
    let more = after.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let less = before.strip_suffix('-').is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
    let in_name =
        before.strip_suffix(['-', '.', '_']).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_alphabetic()))
            || before.ends_with(|c: char| c.is_ascii_alphabetic())
            || after.strip_prefix(['.', '-']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    (in_name && !more && !less).then_some(Address::Ip(four.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(String, Form)> {
        let mut found = Vec::new();
        let same = each(text, |part| {
            found.push((part.address.usual(), part.form));
            Some(part.address.write(part.form, part.text) + &part.network.map(|n| format!("/{n}")).unwrap_or_default())
        });
        assert!(same.eq_ignore_ascii_case(text), "{text} -> {same}");
        found
    }

    #[test]
    fn addresses_are_found_in_every_form() {
        let little = if cfg!(target_endian = "little") { "637100CB:1F90" } else { "CB007163:1F90" };
        for (text, address) in [
            ("from 203.0.113.99 port 22", "203.0.113.99"),
            ("net 203.0.113.99/24.", "203.0.113.99"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:203.0.113.99", "::ffff:203.0.113.99"),
            ("02:42:ac:11:00:02", "02:42:ac:11:00:02"),
            ("02-42-AC-11-00-02", "02:42:ac:11:00:02"),
            ("0242.ac11.0002", "02:42:ac:11:00:02"),
            ("ff02::1:ff11:2", "ff02::1:ff11:2"),
            ("33:33:ff:11:00:02", "ff02::1:ff11:2"),
            ("ip-203-0-113-99.ec2.internal", "203.0.113.99"),
            ("203-0-113-99.dyn.example.org", "203.0.113.99"),
            ("99.113.0.203.in-addr.arpa", "203.0.113.99"),
            ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", "2001:db8::1"),
            (little, "203.0.113.99"),
        ] {
            assert_eq!(all(text).into_iter().map(|(address, _)| address).collect::<Vec<_>>(), [address], "{text}");
        }
        let frame = "IN=eth0 MAC=02:42:ac:11:00:02:02:42:ac:11:00:03:08:00 SRC=203.0.113.99";
        let found: Vec<String> = all(frame).into_iter().map(|(address, _)| address).collect();
        assert_eq!(found, ["02:42:ac:11:00:02", "02:42:ac:11:00:03", "203.0.113.99"]);
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for text in [
            "at 21:51:26",
            "std::vec::a",
            "v1.2.3.4",
            "1.2.3.4.5",
            "300.1.1.1",
            "a::b",
            "::",
            "x 1.2.3",
            "é:1:2",
            "2026-01-02",
            "26-1-2-3",
            "1-2-3-4-5",
            "1234.5678.9012",
            "a-b-c-d",
            "1.0.0-1-2",
        ] {
            assert_eq!(all(text), [], "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_address() {
        let address = |text: &str| Address::read(text).unwrap();
        let forms = address("203.0.113.99").numbers(address("198.51.100.7"));
        for (one, two) in [("3405803875", "3325256711"), ("CB007163", "C6336407"), ("203-0-113-99", "198-51-100-7")] {
            assert!(forms.contains(&(one.into(), two.into())), "{forms:?}");
        }
    }
}
