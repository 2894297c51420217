//! The text of an nftables rule and what it selects, from its expressions.

use std::collections::HashMap;

use super::nft_field::{Field, Kind, hexadecimal};
use super::nft_set::Set;
use super::nft_statement::{limit, object, reject};
use super::nft_verdict::{Verdict, big_number, expressions, scan};
use super::rule::{Condition, Matches};
use super::xt;
use super::xt_target::target_text;
use crate::printable::printable;
use crate::sys::nftables::Attributes;
use crate::sys::xtables::Family;

const VALUE: u16 = 1;

/// What the reading of a rule asks the host.
pub struct Surroundings<'a> {
    /// The elements of a set in the rule's table.
    pub set: &'a dyn Fn(&[u8]) -> Option<Set>,
    /// The name of the interface of that number.
    pub interface: &'a dyn Fn(u32) -> Option<String>,
}

/// The text of a rule and what it selects. `family` is its table's, as an `NFPROTO` number.
pub fn describe(family: u8, list: Attributes<'_>, surroundings: &Surroundings<'_>) -> (String, Matches) {
    let mut reader = Reader {
        surroundings,
        registers: HashMap::new(),
        parts: Vec::new(),
        version: None,
        protocol: None,
        matches: Matches { complete: true, ..Matches::default() },
        counter_shown: !scan(list).exact,
    };
    match family {
        2 => reader.know_version(4, "ip"),
        10 => reader.know_version(6, "ip6"),
        _ => {}
    }
    let all: Vec<_> = expressions(list).collect();
    let mut index = 0;
    while let Some((name, data)) = all.get(index) {
        index += 1;
        // "From" and "to" of a range may be two comparisons of one register.
        if let Some((b"cmp", upper)) = all.get(index)
            && *name == b"cmp"
            && reader.closed_range(*data, *upper)
        {
            index += 1;
            continue;
        }
        reader.expression(name, *data);
    }
    let shown = reader.parts.into_iter().filter(|part| !part.implied).map(|part| part.text);
    (shown.collect::<Vec<_>>().join(" "), reader.matches)
}

/// A piece of the text.
struct Part {
    text: String,
    /// Whether a later piece says it too: `udp dport 53` implies `meta l4proto udp`.
    implied: bool,
}

/// The state of reading a rule, expression by expression.
pub struct Reader<'a> {
    pub surroundings: &'a Surroundings<'a>,
    /// What each register of four bytes holds.
    pub registers: HashMap<u32, Field>,
    parts: Vec<Part>,
    /// The version of IP that the rule has asked for, and the piece of text that did.
    version: Option<(u8, Option<usize>)>,
    /// The transport protocol that the rule has asked for, and the piece of text that did.
    protocol: Option<(u8, Option<usize>)>,
    pub matches: Matches,
    /// Whether the place of the counter matters.
    counter_shown: bool,
}

/// The register of four bytes where a register begins: 1 to 4 are of sixteen bytes.
pub fn slot(register: u32) -> u32 {
    match register {
        1..=4 => (register - 1) * 4,
        register => register.saturating_sub(8),
    }
}

impl Reader<'_> {
    fn say(&mut self, text: impl Into<String>) {
        self.parts.push(Part { text: text.into(), implied: false });
    }

    /// A piece of text with the condition that it makes.
    pub fn require(&mut self, text: impl Into<String>, condition: Condition) {
        self.say(text);
        self.matches.require(condition);
    }

    fn know_version(&mut self, version: u8, family: &'static str) {
        self.version = Some((version, None));
        self.matches.require(Condition::Family(family));
    }

    fn imply(&mut self, part: Option<usize>) {
        if let Some(part) = part.and_then(|part| self.parts.get_mut(part)) {
            part.implied = true;
        }
    }

    pub fn load(&mut self, register: Option<u32>, field: Field) {
        if let Some(register) = register {
            self.registers.insert(slot(register), field);
        }
    }

    pub fn register(&self, register: Option<u32>) -> Field {
        register
            .and_then(|register| self.registers.get(&slot(register)).cloned())
            .unwrap_or_else(|| Field::opaque("register"))
    }

    fn expression(&mut self, name: &[u8], data: Attributes<'_>) {
        match name {
            b"meta" => match (data.number(1), data.number(2)) {
                (register @ Some(_), Some(key)) => self.load(register, Field::meta(key)),
                (_, Some(key)) => self.say(format!("{} set", Field::meta(key).label)),
                _ => self.unknown(name),
            },
            b"ct" => match (data.number(1), data.number(2)) {
                (register @ Some(_), Some(key)) => self.load(register, Field::conntrack(key)),
                (_, Some(key)) => self.say(format!("{} set", Field::conntrack(key).label)),
                _ => self.unknown(name),
            },
            b"payload" => self.payload(data),
            b"bitwise" => self.bitwise(data),
            b"byteorder" => {
                let mut field = self.register(data.number(1));
                if field.kind == Kind::Native {
                    field.kind = Kind::Big;
                }
                self.load(data.number(2), field);
            }
            b"cmp" => self.compare(data),
            b"range" => {
                let field = self.register(data.number(1));
                let first = data.inside(3).find(VALUE).unwrap_or_default();
                let last = data.inside(4).find(VALUE).unwrap_or_default();
                let differs = data.number(2) == Some(1);
                self.within(&field, first, last, differs);
            }
            b"lookup" => self.lookup(data),
            b"match" => {
                let revision = data.number(2).and_then(|revision| u8::try_from(revision).ok()).unwrap_or(u8::MAX);
                let found = xt::decode(data.string(1).unwrap_or_default(), revision, data.find(3).unwrap_or_default());
                for condition in found.conditions() {
                    self.matches.require(condition);
                }
                self.say(found.text());
            }
            b"immediate" => self.immediate(data),
            b"limit" => self.require(limit(data), Condition::Other),
            b"reject" => self.say(reject(data, self.version.map(|(version, _)| version))),
            b"log" => {
                let prefix = data.string(2).map(|prefix| format!("log prefix {}", xt::quoted(&printable(prefix))));
                self.say(prefix.unwrap_or_else(|| "log".to_owned()));
            }
            b"counter" if self.counter_shown => self.say("counter"),
            b"counter" => {}
            b"objref" => match object(data) {
                (text, true) => self.say(text),
                (text, false) => self.require(text, Condition::Other),
            },
            b"target" => {
                let family =
                    if self.version.is_some_and(|(version, _)| version == 6) { Family::V6 } else { Family::V4 };
                let (name, info) = (data.string(1).unwrap_or_default(), data.find(3).unwrap_or_default());
                self.say(target_text(family, name, info));
            }
            b"connlimit" => {
                let over = if data.number(2).unwrap_or_default() & 1 != 0 { "over " } else { "" };
                self.require(format!("ct count {over}{}", data.number(1).unwrap_or_default()), Condition::Other);
            }
            b"quota" => {
                let over = if data.number(2).unwrap_or_default() & 1 != 0 { "over " } else { "" };
                self.require(format!("quota {over}{} bytes", data.long(1).unwrap_or_default()), Condition::Other);
            }
            b"dynset" => {
                let set = printable(data.string(1).unwrap_or_default());
                let change = if data.number(3) == Some(1) { "update" } else { "add" };
                // A full set turns packets away.
                self.require(format!("{change} @{set}"), Condition::Other);
            }
            b"fib" => self.load(data.number(1), Field::route(data.number(2), data.number(3).unwrap_or_default())),
            b"exthdr" | b"numgen" | b"osf" | b"rt" | b"xfrm" => {
                self.load(data.number(1), Field::opaque(printable(name)));
            }
            b"hash" | b"socket" | b"tunnel" => self.load(data.number(2), Field::opaque(printable(name))),
            b"masq" => self.say("masquerade"),
            b"redir" => self.say("redirect"),
            b"nat" => self.say(if data.number(1) == Some(1) { "dnat" } else { "snat" }),
            b"queue" | b"notrack" | b"fwd" | b"dup" | b"synproxy" | b"last" => self.say(printable(name)),
            name => self.unknown(name),
        }
    }

    fn unknown(&mut self, name: &[u8]) {
        self.require(format!("expression {}", printable(name)), Condition::Other);
    }

    fn payload(&mut self, data: Attributes<'_>) {
        let number = |kind| data.number(kind).and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
        let (base, offset, length) = (data.number(2), number(3), number(4));
        let field = match base {
            Some(0) => match (offset, length) {
                (0, 6) => Field::new("ether daddr", Kind::Opaque, length),
                (6, 6) => Field::new("ether saddr", Kind::Opaque, length),
                (12, 2) => Field::new("ether type", Kind::EtherType, length),
                _ => Field::new(format!("@ll,{},{}", 8 * offset, 8 * length), Kind::Opaque, length),
            },
            Some(1) => {
                let known = self
                    .version
                    .and_then(|(version, part)| Field::network(version, offset, length).map(|field| (field, part)));
                let (field, part) = known.unwrap_or_else(|| {
                    (Field::new(format!("@nh,{},{}", 8 * offset, 8 * length), Kind::Opaque, length), None)
                });
                self.imply(part);
                field
            }
            Some(2) => {
                let field = Field::transport(self.protocol.map(|(protocol, _)| protocol), offset, length);
                if !field.label.starts_with(['@', 't']) || field.label.starts_with("tcp") {
                    self.imply(self.protocol.and_then(|(_, part)| part));
                }
                if field.label.starts_with("icmp") {
                    // The protocol says the version.
                    self.imply(self.version.and_then(|(_, part)| part));
                }
                field
            }
            _ => Field::new(format!("@ih,{},{}", 8 * offset, 8 * length), Kind::Opaque, length),
        };
        match data.number(1) {
            register @ Some(_) => self.load(register, field),
            None => self.say(format!("{} set", field.label)),
        }
    }

    fn bitwise(&mut self, data: Attributes<'_>) {
        let mut field = self.register(data.number(1));
        let mask = data.inside(4).find(VALUE).unwrap_or_default();
        let flips = data.inside(5).find(VALUE).is_some_and(|bits| bits.iter().any(|&byte| byte != 0));
        let boolean = data.number(6).unwrap_or_default() == 0;
        if boolean && !flips && field.mask.is_none() && !mask.is_empty() {
            field.mask = Some(mask.to_vec());
        } else {
            field = Field::opaque(format!("({} changed bitwise)", field.label));
        }
        self.load(data.number(2), field);
    }

    fn compare(&mut self, data: Attributes<'_>) {
        let field = self.register(data.number(1));
        let value = data.inside(3).find(VALUE).unwrap_or_default();
        let operation = data.number(2).unwrap_or_default();
        if let (Some(mask), 0 | 1) = (&field.mask, operation) {
            let (text, condition) = field.masked(mask, value, operation == 1);
            return self.require(text, condition);
        }
        let shown = field.value(value, self.surroundings.interface);
        match operation {
            0 => {
                self.require(
                    format!("{} {shown}", field.label),
                    field.condition(&[(value, value)], self.surroundings.interface),
                );
                self.remember(&field, value);
            }
            1 => self.require(format!("{} != {shown}", field.label), Condition::Inverted),
            operation => {
                let sign = ["<", "<=", ">", ">="].get(operation as usize - 2).copied().unwrap_or("?");
                let text = format!("{} {sign} {shown}", field.label);
                // Of what is compared by size, only ports are taken over.
                let port =
                    matches!(field.kind, Kind::LocalPort | Kind::RemotePort).then(|| big_number(value)).flatten();
                let ends = port.and_then(|port| match operation {
                    2 => Some((0, port.checked_sub(1)?)),
                    3 => Some((0, port)),
                    4 => Some((port.checked_add(1)?, 0xffff)),
                    _ => Some((port, 0xffff)),
                });
                let bytes = |port: u32| u16::try_from(port).ok().map(u16::to_be_bytes);
                let condition = match ends.and_then(|(first, last)| Some((bytes(first)?, bytes(last)?))) {
                    Some((first, last)) => field.condition(&[(&first, &last)], self.surroundings.interface),
                    None => Condition::Other,
                };
                self.require(text, condition);
            }
        }
    }

    /// Keeps what later fields are understood by.
    fn remember(&mut self, field: &Field, value: &[u8]) {
        let part = self.parts.len().checked_sub(1);
        let from_meta = field.label.starts_with("meta ");
        match (field.kind, value.first()) {
            (Kind::Protocol, Some(&protocol)) => self.protocol = Some((protocol, part.filter(|_| from_meta))),
            (Kind::Version, Some(2)) => self.version = Some((4, part)),
            (Kind::Version, Some(10)) => self.version = Some((6, part)),
            (Kind::EtherType, _) => match big_number(value) {
                Some(0x0800) => self.version = Some((4, part)),
                Some(0x86dd) => self.version = Some((6, part)),
                _ => {}
            },
            _ => {}
        }
    }

    /// Reads `>=` and `<=` on the same register as one range, when it is that.
    fn closed_range(&mut self, lower: Attributes<'_>, upper: Attributes<'_>) -> bool {
        let is_pair = (lower.number(2), upper.number(2)) == (Some(5), Some(3)) && lower.number(1) == upper.number(1);
        if is_pair {
            let field = self.register(lower.number(1));
            let (first, last) = (lower.inside(3).find(VALUE), upper.inside(3).find(VALUE));
            self.within(&field, first.unwrap_or_default(), last.unwrap_or_default(), false);
        }
        is_pair
    }

    fn within(&mut self, field: &Field, first: &[u8], last: &[u8], differs: bool) {
        let shown = field.interval(first, last, self.surroundings.interface);
        if differs {
            self.require(format!("{} != {shown}", field.label), Condition::Inverted);
        } else {
            let condition = field.condition(&[(first, last)], self.surroundings.interface);
            self.require(format!("{} {shown}", field.label), condition);
        }
    }

    fn immediate(&mut self, data: Attributes<'_>) {
        let inside = data.inside(2);
        if data.number(1) == Some(0) {
            if let Some(verdict) = Verdict::in_data(inside) {
                self.say(verdict.text());
            }
        } else {
            let value = inside.find(VALUE).unwrap_or_default();
            self.load(data.number(1), Field::opaque(hexadecimal(value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::nft_set::{Set, elements, items};
    use super::super::nft_verdict::{Counter, Verdict};
    use super::super::rule::PortRange;
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + payload.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn number(kind: u16, number: u32) -> Vec<u8> {
        attribute(kind, &number.to_be_bytes())
    }

    fn value(kind: u16, bytes: &[u8]) -> Vec<u8> {
        attribute(kind, &attribute(1, bytes))
    }

    fn expression(name: &str, data: &[Vec<u8>]) -> Vec<u8> {
        attribute(1, &[attribute(1, &[name.as_bytes(), &[0]].concat()), attribute(2, &data.concat())].concat())
    }

    fn udp() -> Vec<u8> {
        [
            expression("meta", &[number(1, 1), number(2, 16)]),
            expression("cmp", &[number(1, 1), number(2, 0), value(3, &[17])]),
        ]
        .concat()
    }

    fn dport() -> Vec<u8> {
        expression("payload", &[number(1, 1), number(2, 2), number(3, 2), number(4, 2)])
    }

    fn compare(operation: u32, bytes: &[u8]) -> Vec<u8> {
        expression("cmp", &[number(1, 1), number(2, operation), value(3, bytes)])
    }

    fn counter(packets: u64) -> Vec<u8> {
        expression("counter", &[attribute(1, &(packets * 100).to_be_bytes()), attribute(2, &packets.to_be_bytes())])
    }

    fn verdict(code: i32) -> Vec<u8> {
        let data = attribute(2, &number(1, code.cast_unsigned()));
        expression("immediate", &[number(1, 0), attribute(2, &data)])
    }

    fn text(rule: &[u8]) -> (String, Matches) {
        describe(1, Attributes(rule), &Surroundings { set: &|_| None, interface: &|_| Some("eth0".to_owned()) })
    }

    #[test]
    fn what_a_later_field_says_too_is_not_said_twice() {
        let rule = [udp(), dport(), compare(0, &[0x69, 0x87]), counter(3), verdict(0)].concat();
        let (text, matches) = text(&rule);
        assert_eq!(text, "udp dport 27015 drop");
        assert_eq!(matches.local_ports, [PortRange { first: 27015, last: 27015 }]);
        assert!(matches.complete);
        let found = scan(Attributes(&rule));
        assert_eq!(found.verdict, Verdict::Drop);
        assert!(found.exact && matches!(found.counter, Some(Counter::Own(count)) if count.packets == 3));
    }

    #[test]
    fn two_comparisons_of_one_register_are_a_range() {
        let rule = [udp(), dport(), compare(5, &[0, 5]), compare(3, &[0, 9]), verdict(0)].concat();
        assert_eq!(text(&rule).0, "udp dport 5-9 drop");
        assert_eq!(text(&rule).1.local_ports, [PortRange { first: 5, last: 9 }]);
    }

    #[test]
    fn a_counter_before_a_condition_is_not_exact_and_stands_in_the_text() {
        let rule = [counter(3), udp(), dport(), compare(0, &[0, 53]), verdict(0)].concat();
        assert!(!scan(Attributes(&rule)).exact);
        assert_eq!(text(&rule).0, "counter udp dport 53 drop");
    }

    #[test]
    fn an_expression_that_is_not_known_is_named_and_leaves_the_record_incomplete() {
        let (text, matches) = text(&[udp(), expression("novelty", &[]), verdict(0)].concat());
        assert_eq!(text, "meta l4proto udp expression novelty drop");
        assert!(!matches.complete);
    }

    const NAMES: [&str; 24] = [
        "meta",
        "payload",
        "cmp",
        "bitwise",
        "range",
        "lookup",
        "immediate",
        "counter",
        "limit",
        "ct",
        "log",
        "reject",
        "match",
        "target",
        "objref",
        "dynset",
        "fib",
        "byteorder",
        "connlimit",
        "quota",
        "nat",
        "socket",
        "hash",
        "rt",
    ];

    proptest! {
        #[test]
        fn no_expressions_make_the_reading_panic(
            family in prop::sample::select(vec![1_u8, 2, 3, 5, 7, 10]),
            parts in proptest::collection::vec(
                (
                    prop::sample::select(&NAMES[..]),
                    proptest::collection::vec(
                        prop_oneof![
                            (1_u16..8, 0_u32..40).prop_map(|(kind, of)| number(kind, of)),
                            (1_u16..8, any::<u32>()).prop_map(|(kind, of)| number(kind, of)),
                            (1_u16..8, proptest::collection::vec(any::<u8>(), 0..20))
                                .prop_map(|(kind, bytes)| value(kind, &bytes)),
                            (1_u16..8, proptest::collection::vec(any::<u8>(), 0..20))
                                .prop_map(|(kind, bytes)| attribute(kind, &bytes)),
                        ],
                        0..6,
                    ),
                ),
                0..12,
            ),
            keys in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..6),
        ) {
            let rule: Vec<u8> = parts.iter().flat_map(|(name, data)| expression(name, data)).collect();
            let list: Vec<u8> = keys.iter().flat_map(|key| attribute(1, &value(1, key))).collect();
            let message = attribute(3, &list);
            let set = Set { items: items(elements(Attributes(&message)).collect()), more: false };
            let surroundings = Surroundings { set: &|_| Some(set.clone()), interface: &|_| None };
            describe(family, Attributes(&rule), &surroundings);
            scan(Attributes(&rule));
        }

        #[test]
        fn no_bytes_make_the_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            text(&bytes);
            elements(Attributes(&bytes)).for_each(drop);
        }
    }
}
