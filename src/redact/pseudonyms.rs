//! Addresses, users and host names under pseudonyms, the same one for the same thing everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::address::Addresses;
use super::name::{Names, is_host_field, is_top_domain, is_user_field};
use super::seal;
use super::texts::{self, Place, Visitor};
use crate::case::{Case, Redacted};

/// What can have pseudonyms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4, IPv6 and link addresses.
    Addresses,
    /// Users.
    Users,
    /// Names of hosts and domains.
    Hosts,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Addresses, Kind::Users, Kind::Hosts];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Addresses => "addresses",
            Kind::Users => "users",
            Kind::Hosts => "hosts",
        }
    }
}

/// What stands for what: it undoes a redaction and makes the next one use the same pseudonyms.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The version of this form.
    format: u32,
    /// The key of the pseudonyms, in hexadecimal.
    key: String,
    /// Pseudonyms of addresses, and the addresses.
    addresses: BTreeMap<String, String>,
    /// Pseudonyms of users, and the users.
    users: BTreeMap<String, String>,
    /// Pseudonyms of host names, and the names.
    hosts: BTreeMap<String, String>,
}

/// The version of a map's form.
const MAP_FORMAT: u32 = 1;
/// Bytes of a key.
const KEY: usize = 32;

/// Text that is no map. The message goes on from the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum NoMap {
    /// It is not the JSON of a map.
    #[error("is not a map of pseudonyms: {0}")]
    Json(#[from] serde_json::Error),
    /// It was written by a newer casebook.
    #[error("has form {0}; this casebook reads up to {MAP_FORMAT}: use a newer one")]
    Newer(u32),
    /// Its key is broken.
    #[error("is not a map of pseudonyms: its key is not 64 hexadecimal figures")]
    Key,
    /// The kernel gave no random numbers.
    #[error("the kernel gives no random numbers for a key")]
    NoRandom,
}

impl Map {
    /// A new map under a random key.
    pub fn new() -> Result<Self, NoMap> {
        let mut key = [0; KEY];
        SystemRandom::new().fill(&mut key).map_err(|_| NoMap::NoRandom)?;
        Ok(Map::under(&key))
    }

    /// A new map under this key.
    pub fn under(key: &[u8; KEY]) -> Self {
        Map {
            format: MAP_FORMAT,
            key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
            addresses: BTreeMap::new(),
            users: BTreeMap::new(),
            hosts: BTreeMap::new(),
        }
    }

    /// Reads the JSON of a map.
    pub fn from_json(text: &str) -> Result<Self, NoMap> {
        let map: Map = serde_json::from_str(text)?;
        if map.format > MAP_FORMAT {
            return Err(NoMap::Newer(map.format));
        }
        map.key_bytes().ok_or(NoMap::Key)?;
        Ok(map)
    }

    /// Whether all pseudonyms of the case are from this map, as its seal shows.
    pub fn sealed(&self, case: &Case) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key_bytes().unwrap_or_default());
        case.redacted.seal == Some(seal::of(case, &key))
    }

    fn key_bytes(&self) -> Option<Vec<u8>> {
        let bytes: Option<Vec<u8>> =
            (0..KEY).map(|at| u8::from_str_radix(self.key.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
        bytes.filter(|_| self.key.len() == KEY * 2)
    }

    /// The text with what stood there before, and how many pseudonyms were found.
    pub fn undo(&self, text: &str) -> (String, u64) {
        let mut count = 0;
        let text = each_address(text, |found, network| {
            let whole = format!("{found}{}", network.map(|prefix| format!("/{prefix}")).unwrap_or_default());
            let original = match self.addresses.get(&whole) {
                Some(original) => Some(original.clone()),
                None => self.addresses.get(found).map(|original| match network {
                    Some(prefix) => format!("{original}/{prefix}"),
                    None => original.clone(),
                }),
            };
            count += u64::from(original.is_some());
            original
        });
        let text = each_word(&text, |word| {
            let original = self.users.get(word).or_else(|| self.hosts.get(&word.to_ascii_lowercase())).cloned();
            count += u64::from(original.is_some());
            original
        });
        (text, count)
    }
}

/// Gives pseudonyms to what it is told to.
pub struct Pseudonyms {
    kinds: BTreeSet<Kind>,
    key: hmac::Key,
    addresses: Addresses,
    map: Map,
    /// Kinds that this case still shows.
    open: BTreeSet<Kind>,
    names: Names,
    used: BTreeMap<Kind, BTreeSet<String>>,
}

impl Pseudonyms {
    /// Pseudonyms for these kinds, by a map that may be new.
    pub fn new(kinds: impl IntoIterator<Item = Kind>, map: Map) -> Self {
        let key = map.key_bytes().unwrap_or_default();
        Pseudonyms {
            kinds: kinds.into_iter().collect(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            addresses: Addresses::new(&key),
            map,
            open: BTreeSet::new(),
            names: Names::default(),
            used: BTreeMap::new(),
        }
    }

    /// The map of what was given until now.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Gives pseudonyms to all of a case. What has those of this map keeps them, as its seal shows: that a case says that it has
    /// some proves nothing.
    pub fn apply(&mut self, case: &mut Case) -> Redacted {
        let mut redacted = case.redacted.clone();
        let ours = self.map.sealed(case);
        let done = |kind: &Kind| {
            ours && match kind {
                Kind::Addresses => redacted.addresses > 0,
                Kind::Users => redacted.users > 0,
                Kind::Hosts => redacted.hosts > 0,
            }
        };
        self.open = self.kinds.iter().copied().filter(|kind| !done(kind)).collect();
        self.names = Names::default();
        self.used.clear();
        texts::of_case(case, &mut self.names);
        texts::of_case(case, self);
        let used = |kind| self.used.get(&kind).map_or(0, BTreeSet::len) as u64;
        redacted.addresses = redacted.addresses.max(used(Kind::Addresses));
        redacted.users = redacted.users.max(used(Kind::Users));
        redacted.hosts = redacted.hosts.max(used(Kind::Hosts));
        case.redacted = redacted;
        // Kinds that another map gave pseudonyms to are none of this one's.
        let all_ours = |case: &Case| {
            let Redacted { addresses, users, hosts, .. } = case.redacted;
            let claimed = [(Kind::Addresses, addresses), (Kind::Users, users), (Kind::Hosts, hosts)];
            claimed.into_iter().all(|(kind, figure)| figure == 0 || ours || self.open.contains(&kind))
        };
        case.redacted.seal = (case.redacted.has_pseudonyms() && all_ours(case)).then(|| seal::of(case, &self.key));
        case.redacted.clone()
    }

    fn address(&mut self, found: &str, network: Option<u32>) -> Option<String> {
        let pseudonym = match found.parse::<IpAddr>() {
            Ok(address) => match network {
                Some(prefix) => self.addresses.of_network(address, prefix).to_string(),
                None => self.addresses.of(address).to_string(),
            },
            Err(_) => link_text(self.addresses.of_link(link(found)?)),
        };
        let suffix = network.map(|prefix| format!("/{prefix}")).unwrap_or_default();
        let (pseudonym, original) = (format!("{pseudonym}{suffix}"), format!("{found}{suffix}"));
        if pseudonym.eq_ignore_ascii_case(&original) {
            return None;
        }
        self.used.entry(Kind::Addresses).or_default().insert(pseudonym.clone());
        self.map.addresses.entry(pseudonym.clone()).or_insert(original);
        Some(pseudonym)
    }

    /// Six figures of what the key makes of the name.
    fn tag(&self, of: &str, name: &str) -> String {
        let tag = hmac::sign(&self.key, format!("{of}\0{name}").as_bytes());
        tag.as_ref().iter().take(3).map(|byte| format!("{byte:02x}")).collect()
    }

    fn user(&mut self, name: &str) -> Option<String> {
        self.names.users.contains(name).then(|| {
            let pseudonym = format!("user-{}", self.tag("user", name));
            self.used.entry(Kind::Users).or_default().insert(pseudonym.clone());
            self.map.users.entry(pseudonym.clone()).or_insert_with(|| name.to_owned());
            pseudonym
        })
    }

    /// Label by label, so that hosts of one domain still are; the top domain stays.
    fn host(&mut self, name: &str, field: bool) -> Option<String> {
        if !self.names.is_host(name, field) {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        let labels: Vec<&str> = lower.split('.').collect();
        let last = labels.len() - 1;
        let shown: Vec<String> = labels
            .iter()
            .enumerate()
            .map(|(at, label)| match at {
                _ if at == last && at > 0 && is_top_domain(label) => (*label).to_owned(),
                _ => format!("host-{}", self.tag("host", label)),
            })
            .collect();
        let pseudonym = shown.join(".");
        self.used.entry(Kind::Hosts).or_default().insert(pseudonym.clone());
        self.map.hosts.entry(pseudonym.clone()).or_insert_with(|| name.to_owned());
        Some(pseudonym)
    }
}

impl Visitor for Pseudonyms {
    fn text(&mut self, place: Place<'_>, text: &mut String) {
        let open = |kind| self.open.contains(&kind);
        let (addresses, users, hosts) = (open(Kind::Addresses), open(Kind::Users), open(Kind::Hosts));
        if addresses {
            *text = each_address(text, |found, network| self.address(found, network));
        }
        // A word in a runbook or check is a part of a program.
        if place == Place::Source {
            return;
        }
        let field = match place {
            Place::Field(name) | Place::Item(name, _) => Some(name),
            _ => None,
        };
        // A field that is one word may be compared: `tcp`, `listen`, the name of a process.
        let free = field.is_none() || text.contains([' ', '/', '@', '=', '(', ',']);
        let user_here = users && (free || field.is_some_and(is_user_field));
        let host_here = hosts && (free || text.contains('.') || field.is_some_and(is_host_field));
        let only_host = place == Place::HostName || field.is_some_and(is_host_field);
        if user_here || host_here {
            *text = each_word(text, |word| {
                let user = if user_here { self.user(word) } else { None };
                user.or_else(|| if host_here { self.host(word, only_host) } else { None })
            });
        }
    }
}

/// What may be an address, with its prefix length; what stands around it is checked in code.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?:^|[^0-9A-Za-z_.])((?:[0-9A-Fa-f]{0,4}:){2,8}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})|(?:[0-9]{1,3}\.){3}[0-9]{1,3})",
        r"(?:/([0-9]{1,3}))?"
    ))
    .ok()
});

/// The text with each of its addresses changed: it and the length of its prefix are given, a replacement of both comes back.
fn each_address(text: &str, mut change: impl FnMut(&str, Option<u32>) -> Option<String>) -> String {
    // Without a pattern nothing could be told apart; that it compiles is tested.
    let Some(regex) = &*ADDRESS else { return String::new() };
    if !text.contains([':', '.']) {
        return text.to_owned();
    }
    let (mut shown, mut from, mut at) = (String::with_capacity(text.len()), 0, 0);
    while let Some(found) = regex.captures_at(text, at) {
        let Some(address) = found.get(1) else { break };
        at = address.end().max(at + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
        let prefix = found.get(2);
        let mut end = address.end();
        let mut candidate = address.as_str();
        if !is_address(candidate) {
            // `fe80::1: no route`
            candidate = candidate.trim_end_matches(':');
            end = address.start() + candidate.len();
        }
        let network = prefix
            .filter(|_| end == address.end())
            .and_then(|prefix| prefix.as_str().parse::<u32>().ok())
            .filter(|prefix| *prefix <= if candidate.contains(':') { 128 } else { 32 });
        let whole_end = match (network, prefix) {
            (Some(_), Some(prefix)) => prefix.end(),
            _ => end,
        };
        let mut after = text[whole_end..].chars();
        let next = after.next();
        let goes_on = next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            || next == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit());
        if goes_on || !is_address(candidate) {
            continue;
        }
        if let Some(replacement) = change(candidate, network) {
            shown.push_str(&text[from..address.start()]);
            shown.push_str(&replacement);
            from = whole_end;
        }
        at = at.max(whole_end);
        if at > text.len() {
            break;
        }
    }
    shown.push_str(&text[from..]);
    shown
}

/// Whether this is an address; `::` and words of Rust and Perl (`a::b`) are none.
fn is_address(text: &str) -> bool {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => true,
        Ok(IpAddr::V6(_)) => text.bytes().any(|byte| byte.is_ascii_digit()),
        Err(_) => link(text).is_some(),
    }
}

/// A link address: `02:42:ac:11:00:02`.
fn link(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

fn link_text(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

/// The text with each of its words changed. A word is what a name can be made of: letters, figures, `_`, `.` and `-`.
fn each_word(text: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '$');
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(begin) = rest.find(is_part) {
        let length = rest[begin..].find(|c| !is_part(c)).unwrap_or(rest.len() - begin);
        let run = &rest[begin..begin + length];
        let word = run.trim_matches(|c| matches!(c, '.' | '-'));
        shown.push_str(&rest[..begin]);
        match (!word.is_empty()).then(|| change(word)).flatten() {
            Some(replacement) => {
                let start = run.find(word).unwrap_or(0);
                shown.push_str(&run[..start]);
                shown.push_str(&replacement);
                shown.push_str(&run[start + word.len()..]);
            }
            None => shown.push_str(run),
        }
        rest = &rest[begin + length..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pseudonyms(kinds: &[Kind]) -> Pseudonyms {
        let mut all = Pseudonyms::new(kinds.iter().copied(), Map::under(&[9; KEY]));
        all.open = all.kinds.clone();
        all.names.users.insert("ann".into());
        all.names.hosts.extend(["web1".into(), "shop.zz".into()]);
        all
    }

    fn changed(all: &mut Pseudonyms, place: Place<'_>, text: &str) -> String {
        let mut text = text.to_owned();
        all.text(place, &mut text);
        text
    }

    #[test]
    fn addresses_are_found_where_logs_and_tools_put_them() {
        let mut all = pseudonyms(&[Kind::Addresses]);
        for text in [
            "from 93.184.216.34 port 22",
            "93.184.216.34:53",
            "[2001:db8::1]:443",
            "src=93.184.216.34,dst=1.1.1.1",
            "peer 2001:db8::1: no route",
            "addr:2001:db8::1",
            "net 93.184.216.0/24.",
            "link 02:42:ac:11:00:02 up",
            "::ffff:93.184.216.34",
        ] {
            let shown = changed(&mut all, Place::Said, text);
            for hidden in ["93.184.216", "2001:db8::1", "11:00:02"] {
                assert!(!shown.contains(hidden), "{text} -> {shown}");
            }
            assert_eq!(all.map.undo(&shown).0, text);
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        let mut all = pseudonyms(&[Kind::Addresses]);
        for text in
            ["at 21:51:26", "std::vec::a", "v1.2.3.4", "1.2.3.4.5", "300.1.1.1", "a::b", "::", "x 1.2.3", "é:1:2"]
        {
            assert_eq!(changed(&mut all, Place::Said, text), text);
        }
    }

    #[test]
    fn the_same_thing_has_the_same_pseudonym_everywhere() {
        let mut all = pseudonyms(&Kind::ALL);
        let said = changed(&mut all, Place::Said, "ann@web1.shop.zz, ann of WEB1");
        let words: Vec<&str> = said.split(['@', ' ', ',']).collect();
        assert_eq!(words[0], words[3]);
        assert!(words[1].starts_with(words[5]), "{said}");
        assert_eq!(changed(&mut all, Place::Field("user"), "ann"), words[0]);
    }

    #[test]
    fn words_that_runbooks_compare_stay() {
        let mut all = pseudonyms(&Kind::ALL);
        assert_eq!(changed(&mut all, Place::Field("name"), "ann"), "ann");
        assert_eq!(changed(&mut all, Place::Field("command"), "vi /home/ann/x").matches("ann").count(), 0);
        assert_eq!(changed(&mut all, Place::Source, "local ann = 'web1'"), "local ann = 'web1'");
    }

    #[test]
    fn a_map_is_read_back_and_a_broken_one_is_refused() {
        let mut all = pseudonyms(&Kind::ALL);
        let shown = changed(&mut all, Place::Said, "ann from 9.9.9.9");
        let text = serde_json::to_string(all.map()).unwrap();
        assert_eq!(Map::from_json(&text).unwrap().undo(&shown), ("ann from 9.9.9.9".into(), 2));
        assert!(matches!(Map::from_json("{}"), Err(NoMap::Json(_))));
        let of =
            |format: u32, key: &str| json!({"format": format, "key": key, "addresses": {}, "users": {}, "hosts": {}});
        assert!(matches!(Map::from_json(&of(2, "").to_string()), Err(NoMap::Newer(2))));
        assert!(matches!(Map::from_json(&of(1, "zz").to_string()), Err(NoMap::Key)));
        assert!(matches!(Map::from_json(&of(1, &"é".repeat(32)).to_string()), Err(NoMap::Key)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,120}") {
            changed(&mut pseudonyms(&Kind::ALL), Place::Said, &text);
        }

        #[test]
        fn texts_that_look_like_addresses_do_not_either(text in "[0-9a-f:./ é]{0,60}") {
            let mut all = pseudonyms(&Kind::ALL);
            let shown = changed(&mut all, Place::Said, &text);
            prop_assert_eq!(shown.split(' ').count(), text.split(' ').count());
        }

        #[test]
        fn what_was_redacted_comes_back(a: [u8; 4], b: u128, port: u16) {
            let text = format!("{} -> [{}]:{port}", std::net::Ipv4Addr::from(a), std::net::Ipv6Addr::from(b));
            let mut all = pseudonyms(&[Kind::Addresses]);
            let shown = changed(&mut all, Place::Said, &text);
            prop_assert_eq!(all.map.undo(&shown).0, text);
        }
    }
}
