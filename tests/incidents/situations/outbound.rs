//! What leaves the host: work, waste and abuse, by the runbook about that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::{Expect, Said, unsaid};
use crate::service::Role;
use crate::stage::{SERVER, Stage, WORLD};
use crate::traffic::{Clients, Does, Flood, Shape, Sources, Traffic, Ttl, background_noise};

const SECOND: Duration = Duration::from_secs(1);
/// A rate above what counts as high.
const FAST: u64 = 4_000_000;
/// Where somebody of the world takes what comes.
const TAKER: SocketAddr = SocketAddr::new(IpAddr::V4(WORLD), 7300);

/// A host of which the runbook must say that.
fn leaves(name: &'static str, first: Option<&'static str>, not: &'static [&'static str]) -> Incident {
    let exit: &[i32] = if first.is_some() { &[1] } else { &[0] };
    Incident {
        name,
        runbook: "high-outbound-traffic",
        window: SECOND,
        expect: Expect { first, not, exit, unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
}

fn uploads(bytes_per_second: u64) -> Vec<Role> {
    vec![Role::Daemon(Daemon::Uploader { to: TAKER, bytes_per_second })]
}

fn takes() -> Vec<Traffic> {
    vec![Traffic::Takes { at: TAKER }]
}

#[test]
fn a_quiet_host_sends_nothing_of_note() {
    let services = vec![Role::Web { at: (SERVER, 80).into() }];
    Incident { services, traffic: background_noise(), ..leaves("outbound-quiet", None, &[]) }.play();
}

#[test]
fn a_busy_server_is_no_cause() {
    let at = (SERVER, 80).into();
    let clients = Clients { to: at, count: 40, per_second: 30, does: Does::Requests { body: 0 } };
    Incident {
        services: vec![Role::Daemon(Daemon::Http { at, size: 30_000 })],
        traffic: vec![Traffic::Clients(clients)],
        ..leaves("outbound-busy-server", None, &["bulk-transfer-out", "spam", "outbound-scan", "retry-loop"])
    }
    .play();
}

#[test]
fn an_upload_is_a_transfer_with_a_process_and_a_remote() {
    Incident {
        services: uploads(FAST),
        traffic: takes(),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-upload (pid", "10.77.1.1 port 7300"])),
        ..leaves("outbound-upload", Some("bulk-transfer-out"), &["outbound-flood", "retransmissions", "guest-sends"])
    }
    .play();
}

/// The world loses one segment of thirty.
#[test]
fn a_path_that_loses_shows_in_what_is_sent_again() {
    Incident {
        services: uploads(600_000),
        traffic: takes(),
        elsewhere: &[
            "nft add table inet lossy",
            "nft add chain inet lossy in '{ type filter hook input priority 0; }'",
            "nft add rule inet lossy in tcp dport 7300 numgen random mod 30 == 0 drop",
        ],
        prepared: &["ethtool -K eth0 tso off gso off"],
        window: Duration::from_secs(2),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["sent again by TCP, for stage-upload (pid"])),
        ..leaves("outbound-lossy-path", Some("retransmissions"), &["outbound-flood", "bulk-transfer-out"])
    }
    .play();
}

#[test]
fn datagrams_that_nobody_answers_are_a_flood() {
    let to = (Ipv4Addr::new(203, 0, 113, 50), 9000).into();
    Incident {
        services: vec![Role::Daemon(Daemon::Sender { to, payload: 600, per_second: 6000 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-sender (pid", "203.0.113.50, UDP port 9000"])),
        ..leaves("outbound-datagrams", Some("outbound-flood"), &["bulk-transfer-out", "spam", "retry-loop"])
    }
    .play();
}

#[test]
fn one_address_after_the_other_is_a_scan() {
    Incident {
        services: vec![Role::Daemon(Daemon::Scanner { port: 23, per_second: 300 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-scanner (pid", "port 23"])),
        ..leaves("outbound-scanner", Some("outbound-scan"), &["bulk-transfer-out", "spam", "retry-loop"])
    }
    .play();
}

#[test]
fn one_mail_server_after_the_other_is_spam() {
    let incident = leaves("outbound-spam", Some("spam"), &["bulk-transfer-out", "retry-loop"]);
    Incident {
        services: vec![Role::Daemon(Daemon::Scanner { port: 25, per_second: 300 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-scanner (pid", "mail servers", "port 25"])),
        expect: Expect { exit: &[2], ..incident.expect },
        ..incident
    }
    .play();
}

#[test]
fn a_client_that_is_refused_again_and_again_is_a_loop() {
    let to = (WORLD, 5432).into();
    Incident {
        services: vec![Role::Daemon(Daemon::Retrier { to, per_second: 200 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-retrier (pid", "is refused", "10.77.1.1 port 5432"])),
        ..leaves("outbound-retry-loop", Some("retry-loop"), &["outbound-scan", "spam", "outbound-flood"])
    }
    .play();
}

/// What a program gives to a tunnel leaves as the kernel's.
#[test]
fn what_leaves_by_a_tunnel_is_told_with_the_interface_that_leads_into_it() {
    let to = (Ipv4Addr::new(10, 88, 0, 2), 9000).into();
    Incident {
        prepared: &[
            "ip link add vx5 type vxlan id 5 remote 10.77.1.1 dstport 4789 dev eth0",
            "ip addr add 10.88.0.1/24 dev vx5",
            "ip link set vx5 up",
            "ip neigh add 10.88.0.2 lladdr 02:00:00:00:00:05 dev vx5",
        ],
        services: vec![Role::Daemon(Daemon::Sender { to, payload: 600, per_second: 6000 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["VXLAN", "UDP to port 4789", "given by vx5"])),
        ..leaves("outbound-tunnel", Some("tunnel-out"), &["bulk-transfer-out", "spam", "outbound-flood"])
    }
    .play();
}

#[test]
fn a_copy_that_goes_to_one_database_alone_is_replication() {
    let to = SocketAddr::new(IpAddr::V4(WORLD), 5432);
    Incident {
        services: vec![Role::Daemon(Daemon::Uploader { to, bytes_per_second: FAST })],
        traffic: vec![Traffic::Takes { at: to }],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-upload (pid", "10.77.1.1 (PostgreSQL)"])),
        ..leaves("outbound-replication", Some("replication"), &["outbound-flood", "retransmissions", "odd-program"])
    }
    .play();
}

/// Both routers send the network of nobody to each other.
#[test]
fn packets_that_go_round_are_a_loop() {
    let to = (Ipv4Addr::new(10, 98, 0, 5), 9000).into();
    let incident = leaves("outbound-routing-loop", Some("routing-loop"), &["bulk-transfer-out", "outbound-flood"]);
    Incident {
        guest: vec![Role::Daemon(Daemon::Sender { to, payload: 200, per_second: 60 })],
        // Their hops are used up at this host, not at the other.
        inside: &["sysctl -qw net.ipv4.ip_default_ttl=65"],
        elsewhere: &[
            "ip route add 10.99.0.0/24 via 10.77.1.2",
            "ip route add 10.98.0.0/24 via 10.77.1.2",
            "sysctl -qw net.ipv4.ip_forward=1",
        ],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["use up their hops here"])),
        expect: Expect { exit: &[1, 2], ..incident.expect },
        ..incident
    }
    .play();
}

#[test]
fn what_a_guest_sends_is_told_as_the_guests() {
    let incident = leaves("outbound-guest", Some("guest-sends"), &["bulk-transfer-out", "outbound-flood"]);
    Incident {
        guest: uploads(FAST),
        traffic: takes(),
        elsewhere: &["ip route add 10.99.0.0/24 via 10.77.1.2"],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["forwarded for 10.99.0.2"])),
        // What comes from the guest is inbound as well, and high.
        expect: Expect { exit: &[1, 2], ..incident.expect },
        ..incident
    }
    .play();
}

#[test]
fn resets_for_a_flood_of_syns_are_answers() {
    let shape = Shape::Syn { port: 81 };
    let flood = Flood { shape, to: SERVER, from: Sources::Forged, ttl: Ttl::BySource, per_second: 3000 };
    let incident = leaves("outbound-answers", Some("outbound-answers"), &["outbound-scan", "outbound-flood", "spam"]);
    Incident {
        traffic: vec![Traffic::Flood(flood)],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["resets, answers to TCP for no connection"])),
        expect: Expect { exit: &[1, 2], ..incident.expect },
        ..incident
    }
    .play();
}
