//! Hosts at a limit: of a rule, a queue, a CPU, a link or a route; and logs that tell of one.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use crate::daemon::Daemon;
use crate::incident::{Incident, side_by_side};
use crate::judgement::{Expect, Said};
use crate::service::Role;
use crate::stage::{SERVER, Setting, Stage, WORLD};
use crate::traffic::{Clients, Does, Flood, Ports, Shape, Sources, Traffic, Ttl};

const SECOND: Duration = Duration::from_secs(1);

fn at(port: u16) -> std::net::SocketAddr {
    (SERVER, port).into()
}

fn datagrams(to: Ipv4Addr, from: Sources, payload: usize, per_second: u32) -> Traffic {
    let shape = Shape::Udp { ports: Ports::One(9987), payload };
    Traffic::Flood(Flood { shape, to, from, ttl: Ttl::Same(57), per_second })
}

/// Nobody is advised to drop the whole port, here or at the provider.
fn cuts_nobody(_: &Stage, said: &Said) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let remedies = case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies);
    let advice = remedies.map(|remedy| format!("{} {}", remedy.action, remedy.run.as_deref().unwrap_or("")));
    let cuts = |advice: &String| advice.contains("dport 9987 counter drop") || advice.contains("please drop UDP");
    advice.filter(cuts).map(|advice| format!("cuts who is served: {advice}")).collect()
}

/// A rule drops a part of what comes for a port, behind which players are served.
fn limited(name: &'static str, firewall: &'static [&'static str], from: Sources, subject: &'static [&'static str]) {
    let subject: &'static [(&str, &[&str])] = Box::leak(Box::new([("dropped-by-firewall", subject)]));
    let players = Clients { to: at(9987), count: 20, per_second: 200, does: Does::Datagrams { payload: 60 } };
    Incident {
        name,
        services: vec![Role::Game { at: at(9987) }],
        firewall,
        traffic: vec![Traffic::Clients(players), datagrams(SERVER, from, 500, 5000)],
        window: 2 * SECOND,
        also: Some(cuts_nobody),
        expect: Expect {
            first: Some("dropped-by-firewall"),
            not: &["udp-flood-closed-port", "discard-sink"],
            subject,
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_limit_of_each_source_on_a_port_in_use() {
    limited(
        "hashlimit-on-a-served-port",
        &[
            "iptables-legacy -A INPUT -p udp --dport 9987 -m hashlimit --hashlimit-above 30/s --hashlimit-burst 40 --hashlimit-mode srcip --hashlimit-name stage -j DROP",
        ],
        Sources::Few(40),
        &["INPUT", "9987"],
    );
}

#[test]
fn a_list_of_blocked_networks_before_a_port_in_use() {
    limited(
        "blocked-networks-before-a-served-port",
        &[
            "nft add table inet guard",
            "nft add set inet guard blocked '{ type ipv4_addr; flags interval; elements = { 198.18.0.0/15, 203.0.113.0/24 }; }'",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
            "nft add rule inet guard door ip saddr @blocked counter drop",
        ],
        Sources::Forged,
        &["guard", "door"],
    );
}

/// The service asks for a long queue, and the kernel's limit gives it a short one.
#[test]
fn a_service_that_accepts_too_slowly_for_its_queue() {
    Incident {
        name: "accept-queue-of-the-kernels-limit",
        prepared: &["sysctl -qw net.core.somaxconn=16"],
        services: vec![Role::Daemon(Daemon::SlowAccept { at: at(8080), backlog: 1000, each: 400 })],
        traffic: vec![Traffic::Clients(Clients { to: at(8080), count: 20, per_second: 60, does: Does::Opens })],
        window: SECOND,
        expect: Expect {
            first: Some("listen-overflow"),
            not: &["bulk-transfer-in", "discard-sink", "http-flood", "syn-flood"],
            subject: &[("listen-overflow", &["stage-accept", "8080"])],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// An interface by which nothing can come in is no calm one.
fn dark(name: &'static str, firewall: &'static [&'static str], elsewhere: &'static [&'static str]) {
    Incident {
        name,
        services: vec![Role::Web { at: at(80) }],
        firewall,
        elsewhere,
        ask: &["--set", "interface=eth0"],
        window: SECOND,
        expect: Expect {
            first: Some("link-down"),
            not: &["not-reaching-host"],
            subject: &[("link-down", &["eth0"])],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn an_interface_that_somebody_took_down() {
    dark("link-down", &["ip link set eth0 down"], &[]);
}

#[test]
fn an_interface_without_anything_at_its_other_end() {
    dark("no-carrier", &[], &["ip link set w0 down"]);
}

#[test]
fn processes_that_use_the_cpus_up() {
    Incident {
        name: "busy-cpus",
        setting: Setting { alone: true, ..Setting::default() },
        services: vec![Role::Daemon(Daemon::Busy { threads: 5 }), Role::Web { at: at(80) }],
        also: Some(|_, said| {
            let Ok(case) = &said.case else { return Vec::new() };
            let summary = &case.diagnosis.summary;
            if summary.contains("Nothing unusual") { vec![format!("is calm: {summary}")] } else { Vec::new() }
        }),
        expect: Expect { exit: &[1], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

/// Two routers that each take the other for the way: a packet comes by thirty times.
#[test]
fn packets_that_go_round_between_two_routers() {
    Incident {
        name: "routing-loop",
        firewall: &[
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0",
        ],
        elsewhere: &[
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.w0.send_redirects=0",
            "ip route add 10.99.0.0/16 via 10.77.1.2",
        ],
        traffic: vec![datagrams(Ipv4Addr::new(10, 99, 0, 7), Sources::One([203, 0, 113, 77].into()), 900, 200)],
        window: SECOND,
        expect: Expect {
            first: Some("forwarded"),
            not: &["bulk-transfer-in", "udp-flood-closed-port", "discard-sink", "not-for-us"],
            subject: &[("forwarded", &["10.99.0.7"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// VXLAN of network 5: a frame for `vx5` with a datagram from 10.88.0.1 to 10.88.0.2, port 5001.
const WITHIN: &[u8] = b"\x08\x00\x00\x00\x00\x00\x05\x00\x02\x55\x00\x00\x00\x05\x02\x55\x00\x00\x00\x06\x08\x00\x45\x00\x04\x9a\x00\x00\x00\x00\x40\x11\x61\xa1\x0a\x58\x00\x01\x0a\x58\x00\x02\x13\x88\x13\x89\x04\x86\x00\x00";

#[test]
fn traffic_in_a_tunnel_of_this_host() {
    Incident {
        name: "tunnel-with-a-device",
        firewall: &[
            "ip link add vx5 address 02:55:00:00:00:05 type vxlan id 5 dstport 4789 local 10.77.1.2 remote 10.77.1.1",
            "ip addr add 10.88.0.2/32 dev vx5",
            "ip link set vx5 up",
        ],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Answer { from: 4789, begins: WITHIN, size: 1200, ports: Ports::One(4789) },
            to: SERVER,
            from: Sources::One(WORLD),
            ttl: Ttl::Same(64),
            per_second: 2500,
        })],
        window: SECOND,
        expect: Expect {
            first: Some("tunnel-inbound"),
            not: &["bulk-transfer-in", "discard-sink", "forwarded"],
            subject: &[("tunnel-inbound", &["vxlan", "10.77.1.1", "vx5"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// Lines of the kernel of the last minutes.
fn kernel_log(count: i64, line: impl Fn(i64) -> String) -> Vec<(&'static str, String)> {
    let (mut log, now) = (String::new(), Timestamp::now());
    for number in 0..count {
        let at = now - jiff::SignedDuration::from_secs(count - number);
        writeln!(log, "{at} server kernel: [{}.{:06}] {}", 9000 + number, number * 7 % 1_000_000, line(number))
            .expect("a string takes it");
    }
    vec![("kern.log", log)]
}

/// A host that is calm now, whose log tells of something.
fn told(name: &'static str, logs: Vec<(&'static str, String)>, first: Option<&'static str>) -> Incident {
    Incident {
        name,
        setting: Setting { light: true, ..Setting::default() },
        firewall: &["sysctl -qw net.ipv4.conf.all.log_martians=1"],
        services: vec![Role::Web { at: at(80) }],
        logs,
        window: SECOND,
        expect: Expect { first, exit: &[1], unexplained: None, bytes_at_most: 50_000, ..Expect::default() },
        ..Incident::default()
    }
}

#[test]
fn logs_that_tell_of_what_was_or_is() {
    let martians = kernel_log(120, |number| {
        let last = number % 2 + 20;
        format!("IPv4: martian source 192.168.7.255 from 192.168.7.{last}, on dev eth0")
    });
    let killed = kernel_log(3, |number| {
        let pid = 4000 + number;
        format!("Out of memory: Killed process {pid} (java) total-vm:8123456kB, anon-rss:6123456kB, file-rss:0kB")
    });
    let full = kernel_log(60, |_| "nf_conntrack: nf_conntrack: table full, dropping packet".to_owned());
    side_by_side(&[
        told("martian-broadcasts-in-the-log", martians, Some("unwanted-broadcasts")),
        told("out-of-memory-in-the-log", killed, None),
        told("conntrack-full-in-the-log", full, None),
    ]);
}
