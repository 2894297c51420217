//! What the system's own resolver is told: `resolv.conf` and the `hosts` line of `nsswitch.conf`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use nix::net::if_::if_nametoindex;

use crate::printable::printable;

/// Name servers that the C library asks (`MAXNS`); it ignores those after them.
pub const MOST_SERVERS: usize = 3;
/// Words of a line that are kept.
const MOST_WORDS: usize = 32;
/// Seconds that the C library waits for a server unless told otherwise (`RES_TIMEOUT`), and the most that it can be told.
const TIMEOUT: (u32, u32) = (5, 30);
/// Rounds over all servers unless told otherwise (`RES_DFLRETRY`), and the most that it can be told.
const ATTEMPTS: (u32, u32) = (2, 5);

/// What `resolv.conf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// The name servers, in their order, as written; all of them.
    pub servers: Vec<Server>,
    /// The domains that are tried behind a short name.
    pub search: Vec<String>,
    /// The options, as written.
    pub options: Vec<String>,
    /// Seconds that the C library waits for a server.
    pub timeout_seconds: u32,
    /// How often it goes round the servers.
    pub attempts: u32,
    /// Whether it begins with another server each time.
    pub rotate: bool,
    /// Whether its questions carry EDNS.
    pub edns0: bool,
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As it is written: `192.0.2.53`, `fe80::1%eth0`.
    pub written: String,
    /// The address, if it is one.
    pub address: Option<IpAddr>,
    /// The interface of a link-local address.
    scope: Option<String>,
}

impl Server {
    /// Reads an address, maybe with an interface.
    pub fn read(text: &str) -> Self {
        let (address, scope) = match text.split_once('%') {
            Some((address, scope)) => (address, Some(scope.to_owned())),
            None => (text, None),
        };
        Server { written: clipped(text), address: address.parse().ok(), scope }
    }

    /// Where to send to, if the address is one.
    pub fn at(&self, port: u16) -> Option<SocketAddr> {
        Some(match (self.address?, &self.scope) {
            (IpAddr::V6(address), Some(scope)) => {
                let index = scope.parse().ok().or_else(|| if_nametoindex(scope.as_str()).ok()).unwrap_or(0);
                SocketAddrV6::new(address, port, 0, index).into()
            }
            (address, _) => SocketAddr::new(address, port),
        })
    }

    /// Whether this is the stub of systemd-resolved, which asks others in turn.
    pub fn is_resolved(&self) -> bool {
        const STUBS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 53), Ipv4Addr::new(127, 0, 0, 54)];
        matches!(self.address, Some(IpAddr::V4(address)) if STUBS.contains(&address))
    }
}

impl ResolvConf {
    /// Reads the text as the C library does.
    pub fn read(text: &str) -> Self {
        let mut read = ResolvConf {
            servers: Vec::new(),
            search: Vec::new(),
            options: Vec::new(),
            timeout_seconds: TIMEOUT.0,
            attempts: ATTEMPTS.0,
            rotate: false,
            edns0: false,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else { continue };
            match keyword {
                "nameserver" if read.servers.len() < MOST_WORDS => read.servers.extend(words.next().map(Server::read)),
                // Of several lines the last one holds.
                "search" => read.search = words.take(MOST_WORDS).map(clipped).collect(),
                "domain" => read.search = words.take(1).map(clipped).collect(),
                "options" => words.for_each(|word| read.option(word)),
                _ => {}
            }
        }
        if read.servers.is_empty() {
            // Then the C library asks this host.
            read.servers.push(Server::read("127.0.0.1"));
        }
        read
    }

    fn option(&mut self, word: &str) {
        match word.split_once(':') {
            Some(("timeout", number)) => self.timeout_seconds = leading(number).min(TIMEOUT.1),
            Some(("attempts", number)) => self.attempts = leading(number).min(ATTEMPTS.1),
            _ if word == "rotate" => self.rotate = true,
            _ if word == "edns0" => self.edns0 = true,
            _ => {}
        }
        if self.options.len() < MOST_WORDS {
            self.options.push(clipped(word));
        }
    }
}

/// The number that a text begins with, as `atoi` reads it.
fn leading(text: &str) -> u32 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match &text[..digits] {
        "" => 0,
        digits => digits.parse().unwrap_or(u32::MAX),
    }
}

/// The sources of the `hosts` line of `nsswitch.conf`, in their order: `files`, `dns`. Actions in brackets are kept. None
/// when there is no such line.
pub fn hosts_order(text: &str) -> Option<Vec<String>> {
    let sources =
        text.lines().find_map(|line| line.trim_start().strip_prefix("hosts")?.trim_start().strip_prefix(':'))?;
    let sources = sources.split('#').next().unwrap_or_default();
    Some(sources.split_ascii_whitespace().take(MOST_WORDS).map(clipped).collect())
}

/// Whether the C library itself asks the name servers, and not a daemon before it.
pub fn asks_dns(hosts_order: &[String]) -> bool {
    let first = |name: &str| hosts_order.iter().position(|source| source == name).unwrap_or(usize::MAX);
    first("dns") < first("resolve").min(first("sss"))
}

fn clipped(text: &str) -> String {
    printable(text.chars().take(256).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_c_library_reads_it() {
        let read = ResolvConf::read(
            "# a comment\n; another\nnameserver 192.0.2.53\nnameserver\tfe80::1%lo  \nnameserver nonsense\nsearch a b\n\
             search c.example d.example\noptions timeout:2 attempts:99 rotate\noptions edns0 single-request\n",
        );
        let servers: Vec<_> = read.servers.iter().map(|it| (it.written.as_str(), it.address.is_some())).collect();
        assert_eq!(servers, [("192.0.2.53", true), ("fe80::1%lo", true), ("nonsense", false)]);
        assert_eq!(read.servers[1].at(53).unwrap().to_string(), "[fe80::1%1]:53");
        assert_eq!(read.search, ["c.example", "d.example"]);
        assert_eq!((read.timeout_seconds, read.attempts, read.rotate, read.edns0), (2, 5, true, true));
        assert_eq!(read.options, ["timeout:2", "attempts:99", "rotate", "edns0", "single-request"]);
    }

    #[test]
    fn an_empty_file_means_this_host() {
        let read = ResolvConf::read("");
        assert_eq!(read.servers, [Server::read("127.0.0.1")]);
        assert_eq!((read.timeout_seconds, read.attempts), (5, 2));
    }

    #[test]
    fn the_stub_of_resolved_is_known() {
        assert!(Server::read("127.0.0.53").is_resolved());
        assert!(!Server::read("127.0.0.1").is_resolved());
    }

    #[test]
    fn the_hosts_line_says_who_is_asked_first() {
        let order = hosts_order("passwd: files\nhosts:  files mdns4_minimal [NOTFOUND=return] dns # why\n").unwrap();
        assert_eq!(order, ["files", "mdns4_minimal", "[NOTFOUND=return]", "dns"]);
        assert!(asks_dns(&order));
        assert!(
            !asks_dns(&["files".into(), "resolve".into(), "dns".into()]),
            "resolved asks, with a cache and rules of its own"
        );
        assert!(!asks_dns(&["files".into()]));
        assert_eq!(hosts_order("passwd: files"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "(nameserver |options timeout:|search |hosts:|[%:.0-9a-f\\PC\n ]){0,40}") {
            for server in ResolvConf::read(&text).servers {
                server.at(53);
            }
            hosts_order(&text);
        }
    }
}
