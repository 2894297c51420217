//! Addresses, users and host names under pseudonyms, the same one for the same thing everywhere.

use std::collections::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::address::Addresses;
use super::forms::{self, Address, Form};
use super::name::{Names, is_host_field, is_top_domain, is_user_field};
use super::originals::{Left, Originals};
use super::seal;
use super::texts::{self, Place, Visitor};
use crate::bounded_json::{self, Budget};
use crate::case::{Case, Named, Redacted};

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
    /// Pseudonyms of the labels of host names, and the labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

/// The version of a map's form. 2 has labels; a map of form 1 is read, and goes on as one of form 2.
const MAP_FORMAT: u32 = 2;
/// Bytes of a key.
const KEY: usize = 32;

/// Text that is no map. The message goes on from the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum NoMap {
    /// It is not the JSON of a map.
    #[error("is not a map of pseudonyms: {0}")]
    Json(#[from] bounded_json::Unread),
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
            labels: BTreeMap::new(),
        }
    }

    /// Reads the JSON of a map.
    pub fn from_json(text: &str) -> Result<Self, NoMap> {
        let mut map: Map = bounded_json::from_slice(text.as_bytes(), &mut Budget::default())?;
        if map.format > MAP_FORMAT {
            return Err(NoMap::Newer(map.format));
        }
        map.key_bytes().ok_or(NoMap::Key)?;
        if map.format < MAP_FORMAT {
            map.format = MAP_FORMAT;
            for (pseudonym, name) in &map.hosts {
                let labels = pseudonym.split('.').zip(name.split('.')).filter(|(shown, _)| shown.starts_with("host-"));
                map.labels.extend(labels.map(|(shown, label)| (shown.to_owned(), label.to_ascii_lowercase())));
            }
        }
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

    /// The text with what stood there before, in every form, and how many pseudonyms were found.
    pub fn undo(&self, text: &str) -> (String, u64) {
        let mut count = 0;
        let back: HashMap<Address, Address> =
            self.addresses.iter().filter_map(|(new, old)| Some((Address::read(new)?, Address::read(old)?))).collect();
        // The other way round than they were given: names were looked for in texts whose addresses had pseudonyms.
        let text = each_word(text, |word| {
            let original = self.users.get(word).or_else(|| self.hosts.get(&word.to_ascii_lowercase())).cloned();
            count += u64::from(original.is_some());
            original
        });
        let text = forms::each(&text, |found| {
            let suffix = found.network.map(|prefix| format!("/{prefix}")).unwrap_or_default();
            let whole = format!("{}{suffix}", found.text);
            let exact = || self.addresses.get(found.text).map(|original| format!("{original}{suffix}"));
            let other = || back.get(&found.address).map(|old| old.write(found.form, found.text) + &suffix);
            let original = self.addresses.get(&whole).cloned().or_else(exact).or_else(other);
            count += u64::from(original.is_some());
            original
        });
        // What the last look replaced: numbers, and encoded texts.
        let pairs = self.pairs().into_iter().map(|(original, pseudonym)| (pseudonym, original)).collect();
        match Originals::new(pairs).replaced(text.as_bytes()) {
            Ok((bytes, more)) => (String::from_utf8_lossy(&bytes).into_owned(), count + more),
            Err(_) => (text, count),
        }
    }

    /// Every original with its pseudonym.
    fn pairs(&self) -> Vec<(String, String)> {
        let all = self.addresses.iter().filter(|(pseudonym, _)| !pseudonym.contains('/'));
        let all = all.chain(&self.users).chain(&self.hosts);
        all.map(|(pseudonym, original)| (original.clone(), pseudonym.clone())).collect()
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
    /// What all cases of a fleet name, once that was redacted: one of them may speak of another's users.
    of_fleet: Named,
    /// Addresses of this case that have pseudonyms.
    known: BTreeSet<Address>,
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
            of_fleet: Named::default(),
            known: BTreeSet::new(),
            used: BTreeMap::new(),
        }
    }

    /// The map of what was given until now.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Gives pseudonyms to all of a case, and looks through it once more for what else holds an original. What has those of this map
    /// keeps them, as its seal shows: that a case says that it has some proves nothing. The case of a fleet goes before those of its
    /// hosts: what all of them name is hidden in each.
    ///
    /// # Errors
    ///
    /// An original is in the case that can be replaced in none of its forms: the case must not leave.
    pub fn apply(&mut self, case: &mut Case) -> Result<Redacted, Left> {
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
        if let Some(fleet) = &case.fleet {
            self.of_fleet = fleet.named.clone().unwrap_or_default();
        }
        self.names = Names::known(self.of_fleet.clone());
        self.used.clear();
        self.known.clear();
        self.names.own_words(case);
        texts::of_case(case, &mut self.names);
        texts::of_case(case, self);
        let used = |kind| self.used.get(&kind).map_or(0, BTreeSet::len) as u64;
        redacted.addresses = redacted.addresses.max(used(Kind::Addresses));
        redacted.users = redacted.users.max(used(Kind::Users));
        redacted.hosts = redacted.hosts.max(used(Kind::Hosts));
        case.redacted = redacted;
        let whole = || Left("of the whole case".to_owned());
        let text = serde_json::to_vec(case).map_err(|_| whole())?;
        let (clean, more) = self.originals().replaced(&text)?;
        if more > 0 {
            *case = bounded_json::from_slice(&clean, &mut Budget::new(u64::MAX)).map_err(|_| whole())?;
        }
        // Kinds that another map gave pseudonyms to are none of this one's.
        let all_ours = |case: &Case| {
            let Redacted { addresses, users, hosts, .. } = case.redacted;
            let claimed = [(Kind::Addresses, addresses), (Kind::Users, users), (Kind::Hosts, hosts)];
            claimed.into_iter().all(|(kind, figure)| figure == 0 || ours || self.open.contains(&kind))
        };
        // The seal is over the texts as they leave.
        case.redacted.seal = (case.redacted.has_pseudonyms() && all_ours(case)).then(|| seal::of(case, &self.key));
        Ok(case.redacted.clone())
    }

    fn address(&mut self, found: &forms::Found<'_>) -> Option<String> {
        let pseudonym = self.addresses.of_any(found.address);
        let suffix = found.network.map(|prefix| format!("/{prefix}")).unwrap_or_default();
        if let (Address::Ip(address), Some(prefix)) = (found.address, found.network) {
            let network = self.addresses.of_network(address, prefix).to_string();
            let (shown, original) = (format!("{network}{suffix}"), format!("{}{suffix}", found.text));
            if shown == original {
                return None;
            }
            self.used.entry(Kind::Addresses).or_default().insert(shown.clone());
            // The address itself is a secret as well: it may stand elsewhere without its prefix.
            self.known.insert(found.address);
            self.map.addresses.entry(shown.clone()).or_insert(original);
            return Some(shown);
        }
        if pseudonym == found.address {
            return None;
        }
        self.known.insert(found.address);
        self.used.entry(Kind::Addresses).or_default().insert(pseudonym.usual());
        if found.form != Form::Usual {
            self.map.addresses.entry(pseudonym.usual()).or_insert_with(|| found.address.usual());
            return Some(pseudonym.write(found.form, found.text));
        }
        // One address may be spelled in several ways; each gets a spelling of the pseudonym, so that it comes back as it was.
        let shown = spellings(pseudonym, found.text)
            .find(|shown| self.map.addresses.get(shown).is_none_or(|original| original == found.text))
            .unwrap_or_else(|| pseudonym.write(found.form, found.text));
        self.map.addresses.entry(shown.clone()).or_insert_with(|| found.text.to_owned());
        Some(shown)
    }

    /// Figures of what the key makes of the name, six of them, or more where they stand for another name already: no two
    /// names have the same pseudonym in one map, and a name keeps the one that it has there.
    fn tag(&self, of: &str, name: &str, taken: impl Fn(&str) -> bool) -> String {
        /// Figures of a tag, and of one when nothing shorter is free: a whole HMAC, which no two names share.
        const FIGURES: [usize; 4] = [6, 10, 16, 64];
        let tag = hmac::sign(&self.key, format!("{of}\0{name}").as_bytes());
        let all: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = FIGURES.into_iter().filter_map(|length| all.get(..length)).find(|shown| !taken(shown));
        format!("{of}-{}", shown.unwrap_or(&all))
    }

    fn user(&mut self, name: &str) -> String {
        let users = &self.map.users;
        let pseudonym =
            self.tag("user", name, |tag| users.get(&format!("user-{tag}")).is_some_and(|other| other != name));
        self.used.entry(Kind::Users).or_default().insert(pseudonym.clone());
        self.map.users.entry(pseudonym.clone()).or_insert_with(|| name.to_owned());
        pseudonym
    }

    /// Label by label, so that hosts of one domain still are; the top domain stays.
    fn host(&mut self, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        let labels: Vec<&str> = lower.split('.').collect();
        let last = labels.len() - 1;
        let mut shown = Vec::new();
        for (at, label) in labels.iter().enumerate() {
            if at == last && at > 0 && is_top_domain(label) {
                shown.push((*label).to_owned());
                continue;
            }
            let known = &self.map.labels;
            let pseudonym =
                self.tag("host", label, |tag| known.get(&format!("host-{tag}")).is_some_and(|other| other != label));
            self.map.labels.entry(pseudonym.clone()).or_insert_with(|| (*label).to_owned());
            shown.push(pseudonym);
        }
        let pseudonym = shown.join(".");
        self.used.entry(Kind::Hosts).or_default().insert(pseudonym.clone());
        self.map.hosts.entry(pseudonym.clone()).or_insert_with(|| name.to_owned());
        pseudonym
    }

    /// What must not leave: all that has a pseudonym in this case, and what a case names without showing it in a text that
    /// has pseudonyms. Not among it is a name that is also a word of casebook's own.
    pub fn originals(&mut self) -> Originals {
        let mut pairs = Vec::new();
        for address in self.known.clone() {
            pairs.push((address.usual(), self.addresses.of_any(address).usual()));
        }
        if self.open.contains(&Kind::Users) || self.used.contains_key(&Kind::Users) {
            for name in self.names.users.clone() {
                if !self.names.is_own_word(&name) {
                    let pseudonym = self.user(&name);
                    pairs.push((name, pseudonym));
                }
            }
        }
        if self.open.contains(&Kind::Hosts) || self.used.contains_key(&Kind::Hosts) {
            for name in self.names.hosts.clone().into_iter().chain(self.names.domains.clone()) {
                if self.names.is_host(&name, false) && !self.names.is_own_word(&name) {
                    let pseudonym = self.host(&name);
                    pairs.push((name, pseudonym));
                }
            }
        }
        Originals::new(pairs)
    }
}

/// The ways to write an address, the usual one first: as many as there are spellings of one IPv6 address in a case.
fn spellings(address: Address, like: &str) -> impl Iterator<Item = String> {
    let mut all = vec![address.write(Form::Usual, like)];
    if let Address::Ip(IpAddr::V6(six)) = address {
        all.push(six.segments().map(|group| format!("{group:04x}")).join(":"));
    }
    if all.first().is_some_and(|usual| usual.contains(':')) {
        // Capitals tell no more than that it is another spelling.
        let usual = address.write(Form::Usual, like);
        all.extend((1..256u32).map(|mask| {
            let groups = usual.split(':').enumerate();
            let shown = groups
                .map(|(at, group)| if mask >> (at % 8) & 1 == 1 { group.to_uppercase() } else { group.to_owned() });
            shown.collect::<Vec<_>>().join(":")
        }));
    }
    all.into_iter()
}

impl Visitor for Pseudonyms {
    fn text(&mut self, place: Place<'_>, text: &mut String) {
        let open = |kind| self.open.contains(&kind);
        let (addresses, users, hosts) = (open(Kind::Addresses), open(Kind::Users), open(Kind::Hosts));
        if addresses {
            *text = forms::each(text, |found| self.address(found));
        }
        if !users && !hosts {
            return;
        }
        let source = place == Place::Source;
        let field = match place {
            Place::Field(name) | Place::Item(name, _) => Some(name),
            _ => None,
        };
        // What runbooks compare may be a word of casebook's own: `tcp`, `listen`, the name of a process. In a sentence it is
        // the name that is meant; in program text it never is.
        let sentence = !source && (field.is_none() || text.contains([' ', '/', '@', '=', '(', ',']));
        let (only_user, only_host) = (
            place == Place::User || field.is_some_and(is_user_field),
            place == Place::HostName || field.is_some_and(is_host_field),
        );
        *text = each_word(text, |word| {
            let free = || sentence || !self.names.is_own_word(word);
            if users && self.names.users.contains(word) && (only_user || free()) {
                return Some(self.user(word));
            }
            let known = || if source { self.names.is_known(word) } else { self.names.is_host(word, only_host) };
            let dotted = || !source && word.contains('.');
            (hosts && known() && (only_host || dotted() || free())).then(|| self.host(word))
        });
    }
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
            "MAC=02:42:ac:11:00:02:0A:42:AC:11:00:03:08:00 SRC=93.184.216.34",
            "cisco 0242.ac11.0002 and windows 02-42-AC-11-00-02, again 02-42-ac-11-00-02",
            "ip-93-184-216-34.ec2.internal",
            "34.216.184.93.in-addr.arpa",
            "  0: 22D8B85D:0035 00000000:0000 0A",
            "fe80::42:acff:fe11:2%eth0",
            "joined ff02::1:ff11:2 as 33:33:ff:11:00:02",
            "2001:DB8::1 is 2001:0db8:0000:0000:0000:0000:0000:0001 is 2001:db8:0:0:0:0:0:1",
        ] {
            let shown = changed(&mut all, Place::Said, text);
            for hidden in [
                "93.184.216",
                "2001:db8::1",
                "11:00:02",
                "11:00:03",
                "AC:11:00",
                "ac11.0002",
                "11-00-02",
                "93-184-216-34",
                "34.216.184",
                "22D8B85D",
                "fe11:2",
                "ff11:2",
                "2001:DB8::1",
                "0db8:0000",
                "2001:db8:0",
            ] {
                assert!(!shown.contains(hidden), "{text} -> {shown}");
            }
            assert_eq!(all.map.undo(&shown).0, text);
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
        all.names.own.insert("tcp".into());
        all.names.users.insert("tcp".into());
        assert_eq!(changed(&mut all, Place::Field("protocol"), "tcp"), "tcp");
        assert_ne!(changed(&mut all, Place::Field("user"), "tcp"), "tcp");
        assert_ne!(changed(&mut all, Place::Field("name"), "ann"), "ann");
        assert_eq!(changed(&mut all, Place::Field("command"), "vi /home/ann/x").matches("ann").count(), 0);
        let source = changed(&mut all, Place::Source, "if u.user == 'ann' and p.tcp on web1.shop.zz and sockets.app");
        assert!(!source.contains("ann") && !source.contains("web1") && source.contains("p.tcp"), "{source}");
        assert!(source.contains("sockets.app"), "{source}");
    }

    #[test]
    fn two_names_never_share_a_pseudonym_and_a_name_keeps_its_own() {
        let mut all = pseudonyms(&Kind::ALL);
        let first = all.user("ann");
        // As if another name had the same first six figures.
        all.map.users.insert(first.clone(), "bob".into());
        let second = all.user("ann");
        assert!(second != first && second.starts_with(&first) && all.map.users[&second] == "ann", "{second}");
        assert_eq!(all.user("ann"), second);
        let mut many = pseudonyms(&Kind::ALL);
        let shown: BTreeSet<String> = (0..20_000).map(|number| many.user(&format!("u{number}"))).collect();
        assert_eq!(shown.len(), 20_000, "of 16 million tags, 20,000 names share about twelve");
        let labels: BTreeSet<String> = (0..20_000).map(|number| many.host(&format!("h{number}.example.zz"))).collect();
        assert_eq!(labels.len(), 20_000);
        for (pseudonym, name) in many.map.users.iter().take(99) {
            assert_eq!(many.map.users.get(pseudonym), Some(name));
        }
    }

    #[test]
    fn a_map_of_the_first_form_is_read_and_goes_on() {
        let key = "09".repeat(KEY);
        let old = json!({"format": 1, "key": key, "addresses": {}, "users": {"user-000000": "ann"},
            "hosts": {"host-111111.host-222222.com": "web1.shop.com"}});
        let map = Map::from_json(&old.to_string()).unwrap();
        assert_eq!((map.labels["host-222222"].as_str(), map.format), ("shop", 2));
        assert_eq!(map.undo("user-000000 at host-111111.host-222222.com").0, "ann at web1.shop.com");
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
        assert!(matches!(Map::from_json(&of(3, "").to_string()), Err(NoMap::Newer(3))));
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
        fn every_form_of_an_address_goes_and_comes_back(a: u32, b: u128, c: [u8; 6]) {
            let four = std::net::Ipv4Addr::from(a % (70 << 24) + (20 << 24));
            let six = std::net::Ipv6Addr::from(b >> 3 | 1 << 125);
            let [d, e, f, g, h, _] = c;
            let link = [d & 0x0e | 0xa0, e, f, g, h, 0xab].map(|byte| format!("{byte:02x}"));
            let [o, p, q, r] = four.octets();
            let figures = six.octets().map(|byte| format!("{byte:02x}")).concat();
            let reversed: Vec<String> = figures.chars().rev().map(String::from).collect();
            let native = six.octets().chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap()))).collect::<String>();
            let forms = [
                four.to_string(), format!("ip-{o}-{p}-{q}-{r}.internal"), format!("{r}.{q}.{p}.{o}.in-addr.arpa"),
                format!("{:08X}:0050", u32::from_ne_bytes(four.octets())), format!("::ffff:{four}"),
                six.to_string(), format!("{six}%eth0"), format!("{}.ip6.arpa", reversed.join(".")), format!("{native}:0050"),
                link.join(":"), link.join("-"), link.join("-").to_uppercase(),
                format!("{}{}.{}{}.{}{}", link[0], link[1], link[2], link[3], link[4], link[5]),
                format!("ff02::1:ff{}:{}{}", link[3], link[4].replace("00", "10"), link[5]),
            ];
            let text = format!("{} MAC={}:{}:08:00 end", forms.join(" ; "), link.join(":"), link.join(":"));
            let mut all = pseudonyms(&[Kind::Addresses]);
            let shown = changed(&mut all, Place::Said, &text);
            for form in &forms {
                prop_assert!(!shown.contains(form.as_str()), "{} in {}", form, shown);
            }
            prop_assert_eq!(all.map.undo(&shown).0, text);
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
