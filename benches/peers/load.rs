//! The loads: network namespaces, processes that hold sockets, floods.
//!
//! A namespace belongs to the thread that made it and to the processes that it starts, and is gone with them.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, bind, sendmmsg, socket};

/// Pairs of connected sockets that each holder keeps.
const PAIRS: u32 = 25;

/// Frames that are sent by one call.
const BATCH: usize = 64;

/// Does its work in a network namespace of its own, with loopback up.
pub fn in_namespace<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace (needs root)")?;
            run("ip link set lo up")?;
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Shows the interfaces of this thread's namespace in `/sys`, to it and the processes that it starts.
pub fn own_sys() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("make a mount namespace")?;
    run("mount --make-rprivate /")?;
    run("mount -t sysfs sysfs /sys")
}

/// Names of network namespaces that only this thread, and the processes that it starts, see.
pub fn own_names() -> Result<()> {
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).context("make a mount namespace")?;
    run("mount --make-rprivate /")?;
    run("mkdir -p /run/netns")?;
    run("mount -t tmpfs none /run/netns")
}

/// Two processes in each of the namespaces `n0`, `n1` …, of which one listens.
pub fn residents(number: u32) -> Result<Players> {
    let part = |at: u32| vec!["as-resident".to_owned(), (at / 2).to_string(), (at % 2).to_string()];
    Players::start((0..2 * number).map(part))
}

/// A pair of interfaces, `ours` with 192.0.2.1 and `theirs`.
pub fn wire() -> Result<()> {
    run("ip link add ours address 02:00:00:00:00:0a type veth peer name theirs address 02:00:00:00:00:0b")?;
    run("ip address add 192.0.2.1/24 dev ours")?;
    run("ip link set ours up")?;
    run("ip link set theirs up")
}

/// Runs a program of the host that is part of a load.
pub fn run(words: &str) -> Result<()> {
    let mut words_of = words.split_whitespace();
    let program = words_of.next().context("a program")?;
    let output = Command::new(program).args(words_of).output().with_context(|| format!("start {program}"))?;
    ensure!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Gives a program of the host something to read.
pub fn feed(program: &str, arguments: &[&str], text: &str) -> Result<()> {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("its standard input")?.write_all(text.as_bytes())?;
    ensure!(child.wait()?.success(), "{program} failed");
    Ok(())
}

/// Processes of this program that play a part until they are dropped.
#[derive(Debug)]
pub struct Players {
    children: Vec<Child>,
    /// They end when nobody holds its other end any more.
    lifeline: Option<OwnedFd>,
}

impl Players {
    /// Starts one process for each list of words and waits until all are ready.
    pub fn start(parts: impl Iterator<Item = Vec<String>>) -> Result<Self> {
        let (their_end, lifeline) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let (ready, their_ready) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let mut players = Players { children: Vec::new(), lifeline: Some(lifeline) };
        for words in parts {
            let child = Command::new(std::env::current_exe()?)
                .args(&words)
                .stdin(Stdio::from(their_end.try_clone()?))
                .stdout(Stdio::from(their_ready.try_clone()?))
                .spawn()?;
            players.children.push(child);
        }
        drop(their_ready);
        let mut signs = vec![0; players.children.len()];
        File::from(ready).read_exact(&mut signs).context("wait for the load: one of its processes ended early")?;
        Ok(players)
    }

    /// The process ids.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.children.iter().map(Child::id)
    }
}

impl Drop for Players {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// That many established TCP sockets over loopback, fifty in each process.
pub fn sockets(number: u32) -> Result<Players> {
    let processes = number / (2 * PAIRS);
    Players::start((0..processes).map(|at| vec!["as-holder".to_owned(), (10_000 + at).to_string()]))
}

/// Packets of 64 bytes from random sources at a rate per second, to `ours`; 0 is as fast as can be.
pub fn flood(rate: u32) -> Result<Players> {
    Players::start(std::iter::once(vec!["as-flood".to_owned(), rate.to_string()]))
}

/// The parts that this program plays in other processes.
pub fn play(role: &str, words: &[String]) -> Result<()> {
    let number = |at: usize| -> Result<u32> { Ok(words.get(at).context("a number")?.parse()?) };
    match role {
        "holder" => hold(number(0)?.try_into()?),
        "flood" => send_flood(number(0)?),
        "far-end" => far_end(number(0)?),
        "near-end" => near_end(),
        "resident" => reside(number(0)?, number(1)? == 0),
        _ => bail!("there is no part {role}"),
    }
}

/// Says that this process is ready.
fn ready() -> Result<()> {
    let mut out = std::io::stdout();
    out.write_all(b"+")?;
    out.flush()?;
    Ok(())
}

/// Waits until whoever started this process is done.
fn wait_for_the_end() -> Result<()> {
    std::io::stdin().read_exact(&mut [0]).or_else(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error.into()),
    })
}

fn hold(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let mut held = Vec::new();
    for _ in 0..PAIRS {
        held.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
        held.push(listener.accept()?.0);
    }
    drop(listener);
    ready()?;
    wait_for_the_end()
}

/// A capture file of as many datagrams of 64 bytes to 192.0.2.1, each of another source, over ten seconds.
pub fn capture(packets: u32) -> Result<Vec<u8>> {
    // Microseconds, whole packets, Ethernet.
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1u32] {
        file.extend(word.to_le_bytes());
    }
    for at in 0..packets {
        let mut frame = Vec::new();
        let [_, high, middle, low] = at.to_be_bytes();
        etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xb], [2, 0, 0, 0, 0, 0xa])
            .ipv4([198, 18 ^ high, middle, low], [192, 0, 2, 1], 64)
            .udp(1024 + (at % 60_000) as u16, 9)
            .write(&mut frame, &[0; 22])?;
        let micros = u64::from(at) * 10_000_000 / u64::from(packets);
        let (seconds, rest) = (1_790_000_000 + micros / 1_000_000, micros % 1_000_000);
        for word in [seconds as u32, rest as u32, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    Ok(file)
}

fn send_flood(rate: u32) -> Result<()> {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)?;
    let address = nix::ifaddrs::getifaddrs()?.find_map(|found| {
        let address: Option<LinkAddr> = found.address.as_ref()?.as_link_addr().copied();
        address.filter(|_| found.interface_name == "theirs")
    });
    bind(socket.as_raw_fd(), &address.context("a link address")?)?;
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xb], [2, 0, 0, 0, 0, 0xa])
        .ipv4([0; 4], [192, 0, 2, 1], 64)
        .udp(0, 9)
        .write(&mut frame, &[0; 22])?;
    frame[40..42].fill(0);
    let mut frames = vec![frame; BATCH];
    let mut headers = MultiHeaders::<LinkAddr>::preallocate(BATCH, None);
    let mut random = 88_172_645_463_325_252u64;
    // The end is the end of the lifeline, told by another thread.
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = wait_for_the_end();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        ready()?;
        let (began, mut sent) = (Instant::now(), 0u64);
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            for frame in &mut frames {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                frame[26..30].copy_from_slice(&random.to_be_bytes()[..4]);
                frame[34..36].copy_from_slice(&random.to_be_bytes()[4..6]);
            }
            let slices: Vec<[IoSlice<'_>; 1]> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
            // A full queue is part of a flood.
            let _ = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, vec![None; BATCH], [], MsgFlags::empty());
            sent += BATCH as u64;
            if rate > 0 {
                let due = Duration::from_secs_f64(sent as f64 / f64::from(rate));
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
        }
        Ok(())
    })
}

/// One of those who live in a namespace with a name.
fn reside(namespace: u32, listens: bool) -> Result<()> {
    setns(File::open(format!("/run/netns/n{namespace}"))?, CloneFlags::CLONE_NEWNET)?;
    let _listener = listens.then(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80))).transpose()?;
    ready()?;
    wait_for_the_end()
}

/// The sender of the bandwidth job: in a namespace of its own it waits for its end of the wire, then writes one byte at a
/// time, `rate` times a second.
fn far_end(rate: u32) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    ready()?;
    std::thread::spawn(|| {
        let _ = wait_for_the_end();
        std::process::exit(0);
    });
    while run("ip link set theirs up").is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    run("ip address add 192.0.2.2/24 dev theirs")?;
    let mut stream = TcpStream::connect((Ipv4Addr::new(192, 0, 2, 1), 9_000))?;
    stream.set_nodelay(true)?;
    let (began, mut sent) = (Instant::now(), 0u32);
    while stream.write_all(b"x").is_ok() {
        sent += 1;
        let due = Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    Ok(())
}

/// The receiver of the bandwidth job.
fn near_end() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9_000))?;
    ready()?;
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    wait_for_the_end()
}
