//! The text of an nftables rule and what it selects, from its expressions.

use std::collections::HashMap;

use super::nft_field::{Field, Kind, hexadecimal};
use super::nft_set::{Item, Set};
use super::nft_verdict::{Verdict, big_number, expressions, is_anonymous, scan};
use super::rule::{Condition, Matches, printable};
use super::xt;
use crate::sys::nftables::{Attributes, big_u64};

const VALUE: u16 = 1;
/// Of a set without a name, the elements that a rule's text shows.
const MOST_ELEMENTS: usize = 16;
/// Of a set, the elements that [`Matches`] takes over.
const MOST_MATCHED: usize = 1024;

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

struct Reader<'a> {
    surroundings: &'a Surroundings<'a>,
    /// What each register of four bytes holds.
    registers: HashMap<u32, Field>,
    parts: Vec<Part>,
    /// The version of IP that the rule has asked for, and the piece of text that did.
    version: Option<(u8, Option<usize>)>,
    /// The transport protocol that the rule has asked for, and the piece of text that did.
    protocol: Option<(u8, Option<usize>)>,
    matches: Matches,
    /// Whether the place of the counter matters.
    counter_shown: bool,
}

/// The register of four bytes where a register begins: 1 to 4 are of sixteen bytes.
fn slot(register: u32) -> u32 {
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
    fn require(&mut self, text: impl Into<String>, condition: Condition) {
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

    fn load(&mut self, register: Option<u32>, field: Field) {
        if let Some(register) = register {
            self.registers.insert(slot(register), field);
        }
    }

    fn register(&self, register: Option<u32>) -> Field {
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
            b"limit" => self.limit(data),
            b"reject" => self.reject(data),
            b"log" => {
                let prefix = data.string(2).map(|prefix| format!("log prefix \"{}\"", printable(prefix)));
                self.say(prefix.unwrap_or_else(|| "log".to_owned()));
            }
            b"counter" if self.counter_shown => self.say("counter"),
            b"counter" => {}
            b"objref" => self.object(data),
            b"target" => self.say(format!("xt target {}", printable(data.string(1).unwrap_or_default()))),
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
            b"fib" => {
                let field = match data.number(2) {
                    Some(3) => Field::new("fib type", Kind::Native, 4),
                    _ => Field::new("fib oif", Kind::OtherIndex, 4),
                };
                self.load(data.number(1), field);
            }
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
                    4 => Some((port + 1, 0xffff)),
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

    fn lookup(&mut self, data: Attributes<'_>) {
        let name = data.string(1).unwrap_or_default();
        let differs = data.number(5).unwrap_or_default() & 1 != 0;
        let set = (self.surroundings.set)(name);
        let key_length =
            set.as_ref().and_then(|set| Some(set.items.iter().find(|item| !item.first.is_empty())?.first.len()));
        let fields = self.fields(data.number(2), key_length.unwrap_or_default());
        let label = fields.iter().map(|field| field.label.as_str()).collect::<Vec<_>>().join(" . ");
        let contents = match &set {
            Some(set) if is_anonymous(name) => self.contents(set, &fields),
            _ if is_anonymous(name) => "{…}".to_owned(),
            _ => format!("@{}", printable(name)),
        };
        match data.number(3) {
            Some(0) => return self.require(format!("{label} vmap {contents}"), Condition::Other),
            register @ Some(_) => {
                self.load(register, Field::opaque(format!("{label} map {contents}")));
                return self.matches.require(Condition::Other);
            }
            None => {}
        }
        let not = if differs { "!= " } else { "" };
        let condition = match (set, fields.as_slice()) {
            _ if differs => Condition::Inverted,
            (Some(set), [field]) if !set.more && set.items.len() <= MOST_MATCHED => {
                let items: Vec<(&[u8], &[u8])> =
                    set.items.iter().map(|item| (item.first.as_slice(), item.last.as_slice())).collect();
                field.condition(&items, self.surroundings.interface)
            }
            _ => Condition::Other,
        };
        self.require(format!("{label} {not}{contents}"), condition);
    }

    /// The fields that lie one after another in registers, for a key of that length.
    fn fields(&self, register: Option<u32>, key_length: usize) -> Vec<Field> {
        let mut fields = vec![self.register(register)];
        let (mut at, mut length) = (register.map_or(0, slot), 0);
        loop {
            let last = fields.last().map_or(4, |field| field.length.max(1)).div_ceil(4);
            length += 4 * last;
            at = at.saturating_add(u32::try_from(last).unwrap_or(u32::MAX));
            match self.registers.get(&at) {
                Some(field) if length < key_length => fields.push(field.clone()),
                _ => return fields,
            }
        }
    }

    /// The elements of a set as a rule's text has them.
    fn contents(&self, set: &Set, fields: &[Field]) -> String {
        let mut shown: Vec<String> =
            set.items.iter().take(MOST_ELEMENTS).map(|item| self.element(item, fields)).collect();
        if set.more || set.items.len() > MOST_ELEMENTS {
            shown.push("…".to_owned());
        }
        format!("{{ {} }}", shown.join(", "))
    }

    fn element(&self, item: &Item, fields: &[Field]) -> String {
        let mut text = String::new();
        if item.first.is_empty() {
            text.push('*');
        }
        let mut at = 0;
        for field in fields.iter().filter(|_| !item.first.is_empty()) {
            let key = |key: &[u8]| {
                let end = if fields.len() == 1 { key.len() } else { at + field.length };
                key.get(at..end).unwrap_or_default().to_vec()
            };
            if at > 0 {
                text.push_str(" . ");
            }
            text.push_str(&field.interval(&key(&item.first), &key(&item.last), self.surroundings.interface));
            at += field.length.max(1).next_multiple_of(4);
        }
        if let Some(verdict) = &item.verdict {
            text.push_str(" : ");
            text.push_str(&verdict.text());
        }
        text
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

    fn limit(&mut self, data: Attributes<'_>) {
        let long = |kind| data.find(kind).and_then(big_u64);
        let unit = match long(2) {
            Some(1) => "second",
            Some(60) => "minute",
            Some(3600) => "hour",
            Some(86400) => "day",
            Some(604_800) => "week",
            _ => "unit",
        };
        let over = if data.number(5).unwrap_or_default() & 1 != 0 { "over " } else { "" };
        let rate = long(1).unwrap_or_default();
        let bytes = if data.number(4) == Some(1) { " bytes" } else { "" };
        let burst = match data.number(3) {
            Some(burst) if bytes.is_empty() && burst != 5 => format!(" burst {burst} packets"),
            _ => String::new(),
        };
        self.require(format!("limit rate {over}{rate}{bytes}/{unit}{burst}"), Condition::Other);
    }

    fn reject(&mut self, data: Attributes<'_>) {
        let version = self.version.map(|(version, _)| version);
        let code = data.find(2).and_then(|code| code.first().copied()).unwrap_or_default();
        let with = match (data.number(1), version, code) {
            (Some(1), ..) => "tcp reset",
            (Some(0), Some(4), 0) => "icmp net-unreachable",
            (Some(0), Some(4), 1) => "icmp host-unreachable",
            (Some(0), Some(4), 2) => "icmp prot-unreachable",
            (Some(0), Some(4), 3) => "icmp port-unreachable",
            (Some(0), Some(4), 9) => "icmp net-prohibited",
            (Some(0), Some(4), 10) => "icmp host-prohibited",
            (Some(0), Some(4), 13) => "icmp admin-prohibited",
            (Some(0), Some(6), 0) => "icmpv6 no-route",
            (Some(0), Some(6), 1) => "icmpv6 admin-prohibited",
            (Some(0), Some(6), 3) => "icmpv6 addr-unreachable",
            (Some(0), Some(6), 4) => "icmpv6 port-unreachable",
            (Some(2), _, 0) => "icmpx no-route",
            (Some(2), _, 1) => "icmpx port-unreachable",
            (Some(2), _, 2) => "icmpx host-unreachable",
            (Some(2), _, 3) => "icmpx admin-prohibited",
            _ => return self.say("reject"),
        };
        self.say(format!("reject with {with}"));
    }

    fn object(&mut self, data: Attributes<'_>) {
        let kind = match data.number(1) {
            Some(1) => "counter",
            Some(2) => "quota",
            Some(3) => "ct helper",
            Some(4) => "limit",
            Some(5) => "connlimit",
            Some(7) => "ct timeout",
            Some(8) => "secmark",
            Some(9) => "ct expectation",
            Some(10) => "synproxy",
            _ => "object",
        };
        let text = match data.string(2) {
            Some(name) => format!("{kind} name \"{}\"", printable(name)),
            None => format!("{kind} map @{}", printable(data.string(4).unwrap_or_default())),
        };
        if matches!(kind, "counter" | "ct helper" | "ct timeout" | "secmark") && data.string(2).is_some() {
            self.say(text);
        } else {
            self.require(text, Condition::Other);
        }
    }
}
