//! What can be said when the kernel lets casebook see little: never "fine", and no cause that nobody saw.

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::SERVER;
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

#[test]
fn quiet_host_without_root_is_no_all_clear() {
    Incident {
        name: "quiet-host-without-root",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        without_root: true,
        expect: Expect { exit: &[3], unexplained: None, bytes_at_most: 10_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn flood_without_root_is_seen_by_its_rate_and_counters() {
    Incident {
        name: "udp-flood-without-root",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 6000,
        })],
        without_root: true,
        expect: Expect {
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall"],
            unexplained: None,
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
