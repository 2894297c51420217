//! What flows during an incident. Every generator keeps its rate, counts what it sends, ends by itself after a minute, and
//! stays inside its stage.

mod chance;
mod clients;
mod frame;
mod pace;
mod stream;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

pub use clients::{Clients, Does, STRANGERS, Says, connected};
pub use frame::{Flood, Frames, Ports, Segment, Shape, Six, Sources, Ttl};
pub use pace::{Progress, Sent};
pub use wire::Wire;

use crate::service::{Role, Service};
use crate::stage::{SERVER, Stage};

/// A kind of traffic.
#[derive(Debug, Clone)]
pub enum Traffic {
    /// Frames from the world, without connections.
    Flood(Flood),
    /// The same, to the server's `eth1`.
    Beside(Flood),
    /// The same, from some time after casebook has begun to look.
    LateFlood {
        /// What comes.
        flood: Flood,
        /// How much later, from the moment that it is started.
        after: Duration,
    },
    /// A process of the server connects to the world, is sent data at this rate, and writes it to a file.
    Download {
        /// The world's address and the port that it serves on.
        from: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// The same, by a process of the guest behind the server (see [`Stage::guest`]).
    DownloadBehind {
        /// The world's address and the port that it serves on.
        from: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// The world connects to the server and sends data at this rate over one connection.
    Upload {
        /// The server's socket.
        to: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// One socket of the world sends datagrams.
    Datagrams {
        /// The server's socket.
        to: SocketAddr,
        /// Bytes of each.
        payload: usize,
        /// Their rate.
        per_second: u64,
    },
    /// The same, by a process that ends in the middle of it all, as soon as it has got this much.
    ShortDownload {
        /// The world's address and the port that it serves on.
        from: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
        /// Payload after which the process ends.
        bytes: u64,
    },
    /// Clients of the world open connections to the server, send a line, wait for the answer and close.
    Requests {
        /// The server's socket.
        to: SocketAddr,
        /// The address of the first client; the others follow it.
        from: Ipv4Addr,
        /// How many addresses the clients have.
        clients: u16,
        /// Connections.
        per_second: u64,
    },
    /// Clients of the world, each with an address of its own.
    Clients(Clients),
    /// A DNS server of the world, which answers what the server asks.
    Answers {
        /// Where it is asked.
        at: SocketAddr,
        /// Bytes of an answer.
        size: usize,
    },
    /// Somebody of the world who takes what the server's connections bring.
    Takes {
        /// Where he listens.
        at: SocketAddr,
    },
    /// Two processes of the server, one sending to the other over `lo`.
    Loopback {
        /// The port on 127.0.0.1.
        port: u16,
        /// Payload.
        bytes_per_second: u64,
    },
}

/// The noise of every public address: a few connection attempts and datagrams to closed ports, and ARP.
pub fn background_noise() -> Vec<Traffic> {
    let noise = |shape, per_second| {
        Traffic::Flood(Flood { shape, to: SERVER, from: Sources::Forged, ttl: Ttl::BySource, per_second })
    };
    vec![
        noise(Shape::Syn { port: 23 }, 12),
        noise(Shape::Syn { port: 8088 }, 7),
        noise(Shape::Udp { ports: Ports::Any, payload: 40 }, 9),
        noise(Shape::Arp, 5),
    ]
}

/// Traffic that flows until it is stopped or dropped.
#[derive(Debug)]
pub struct Flowing {
    progress: Arc<Progress>,
    generator: Option<JoinHandle<()>>,
    services: Vec<Service>,
    /// Processes that may end by themselves.
    _ending: Vec<Service>,
}

impl Traffic {
    /// The server's interface that it arrives on.
    pub fn arrives_on(&self) -> &'static str {
        match self {
            Traffic::Loopback { .. } => "lo",
            Traffic::Beside(_) => "eth1",
            _ => "eth0",
        }
    }

    /// Whether it begins at once.
    pub fn is_prompt(&self) -> bool {
        !matches!(self, Traffic::LateFlood { .. } | Traffic::Takes { .. })
    }

    /// Lets it flow.
    pub fn start(&self, stage: &Stage) -> Flowing {
        let progress = Arc::new(Progress::default());
        let (mut services, mut ending) = (Vec::new(), Vec::new());
        let generator = match self {
            Traffic::Flood(flood) | Traffic::Beside(flood) => {
                let onto = if matches!(self, Traffic::Beside(_)) { "w1" } else { "w0" };
                let wire = stage.world.inside(|| Wire::onto(onto));
                let (flood, progress) = (flood.clone(), Arc::clone(&progress));
                Some(std::thread::spawn(move || send_frames(&flood, &wire, &progress)))
            }
            Traffic::LateFlood { flood, after } => {
                let wire = stage.world.inside(|| Wire::onto("w0"));
                let (flood, after, progress) = (flood.clone(), *after, Arc::clone(&progress));
                Some(std::thread::spawn(move || {
                    std::thread::sleep(after);
                    send_frames(&flood, &wire, &progress);
                }))
            }
            Traffic::Download { from, bytes_per_second } | Traffic::DownloadBehind { from, bytes_per_second } => {
                let listener = stage.world.inside(|| stream::listener(*from));
                let role = Role::Fetch { from: *from };
                services.push(match self {
                    Traffic::Download { .. } => Service::start(&stage.server, &role),
                    _ => Service::start_in(&stage.guest_name(), &role),
                });
                // The fetching process is connected by now: this cannot wait for ever.
                let (stream, _) = listener.accept().expect("the download's client");
                Some(stream::writer(stream, *bytes_per_second, &progress))
            }
            Traffic::ShortDownload { from, bytes_per_second, bytes } => {
                let listener = stage.world.inside(|| stream::listener(*from));
                ending.push(Service::start(&stage.server, &Role::FetchSome { from: *from, bytes: *bytes }));
                let (stream, _) = listener.accept().expect("the download's client");
                Some(stream::writer_to_the_end(stream, *bytes_per_second, &progress))
            }
            Traffic::Requests { to, from, clients, per_second } => {
                // A thread is born into the namespace of the one that starts it.
                Some(stage.world.inside(|| stream::requests(*to, *from, *clients, *per_second, &progress)))
            }
            Traffic::Clients(clients) => Some(stage.world.inside(|| clients::start(*clients, &progress))),
            Traffic::Answers { at, size } => {
                let socket = stage.world.inside(|| std::net::UdpSocket::bind(at).expect("the port is free"));
                Some(clients::answers(socket, *size, &progress))
            }
            Traffic::Takes { at } => {
                let listener = stage.world.inside(|| stream::listener(*at));
                Some(clients::taker(listener, &progress))
            }
            Traffic::Upload { to, bytes_per_second } => {
                let stream = stage.world.inside(|| stream::connection(*to));
                Some(stream::writer(stream, *bytes_per_second, &progress))
            }
            Traffic::Datagrams { to, payload, per_second } => {
                let socket = stage.world.inside(|| stream::datagram_socket(*to));
                Some(stream::datagrams(socket, *payload, *per_second, &progress))
            }
            Traffic::Loopback { port, bytes_per_second } => {
                let at = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), *port);
                services.push(Service::start(&stage.server, &Role::LocalReceive { at }));
                let sender = Role::LocalSend { to: at, bytes_per_second: *bytes_per_second };
                services.push(Service::start(&stage.server, &sender));
                None
            }
        };
        Flowing { progress, generator, services, _ending: ending }
    }
}

impl Flowing {
    /// Whether its generator has sent something; one of the server's own processes is not asked.
    pub fn began(&self) -> bool {
        self.generator.is_none() || self.progress.sent().packets > 0
    }

    /// Whether it still flows.
    pub fn flows(&mut self) -> bool {
        !self.generator.as_ref().is_some_and(JoinHandle::is_finished) && self.services.iter_mut().all(Service::lives)
    }

    /// Ends it and says what was sent.
    pub fn stop(mut self) -> Sent {
        self.progress.stop();
        if let Some(Err(panic)) = self.generator.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        self.progress.sent()
    }

    /// The processes that take part.
    pub fn services(&self) -> &[Service] {
        &self.services
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.progress.stop();
        if let Some(generator) = self.generator.take() {
            let _ = generator.join(); // its panic was told on stderr; this may run in another one
        }
    }
}

fn send_frames(flood: &Flood, wire: &Wire, progress: &Progress) {
    let mut frames = frame::Frames::of(flood);
    progress.pace(u64::from(flood.per_second), |due| {
        for _ in 0..due {
            let frame = frames.next();
            if wire.send(frame) {
                progress.add(frame.len());
            }
        }
    });
}
