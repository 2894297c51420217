//! The probes `host`, `kernel` and `drops` against the running kernel, with traffic in network namespaces that each test
//! makes for itself and that go away with its thread.

mod support;

use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;

use casebook::case::{Gap, Observed};
use casebook::probe::drops::{self, DropsProbe};
use casebook::probe::host::{self, HostProbe};
use casebook::probe::kernel::{self, KernelCounters, KernelProbe};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use support::namespace::in_namespace;
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
    around(&KernelProbe, kernel::Params { window: WINDOW }, act).unwrap().output
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

/// What the probe `drops` sees.
fn drops_around(act: impl FnOnce()) -> Result<drops::Drops, Missing> {
    let seen = around(&DropsProbe, drops::Params { window: WINDOW }, act);
    let missing = |gap: Gap| Missing::new("to watch the kernel drop packets", gap.to_string());
    seen.map(|seen| seen.output).map_err(missing)
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

#[test]
fn the_host_is_described_and_its_work_is_measured() {
    let busy = || {
        let until = std::time::Instant::now() + std::time::Duration::from_millis(300);
        while std::time::Instant::now() < until {
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
