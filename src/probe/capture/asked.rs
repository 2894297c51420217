//! Requests that clients began at one endpoint, added up: in bounded memory, whatever they ask for.

use std::net::IpAddr;

use super::flows::Turn;
use super::misra_gries::{MisraGries, Tagged};
use super::opening;
use super::output;
use crate::printable::printable;
use crate::probe::hash::KeyedHash;
use crate::probe::hyperloglog::HyperLogLog;

/// Bytes of a path that are kept: what is captured of a packet holds no more.
const PATH: usize = 64;
/// Paths up to which their number is exact.
const EXACT: usize = 64;
/// A client or a path that has less than this share does not stand out: twice what chance may claim.
const STANDS_OUT: f64 = 0.1;

/// The beginning of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Path {
    bytes: [u8; PATH],
    length: u8,
    /// Whether it goes on.
    cut: bool,
    /// Of a hash that nobody foresees.
    tag: u32,
}

impl Tagged for Path {
    fn tag(&self) -> u32 {
        self.tag
    }
}

impl Path {
    fn shown(&self) -> String {
        let known = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        let mut shown = printable(known);
        if self.cut {
            shown.push('…');
        }
        shown
    }
}

/// What was asked of an endpoint.
#[derive(Debug)]
pub struct Asked {
    requests: u64,
    exchanges: u64,
    encrypted_exchanges: u64,
    clients: MisraGries<IpAddr>,
    path: MisraGries<Path>,
    paths: HyperLogLog,
    /// Tenths of a second in which something was asked, and the last one.
    tenths: u64,
    last_tenth: Option<u64>,
}

impl Asked {
    /// Nothing yet.
    pub fn new() -> Self {
        Asked {
            requests: 0,
            exchanges: 0,
            encrypted_exchanges: 0,
            clients: MisraGries::new(),
            path: MisraGries::new(),
            paths: HyperLogLog::new(10, EXACT),
            tenths: 0,
            last_tenth: None,
        }
    }

    /// Adds what a client began with a segment, whose payload is `text` as far as it was captured, and so often as that stands for.
    pub fn add(&mut self, turn: Turn, client: IpAddr, text: &[u8], at_nanos: u64, times: u64, secret: &KeyedHash) {
        match turn {
            Turn::Nothing => return,
            Turn::Request => self.requests += times,
            Turn::Exchange => self.exchanges += times,
            Turn::EncryptedExchange => {
                self.exchanges += times;
                self.encrypted_exchanges += times;
            }
        }
        self.clients.add(client, times);
        let tenth = at_nanos / 100_000_000;
        if self.last_tenth != Some(tenth) {
            self.last_tenth = Some(tenth);
            self.tenths += 1;
        }
        if turn == Turn::Request
            && let Some((path, cut)) = opening::path(text)
        {
            let (kept, cut) = path.get(..PATH).map_or((path, cut), |kept| (kept, cut || path.len() > PATH));
            let hash = secret.bytes(kept);
            let mut bytes = [0; PATH];
            bytes[..kept.len()].copy_from_slice(kept);
            self.paths.add(hash);
            self.path.add(Path { bytes, length: kept.len() as u8, cut, tag: hash as u32 }, times);
        }
    }

    /// The result, for a window of so many seconds, over so many connections.
    pub fn summary(&self, seconds: f64, connections: u64) -> output::Asked {
        let stands_out = |share: &f64| *share >= STANDS_OUT;
        let client = self.clients.top().filter(|(_, share)| stands_out(share));
        let path = self.path.top().filter(|(_, share)| stands_out(share));
        output::Asked {
            requests: self.requests,
            exchanges: self.exchanges,
            encrypted_exchanges: self.encrypted_exchanges,
            connections,
            time_share: (self.tenths as f64 / (seconds * 10.0).ceil().max(1.0)).min(1.0),
            top_client: client.map(|(client, _)| client),
            top_client_share: client.map(|(_, share)| share),
            top_client_private: client.map(|(client, _)| is_private(client)),
            paths: self.paths.estimate(),
            top_path: path.map(|(path, _)| path.shown()),
            top_path_share: path.map(|(_, share)| share),
        }
    }
}

/// Whether an address is of a network that is not the Internet's.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            // 100.64.0.0/10 is shared by networks behind a provider's translation, and by clouds.
            let shared = v4.to_bits() >> 22 == 0x6440_0000 >> 22;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(asked: &mut Asked, path: &str, client: u8, at_tenth: u64) {
        let (client, text) = (IpAddr::from([198, 51, 100, client]), format!("GET {path} HTTP/1.1\r\n"));
        let key = KeyedHash::from_contents([]);
        asked.add(Turn::Request, client, text.as_bytes(), at_tenth * 100_000_000, 1, &key);
    }

    #[test]
    fn who_asks_for_what_and_how_steadily_is_told() {
        let mut asked = Asked::new();
        for number in 0..100 {
            ask(
                &mut asked,
                if number % 10 == 0 { "/other" } else { "/search?q=1" },
                u8::from(number % 4 == 0),
                number / 4,
            );
        }
        asked.add(Turn::EncryptedExchange, [198, 51, 100, 0].into(), &[], 0, 2, &KeyedHash::from_contents([]));
        let told = asked.summary(5.0, 7);
        assert_eq!((told.requests, told.exchanges, told.encrypted_exchanges, told.connections), (100, 2, 2, 7));
        assert_eq!((told.top_path.as_deref(), told.top_path_share, told.paths), (Some("/search"), Some(0.9), 2));
        assert_eq!((told.top_client, told.top_client_private), (Some([198, 51, 100, 0].into()), Some(false)));
        assert_eq!(told.top_client_share, Some(77.0 / 102.0));
        // The one that came last is of the first tenth again.
        assert!((0.5..=0.52).contains(&told.time_share), "{}", told.time_share);
    }

    #[test]
    fn paths_without_number_take_bounded_memory_and_none_stands_out() {
        let mut asked = Asked::new();
        (0..50_000).for_each(|number| ask(&mut asked, &format!("/{number:x}"), 1, 0));
        let told = asked.summary(1.0, 1);
        assert_eq!((told.top_path, told.top_path_share), (None, None));
        assert!((45_000..=55_000).contains(&told.paths), "{}", told.paths);
    }

    #[test]
    fn what_a_stranger_asks_for_is_made_harmless_and_cut() {
        let mut asked = Asked::new();
        ask(&mut asked, &format!("/\u{202e}{}", "x".repeat(80)), 1, 0);
        let shown = asked.summary(1.0, 1).top_path.unwrap();
        assert!(shown.starts_with("/\\u{202e}xxx") && shown.ends_with("x…"), "{shown}");
    }

    #[test]
    fn networks_that_are_not_the_internets_are_known() {
        for (address, private) in [
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("203.0.113.1", false),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
            ("::ffff:192.168.0.1", true),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }
}
