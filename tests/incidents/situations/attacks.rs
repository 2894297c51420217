//! Attacks by other protocols, ports and means, and what relieves them.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::{Expect, Said, unsaid};
use crate::service::Role;
use crate::stage::{SERVER, Stage, WORLD};
use crate::traffic::{Clients, Does, Flood, Ports, STRANGERS, Says, Segment, Shape, Six, Sources, Traffic, Ttl};

/// What no flood is.
const NOT: &[&str] = &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "port-scan", "not-reaching-host"];
const SECOND: Duration = Duration::from_secs(1);

fn at(port: u16) -> std::net::SocketAddr {
    (SERVER, port).into()
}

fn flood(shape: Shape, from: Sources, per_second: u32) -> Traffic {
    let ttl = if matches!(from, Sources::Forged) { Ttl::Same(58) } else { Ttl::BySource };
    Traffic::Flood(Flood { shape, to: SERVER, from, ttl, per_second })
}

fn web() -> Role {
    Role::Web { at: at(80) }
}

/// A flood whose first cause is this.
fn flooded(
    name: &'static str,
    services: Vec<Role>,
    traffic: Vec<Traffic>,
    first: &'static str,
    subject: &'static [&'static str],
) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([(first, subject)]));
    Incident {
        name,
        services,
        traffic,
        window: 2 * SECOND,
        expect: Expect { first: Some(first), not: NOT, subject, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn datagrams_to_all_ports() {
    Incident {
        name: "udp-flood-many-ports",
        // As a host that answers everybody is set: each packet costs an ICMP error.
        firewall: &["sysctl -qw net.ipv4.icmp_ratelimit=0"],
        traffic: vec![flood(Shape::Udp { ports: Ports::Any, payload: 400 }, Sources::Few(40), 6000)],
        window: 2 * SECOND,
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: NOT,
            subject: &[("udp-flood-closed-port", &["10.77.1.2"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn one_sender_swamps_a_service_that_others_use() {
    Incident {
        name: "udp-flood-one-sender",
        services: vec![Role::Daemon(Daemon::SlowAnswerer { at: at(7777), each: 2 })],
        traffic: vec![flood(
            Shape::Udp { ports: Ports::One(7777), payload: 700 },
            Sources::One([203, 0, 113, 7].into()),
            5000,
        )],
        expect: Expect {
            first: Some("udp-flood-open-port"),
            not: NOT,
            subject: &[("udp-flood-open-port", &["stage-late", "7777"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn refusals_for_packets_that_somebody_forged() {
    let traffic = vec![flood(Shape::Unreachable, Sources::Few(300), 4000)];
    flooded("backscatter", vec![web()], traffic, "icmp-flood", &["dest", "10.77.1.2"]);
}

#[test]
fn routers_that_advertise_without_end() {
    let traffic = vec![flood(Shape::Six(Six::Advertisement), Sources::Forged, 3000)];
    flooded("router-advertisements", vec![web()], traffic, "icmp-flood", &["router-advert"]);
}

#[test]
fn multicast_over_ipv6_that_nobody_joined() {
    let traffic = vec![flood(Shape::Six(Six::Group { port: 5004, payload: 1200 }), Sources::Few(2), 2000)];
    flooded("multicast-flood-ipv6", vec![], traffic, "multicast-flood", &["ff05::77", "5004"]);
}

/// The half-open connections fill a queue that the kernel's limit bounds, and nothing stands in for it.
#[test]
fn syns_to_a_service_without_cookies() {
    Incident {
        name: "syn-flood-without-cookies",
        prepared: &["sysctl -qw net.core.somaxconn=128 net.ipv4.tcp_syncookies=0"],
        services: vec![Role::Daemon(Daemon::SlowAccept { at: at(80), backlog: 1000, each: 0 })],
        traffic: vec![flood(Shape::Syn { port: 80 }, Sources::Forged, 4000)],
        window: 2 * SECOND,
        expect: Expect {
            first: Some("syn-flood"),
            not: NOT,
            subject: &[("syn-flood", &["80", "stage-accept"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn syns_to_a_port_where_nothing_listens() {
    let traffic = vec![flood(Shape::Syn { port: 8081 }, Sources::Forged, 6000)];
    flooded("syn-flood-closed-port", vec![web()], traffic, "syn-flood", &["10.77.1.2", "8081"]);
}

#[test]
fn syns_over_ipv6_to_a_port_where_nothing_listens() {
    let traffic = vec![flood(Shape::Six(Six::Syn { port: 8081 }), Sources::Forged, 6000)];
    flooded("syn-flood-closed-port-ipv6", vec![web()], traffic, "syn-flood", &["fd77:1::2", "8081"]);
}

#[test]
fn syns_of_everybody_to_all_ports() {
    let traffic = vec![flood(Shape::Scan { last: 2000 }, Sources::Forged, 6000)];
    flooded("syn-flood-many-ports", vec![web()], traffic, "syn-flood", &["10.77.1.2"]);
}

#[test]
fn acknowledgements_to_a_host_that_tracks_connections() {
    Incident {
        name: "ack-flood-tracked",
        services: vec![web()],
        firewall: &[
            "nft add table inet stage",
            "nft add chain inet stage in '{ type filter hook input priority 0; }'",
            "nft add rule inet stage in ct state established,related,new accept",
        ],
        traffic: vec![flood(Shape::Segment { kind: Segment::Ack, ports: Ports::One(80) }, Sources::Forged, 6000)],
        window: 2 * SECOND,
        expect: Expect {
            first: Some("ack-flood"),
            not: NOT,
            subject: &[("ack-flood", &["10.77.1.2", "80", "ACK"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn segments_without_any_flag() {
    let traffic = vec![flood(Shape::Segment { kind: Segment::Null, ports: Ports::One(80) }, Sources::Forged, 6000)];
    flooded("null-flood", vec![web()], traffic, "ack-flood", &["10.77.1.2", "80"]);
}

#[test]
fn segments_with_every_flag() {
    let traffic =
        vec![flood(Shape::Segment { kind: Segment::Christmas, ports: Ports::One(80) }, Sources::Forged, 6000)];
    flooded("christmas-flood", vec![web()], traffic, "ack-flood", &["10.77.1.2", "80"]);
}

/// Four services at once, against a host whose own questions must still be answered.
#[test]
fn reflection_against_a_host_that_asks() {
    let answers = |from, begins: &'static [u8], size, per_second| {
        flood(Shape::Answer { from, begins, size, ports: Ports::Any }, Sources::Few(300), per_second)
    };
    let server = (WORLD, 53).into();
    Incident {
        name: "reflection-against-one-who-asks",
        services: vec![Role::Daemon(Daemon::Asker { of: server, per_second: 40 })],
        traffic: vec![
            Traffic::Answers { at: server, size: 200 },
            flood(Shape::DnsAnswer { ports: Ports::Any, size: 1200 }, Sources::Few(300), 1500),
            answers(123, &[0xd7, 0, 3, 42], 440, 2000),
            answers(389, &[0x30, 0x84, 0, 0], 1300, 800),
            answers(11211, b"\0\0\0\0\0\x01\0\0VALUE a 0 1024\r\n", 1300, 600),
        ],
        expect: Expect {
            first: Some("reflection-multi-vector"),
            beside: &["reflection-dns", "reflection-ntp", "reflection-cldap", "reflection-memcached"],
            not: NOT,
            subject: &[("reflection-multi-vector", &["dns", "ntp", "cldap", "memcached", "10.77.1.2"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// Whoever plays goes on playing: what is dropped is told by the port that it comes from.
#[test]
fn reflection_against_the_port_of_a_game() {
    let begins: &[u8] = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n";
    let traffic = vec![
        Traffic::Clients(Clients { to: at(27_015), count: 50, per_second: 500, does: Does::Datagrams { payload: 60 } }),
        flood(Shape::Answer { from: 1900, begins, size: 320, ports: Ports::One(27_015) }, Sources::Few(300), 4000),
    ];
    flooded(
        "reflection-against-a-game",
        vec![Role::Game { at: at(27_015) }],
        traffic,
        "reflection-ssdp",
        &["1900", "27015"],
    );
}

#[test]
fn our_time_server_is_abused() {
    let services = vec![Role::Amplifier { at: at(123), size: 468 }];
    let traffic = vec![Traffic::Datagrams { to: at(123), payload: 8, per_second: 1500 }];
    flooded("time-server-abuse", services, traffic, "reflector-abuse", &["stage-named", "123", "ntp"]);
}

#[test]
fn a_thousand_stations_that_ask_for_addresses_of_the_link() {
    let traffic = vec![flood(Shape::ArpOfMany { stations: 1024 }, Sources::One(WORLD), 5000)];
    flooded("arp-storm-of-many", vec![web()], traffic, "broadcast-storm", &["arp"]);
}

#[test]
fn stations_that_ask_for_an_address_without_end() {
    let traffic = vec![flood(Shape::Discover { stations: 2000 }, Sources::One(WORLD), 3000)];
    flooded("dhcp-storm", vec![web()], traffic, "broadcast-storm", &["udp"]);
}

/// An access log of the last minute: so many requests a second.
fn access_log(clients: i64, per_second: i64, line: impl Fn(i64) -> String) -> Vec<(&'static str, String)> {
    let (mut log, now) = (String::new(), Timestamp::now());
    for number in 0..60 * per_second {
        let at = now - jiff::SignedDuration::from_millis(60_000 - number * 1000 / per_second);
        let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        writeln!(log, r#"10.88.0.{} - - [{at}] {}"#, number % clients + 1, line(number)).expect("a string takes it");
    }
    vec![("nginx/access.log", log)]
}

/// A server of web pages that few clients ask far too much.
fn asked(
    name: &'static str,
    services: Vec<Role>,
    logs: Vec<(&'static str, String)>,
    clients: Clients,
    subject: &'static [&'static str],
) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([("http-flood", subject)]));
    Incident {
        name,
        services,
        logs,
        ask: &["--set", "since=5m"],
        traffic: vec![Traffic::Clients(clients)],
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "ack-flood", "discard-sink", "bulk-transfer-in", "port-scan"],
            subject,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn requests_over_connections_that_stay_open() {
    let log = access_log(5, 300, |_| r#""GET /search HTTP/1.1" 200 512 "-" "stress/1""#.to_owned());
    let clients = Clients { to: at(80), count: 5, per_second: 300, does: Does::Requests { body: 0 } };
    asked(
        "http-flood-open-connections",
        vec![Role::Daemon(Daemon::Http { at: at(80), size: 200 })],
        log,
        clients,
        &["stage-http", "/search"],
    );
}

#[test]
fn large_bodies_over_connections_that_stay_open() {
    let log = access_log(3, 150, |_| r#""POST /upload HTTP/1.1" 200 512 "-" "stress/1""#.to_owned());
    let clients = Clients { to: at(80), count: 3, per_second: 150, does: Does::Requests { body: 20_000 } };
    asked(
        "http-flood-large-posts",
        vec![Role::Daemon(Daemon::Http { at: at(80), size: 200 })],
        log,
        clients,
        &["stage-http", "/upload"],
    );
}

/// One stranger asks a server that keeps no log, over twenty connections that were open before.
fn asked_without_a_log(
    name: &'static str,
    port: u16,
    server: Daemon,
    says: Says,
    subject: &'static [&'static str],
    also: fn(&Stage, &Said) -> Vec<String>,
) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([("http-flood", subject)]));
    let does = Does::Keeps { connections: 20, says };
    Incident {
        name,
        services: vec![Role::Daemon(server)],
        elsewhere: &[STRANGERS],
        traffic: vec![Traffic::Clients(Clients { to: at(port), count: 1, per_second: 500, does })],
        window: 2 * SECOND,
        also: Some(also),
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "ack-flood", "discard-sink", "bulk-transfer-in", "port-scan"],
            subject,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn requests_over_open_connections_that_no_log_knows_of() {
    asked_without_a_log(
        "http-flood-without-log",
        80,
        Daemon::Http { at: at(80), size: 200 },
        Says::Page,
        &["stage-http", "203.0.113.1", "/search"],
        |_, said| unsaid(said, &["requests/s, mostly from 203.0.113.1"]),
    );
}

#[test]
fn records_of_tls_over_open_connections_are_exchanges() {
    asked_without_a_log(
        "tls-flood-without-log",
        443,
        Daemon::Answers { at: at(443), with: [&[23, 3, 3, 1, 0][..], &[0x5a; 256]].concat() },
        Says::Record,
        &["stage-answers", "203.0.113.1", "443"],
        |_, said| unsaid(said, &["exchanges by TLS as in a flood of requests", "exchanges/s, mostly from 203.0.113.1"]),
    );
}

#[test]
fn connections_to_an_encrypted_port_that_ten_clients_open() {
    let clients = Clients { to: at(443), count: 10, per_second: 300, does: Does::Visits { bytes: 200 } };
    asked("https-connections-of-few", vec![Role::Web { at: at(443) }], vec![], clients, &["stage-web", "443"]);
}

/// Next to nothing comes in, and yet the server has no room for anybody else.
#[test]
fn requests_that_never_end() {
    Incident {
        name: "slow-requests",
        services: vec![Role::Daemon(Daemon::Http { at: at(80), size: 200 })],
        traffic: vec![Traffic::Clients(Clients {
            to: at(80),
            count: 3,
            per_second: 30,
            does: Does::Trickle { held: 300 },
        })],
        window: SECOND,
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "bulk-transfer-in", "discard-sink", "port-scan"],
            subject: &[("http-flood", &["stage-http", "80"])],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn passwords_that_are_guessed_just_now() {
    let (mut log, now) = (String::new(), Timestamp::now());
    for number in 0..100i64 {
        let at = now - jiff::SignedDuration::from_millis(100_000 - number * 990);
        let user = ["root", "admin", "postgres", "deploy", "pi"][number as usize % 5];
        writeln!(
            log,
            "{at} server sshd[{}]: Failed password for {user} from 10.88.0.1 port {} ssh2",
            900 + number,
            40_000 + number
        )
        .expect("a string takes it");
    }
    Incident {
        name: "ssh-brute-force-live",
        services: vec![Role::Login { at: at(22) }],
        logs: vec![("auth.log", log)],
        traffic: vec![Traffic::Clients(Clients {
            to: at(22),
            count: 1,
            per_second: 8,
            does: Does::Visits { bytes: 40 },
        })],
        window: SECOND,
        expect: Expect {
            first: Some("ssh-brute-force"),
            not: &["port-scan", "syn-flood", "http-flood", "bulk-transfer-in"],
            subject: &[("ssh-brute-force", &["10.88.0.1", "root", "sshd"])],
            exit: &[1],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// Each address tries a few times and is gone.
#[test]
fn passwords_that_a_whole_network_of_machines_guesses() {
    let (mut log, now) = (String::new(), Timestamp::now());
    for number in 0..240i64 {
        let at = now - jiff::SignedDuration::from_millis(240_000 - number * 990);
        let from = if number % 3 == 0 {
            format!("2001:db8::{:x}", number / 3 + 1)
        } else {
            format!("198.51.100.{}", number % 80 + 1)
        };
        writeln!(
            log,
            "{at} server sshd[{}]: Invalid user u{} from {from} port {}",
            900 + number,
            number % 30,
            40_000 + number
        )
        .expect("a string takes it");
    }
    Incident {
        name: "ssh-brute-force-distributed",
        services: vec![Role::Login { at: at(22) }],
        logs: vec![("auth.log", log)],
        window: SECOND,
        expect: Expect {
            first: Some("ssh-brute-force"),
            not: &["port-scan", "syn-flood"],
            exit: &[1],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

fn scan(name: &'static str, traffic: Vec<Traffic>, subject: &'static [&'static str]) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([("port-scan", subject)]));
    Incident {
        name,
        services: vec![web()],
        traffic,
        window: SECOND,
        expect: Expect {
            first: Some("port-scan"),
            not: &["syn-flood", "ack-flood", "udp-flood-closed-port", "bulk-transfer-in"],
            subject,
            exit: &[1],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn one_source_looks_for_services_by_datagrams() {
    let source = Sources::One([203, 0, 113, 9].into());
    scan("udp-scan", vec![flood(Shape::DatagramScan { last: 3000 }, source, 300)], &["203.0.113.9"]);
}

#[test]
fn three_sources_scan_at_once() {
    scan("scan-of-three-sources", vec![flood(Shape::Scan { last: 2000 }, Sources::Few(3), 600)], &["198.1"]);
}

/// The host is the one who floods: nothing of note comes in, and yet it is not calm.
#[test]
fn a_process_of_this_host_floods_somebody() {
    Incident {
        name: "outbound-flood",
        services: vec![Role::Daemon(Daemon::Sender {
            to: (Ipv4Addr::new(203, 0, 113, 50), 9000).into(),
            payload: 600,
            per_second: 6000,
        })],
        window: SECOND,
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-sender (pid", "203.0.113.50, UDP port 9000"])),
        expect: Expect {
            first: Some("outbound-flood"),
            subject: &[("outbound-flood", &["stage-sender", "203.0.113.50", "9000"])],
            exit: &[1],
            not: &["not-reaching-host", "bulk-transfer-in", "outbound-scan", "outbound-amplified"],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

fn scans_others(name: &'static str, scanner: Daemon, said: fn(&Stage, &Said) -> Vec<String>) {
    Incident {
        name,
        services: vec![Role::Daemon(scanner)],
        also: Some(said),
        expect: Expect {
            first: Some("outbound-scan"),
            exit: &[1],
            not: &["not-reaching-host", "bulk-transfer-in", "outbound-flood"],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_process_of_this_host_connects_to_one_address_after_the_other() {
    scans_others("outbound-scan", Daemon::Scanner { port: 23, per_second: 300 }, |_, said| {
        unsaid(said, &["stage-scanner (pid", "port 23"])
    });
}

/// Nothing counts what a raw socket sends: who holds one is named.
#[test]
fn a_raw_socket_of_this_host_scans() {
    scans_others("outbound-scan-raw", Daemon::RawScanner { port: 445, per_second: 300 }, |_, said| {
        unsaid(said, &["stage-rawscan (pid", "raw socket", "port 445"])
    });
}

#[test]
fn a_service_of_no_known_kind_amplifies() {
    Incident {
        name: "outbound-amplified",
        services: vec![Role::Amplifier { at: at(9999), size: 1400 }],
        traffic: vec![flood(
            Shape::Udp { ports: Ports::One(9999), payload: 40 },
            Sources::One([203, 0, 113, 9].into()),
            600,
        )],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-named (pid", "UDP port 9999", "203.0.113.9"])),
        expect: Expect {
            first: Some("outbound-amplified"),
            exit: &[1],
            not: &["not-reaching-host", "bulk-transfer-in", "outbound-flood", "udp-flood-open-port"],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
