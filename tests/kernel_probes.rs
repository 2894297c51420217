//! The probes `host`, `kernel` and `drops` against the running kernel, with traffic in network namespaces that each test
//! makes for itself and that go away with its thread.

mod support;

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casebook::case::{Gap, Observed};
use casebook::probe::drops::{self, DropPlace, Drops, DropsProbe};
use casebook::probe::host::{self, HostProbe};
use casebook::probe::kernel::{self, KernelCounters, KernelProbe};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket};
use support::namespace::{in_namespace, ip};
use support::need::{Missing, ipv6, require, tool};

/// How many datagrams a test sends.
const DATAGRAMS: u64 = 500;
/// Longer than any of these tests takes: the tests end the window themselves.
const WINDOW: Span = Span::seconds(60);

/// Runs a program in the network namespace of this thread.
fn run(program: &str, arguments: &[&str], input: &str) {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().expect(program);
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {arguments:?}");
}

/// What a probe sees of `act`, which runs after its first sample and ends its window. The probe watches from the network
/// namespace of this thread.
fn around<P: Probe>(probe: &P, params: P::Params, act: impl FnOnce()) -> Result<Observed<P::Output>, Gap>
where
    P::Params: Send,
    P::Output: Send,
{
    let cancel = Arc::new(Cancel::default());
    let (say, said) = mpsc::channel();
    let live = move |figure| {
        let _ = say.send(figure);
    };
    let context = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), live);
    thread::scope(|scope| {
        let watching = scope.spawn(move || probe.observe(params, &context));
        // The first live figure follows the first sample; without one, the probe has ended with a gap.
        if said.recv().is_ok() {
            act();
        }
        cancel.cancel();
        watching.join().unwrap()
    })
}

fn kernel_around(act: impl FnOnce()) -> KernelCounters {
    around(&KernelProbe, kernel::Params { window: WINDOW, ..kernel::Params::default() }, act).unwrap().output
}

/// Sends datagrams to a port of `address`; refusals of earlier ones are of no interest.
fn send(address: &str, datagrams: u64, bytes: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..datagrams {
        socket.send_to(&vec![0; bytes], address).unwrap();
    }
}

#[test]
fn datagrams_to_a_closed_port_are_counted_exactly() {
    in_namespace(|| {
        let seen = kernel_around(|| send("127.0.0.1:9", DATAGRAMS, 100));
        assert_eq!(seen.udp.no_ports, Some(DATAGRAMS));
        assert_eq!(seen.udp.in_datagrams, Some(0));
        assert_eq!(seen.ip.residual, Some(0), "each is delivered, or answers one that was: {:?}", seen.ip);
        assert_eq!(seen.grew.get("Udp.NoPorts"), Some(&DATAGRAMS));
        let refused = seen.icmp.out_dest_unreachs.unwrap() + seen.icmp.out_rate_limited.unwrap();
        assert_eq!(refused, DATAGRAMS, "{:?}", seen.icmp);
        assert!(seen.ip.in_octets.unwrap() >= DATAGRAMS * 128, "with the IP headers");
    });
}

#[test]
fn datagrams_over_ipv6_are_in_the_sum() {
    in_namespace(|| {
        require!(ipv6());
        let seen = kernel_around(|| {
            send("127.0.0.1:9", 30, 100);
            let socket = UdpSocket::bind("[::1]:0").unwrap();
            for _ in 0..20 {
                socket.send_to(&[0; 100], "[::1]:9").unwrap();
            }
        });
        assert_eq!(seen.udp.no_ports, Some(50));
        assert_eq!(seen.grew.get("Udp6.NoPorts"), Some(&20));
        assert!(seen.ip6.unwrap().in_receives >= Some(20));
    });
}

#[test]
fn a_socket_that_nobody_reads_overflows() {
    in_namespace(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let seen = kernel_around(|| send(&address, DATAGRAMS, 8000));
        let lost = seen.udp.rcvbuf_errors.unwrap();
        assert!(lost > 0, "{:?}", seen.udp);
        assert_eq!(seen.udp.in_errors, Some(lost));
        assert_eq!(seen.udp.no_ports, Some(0));
        socket.set_nonblocking(true).unwrap();
        let queued = std::iter::from_fn(|| socket.recv(&mut [0; 8000]).ok()).count() as u64;
        assert_eq!(queued + lost, DATAGRAMS, "each is either queued or counted as lost");
    });
}

#[test]
fn what_the_firewall_drops_is_the_residual_of_ip() {
    in_namespace(|| {
        require!(tool("nft"));
        run("nft", &["-f", "-"], DROP_PORT_9);
        let seen = kernel_around(|| send("127.0.0.1:9", DATAGRAMS, 100));
        assert_eq!(seen.ip.residual, Some(DATAGRAMS as i64), "{:?}", seen.ip);
        assert_eq!(seen.udp.no_ports, Some(0));
    });
}

/// A firewall that drops datagrams to port 9.
const DROP_PORT_9: &str =
    "table inet t { chain in { type filter hook input priority 0; policy accept; udp dport 9 drop; }; }";

/// The kernel has room for so many places of the whole machine: tests that use it up are alone.
static ROOM: Mutex<()> = Mutex::new(());

/// What the probe `drops` sees.
fn drops_around(act: impl FnOnce()) -> Result<drops::Drops, Missing> {
    watched_drops(act).map(|seen| seen.output)
}

fn watched_drops(act: impl FnOnce()) -> Result<Observed<Drops>, Missing> {
    let _alone = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = around(&DropsProbe, drops::Params { window: WINDOW }, act);
    seen.map_err(|gap| Missing::new("to watch the kernel drop packets", gap.to_string()))
}

/// The places that the probe sees in this network namespace.
fn places_around(act: impl FnOnce()) -> Result<Vec<DropPlace>, Missing> {
    let seen = watched_drops(act)?;
    let missing = seen.missing.iter().find(|missing| missing.fields.iter().any(|field| field == "places"));
    if let Some(missing) = missing {
        return Err(Missing::new("to tell drops apart by place", missing.gap.to_string()));
    }
    assert_eq!(seen.loss, Vec::<String>::new());
    let own = seen.output.places.unwrap().into_iter();
    Ok(own.filter(|place| place.namespace.as_deref() == Some("this")).collect())
}

/// The one place of that reason and port.
fn place_of<'a>(places: &'a [DropPlace], reason: &str, port: u16) -> &'a DropPlace {
    let found: Vec<&DropPlace> =
        places.iter().filter(|place| place.reason == reason && place.port == Some(port)).collect();
    assert_eq!(found.len(), 1, "{places:?}");
    found[0]
}

#[test]
fn a_closed_port_is_a_drop_for_want_of_a_socket() {
    in_namespace(|| {
        let seen = require!(drops_around(|| send("127.0.0.1:9", DATAGRAMS, 100)));
        assert!(seen.no_socket_packets.unwrap() >= DATAGRAMS, "{seen:?}");
        assert!(seen.total_packets >= DATAGRAMS);
        let reasons = seen.reasons.unwrap();
        let known: u64 = reasons.iter().map(|it| it.packets).sum();
        assert_eq!(known + seen.other_packets.unwrap(), seen.total_packets);
        assert!(reasons.iter().any(|it| it.reason == "NO_SOCKET" && it.meaning.contains("closed port")));
    });
}

#[test]
fn a_firewall_rule_is_a_drop_by_netfilter() {
    in_namespace(|| {
        require!(tool("nft"));
        run("nft", &["-f", "-"], DROP_PORT_9);
        let seen = require!(drops_around(|| send("127.0.0.1:9", DATAGRAMS, 100)));
        assert!(seen.netfilter_packets.unwrap() >= DATAGRAMS, "{seen:?}");
    });
}

#[test]
fn a_full_socket_is_a_drop_for_want_of_room() {
    in_namespace(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let seen = require!(drops_around(|| send(&address, DATAGRAMS, 8000)));
        assert!(seen.socket_full_packets.unwrap() > 0, "{seen:?}");
    });
}

/// Sends datagrams of 128 bytes to port 5001 of 192.0.2.1, each from another source and none from its own.
fn flood() {
    let socket = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Raw).unwrap();
    let to = SockaddrIn::new(192, 0, 2, 1, 5001);
    for number in 0..DATAGRAMS as u16 {
        let [high, low] = number.to_be_bytes();
        let mut datagram = vec![0x45, 0, 0, 128, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, high, low, 192, 0, 2, 1];
        datagram.extend([high, low, 0x13, 0x89, 0, 108, 0, 0]);
        datagram.resize(128, 0);
        assert_eq!(sendto(socket.as_raw_fd(), &datagram, &to, MsgFlags::empty()), Ok(128));
    }
}

/// The number of the network namespace of this thread.
fn namespace() -> String {
    std::fs::metadata("/proc/thread-self/ns/net").unwrap().ino().to_string()
}

/// Beside a neighbour in a namespace of its own, at the other end of the interface `wire0`: `within` is called with what lets it
/// flood and waits until it has.
fn beside_a_neighbour<T>(within: impl FnOnce(&dyn Fn()) -> T) -> T {
    ip("link add wire0 type veth peer name theirs");
    ip("address add 192.0.2.1/24 dev wire0");
    ip("link set wire0 up");
    let (told, thread) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            told.send(nix::unistd::gettid()).unwrap();
            may_go.recv().unwrap();
            ip("address add 192.0.2.2/24 dev theirs");
            ip("link set theirs up");
            // A refusal says that both know each other's link address.
            let socket = UdpSocket::bind("192.0.2.2:0").unwrap();
            socket.connect("192.0.2.1:9").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            socket.send(&[0]).unwrap();
            assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
            done.send(()).unwrap();
            while may_go.recv().is_ok() {
                flood();
                done.send(()).unwrap();
            }
        });
        let step = move || {
            go.send(()).unwrap();
            is_done.recv().unwrap();
        };
        ip(&format!("link set theirs netns {}", thread.recv().unwrap()));
        step();
        within(&step)
    })
}

#[test]
fn a_flood_from_forged_sources_is_one_place_and_one_beside_it_in_another_namespace_is_another() {
    in_namespace(|| {
        let (told, other) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                in_namespace(move || {
                    beside_a_neighbour(|flood| {
                        told.send(namespace()).unwrap();
                        may_go.recv().unwrap();
                        flood();
                        done.send(()).unwrap();
                        // The namespace, and what was queued in it, goes when the window is over.
                        let _ = may_go.recv();
                    });
                });
            });
            let other = other.recv().unwrap();
            let seen = beside_a_neighbour(|flood| {
                watched_drops(|| {
                    go.send(()).unwrap();
                    flood();
                    is_done.recv().unwrap();
                })
            });
            drop(go);
            let seen = require!(seen);
            let missing = seen.missing.first().map(|missing| missing.gap.to_string());
            require!(missing.map_or(Ok(()), |gap| Err(Missing::new("to tell drops apart by place", gap))));
            let all = seen.output.places.as_deref().unwrap();
            let floods: Vec<&DropPlace> =
                all.iter().filter(|place| place.port == Some(5001) && place.reason == "NO_SOCKET").collect();
            assert_eq!(floods.len(), 2, "{floods:?}");
            for flood in &floods {
                assert_eq!((flood.packets, flood.bytes), (DATAGRAMS, DATAGRAMS * 128));
                assert_eq!((flood.ip_version, flood.protocol.as_deref()), (Some(4), Some("udp")));
                assert_eq!(flood.address, Some("192.0.2.1".parse().unwrap()));
                assert_eq!(flood.direction, "in");
            }
            let of = |namespace: &str| {
                let flood = floods.iter().find(|place| place.namespace.as_deref() == Some(namespace));
                flood.map(|place| (place.interface.as_deref(), place.interface_number.is_some()))
            };
            assert_eq!(of("this"), Some((Some("wire0"), true)));
            assert_eq!(of(&other), Some((None, true)), "what it is called there is not known here");
            let output = &seen.output;
            assert!(output.own_packets.unwrap() >= DATAGRAMS && output.other_namespaces_packets.unwrap() >= DATAGRAMS);
            assert!(output.own_packets.unwrap() + output.other_namespaces_packets.unwrap() <= output.total_packets);
            let no_socket = output.reasons.as_ref().unwrap().iter().find(|it| it.reason == "NO_SOCKET").unwrap();
            assert_eq!(no_socket.own_packets, Some(DATAGRAMS), "{no_socket:?}");
        });
    });
}

#[test]
fn a_drop_by_a_rule_without_a_counter_is_named_by_its_port() {
    in_namespace(|| {
        require!(tool("nft"));
        run("nft", &["-f", "-"], DROP_PORT_9);
        let places = require!(places_around(|| send("127.0.0.1:9", DATAGRAMS, 100)));
        let place = place_of(&places, "NETFILTER_DROP", 9);
        assert_eq!((place.packets, place.bytes), (DATAGRAMS, DATAGRAMS * 128));
        assert_eq!((place.interface.as_deref(), place.interface_number), (Some("lo"), Some(1)));
        assert_eq!((place.address, place.direction.as_str()), (Some("127.0.0.1".parse().unwrap()), "in"));
        assert_eq!(place.function, None, "the reason says it");
    });
}

#[test]
fn what_was_for_closed_ports_is_told_apart_by_port_and_version() {
    in_namespace(|| {
        require!(ipv6());
        let places = require!(places_around(|| {
            send("127.0.0.1:9", 70, 100);
            send("127.0.0.1:10", 30, 0);
            let socket = UdpSocket::bind("[::1]:0").unwrap();
            for _ in 0..20 {
                socket.send_to(&[0; 100], "[::1]:11").unwrap();
            }
            let _ = TcpStream::connect("127.0.0.1:12").unwrap_err();
        }));
        let of = |port| {
            let place = place_of(&places, "NO_SOCKET", port);
            (place.packets, place.bytes, place.ip_version, place.protocol.as_deref())
        };
        assert_eq!(of(9), (70, 70 * 128, Some(4), Some("udp")));
        assert_eq!(of(10), (30, 30 * 28, Some(4), Some("udp")));
        assert_eq!(of(11), (20, 20 * 148, Some(6), Some("udp")));
        assert_eq!(place_of(&places, "NO_SOCKET", 11).address, Some("::1".parse().unwrap()));
        let (packets, _, version, protocol) = of(12);
        assert_eq!((packets, version, protocol), (1, Some(4), Some("tcp")));
    });
}

#[test]
fn what_a_full_socket_lost_is_named_by_its_port() {
    in_namespace(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let places = require!(places_around(|| send(&address.to_string(), DATAGRAMS, 8000)));
        let place = place_of(&places, "SOCKET_RCVBUFF", address.port());
        socket.set_nonblocking(true).unwrap();
        let queued = std::iter::from_fn(|| socket.recv(&mut [0; 8000]).ok()).count() as u64;
        assert_eq!((place.packets + queued, place.bytes), (DATAGRAMS, place.packets * 8028));
        assert_eq!((place.interface.as_deref(), place.direction.as_str()), (Some("lo"), "in"));
    });
}

#[test]
fn what_this_host_may_not_send_is_named_by_its_own_end() {
    in_namespace(|| {
        require!(tool("nft"));
        let rule =
            "table ip t { chain out { type filter hook output priority 0; policy accept; udp dport 53 drop; }; }";
        run("nft", &["-f", "-"], rule);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let places = require!(places_around(|| {
            for _ in 0..DATAGRAMS {
                let _ = socket.send_to(&[0; 100], "127.0.0.1:53");
            }
        }));
        let place = place_of(&places, "NETFILTER_DROP", socket.local_addr().unwrap().port());
        assert_eq!((place.packets, place.bytes), (DATAGRAMS, DATAGRAMS * 128));
        assert_eq!((place.address, place.direction.as_str()), (Some("127.0.0.1".parse().unwrap()), "out"));
    });
}

#[test]
fn more_places_than_there_is_room_for_are_counted_by_reason() {
    const PORTS: u64 = 6000;
    in_namespace(|| {
        let seen = require!(watched_drops(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            for port in 0..PORTS as u16 {
                socket.send_to(&[0], ("127.0.0.1", 40_000 + port)).unwrap();
            }
        }));
        let output = &seen.output;
        let Some(places) = &output.places else {
            assert!(!seen.missing.is_empty());
            return;
        };
        let no_socket = output.reasons.as_ref().unwrap().iter().find(|it| it.reason == "NO_SOCKET").unwrap();
        // The sender has one of the ports, if any.
        assert!(no_socket.own_packets.unwrap() >= PORTS - 1, "{no_socket:?}");
        let listed: u64 = places.iter().map(|place| place.packets).sum();
        assert_eq!(listed + output.places_left_out_packets, output.total_packets);
        assert!(output.places_left_out >= 4000 && output.places_left_out <= 4096, "{}", output.places_left_out);
        assert!(seen.loss[0].contains("more places than the 4,096"), "{:?}", seen.loss);
    });
}

/// The numbers of the BPF programs that a process holds.
fn programs_of(pid: u32) -> Vec<u32> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    let texts = descriptors.filter_map(|descriptor| std::fs::read_to_string(descriptor.path()).ok());
    let number = |text: String| text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
    let mut programs: Vec<u32> = texts.filter_map(number).collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

/// Whether the kernel has a program of that number.
#[expect(unsafe_code, reason = "no crate of ours asks for programs")]
fn is_loaded(program: u32) -> bool {
    const GET_PROGRAM: libc::c_int = 13;
    let attributes = [program, 0, 0, 0];
    // SAFETY: the attributes are the beginning of the kernel's `union bpf_attr` for this command and hold no pointer.
    let descriptor =
        unsafe { libc::syscall(libc::SYS_bpf, GET_PROGRAM, attributes.as_ptr(), size_of_val(&attributes)) };
    if descriptor < 0 {
        return std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOENT);
    }
    // SAFETY: the kernel has just given us this descriptor.
    drop(unsafe { std::os::fd::OwnedFd::from_raw_fd(descriptor as i32) });
    true
}

#[test]
fn of_a_run_that_is_killed_nothing_stays_in_the_kernel() {
    in_namespace(|| {
        for (probe, most) in [("sockets", 2), ("drops", 1)] {
            let casebook = Command::new(env!("CARGO_BIN_EXE_casebook"))
                .args(["probe", probe, "window=60s"])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn();
            let mut casebook = casebook.unwrap();
            let until = Instant::now() + Duration::from_secs(10);
            let mut programs = Vec::new();
            while programs.len() < most && Instant::now() < until {
                thread::sleep(Duration::from_millis(20));
                programs = programs_of(casebook.id());
            }
            casebook.kill().unwrap();
            casebook.wait().unwrap();
            let runs = (!programs.is_empty()).then_some(());
            require!(runs.ok_or_else(|| Missing::new("to run programs in the kernel", format!("{probe} loaded none"))));
            let until = Instant::now() + Duration::from_secs(10);
            while programs.iter().any(|program| is_loaded(*program)) {
                assert!(Instant::now() < until, "{probe}: of {programs:?} some are still loaded");
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
}

#[test]
fn the_host_is_described_and_its_work_is_measured() {
    let busy = || {
        let until = Instant::now() + Duration::from_millis(300);
        while Instant::now() < until {
            std::hint::black_box(0);
        }
    };
    let seen = around(&HostProbe, host::Params { window: WINDOW }, busy).unwrap().output;
    assert!(seen.kernel.as_deref().is_some_and(|kernel| kernel.starts_with(|c: char| c.is_ascii_digit())));
    assert!(seen.cpus.is_some_and(|cpus| cpus > 0));
    let cpu = seen.cpu.unwrap();
    assert!(cpu.busiest_cpu_share > 0.5 && cpu.busiest_cpu_share <= 1.0, "{cpu:?}");
    let memory = seen.memory.unwrap();
    assert!(memory.used_bytes > 0 && memory.used_bytes + memory.available_bytes == memory.total_bytes);
}
