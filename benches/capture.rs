//! What a packet costs the capture probe: CPU time of its thread under floods, in a network namespace of its own.
//! Run as root: `cargo bench --bench capture`.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use casebook::probe::capture::{CaptureProbe, Params};
use casebook::probe::{Context, Probe};
use casebook::units::Span;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, bind, socket};

const SECONDS: u64 = 5;

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split_whitespace()).status();
    assert!(done.is_ok_and(|status| status.success()), "ip {words}");
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("the kernel tells a thread's CPU time");
    let time = |value: nix::sys::time::TimeVal| Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1000);
    time(usage.user_time()) + time(usage.system_time())
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    peak.unwrap_or(0)
}

/// What is sent.
#[derive(Clone, Copy)]
enum Frames {
    /// 64-byte UDP frames of so many flows, or all of a flow of their own for 0.
    Udp(u64),
    /// Requests of HTTP over so many open connections.
    Requests(u64),
}

/// Sends frames until told to end.
fn flood(frames: Frames, end: &AtomicBool) {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).expect("a packet socket");
    let address = nix::ifaddrs::getifaddrs().expect("the interfaces").find_map(|found| {
        let address = found.address.as_ref()?.as_link_addr().copied();
        address.filter(|_| found.interface_name == "theirs")
    });
    bind(socket.as_raw_fd(), &address.expect("a link address")).expect("a bound socket");
    let mut socket = File::from(socket);
    let mut frame = Vec::new();
    let ip = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xb], [2, 0, 0, 0, 0, 0xa]).ipv4(
        [0; 4],
        [192, 0, 2, 1],
        64,
    );
    let (flows, tcp) = match frames {
        Frames::Udp(flows) => {
            ip.udp(0, 9).write(&mut frame, &[0; 22]).expect("a frame");
            frame[40..42].fill(0);
            (flows, false)
        }
        Frames::Requests(flows) => {
            let text = b"GET /a/page/of/the/site?number=1 HTTP/1.1\r\nHost: example.org\r\n\r\n";
            ip.tcp(0, 80, 0, 512).ack(1).psh().write(&mut frame, text).expect("a frame");
            (flows, true)
        }
    };
    let mut random = 88_172_645_463_325_252u64;
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        number += 1;
        let flow = if flows == 0 { random } else { (number % flows + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        frame[26..30].copy_from_slice(&flow.to_be_bytes()[..4]);
        frame[34..36].copy_from_slice(&flow.to_be_bytes()[4..6]);
        if tcp {
            frame[38..42].copy_from_slice(&(number as u32).wrapping_mul(100).to_be_bytes());
        }
        let _ = socket.write_all(&frame);
    }
}

fn main() {
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        println!("skipped: a network namespace needs CAP_SYS_ADMIN ({error})");
        return;
    }
    ip("link add ours address 02:00:00:00:00:0a type veth peer name theirs address 02:00:00:00:00:0b");
    ip("address add 192.0.2.1/24 dev ours");
    ip("link set ours up");
    ip("link set theirs up");
    println!(
        "{:>14} {:>10} {:>12} {:>14} {:>8} {:>12}",
        "flows", "packets", "packets/s", "µs CPU/packet", "lost", "peak kB"
    );
    for frames in [Frames::Udp(1_000), Frames::Udp(100_000), Frames::Udp(0), Frames::Requests(1_000)] {
        let end = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| flood(frames, &end));
            let params = Params { interface: "ours".to_owned(), window: Span::seconds(SECONDS), ..Params::default() };
            let (before, began) = (cpu(), Instant::now());
            let observed = CaptureProbe.observe(params, &Context::alone()).expect("a burst");
            let (spent, took) = (cpu() - before, began.elapsed());
            end.store(true, Ordering::Relaxed);
            let seen = observed.output;
            println!(
                "{:>14} {:>10} {:>12.0} {:>14.3} {:>8} {:>12}   window + {} ms",
                match frames {
                    Frames::Udp(0) => "all different".to_owned(),
                    Frames::Udp(flows) => flows.to_string(),
                    Frames::Requests(flows) => format!("{flows} requests"),
                },
                seen.rx.packets,
                seen.rx.packets_per_second.unwrap_or(0.0),
                spent.as_secs_f64() * 1e6 / (seen.rx.packets + seen.tx.packets).max(1) as f64,
                seen.ring.map_or(0, |ring| ring.dropped),
                peak_memory(),
                took.saturating_sub(Duration::from_secs(SECONDS)).as_millis(),
            );
        });
    }
}
