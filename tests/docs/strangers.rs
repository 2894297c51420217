//! A link on which strangers send UDP that nobody asked for: to a port where nothing listens, and as NTP to one where
//! something does. And one on which a server answers what it is asked.

use std::fs::File;
use std::io::Write;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use etherparse::PacketBuilder;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, bind, socket};

use crate::support::namespace::ip;

const OURS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
const THEIRS: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0b];
/// Datagrams a second of each kind: enough to be seen, little enough for any machine.
const CLOSED: u64 = 400;
const AMPLIFIED: u64 = 200;

/// Makes `eth0` of the calling thread's namespace, with a default route, and `theirs` at the other end of its cable.
pub fn link() {
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    ip("link add eth0 address 02:00:00:00:00:0a type veth peer name theirs address 02:00:00:00:00:0b");
    ip("address add 192.0.2.1/24 dev eth0");
    ip("link set eth0 up");
    ip("link set theirs up");
    ip("route add default via 192.0.2.254");
    ip("neighbour add 192.0.2.254 lladdr 02:00:00:00:00:0b dev eth0");
}

/// Others who send until they are dropped.
pub struct Others {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Others {
    /// Strangers.
    pub fn unasked() -> Self {
        let service = UdpSocket::bind("0.0.0.0:5514").unwrap();
        service.set_nonblocking(true).unwrap();
        let mut wire = wire("theirs");
        let (mut closed, mut amplified) = (0, 0);
        Self::begin(move |elapsed| {
            while closed < due(elapsed, CLOSED) {
                wire.write_all(&datagram([198, 51, 100, 7], (40_000, 27_015), 500)).unwrap();
                closed += 1;
            }
            while amplified < due(elapsed, AMPLIFIED) {
                let host = u8::try_from(amplified % 12).unwrap_or_default();
                wire.write_all(&datagram([203, 0, 113, host], (123, 5514), 460)).unwrap();
                amplified += 1;
            }
            // The service reads what comes, and answers nobody.
            while service.recv(&mut [0; 16]).is_ok() {}
        })
    }

    /// A resolver that this host asks, each time from another socket, which it closes before the answer is there.
    pub fn asked() -> Self {
        let mut wire = wire("theirs");
        let mut asked = 0;
        Self::begin(move |elapsed| {
            while asked < due(elapsed, CLOSED) {
                let client = UdpSocket::bind("0.0.0.0:0").unwrap();
                client.send_to(b"what is the address of example.net", "192.0.2.254:53").unwrap();
                let port = client.local_addr().unwrap().port();
                drop(client);
                wire.write_all(&datagram([192, 0, 2, 254], (53, port), 200)).unwrap();
                asked += 1;
            }
        })
    }

    /// Calls `send` now and again, with the time since the beginning.
    fn begin(mut send: impl FnMut(Duration) + Send + 'static) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                send(began.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Others { end, thread: Some(thread) }
    }
}

/// How many are due at a rate per second.
fn due(elapsed: Duration, rate: u64) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) * rate / 1000
}

impl Drop for Others {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn datagram(source: [u8; 4], ports: (u16, u16), payload: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(THEIRS, OURS).ipv4(source, [192, 0, 2, 1], 64).udp(ports.0, ports.1);
    builder.write(&mut frame, &vec![0; payload]).unwrap();
    frame
}

/// A socket that sends frames on an interface.
fn wire(interface: &str) -> File {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).unwrap();
    let address = nix::ifaddrs::getifaddrs().unwrap().find_map(|found| {
        let address = found.address.as_ref()?.as_link_addr().copied();
        address.filter(|_| found.interface_name == interface)
    });
    bind(socket.as_raw_fd(), &address.expect("an interface has a link address")).unwrap();
    File::from(socket)
}
