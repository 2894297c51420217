//! The `interfaces` probe against the real kernel, in network namespaces of its own.

mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casebook::case::Reason;
use casebook::probe::interfaces::{InterfacesProbe, Params};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use support::namespace::{in_namespace, ip};
use support::need::{ipv6, require};

fn params(interface: &str, milliseconds: u64) -> Params {
    Params { interface: interface.into(), window: Span(Duration::from_millis(milliseconds)), samples: 4 }
}

/// A context whose live figure runs `when_live` once, after the first sample within the window.
fn context(when_live: impl Fn(String) + Send + Sync + 'static) -> Context {
    Context::new(Arc::new(StartBarrier::new(1)), Arc::default(), Inputs::new(), when_live)
}

#[test]
fn what_was_sent_over_loopback_is_what_loopback_received() {
    in_namespace(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        let sent = Arc::new(std::sync::Once::new());
        let cx = context(move |_| {
            sent.call_once(|| {
                for _ in 0..50 {
                    socket.send_to(&[0; 972], to).unwrap();
                }
            });
        });
        let seen = InterfacesProbe.observe(params("auto", 400), &cx).unwrap();
        let lo = &seen.output.watched;
        assert_eq!((lo.name.as_str(), lo.link.as_str()), ("lo", "loopback"));
        // 972 bytes and the headers of UDP and IPv4; loopback leaves the link header out.
        assert_eq!(lo.rx.bytes, Some(50 * (972 + 8 + 20)));
        assert_eq!((lo.rx.packets, lo.tx.packets, lo.rx.dropped), (Some(50), Some(50), Some(0)));
        assert_eq!(lo.rx.mean_packet_bytes, Some(1000.0));
        assert_eq!(lo.samples.len(), 4);
        assert_eq!(lo.samples.iter().filter(|sample| sample.rx_packets_per_second > 0.0).count(), 1);
        assert!(lo.rx.peak_bits_per_second > lo.rx.bits_per_second);
        assert!((0.4..0.9).contains(&seen.output.seconds), "{}", seen.output.seconds);
        assert_eq!(seen.output.default_route, None);
        assert_eq!(seen.output.loopback.as_ref(), Some(lo));
    });
}

#[test]
fn the_default_route_chooses_and_an_alias_means_its_interface() {
    in_namespace(|| {
        require!(ipv6());
        ip("link add left type veth peer name right");
        ip("link add bridge0 type bridge");
        ip("link set right master bridge0");
        ip("addr add 192.0.2.1/24 dev left");
        ip("addr add 192.0.2.77/32 dev left label left:1");
        ip("addr add 2001:db8::1/64 dev left nodad");
        ip("link set left up");
        ip("link set right up");
        ip("route add default via 192.0.2.254");
        let auto = InterfacesProbe.observe(params("auto", 20), &Context::alone()).unwrap().output;
        assert_eq!((auto.watched.name.as_str(), auto.default_route.as_deref()), ("left", Some("left")));
        assert_eq!((auto.watched.kind.as_deref(), auto.watched.link.as_str()), (Some("veth"), "ethernet"));
        assert!(auto.watched.up && auto.watched.carrier == Some(true));
        let labelled: Vec<_> = auto.watched.addresses.iter().filter_map(|address| address.label.as_deref()).collect();
        assert_eq!(labelled, ["left:1"]);
        assert!(auto.watched.addresses.iter().any(|a| a.address.to_string() == "2001:db8::1" && a.prefix == 64));
        let right = auto.interfaces.iter().find(|interface| interface.name == "right").unwrap();
        assert_eq!(right.master.as_deref(), Some("bridge0"));
        for alias in ["left:1", "192.0.2.77", "2001:db8::1"] {
            let seen = InterfacesProbe.observe(params(alias, 20), &Context::alone()).unwrap().output;
            assert_eq!((seen.watched.name.as_str(), seen.watched_alias.as_deref()), ("left", Some(alias)));
        }
        let gap = InterfacesProbe.observe(params("lefd", 20), &Context::alone()).unwrap_err();
        assert_eq!(gap.reason, Reason::Absent);
        assert_eq!(gap.to_fix.as_deref(), Some("did you mean `left`?"));
    });
}

#[test]
fn an_interface_that_vanishes_within_the_window_keeps_what_was_seen() {
    in_namespace(|| {
        ip("link add doomed type veth peer name other");
        ip("link set doomed up");
        let namespace = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        let once = std::sync::Once::new();
        let cx = context(move |_| {
            once.call_once(|| {
                nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
                ip("link del doomed");
            });
        });
        let seen = InterfacesProbe.observe(params("doomed", 200), &cx).unwrap();
        assert_eq!(seen.output.watched.name, "doomed");
        assert!(seen.loss[0].starts_with("doomed vanished within the window"), "{:?}", seen.loss);
        assert!(seen.loss[1].contains("other"), "{:?}", seen.loss);
    });
}

#[test]
fn a_thousand_interfaces_stay_cheap() {
    in_namespace(|| {
        let commands: String = (0..250).map(|n| format!("link add v{n} type veth peer name p{n}\n")).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), commands).unwrap();
        ip(&format!("-batch {}", file.path().display()));
        let cx = Context::alone();
        let before = Instant::now();
        let seen = InterfacesProbe.observe(Params { samples: 2, ..params("lo", 0) }, &cx).unwrap().output;
        assert_eq!((seen.interfaces.len(), seen.interfaces_left_out), (256, 245));
        eprintln!("501 interfaces, everything three times: {:?}", before.elapsed());
        assert!(before.elapsed() < Duration::from_secs(2));
    });
}

#[test]
fn a_cancelled_window_ends_at_once_with_what_was_seen() {
    in_namespace(|| {
        let cancel = Arc::new(Cancel::default());
        cancel.cancel();
        let cx = Context::new(Arc::new(StartBarrier::new(1)), cancel, Inputs::new(), |_| {});
        let seen = InterfacesProbe.observe(params("lo", 60_000), &cx).unwrap().output;
        assert!(seen.seconds < 5.0 && seen.watched.rx.bytes.is_some());
    });
}
