//! What hosts do every day: much of it looks like an attack by its rate, its ports or its number of senders.

use std::time::Duration;

use crate::daemon::Daemon;
use crate::incident::{Incident, side_by_side};
use crate::judgement::{Expect, Said};
use crate::service::Role;
use crate::stage::{SERVER, SERVER6, Setting, Stage, WORLD};
use crate::traffic::{Clients, Does, Flood, STRANGERS, Says, Shape, Sources, Traffic, Ttl};

/// What none of this is.
const NONE_OF: &[&str] = &[
    "syn-flood",
    "ack-flood",
    "icmp-flood",
    "fragment-flood",
    "udp-flood-closed-port",
    "udp-flood-open-port",
    "http-flood",
    "port-scan",
    "discard-sink",
    "dropped-by-firewall",
    "reflection-dns",
    "reflection-ntp",
    "reflection-multi-vector",
    "open-resolver-abuse",
    "reflector-abuse",
    "broadcast-storm",
    "multicast-flood",
    "ssh-brute-force",
    "not-reaching-host",
];
const SECOND: Duration = Duration::from_secs(1);
/// A rate far above what counts as high.
const FAST: u64 = 6_000_000;

fn at(port: u16) -> std::net::SocketAddr {
    (SERVER, port).into()
}

fn clients(port: u16, count: u16, per_second: u64, does: Does) -> Traffic {
    Traffic::Clients(Clients { to: at(port), count, per_second, does })
}

/// Nobody is told to end, close or drop anything.
fn advises_no_harm(said: &Said) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let remedies = case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies);
    let commands = remedies.filter_map(|remedy| remedy.run.as_ref());
    commands.filter(|run| run.contains("kill") || run.contains("drop")).map(|run| format!("advises {run}")).collect()
}

/// A process takes a lot, as it is meant to.
fn taken(name: &'static str, services: Vec<Role>, traffic: Vec<Traffic>, subject: &'static [&'static str], bytes: u64) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([("bulk-transfer-in", subject)]));
    Incident {
        name,
        services,
        traffic,
        window: SECOND,
        also: Some(|_: &Stage, said: &Said| advises_no_harm(said)),
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: NONE_OF,
            subject,
            exit: &[1],
            bytes,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// Little comes in within a second, so that what arrives between two looks is a large share of it, and yet few packets.
fn all_but_a_few_packets(said: &Said) -> Vec<String> {
    let ledger = said.case.as_ref().ok().and_then(|case| case.ledger.as_ref());
    let unexplained = ledger.map_or(0, |ledger| ledger.unexplained_bytes);
    let share = ledger.and_then(|ledger| ledger.unexplained_share).unwrap_or(0.0);
    if unexplained > 3_000 && share > 0.01 { vec![format!("{unexplained} bytes stay unexplained")] } else { Vec::new() }
}

/// A host at its usual work: calm.
fn usual(name: &'static str, services: Vec<Role>, traffic: Vec<Traffic>) -> Incident {
    Incident {
        name,
        setting: Setting { light: true, ..Setting::default() },
        services,
        traffic,
        window: SECOND,
        also: Some(|_: &Stage, said: &Said| all_but_a_few_packets(said)),
        expect: Expect { exit: &[0], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
}

#[test]
fn a_backup_that_is_pushed_over_ssh() {
    let services = vec![Role::Daemon(Daemon::Backup { at: at(22) })];
    let traffic = vec![Traffic::Upload { to: at(22), bytes_per_second: FAST }];
    taken("backup-over-ssh", services, traffic, &["stage-backup", "22", "10.77.1.1"], 4_000_000);
}

#[test]
fn a_backup_that_is_pushed_over_ipv6() {
    let to = (SERVER6, 22).into();
    let services = vec![Role::Daemon(Daemon::Backup { at: to })];
    let traffic = vec![Traffic::Upload { to, bytes_per_second: FAST }];
    taken("backup-over-ipv6", services, traffic, &["stage-backup", "22", "fd77:1::1"], 4_000_000);
}

#[test]
fn layers_of_an_image_that_are_pulled_side_by_side() {
    let layer = |port: u16, bytes_per_second| Traffic::Download { from: (WORLD, port).into(), bytes_per_second };
    let traffic = vec![layer(443, 3_000_000), layer(443 + 4000, 2_000_000), layer(5000, 600_000), layer(5001, 100_000)];
    taken("image-pull", vec![], traffic, &["stage-fetch", "10.77.1.1"], 4_000_000);
}

#[test]
fn a_camera_that_is_recorded() {
    let services = vec![Role::Daemon(Daemon::Collector { at: at(5004) })];
    let traffic = vec![Traffic::Datagrams { to: at(5004), payload: 1300, per_second: 2500 }];
    taken("video-recorded", services, traffic, &["stage-collect", "5004", "10.77.1.1"], 2_000_000);
}

#[test]
fn a_conference_that_is_answered_with_as_much() {
    let services = vec![Role::Daemon(Daemon::Answerer { at: at(10_000), size: 0 })];
    let traffic = vec![clients(10_000, 4, 1500, Does::Datagrams { payload: 1100 })];
    taken("video-conference", services, traffic, &["stage-answer", "10000"], 1_000_000);
}

#[test]
fn a_collector_of_logs_of_sixty_hosts() {
    let services = vec![Role::Daemon(Daemon::Collector { at: at(514) })];
    let traffic = vec![clients(514, 60, 1500, Does::Datagrams { payload: 300 })];
    taken("syslog-collector", services, traffic, &["stage-collect", "514"], 300_000);
}

/// More senders than a flood has at least; but what they send is kept.
#[test]
fn a_collector_of_measurements_of_four_hundred_hosts() {
    let services = vec![Role::Daemon(Daemon::Collector { at: at(8125) })];
    let traffic = vec![clients(8125, 400, 2500, Does::Datagrams { payload: 200 })];
    taken("measurements-of-400-hosts", services, traffic, &["stage-collect", "8125"], 300_000);
}

#[test]
fn a_game_server_with_eighty_players() {
    let services = vec![Role::Game { at: at(27_015) }];
    let traffic = vec![clients(27_015, 80, 2400, Does::Datagrams { payload: 60 })];
    taken("game-server", services, traffic, &["stage-game", "27015"], 150_000);
}

#[test]
fn a_game_server_with_three_hundred_players() {
    let services = vec![Role::Game { at: at(27_015) }];
    let traffic = vec![clients(27_015, 300, 4000, Does::Datagrams { payload: 60 })];
    taken("game-server-full", services, traffic, &["stage-game", "27015"], 300_000);
}

#[test]
fn uploads_over_quic() {
    let services = vec![Role::Daemon(Daemon::Answerer { at: at(443), size: 40 })];
    let traffic = vec![clients(443, 50, 1500, Does::Datagrams { payload: 1200 })];
    taken("quic-uploads", services, traffic, &["stage-answer", "443"], 1_000_000);
}

#[test]
fn files_that_many_clients_upload() {
    let services = vec![Role::Daemon(Daemon::Backup { at: at(8443) })];
    let traffic = vec![clients(8443, 50, 20, Does::Visits { bytes: 200_000 })];
    taken("uploads-of-many", services, traffic, &["stage-backup", "8443"], 1_000_000);
}

#[test]
fn a_stream_that_goes_on_to_another_program_by_a_pipe() {
    let services = vec![Role::Daemon(Daemon::Piped { at: at(7000) })];
    let traffic = vec![Traffic::Upload { to: at(7000), bytes_per_second: FAST }];
    taken("handed-on-by-a-pipe", services, traffic, &["stage-piped", "7000"], 4_000_000);
}

#[test]
fn datagrams_that_go_on_to_somebody_else() {
    let to = (WORLD, 9000).into();
    let services = vec![Role::Daemon(Daemon::DatagramRelay { at: at(7001), to })];
    let traffic = vec![Traffic::Datagrams { to: at(7001), payload: 1200, per_second: 3000 }];
    taken("relayed-datagrams", services, traffic, &["stage-udprelay", "7001"], 2_000_000);
}

#[test]
fn a_proxy_to_a_server_elsewhere() {
    let behind = (WORLD, 9000).into();
    let services = vec![Role::Relay { at: at(7000), to: behind }];
    let traffic = vec![Traffic::Takes { at: behind }, Traffic::Upload { to: at(7000), bytes_per_second: FAST }];
    taken("proxy-to-elsewhere", services, traffic, &["stage-relay", "7000"], 4_000_000);
}

#[test]
fn servers_at_their_work() {
    let files = Role::Daemon(Daemon::FileServer { at: at(8080), bytes_per_second: 3_000_000 });
    let measurements = Role::Daemon(Daemon::Http { at: at(9100), size: 50_000 });
    let messages = Role::Daemon(Daemon::Http { at: at(1883), size: 8 });
    let mail = Role::Daemon(Daemon::Backup { at: at(25) });
    side_by_side(&[
        usual("file-server", vec![files], vec![clients(8080, 2, 1, Does::Reads)]),
        usual("metrics-scrape", vec![measurements], vec![clients(9100, 2, 10, Does::Requests { body: 0 })]),
        usual("open-connections", vec![messages], vec![clients(1883, 50, 200, Does::Requests { body: 32 })]),
        // Letters are requests, not one transfer: that takes some of them to see.
        Incident {
            window: 3 * SECOND,
            ..usual("mail-server", vec![mail], vec![clients(25, 40, 15, Does::Visits { bytes: 20_000 })])
        },
    ]);
}

/// Many ask a site for its pages over connections that stay open, and two a store for its keys.
#[test]
fn those_who_ask_all_the_time() {
    let site = Role::Daemon(Daemon::Http { at: at(80), size: 2000 });
    let store = Role::Daemon(Daemon::Answers { at: at(6379), with: b"$3\r\nabc\r\n".to_vec() });
    let keep = |port, count, connections, per_second, says| {
        clients(port, count, per_second, Does::Keeps { connections, says })
    };
    side_by_side(&[
        Incident {
            elsewhere: &[STRANGERS],
            window: 2 * SECOND,
            ..usual("many-readers", vec![site], vec![keep(80, 100, 100, 150, Says::Pages)])
        },
        Incident {
            elsewhere: &[STRANGERS],
            window: 2 * SECOND,
            ..usual("key-value-store", vec![store], vec![keep(6379, 2, 20, 600, Says::Key)])
        },
    ]);
}

#[test]
fn those_who_ask_and_answer_by_datagrams() {
    let resolver = (WORLD, 53).into();
    let names = Role::Daemon(Daemon::Answerer { at: at(53), size: 90 });
    let asks = Role::Daemon(Daemon::Asker { of: resolver, per_second: 150 });
    let time = Role::Daemon(Daemon::Answerer { at: at(123), size: 0 });
    side_by_side(&[
        usual("name-server", vec![names], vec![clients(53, 300, 400, Does::Questions)]),
        usual("asks-many-names", vec![asks], vec![Traffic::Answers { at: resolver, size: 300 }]),
        usual("time-server", vec![time], vec![clients(123, 300, 300, Does::Time)]),
    ]);
}

#[test]
fn what_every_network_says_all_day() {
    let pings = Flood {
        shape: Shape::Echo { payload: 56 },
        to: SERVER,
        from: Sources::Few(10),
        ttl: Ttl::BySource,
        per_second: 20,
    };
    let chatter = |shape, to: [u8; 4], per_second| {
        Traffic::Flood(Flood { shape, to: to.into(), from: Sources::One(WORLD), ttl: Ttl::Same(64), per_second })
    };
    let office = vec![
        chatter(Shape::Broadcast { port: 137, payload: 50 }, [10, 77, 1, 255], 5),
        chatter(Shape::Multicast { port: 5353, payload: 120 }, [224, 0, 0, 251], 8),
        chatter(Shape::Multicast { port: 1900, payload: 130 }, [239, 255, 255, 250], 8),
        chatter(Shape::Discover { stations: 5 }, [255; 4], 2),
        chatter(Shape::ArpOfMany { stations: 40 }, [10, 77, 1, 2], 15),
    ];
    let web = || vec![Role::Web { at: at(80) }];
    side_by_side(&[
        usual("health-checks", web(), vec![clients(80, 3, 12, Does::Visits { bytes: 16 })]),
        usual("pings-of-monitoring", vec![], vec![Traffic::Flood(pings)]),
        usual("office-network", web(), office),
    ]);
}

/// The port says what it is, and the process that answers takes nothing away from that.
#[test]
fn a_vpn_by_a_process_of_its_own() {
    Incident {
        name: "vpn-by-a-process",
        services: vec![Role::Daemon(Daemon::Answerer { at: at(1194), size: 0 })],
        traffic: vec![Traffic::Datagrams { to: at(1194), payload: 1200, per_second: 2500 }],
        window: SECOND,
        expect: Expect {
            first: Some("tunnel-inbound"),
            not: &["udp-flood-closed-port", "udp-flood-open-port", "discard-sink", "reflector-abuse"],
            subject: &[("tunnel-inbound", &["openvpn", "1194", "10.77.1.1"])],
            exit: &[1],
            bytes: 2_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
