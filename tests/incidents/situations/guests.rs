//! What goes wrong inside of a container: there a stage has a network namespace of its own behind the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::{Expect, Said, unsaid};
use crate::service::Role;
use crate::stage::{GUEST, SERVER, Setting, Stage, WORLD};
use crate::traffic::{Clients, Does, Flood, Ports, Shape, Sources, Traffic, Ttl};

fn guest(port: u16) -> SocketAddr {
    (GUEST, port).into()
}

fn flood(shape: Shape) -> Vec<Traffic> {
    vec![Traffic::Flood(Flood { shape, to: GUEST, from: Sources::Few(300), ttl: Ttl::BySource, per_second: 3000 })]
}

fn udp(port: u16) -> Vec<Traffic> {
    flood(Shape::Udp { ports: Ports::One(port), payload: 1200 })
}

/// The way of the world to the guest, for what is no forged frame.
const WAY: [&str; 1] = ["ip route add 10.99.0.0/24 via 10.77.1.2"];

#[test]
fn a_rule_inside_of_a_container_drops_a_flood() {
    Incident {
        name: "guest-drop",
        guest: vec![Role::DatagramSink { at: guest(9999) }],
        inside: &[
            "nft add table inet f",
            "nft add chain inet f in '{ type filter hook input priority 0; }'",
            "nft add rule inet f in udp dport 9999 counter drop",
        ],
        traffic: udp(9999),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["a rule inside of network namespace casebook-stage-", "nft inet f in"])
        }),
        expect: Expect {
            beside: &["forwarded"],
            ..Expect::flood("guest-drop", &["dropped-by-firewall", "udp-flood-open-port", "guest-unheard"])
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_reader_in_a_container_that_does_not_keep_up() {
    Incident {
        name: "guest-slow-reader",
        guest: vec![Role::SlowReader { at: guest(5514) }],
        traffic: udp(5514),
        expect: Expect {
            beside: &["forwarded"],
            subject: &[("guest-slow-reader", &["stage-slow", "5514"])],
            ..Expect::flood("guest-slow-reader", &["udp-flood-open-port", "guest-drop", "guest-unheard"])
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_service_in_a_container_that_accepts_too_slowly() {
    Incident {
        name: "guest-listen-overflow",
        guest: vec![Role::Daemon(Daemon::SlowAccept { at: guest(8080), backlog: 1000, each: 400 })],
        inside: &["sysctl -qw net.core.somaxconn=16"],
        elsewhere: &WAY,
        traffic: vec![Traffic::Clients(Clients { to: guest(8080), count: 20, per_second: 60, does: Does::Opens })],
        expect: Expect {
            first: Some("guest-listen-overflow"),
            not: &["listen-overflow", "syn-flood", "guest-syn-backlog"],
            subject: &[("guest-listen-overflow", &["stage-accept", "8080"])],
            ..Expect::default()
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_container_without_room_for_half_open_connections() {
    Incident {
        name: "guest-syn-backlog",
        guest: vec![Role::Web { at: guest(80) }],
        inside: &["sysctl -qw net.ipv4.tcp_syncookies=0 net.ipv4.tcp_max_syn_backlog=64"],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Syn { port: 80 },
            to: GUEST,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 3000,
        })],
        expect: Expect {
            first: Some("guest-syn-backlog"),
            beside: &["syn-flood"],
            not: &["guest-listen-overflow", "guest-unheard", "listen-overflow"],
            subject: &[("guest-syn-backlog", &["80", "-guest"])],
            exit: &[1, 2],
            bytes: 200_000,
            ..Expect::default()
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// Its source is hidden, as engines do it.
#[test]
fn a_container_that_downloads() {
    Incident {
        name: "guest-download",
        guest: vec![Role::Web { at: guest(80) }],
        firewall: &[
            "nft add table ip n",
            "nft add chain ip n post '{ type nat hook postrouting priority 100; }'",
            "nft add rule ip n post oifname eth0 masquerade",
        ],
        traffic: vec![Traffic::DownloadBehind { from: (WORLD, 443).into(), bytes_per_second: 3_000_000 }],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-fetch (pid ", "that it asked for from 10.77.1.1"])),
        expect: Expect {
            first: Some("guest-download"),
            not: &["bulk-transfer-in", "discard-sink", "guest-drop", "guest-slow-reader"],
            subject: &[("guest-download", &["stage-fetch", "10.77.1.1", "g0"])],
            exit: &[1, 2],
            bytes: 3_000_000,
            ..Expect::default()
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// An engine's proxy takes each connection on the host and opens another into the container.
#[test]
fn a_published_port_by_a_process_of_the_host() {
    Incident {
        name: "userland-proxy",
        guest: vec![Role::Sink { at: guest(80) }],
        services: vec![Role::Relay { at: (SERVER, 8080).into(), to: guest(80) }],
        traffic: vec![Traffic::Upload { to: (SERVER, 8080).into(), bytes_per_second: 3_000_000 }],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["discard-sink", "forwarded", "guest-download", "guest-drop"],
            subject: &[("bulk-transfer-in", &["stage-relay", "8080"])],
            exit: &[1],
            bytes: 3_000_000,
            // Twice would be 18 MB.
            bytes_at_most: 13_000_000,
            ..Expect::default()
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// Frames for a link address that is not this host's, port 9999.
fn frames_for_others() -> Vec<Traffic> {
    let to = Ipv4Addr::new(10, 77, 1, 99);
    let flood = Flood {
        shape: Shape::ForOthers { payload: 1200 },
        to,
        from: Sources::Few(300),
        ttl: Ttl::BySource,
        per_second: 3000,
    };
    vec![Traffic::Flood(flood)]
}

/// Its interface stands on the one by which the flood comes: no packet of it is this host's, and no rule of this host sees one.
#[test]
fn a_listener_in_a_container_on_a_macvlan() {
    Incident {
        name: "macvlan-listener",
        guest: vec![Role::DatagramSink { at: (Ipv4Addr::UNSPECIFIED, 9999).into() }],
        firewall: &[
            "ip link add mv0 link eth0 address 02:77:00:00:00:99 type macvlan mode bridge",
            "guest=$(ip netns identify $$ | sed s/server/guest/) && ip link set mv0 netns $guest && \
             ip -n $guest addr add 10.77.1.99/24 dev mv0 && ip -n $guest link set mv0 up",
        ],
        traffic: frames_for_others(),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(
                said,
                &[
                    "for this host's guest 02:77:00:00:00:99 on eth0, network namespace casebook-stage-",
                    "-guest (stage-sink, pid ",
                ],
            )
        }),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["not-for-us", "udp-flood-open-port"]) },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// Two machines behind a bridge, each by its TAP device: what comes is for one of them.
#[test]
fn the_busy_one_of_two_machines() {
    Incident {
        name: "noisy-machine",
        services: ["vnet3", "vnet4"].map(|tap| Role::Machine { tap: tap.to_owned() }).into(),
        firewall: &[
            "ip link add br0 type bridge",
            "for it in br0 vnet3 vnet4; do ip link set $it up; done",
            "for it in vnet3 vnet4 eth0; do ip link set $it master br0; done",
            "ip addr del 10.77.1.2/24 dev eth0",
            "ip addr add 10.77.1.2/24 dev br0",
            "ip route replace default via 10.77.1.1 dev br0",
            "bridge fdb add 02:77:00:00:00:99 dev vnet3 master static",
            "bridge fdb add 02:77:00:00:00:98 dev vnet4 master static",
            "ip neigh replace 10.77.1.98 lladdr 02:77:00:00:00:98 dev br0 nud permanent",
            "ping -q -i 0.05 -c 200 10.77.1.98 >/dev/null 2>&1 &",
        ],
        traffic: frames_for_others(),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["guest 02:77:00:00:00:99: eth0 → br0 → vnet3", "VM of qemu-stage (pid ", ") by vnet3"])
        }),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["not-for-us", "not-reaching-host"]) },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// A machine on a network of its own to which this host routes, as libvirt's default is: its address is known by the table of
/// neighbours alone.
#[test]
fn a_machine_on_a_routed_network() {
    Incident {
        name: "routed-machine",
        services: vec![Role::Machine { tap: "vnet5".to_owned() }],
        firewall: &[
            "sysctl -qw net.ipv4.ip_forward=1",
            "ip link add virbr0 type bridge",
            "ip addr add 192.168.122.1/24 dev virbr0",
            "ip link set vnet5 master virbr0",
            "for it in virbr0 vnet5; do ip link set $it up; done",
            "bridge fdb add 02:77:00:00:00:97 dev vnet5 master static",
            "ip neigh replace 192.168.122.5 lladdr 02:77:00:00:00:97 dev virbr0 nud permanent",
        ],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(53), payload: 1200 },
            to: Ipv4Addr::new(192, 168, 122, 5),
            from: Sources::Few(300),
            ttl: Ttl::BySource,
            per_second: 3000,
        })],
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["forwarded to 192.168.122.5, UDP port 53, VM of qemu-stage (pid ", ") by vnet5"])
        }),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["not-for-us", "not-reaching-host"]) },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}

/// Forty that rest, one that little comes to, and the one that is flooded.
#[test]
fn the_busy_one_of_forty_containers() {
    Incident {
        name: "one-of-forty-guests",
        setting: Setting { alone: true, ..Setting::default() },
        guest: vec![Role::DatagramSink { at: guest(9999) }],
        prepared: &[
            "for i in $(seq 40); do unshare -n sleep 60 >/dev/null 2>&1 & sleep 0.02; ip link add q$i type veth peer name eth0 netns $! && \
             ip addr add 10.98.$i.1/24 dev q$i && ip link set q$i up && nsenter -n -t $! sh -c \"ip link set eth0 up; ip addr add 10.98.$i.2/24 dev eth0\" || exit 1; done",
            "ping -q -i 0.05 -c 200 10.98.7.2 >/dev/null 2>&1 &",
        ],
        traffic: udp(9999),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["forwarded to 10.99.0.2, UDP port 9999, network namespace casebook-stage-", "-guest (stage-sink, pid "])
        }),
        expect: Expect {
            exit: &[1, 2],
            ..Expect::flood("forwarded", &["udp-flood-open-port", "discard-sink", "guest-unheard", "guest-drop"])
        },
        window: Duration::from_secs(2),
        ..Incident::default()
    }
    .play();
}
