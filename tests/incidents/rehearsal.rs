//! Tests of the stage itself: that what is sent arrives and is counted, and that nothing is left behind.

use std::fs;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::incident::flow;
use crate::namespace::Namespace;
use crate::service::{Role, Service};
use crate::stage::{self, ALIAS, SERVER, Setting, Stage, WORLD, WORLD6};
use crate::support::need::require;
use crate::traffic::{Flood, Ports, Sent, Shape, Sources, Traffic, Ttl, background_noise};

/// How long a generator is watched.
const WATCH: Duration = Duration::from_millis(500);

fn flood(shape: Shape, per_second: u32) -> Flood {
    Flood { shape, to: SERVER, from: Sources::Forged, ttl: Ttl::BySource, per_second }
}

/// A figure of `/proc/net/snmp`, by the name of its group and its own.
fn kernel_count(server: &Namespace, group: &str, name: &str) -> u64 {
    let table = server.inside(|| fs::read_to_string("/proc/thread-self/net/snmp")).unwrap();
    let mut rows = table.lines().filter(|line| line.starts_with(&format!("{group}:")));
    let (names, figures) = (rows.next().unwrap(), rows.next().unwrap());
    let at = names.split_whitespace().position(|column| column == name).unwrap();
    figures.split_whitespace().nth(at).unwrap().parse().unwrap()
}

/// Plays one traffic for a while and returns what was sent, and what the server's interface counted meanwhile.
fn play(stage: &Stage, traffic: &Traffic) -> (Sent, Sent) {
    let before = stage.server.received(traffic.arrives_on());
    let flowing = flow(stage, std::slice::from_ref(traffic));
    thread::sleep(WATCH);
    let sent = flowing.into_iter().next().unwrap().stop();
    // veth hands a frame over before send() returns, but the kernel may do so on a later softirq.
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let after = stage.server.received(traffic.arrives_on());
        let received = Sent { packets: after.packets - before.packets, bytes: after.bytes - before.bytes };
        if received.packets >= sent.packets || Instant::now() > deadline {
            return (sent, received);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Everything arrived, and hardly anything else: a fresh link tells of its multicast groups now and then.
fn assert_arrived(sent: Sent, received: Sent, what: &str) {
    let more = received.packets.checked_sub(sent.packets).zip(received.bytes.checked_sub(sent.bytes));
    let faint = more.is_some_and(|(packets, bytes)| packets <= 4 && bytes <= packets * 130);
    assert!(faint, "{what}: sent {sent:?}, received {received:?}");
}

#[test]
fn floods_keep_their_rate_and_every_frame_is_counted() {
    let stage = require!(Stage::set(Setting::default()));
    let shapes = [
        Shape::Syn { port: 80 },
        Shape::Udp { ports: Ports::One(9987), payload: 1000 },
        Shape::Udp { ports: Ports::Any, payload: 20 },
        Shape::Echo { payload: 56 },
        Shape::DnsAnswer { ports: Ports::Any, size: 1400 },
        Shape::Arp,
    ];
    for shape in shapes {
        let rate = if matches!(shape, Shape::Arp) { 200 } else { 4000 };
        let (sent, received) = play(&stage, &Traffic::Flood(flood(shape, rate)));
        assert_arrived(sent, received, &format!("{shape:?}"));
        let due = f64::from(rate) * WATCH.as_secs_f64();
        assert!((0.8..1.6).contains(&(sent.packets as f64 / due)), "{shape:?}: {sent:?}, about {due} were due");
    }
}

#[test]
fn twenty_thousand_frames_a_second_are_no_trouble() {
    let stage = require!(Stage::set(Setting::default()));
    let flowing = Traffic::Flood(flood(Shape::Syn { port: 80 }, 20_000)).start(&stage);
    let began = Instant::now();
    thread::sleep(Duration::from_secs(1));
    let sent = flowing.stop();
    let rate = sent.packets as f64 / began.elapsed().as_secs_f64();
    // Far below only where the machine is busy with something else.
    assert!((15_000.0..21_500.0).contains(&rate), "{rate:.0} a second");
}

#[test]
fn the_kernel_understands_what_floods_send() {
    let stage = require!(Stage::set(Setting { alias: true, ..Setting::default() }));
    let count = |group: &str, name: &str| kernel_count(&stage.server, group, name);
    let grows = |group: &str, name: &str, flood: Flood| {
        let before = count(group, name);
        let (sent, _) = play(&stage, &Traffic::Flood(flood));
        assert_eq!(count(group, name) - before, sent.packets, "{group} {name}");
    };
    grows("Udp", "NoPorts", flood(Shape::Udp { ports: Ports::One(9987), payload: 300 }, 2000));
    grows("Udp", "NoPorts", Flood { to: ALIAS, ..flood(Shape::Udp { ports: Ports::One(9987), payload: 300 }, 2000) });
    grows("Udp", "NoPorts", flood(Shape::DnsAnswer { ports: Ports::Any, size: 1400 }, 1000));
    grows("Icmp", "InEchos", flood(Shape::Echo { payload: 56 }, 2000));
    grows("Tcp", "OutRsts", flood(Shape::Syn { port: 80 }, 2000));
    for (group, name) in
        [("Tcp", "InCsumErrors"), ("Udp", "InCsumErrors"), ("Icmp", "InCsumErrors"), ("Ip", "InHdrErrors")]
    {
        assert_eq!(count(group, name), 0, "{group} {name}");
    }
}

#[test]
fn syns_to_a_listener_wait_half_open() {
    let stage = require!(Stage::set(Setting::default()));
    let web = Service::start(&stage.server, &Role::Web { at: (SERVER, 80).into() });
    let flowing = flow(&stage, &[Traffic::Flood(flood(Shape::Syn { port: 80 }, 2000))]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while stage.server.shell("ss -Htan state syn-recv").lines().count() < 20 {
        assert!(Instant::now() < deadline, "no half-open connections");
        thread::sleep(Duration::from_millis(20));
    }
    drop(flowing);
    assert_eq!(web.end(), 0, "no connection came to be");
}

#[test]
fn services_are_processes_with_names_of_their_own() {
    let stage = require!(Stage::set(Setting::default()));
    let tcp: SocketAddr = (SERVER, 7000).into();
    let udp: SocketAddr = (SERVER, 7001).into();
    let services = [
        (Role::Sink { at: tcp }, "7000"),
        (Role::DatagramSink { at: udp }, "7001"),
        (Role::SlowReader { at: (SERVER, 5514).into() }, "5514"),
        (Role::Web { at: (SERVER, 80).into() }, "80"),
    ]
    .map(|(role, port)| (Service::start(&stage.server, &role), role.name(), port));
    let seen = stage.server.shell("ss -Hatunp");
    for (service, name, port) in &services {
        let wanted = format!("((\"{name}\",pid={},", service.pid());
        let line = seen.lines().find(|line| line.contains(&format!("10.77.1.2:{port} ")));
        assert!(line.is_some_and(|line| line.contains(&wanted)), "{name} on {port} is not in:\n{seen}");
    }
}

#[test]
fn a_sink_takes_what_the_world_sends() {
    let stage = require!(Stage::set(Setting::default()));
    let at: SocketAddr = (SERVER, 7000).into();
    let sink = Service::start(&stage.server, &Role::Sink { at });
    let (sent, received) = play(&stage, &Traffic::Upload { to: at, bytes_per_second: 5_000_000 });
    assert!(sent.bytes > 2_000_000 && received.bytes > sent.bytes, "{sent:?} {received:?}");
    assert_eq!(sink.end(), sent.bytes);

    let at: SocketAddr = (SERVER, 7001).into();
    let sink = Service::start(&stage.server, &Role::DatagramSink { at });
    let (sent, received) = play(&stage, &Traffic::Datagrams { to: at, payload: 1200, per_second: 3000 });
    let frames = Sent { packets: sent.packets, bytes: sent.packets * (1200 + 8 + 20 + 14) };
    assert_arrived(frames, received, "datagrams");
    assert_eq!(sink.end(), sent.bytes);
}

#[test]
fn a_slow_reader_loses_most() {
    let stage = require!(Stage::set(Setting::default()));
    let slow = Service::start(&stage.server, &Role::SlowReader { at: (SERVER, 5514).into() });
    let (sent, _) = play(&stage, &Traffic::Flood(flood(Shape::Udp { ports: Ports::One(5514), payload: 600 }, 4000)));
    let lost = kernel_count(&stage.server, "Udp", "RcvbufErrors");
    assert!(lost * 10 > sent.packets * 9, "lost {lost} of {sent:?}");
    assert!(slow.end() < sent.packets * 60);
}

#[test]
fn a_download_arrives_over_both_protocols() {
    let stage = require!(Stage::set(Setting::default()));
    for from in [SocketAddr::from((WORLD, 443)), SocketAddr::from((WORLD6, 443))] {
        let traffic = Traffic::Download { from, bytes_per_second: 6_000_000 };
        let before = stage.server.received("eth0");
        let flowing = flow(&stage, std::slice::from_ref(&traffic)).remove(0);
        let fetch = flowing.services()[0].pid();
        let seen = stage.server.shell("ss -Htnp state established");
        assert!(seen.contains(&format!("((\"stage-fetch\",pid={fetch},")), "{seen}");
        thread::sleep(WATCH);
        let sent = flowing.stop();
        let received = stage.server.received("eth0").bytes - before.bytes;
        assert!((2_000_000..6_000_000).contains(&sent.bytes), "{sent:?}");
        assert!((sent.bytes..sent.bytes * 11 / 10).contains(&received), "{received} of {sent:?}");
    }
}

#[test]
fn a_loopback_transfer_is_not_seen_on_the_interface() {
    let stage = require!(Stage::set(Setting::default()));
    let before = (stage.server.received("eth0"), stage.server.received("lo"));
    let flowing = flow(&stage, &[Traffic::Loopback { port: 7100, bytes_per_second: 10_000_000 }]);
    thread::sleep(WATCH);
    drop(flowing);
    let after = (stage.server.received("eth0"), stage.server.received("lo"));
    assert!(after.1.bytes - before.1.bytes > 3_000_000, "{before:?} {after:?}");
    let outside = Sent { packets: after.0.packets - before.0.packets, bytes: after.0.bytes - before.0.bytes };
    assert_arrived(Sent::default(), outside, "from outside");
}

#[test]
fn a_stage_without_traffic_is_silent_and_noise_is_faint() {
    let stage = require!(Stage::set(Setting { alias: true, ..Setting::default() }));
    thread::sleep(Duration::from_secs(1));
    let quiet = stage.server.received("eth0");
    assert!(quiet.packets <= 4, "{quiet:?}");
    let flowing = flow(&stage, &background_noise());
    thread::sleep(Duration::from_secs(1));
    drop(flowing);
    let noise = stage.server.received("eth0");
    assert!((20..200).contains(&(noise.packets - quiet.packets)), "{noise:?}");
}

#[test]
fn firewall_rules_count_what_was_sent() {
    let stage = require!(Stage::set(Setting::default()));
    for line in [
        "nft add table inet guard",
        "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
        "nft add rule inet guard door udp dport 9987 counter drop",
        "iptables-legacy -A INPUT -p udp --dport 9988 -j DROP",
    ] {
        stage.server.shell(line);
    }
    let ip_bytes = 1000 + 8 + 20;
    let (sent, _) = play(&stage, &Traffic::Flood(flood(Shape::Udp { ports: Ports::One(9987), payload: 1000 }, 3000)));
    let rules = stage.server.shell("nft list table inet guard");
    assert!(
        rules.contains(&format!("packets {} bytes {}", sent.packets, sent.packets * ip_bytes)),
        "{sent:?}\n{rules}"
    );
    let (sent, _) = play(&stage, &Traffic::Flood(flood(Shape::Udp { ports: Ports::One(9988), payload: 1000 }, 3000)));
    let rules = stage.server.shell("iptables-legacy -vnxL INPUT");
    let rule = rules.lines().find(|line| line.contains("dpt:9988")).unwrap_or_default();
    let figures: Vec<u64> = rule.split_whitespace().take(2).filter_map(|figure| figure.parse().ok()).collect();
    assert_eq!(figures, [sent.packets, sent.packets * ip_bytes], "{rules}");
}

#[test]
fn nothing_is_left_after_a_panic() {
    let stage = require!(Stage::set(Setting::default()));
    let names = [stage.server.name().to_owned(), stage.world.name().to_owned()];
    let mut pid = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let stage = stage;
        let sink = Service::start(&stage.server, &Role::Sink { at: (SERVER, 7000).into() });
        pid = Some(sink.pid());
        let _flowing = flow(&stage, &[Traffic::Flood(flood(Shape::Syn { port: 80 }, 1000))]);
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    let pid = pid.expect("the sink ran");
    assert!(!Path::new("/proc").join(pid.to_string()).exists(), "process {pid} is still there");
    let left = stage::names();
    assert!(names.iter().all(|name| !left.contains(name)), "{names:?} are in {left:?}");
}

#[test]
fn namespaces_of_a_run_that_was_killed_are_swept() {
    let stage = require!(Stage::set(Setting::default()));
    let mut child = Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    let left = format!("casebook-stage-{dead}-0-server");
    std::mem::forget(Namespace::make(&left));
    assert!(stage::names().contains(&left));
    stage::sweep();
    let names = stage::names();
    assert!(!names.contains(&left), "{names:?}");
    assert!(names.iter().any(|name| name == stage.server.name()), "a stage in use is kept");
}
