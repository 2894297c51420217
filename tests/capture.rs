//! The capture probe against the real kernel, in network namespaces that each test makes and that end with its threads.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use casebook::case::{Observed, Reason};
use casebook::probe::capture::{Capture, CaptureProbe, Params};
use casebook::probe::interfaces::{InterfacesProbe, Params as Interfaces};
use casebook::probe::{Cancel, Context, Inputs, Probe, ResourceLimits, StartBarrier};
use casebook::units::{Size, Span};
use etherparse::PacketBuilder;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, bind, socket};
use support::namespace::{self, ip};
use support::need::{ipv6, require};

/// One test at a time: they measure memory and send at a rate.
static TURN: Mutex<()> = Mutex::new(());

const OURS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
const THEIRS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0b];

/// Runs a test in a network namespace of its own.
fn in_namespace(test: impl FnOnce() + Send) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    namespace::in_namespace(|| {
        silence();
        test();
    });
}

/// Lets this namespace send nothing of its own accord.
fn silence() {
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/// A pair of interfaces: `ours` with an address, and `theirs`, on which the test sends frames.
fn wire() -> File {
    ip("link add ours address 02:00:00:00:00:0a type veth peer name theirs address 02:00:00:00:00:0b");
    ip("address add 192.0.2.1/24 dev ours");
    ip("link set ours up");
    ip("link set theirs up");
    sender("theirs")
}

/// A socket that sends frames on an interface.
fn sender(interface: &str) -> File {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).unwrap();
    let address = nix::ifaddrs::getifaddrs().unwrap().find_map(|found| {
        let address = found.address.as_ref()?.as_link_addr().copied();
        address.filter(|_| found.interface_name == interface)
    });
    bind(socket.as_raw_fd(), &address.expect("an interface has a link address")).unwrap();
    File::from(socket)
}

/// Received packets and bytes that the interface has counted.
fn counted(interface: &str) -> (u64, u64) {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix(interface)?.strip_prefix(':')).unwrap();
    let figures: Vec<u64> = line.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
    (figures[1], figures[0])
}

/// Captures while `send` sends, from the moment that packets are let in to the end of the window, or until `send`
/// cancels it.
fn capture_while_cancellable(params: Params, send: impl FnOnce(&Cancel)) -> Observed<Capture> {
    capture_with_limits(ResourceLimits::unbounded(), params, send)
}

/// The same, of a run that may take no more of the host than `resources` allow.
fn capture_with_limits(resources: ResourceLimits, params: Params, send: impl FnOnce(&Cancel)) -> Observed<Capture> {
    let (ready, is_ready) = mpsc::channel();
    let cancel = Arc::new(Cancel::default());
    let cx = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), move |_| {
        let _ = ready.send(());
    })
    .with_limits(resources);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| CaptureProbe.observe(params, &cx));
        is_ready.recv_timeout(Duration::from_secs(5)).expect("the capture begins");
        send(&cancel);
        watching.join().unwrap().unwrap()
    })
}

fn capture_while(params: Params, send: impl FnOnce()) -> Observed<Capture> {
    capture_while_cancellable(params, |_| send())
}

fn on(interface: &str, window: &str) -> Params {
    Params { interface: interface.to_owned(), window: window.parse().unwrap(), ..Params::default() }
}

fn udp(to: [u8; 6], source: [u8; 4], ports: (u16, u16), payload: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(THEIRS, to).ipv4(source, [192, 0, 2, 1], 64).udp(ports.0, ports.1);
    builder.write(&mut frame, &vec![0; payload]).unwrap();
    frame
}

#[test]
fn a_udp_burst_is_counted_to_the_last_packet_and_byte() {
    in_namespace(|| {
        let mut sender = wire();
        let before = counted("ours");
        let observed = capture_while(on("ours", "1s"), || {
            for number in 0..20_000u32 {
                let [.., high, low] = number.to_be_bytes();
                let frame = udp(OURS, [198, 51, high, low], (53, 9), (number % 1400) as usize);
                sender.write_all(&frame).unwrap();
            }
        });
        let (packets, bytes) = counted("ours");
        let seen = observed.output;
        assert_eq!((seen.rx.packets, seen.rx.bytes), (packets - before.0, bytes - before.1));
        assert_eq!((seen.udp.packets, seen.classes.to_us.packets), (20_000, 20_000));
        let [endpoint] = &seen.endpoints.iter().filter(|endpoint| endpoint.packets > 0).collect::<Vec<_>>()[..] else {
            panic!("{:?}", seen.endpoints)
        };
        assert_eq!((endpoint.protocol.as_str(), endpoint.port, endpoint.packets), ("udp", Some(9), 20_000));
        let [dns] = &seen.reflection[..] else { panic!("{:?}", seen.reflection) };
        assert_eq!((dns.service.as_str(), dns.packets, dns.unsolicited_share), ("dns", 20_000, 1.0));
        assert!((19_000..=20_000).contains(&seen.remotes.distinct), "{}", seen.remotes.distinct);
        let ring = seen.ring.unwrap();
        assert_eq!((ring.dropped, ring.received), (0, seen.rx.packets + seen.tx.packets));
        assert!(seen.local_addresses.contains(&IpAddr::from([192, 0, 2, 1])));
        // The loss of single flows is said: there were more than are kept.
        assert!(observed.loss.iter().all(|loss| loss.contains("flows")), "{:?}", observed.loss);
        assert_eq!(observed.missing, []);
    });
}

#[test]
fn the_first_nibble_of_the_address_does_not_matter() {
    in_namespace(|| {
        let mut sender = wire();
        for nibble in 0..16u8 {
            let address = [nibble << 4 | 2, 0x45, 0x60, 0, 0, 1];
            let text: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
            ip(&format!("link set ours address {}", text.join(":")));
            let seen = capture_while(on("ours", "100ms"), || {
                (0..10).for_each(|_| sender.write_all(&udp(address, [198, 51, 100, 7], (5, 9), 100)).unwrap());
            });
            assert_eq!((seen.output.udp.packets, seen.output.classes.to_us.packets), (10, 10), "{nibble:x}");
        }
    });
}

#[test]
fn vlan_other_hosts_broadcast_and_forwarded_frames_have_their_classes() {
    in_namespace(|| {
        let mut sender = wire();
        let before = counted("ours");
        let tagged = {
            let mut frame = udp(OURS, [198, 51, 100, 7], (5, 9), 100);
            frame.splice(12..12, [0x81, 0, 0, 42]);
            frame
        };
        let forwarded = {
            let mut frame = Vec::new();
            let builder = PacketBuilder::ethernet2(THEIRS, OURS).ipv4([198, 51, 100, 7], [203, 0, 113, 9], 64);
            builder.udp(5, 9).write(&mut frame, &[0; 10]).unwrap();
            frame
        };
        let arp = {
            let mut frame = [[0xff; 6], THEIRS].concat();
            frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
            frame.resize(60, 0);
            frame
        };
        let frames = [
            tagged,
            udp([2, 9, 9, 9, 9, 9], [198, 51, 100, 7], (5, 9), 100),
            udp([0xff; 6], [198, 51, 100, 7], (5, 9), 100),
            udp([1, 0, 0x5e, 0, 0, 1], [198, 51, 100, 7], (5, 9), 100),
            forwarded,
            arp,
        ];
        let seen = capture_while(on("ours", "300ms"), || {
            for (count, frame) in (1..).zip(&frames) {
                (0..count).for_each(|_| sender.write_all(frame).unwrap());
            }
        });
        let seen = seen.output;
        let classes = &seen.classes;
        let counts = [
            classes.to_us,
            classes.other_host,
            classes.broadcast,
            classes.multicast,
            classes.forwarded,
            classes.non_ip,
        ];
        // The kernel takes frames of a VLAN that has no device here for another host's, whatever their link address.
        assert_eq!(counts.map(|class| class.packets), [0, 3, 3, 4, 5, 6]);
        assert_eq!((seen.vlan.packets, seen.vlan.stripped_tag_bytes), (1, 4));
        // The interface counts the tag that the kernel then takes off, and so does the capture.
        let (packets, bytes) = counted("ours");
        assert_eq!((seen.rx.packets, seen.rx.bytes), (packets - before.0, bytes - before.1));
    });
}

#[test]
fn a_tcp_transfer_adds_up_although_its_frames_are_merged() {
    const BYTES: usize = 20_000_000;
    in_namespace(|| {
        ip("link add ours type veth peer name theirs");
        ip("address add 192.0.2.1/24 dev ours");
        ip("link set ours up");
        let listener = TcpListener::bind("0.0.0.0:8080").unwrap();
        let (told, thread) = mpsc::channel();
        let (moved, is_moved) = mpsc::channel::<()>();
        let (go, may_go) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                silence();
                told.send(nix::unistd::gettid()).unwrap();
                is_moved.recv().unwrap();
                ip("address add 192.0.2.2/24 dev theirs");
                ip("link set theirs up");
                may_go.recv().unwrap();
                let mut stream = TcpStream::connect("192.0.2.1:8080").unwrap();
                let block = vec![7; 1 << 20];
                let mut left = BYTES;
                while left > 0 {
                    left -= stream.write(&block[..left.min(block.len())]).unwrap();
                }
                // The namespace ends with this thread, and takes both interfaces with it.
                is_done.recv().unwrap();
            });
            ip(&format!("link set theirs netns {}", thread.recv().unwrap()));
            moved.send(()).unwrap();
            let before = counted("ours");
            let observed = capture_while(on("ours", "3s"), || {
                go.send(()).unwrap();
                let (mut stream, _) = listener.accept().unwrap();
                let mut received = 0;
                let mut block = vec![0; 1 << 20];
                while received < BYTES {
                    let read = stream.read(&mut block).unwrap();
                    assert!(read > 0);
                    received += read;
                }
            });
            let seen = observed.output;
            let (packets, bytes) = counted("ours");
            done.send(()).unwrap();
            assert_eq!((seen.rx.packets, seen.rx.bytes), (packets - before.0, bytes - before.1), "{:?}", seen.ring);
            assert_eq!((seen.tcp.handshakes_started, seen.tcp.handshakes_completed), (1, 1));
            let endpoint = &seen.endpoints[0];
            assert_eq!((endpoint.port, endpoint.handshakes_completed), (Some(8080), 1));
            assert!(endpoint.payload_bytes >= BYTES as u64, "{}", endpoint.payload_bytes);
            assert!(seen.gso.frames > 0, "veth merges frames");
            assert!(endpoint.mean_packet_bytes <= 1514.0, "{}", endpoint.mean_packet_bytes);
            // Taken apart, the frames are as many as their payload fills, each with its own headers.
            let headers = endpoint.bytes + endpoint.merged_header_bytes - endpoint.payload_bytes;
            assert!((54..=90).contains(&(headers / endpoint.wire_packets)), "{headers}");
            assert_eq!(endpoint.top_remote, Some("192.0.2.2".parse().unwrap()));
        });
    });
}

#[test]
fn loopback_is_counted_once_each_way() {
    in_namespace(|| {
        ip("link set lo up");
        let before = counted("lo");
        let seen = capture_while(on("lo", "300ms"), || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(b"hello").unwrap();
            listener.accept().unwrap().0.read_exact(&mut [0; 5]).unwrap();
        });
        let seen = seen.output;
        let (packets, bytes) = counted("lo");
        assert_eq!(seen.link, "loopback");
        // Unlike others, this interface leaves link headers out of its bytes.
        let without_headers = seen.rx.bytes - seen.rx.link_header_bytes;
        assert_eq!((seen.rx.packets, without_headers), (packets - before.0, bytes - before.1));
        assert_eq!((seen.tx.packets, seen.tx.bytes), (seen.rx.packets, seen.rx.bytes));
        assert_eq!((seen.tcp.handshakes_started, seen.tcp.handshakes_completed), (1, 1));
    });
}

#[test]
fn a_flood_of_random_sources_costs_no_more_memory_than_any_other() {
    in_namespace(|| {
        let mut sender = wire();
        let resident = || {
            let figures = std::fs::read_to_string("/proc/self/statm").unwrap();
            figures.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
        };
        let before = resident();
        let mut peak = before;
        let mut random = 88_172_645_463_325_252u64;
        let observed = capture_while(on("ours", "4s"), || {
            let mut frame = udp(OURS, [0; 4], (0, 0), 18);
            let began = Instant::now();
            for number in 0..300_000u64 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                frame[26..30].copy_from_slice(&random.to_be_bytes()[..4]);
                frame[34..38].copy_from_slice(&random.to_be_bytes()[4..]);
                // No checksum, as such tools do.
                frame[40..42].fill(0);
                sender.write_all(&frame).unwrap();
                if number.is_multiple_of(1_000) {
                    peak = peak.max(resident());
                    // 100,000 a second: the test is of memory, not of speed.
                    let due = began + Duration::from_micros(10 * number);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            }
        });
        let seen = observed.output;
        assert_eq!(seen.udp.packets + seen.ring.unwrap().dropped, 300_000, "{:?}", observed.loss);
        // A busy machine cannot read them all; then it says so, and counts what it read.
        assert_eq!(seen.ring.unwrap().dropped > 0, observed.loss.iter().any(|loss| loss.contains("ring was full")));
        let read = seen.udp.packets as f64;
        let close = |estimate: u64, truth: f64| (estimate as f64 - truth).abs() < truth * 0.08;
        assert!(close(seen.remotes.distinct, read), "{}", seen.remotes.distinct);
        assert!(seen.remotes.per_packet.unwrap() > 0.9);
        assert!(close(seen.flows_distinct, read), "{}", seen.flows_distinct);
        let listed: u64 = seen.endpoints.iter().map(|endpoint| endpoint.packets).sum();
        let others: u64 = seen.other_endpoints.iter().map(|others| others.packets).sum();
        assert_eq!(listed + others, seen.classes.to_us.packets);
        let grown = peak - before;
        println!("grown by {} kB", grown / 1000);
        assert!(grown < 60_000_000, "grown by {grown} bytes");
    });
}

#[test]
fn what_was_written_reads_back_as_what_was_seen() {
    in_namespace(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("burst.pcapng").to_str().unwrap().to_owned();
        let mut sender = wire();
        let params = Params { write: Some(path.clone()), ..on("ours", "500ms") };
        let live = capture_while(params.clone(), || {
            for number in 0..500u16 {
                sender.write_all(&udp(OURS, [198, 51, 100, number as u8], (53, 9), 700)).unwrap();
                sender.write_all(&udp([2, 9, 9, 9, 9, 9], [198, 51, 100, 7], (number, 80), 30)).unwrap();
            }
        });
        let live = live.output;
        let written = live.written.clone().unwrap();
        assert_eq!(written.packets, live.rx.packets + live.tx.packets);
        assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
        assert!(!written.truncated);
        let read = |local: Vec<IpAddr>| {
            let params = Params { file: Some(path.clone()), local, ..Params::default() };
            CaptureProbe.observe(params, &Context::alone()).unwrap().output
        };
        let read_back = read(live.local_addresses.clone());
        assert_eq!((read_back.rx.packets, read_back.rx.bytes), (live.rx.packets, live.rx.bytes));
        assert_eq!((read_back.tx.packets, read_back.tx.bytes), (live.tx.packets, live.tx.bytes));
        assert_eq!((&read_back.classes, &read_back.protocols), (&live.classes, &live.protocols));
        assert_eq!((&read_back.udp, &read_back.tcp, &read_back.icmp), (&live.udp, &live.tcp, &live.icmp));
        assert_eq!(read_back.sizes, live.sizes);
        let answers = |seen: &Capture| seen.reflection.iter().map(|one| (one.port, one.packets)).collect::<Vec<_>>();
        assert_eq!((answers(&read_back), answers(&live)), (vec![(53, 500)], vec![(53, 500)]));
        assert_eq!(read(Vec::new()).local_addresses, [IpAddr::from([192, 0, 2, 1])]);

        // It is not written over, and the rest is seen nevertheless.
        let again = capture_while(Params { window: Span::seconds(0), ..params }, || ());
        assert_eq!(again.output.written, None);
        assert_eq!(again.missing[0].fields, ["written"]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), written.bytes);
    });
}

#[test]
fn more_packets_than_the_cpu_time_allows_are_drawn_from_and_the_figures_stay_those_of_all() {
    in_namespace(|| {
        let mut sender = wire();
        let before = counted("ours");
        // A twentieth of a CPU is too little for this many, and more than the reading costs that no draw can save.
        let observed = capture_with_limits(ResourceLimits::new(0.1, ResourceLimits::MEMORY), on("ours", "2s"), |_| {
            let end = Instant::now() + Duration::from_millis(1_800);
            let mut number = 0u32;
            while Instant::now() < end {
                for _ in 0..100 {
                    number += 1;
                    let [.., high, low] = number.to_be_bytes();
                    sender.write_all(&udp(OURS, [198, 51, high, low], (53, 9), (number % 1400) as usize)).unwrap();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let (packets, bytes) = counted("ours");
        let (packets, bytes) = ((packets - before.0) as f64, (bytes - before.1) as f64);
        let (seen, ring) = (&observed.output, observed.output.ring.unwrap());
        assert!(seen.sampled > 1, "{ring:?}");
        assert!((ring.received as f64) < packets / 2.0, "{} of {packets} packets were read", ring.received);
        let close = |estimate: u64, counted: f64| (estimate as f64 / counted - 1.0).abs() < 0.2;
        assert!(close(seen.rx.packets, packets) && close(seen.rx.bytes, bytes), "{:?} of {packets}, {bytes}", seen.rx);
        assert!(close(seen.endpoints[0].packets, packets), "{:?}", seen.endpoints[0]);
        assert_eq!(seen.classes.to_us.packets, seen.rx.packets);
        let said = |words: &str| observed.loss.iter().any(|loss| loss.contains(words));
        assert!(said("and sampled up to 1 in"), "{:?}", observed.loss);
    });
}

#[test]
fn a_full_file_ends_and_the_watching_goes_on() {
    in_namespace(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("burst.pcapng").to_str().unwrap().to_owned();
        let mut sender = wire();
        let params = Params { write: Some(path), write_limit: Size(10_000), ..on("ours", "300ms") };
        let observed = capture_while(params, || {
            (0..500).for_each(|_| sender.write_all(&udp(OURS, [198, 51, 100, 7], (5, 9), 700)).unwrap());
        });
        assert_eq!(observed.output.udp.packets, 500);
        let written = observed.output.written.unwrap();
        assert!(written.truncated && written.packets > 10 && written.bytes <= 10_000);
        assert!(observed.loss.iter().any(|loss| loss.contains("it reached its size limit")), "{:?}", observed.loss);
    });
}

#[test]
fn a_cancelled_capture_gives_what_it_saw_until_then() {
    in_namespace(|| {
        let mut sender = wire();
        let observed = capture_while_cancellable(on("ours", "60s"), |cancel| {
            (0..100).for_each(|_| sender.write_all(&udp(OURS, [198, 51, 100, 7], (5, 9), 100)).unwrap());
            cancel.cancel();
        });
        assert_eq!(observed.output.udp.packets, 100);
        assert!(observed.output.seconds < 10.0, "{}", observed.output.seconds);
        assert!(observed.output.rx.bits_per_second.unwrap() > 100.0 * 142.0 * 8.0 / 10.0);
    });
}

#[test]
fn an_interface_that_vanishes_ends_the_watching_with_what_was_seen() {
    in_namespace(|| {
        let mut sender = wire();
        let began = Instant::now();
        let observed = capture_while(on("ours", "20s"), || {
            (0..100).for_each(|_| sender.write_all(&udp(OURS, [198, 51, 100, 7], (5, 9), 100)).unwrap());
            ip("link delete ours");
        });
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", observed.loss);
        assert_eq!(observed.output.udp.packets, 100);
        assert!(observed.loss[0].starts_with("ours vanished after"), "{:?}", observed.loss);
    });
}

#[test]
fn an_interface_that_is_not_there_is_absent_and_those_that_are_get_named() {
    in_namespace(|| {
        let gap = CaptureProbe.observe(on("eth7", "1s"), &Context::alone()).unwrap_err();
        assert_eq!(gap.reason, Reason::Absent);
        assert!(gap.why.contains("there are lo"), "{gap}");
        let same = Interfaces { interface: "eth7".to_owned(), ..Interfaces::default() };
        assert_eq!(InterfacesProbe.observe(same, &Context::alone()).unwrap_err(), gap);
        let alone = capture_while(on("auto", "0s"), || ()).output;
        assert_eq!(alone.interface.as_deref(), Some("lo"));
    });
}

#[test]
fn an_alias_or_an_address_is_the_same_interface_to_both_probes() {
    in_namespace(|| {
        require!(ipv6());
        let mut sender = wire();
        ip("address add 192.0.2.11/24 dev ours label ours:1");
        ip("link property add dev ours altname the-uplink-by-its-long-name");
        let names = ["ours", "the-uplink-by-its-long-name", "ours:1", "192.0.2.11", "auto", "2001:db8::10"];
        std::fs::write("/proc/sys/net/ipv6/conf/ours/disable_ipv6", "0").unwrap();
        ip("address add 2001:db8::10/64 dev ours nodad");
        ip("route add default via 192.0.2.254 dev ours");
        for name in names {
            let seen = capture_while(on(name, "100ms"), || {
                (0..10).for_each(|_| sender.write_all(&udp(OURS, [198, 51, 100, 7], (5, 9), 100)).unwrap());
            });
            assert_eq!((seen.output.interface.as_deref(), seen.output.udp.packets), (Some("ours"), 10), "{name}");
            let params = Interfaces { interface: name.to_owned(), window: Span::seconds(0), samples: 2 };
            let watched = InterfacesProbe.observe(params, &Context::alone()).unwrap().output.watched;
            assert_eq!(watched.name, "ours", "{name}");
        }
    });
}

#[test]
fn auto_follows_the_default_route_else_the_busiest() {
    in_namespace(|| {
        let mut sender = wire();
        let name = |params| capture_while(params, || ()).output.interface.unwrap();
        sender.write_all(&udp(OURS, [198, 51, 100, 7], (5, 9), 100)).unwrap();
        assert_eq!(name(on("auto", "0s")), "ours");
        ip("address add 198.51.100.1/24 dev theirs");
        ip("route add default via 198.51.100.254 dev theirs");
        assert_eq!(name(on("auto", "0s")), "theirs");
    });
}

#[test]
fn a_link_without_addresses_is_raw_ip() {
    in_namespace(|| {
        ip("tuntap add dev tun7 mode tun");
        ip("address add 10.7.0.1/24 dev tun7");
        ip("link set tun7 up");
        let seen = capture_while(on("tun7", "0s"), || ()).output;
        assert_eq!((seen.link.as_str(), seen.rx.packets), ("raw-ip", 0));
        assert_eq!((seen.remotes.per_packet, seen.ttl, seen.tcp.syn_share), (None, None, None));
    });
}

fn a_file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Params) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let file = Some(path.to_str().unwrap().to_owned());
    (folder, Params { file, ..Params::default() })
}

fn pcap(packets: u32) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for second in 0..packets {
        let frame = udp(OURS, [198, 51, 100, 7], (53, 9), 100);
        for word in [1_700_000_000 + second, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

#[test]
fn a_cut_file_gives_what_was_readable_and_says_where_it_ends() {
    let mut bytes = pcap(5);
    bytes.truncate(bytes.len() - 10);
    let (_folder, params) = a_file("cut.pcap", &bytes);
    let observed = CaptureProbe.observe(params, &Context::alone()).unwrap();
    assert_eq!((observed.output.rx.packets, observed.output.seconds), (4, 3.0));
    assert_eq!(observed.output.local_addresses, [IpAddr::from([192, 0, 2, 1])]);
    assert!(observed.loss[0].contains("packet 5: the file ends in the middle of it"), "{:?}", observed.loss);
}

#[test]
fn a_file_of_one_packet_has_no_rates() {
    let (_folder, params) = a_file("one.pcap", &pcap(1));
    let seen = CaptureProbe.observe(params, &Context::alone()).unwrap().output;
    assert_eq!((seen.rx.packets, seen.rx.bits_per_second, seen.samples.len()), (1, None, 0));
}

#[test]
fn what_is_no_capture_file_is_malformed() {
    let (_folder, params) = a_file("messages", b"Feb 12 10:00:01 host sshd[1]: hello\n");
    let gap = CaptureProbe.observe(params, &Context::alone()).unwrap_err();
    assert_eq!(gap.reason, Reason::Malformed);
    assert!(gap.to_string().contains("neither pcap nor pcapng"), "{gap}");
    let missing = Params { file: Some("/nonexistent/x.pcap".to_owned()), ..Params::default() };
    assert_eq!(CaptureProbe.observe(missing, &Context::alone()).unwrap_err().reason, Reason::Absent);
}

#[test]
fn a_file_without_packets_is_read_as_such() {
    let (_folder, params) = a_file("empty.pcap", &pcap(0));
    let seen = CaptureProbe.observe(params, &Context::alone()).unwrap().output;
    assert_eq!((seen.rx.packets, seen.started, seen.link.as_str()), (0, None, "ethernet"));
}
