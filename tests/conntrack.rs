//! The probe `conntrack` against the real kernel: connections in network namespaces that each test makes for itself.

use std::fs::{File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casebook::case::{Gap, Observed};
use casebook::probe::conntrack::{Conntrack, ConntrackProbe, Params};
use casebook::probe::{Cancel, Context, Inputs, Probe as _, StartBarrier};
use casebook::units::Span;
use nix::sched::{CloneFlags, setns};
use support::NOBODY;
use support::namespace::in_namespace;
use support::need::{Missing, require, tool};

mod support;

/// Entries that a test may fill the table with: some 100 MB of the kernel's memory.
const MOST_TRACKED: u32 = 300_000;

/// Runs a shell line in the namespace of this thread.
fn run(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the kernel track the connections of this namespace, and count their bytes.
fn track() -> Result<(), Missing> {
    tool("nft")?;
    run("nft add table inet t");
    run("nft 'add chain inet t in { type filter hook input priority 0; policy accept; }'");
    run("nft add rule inet t in ct state invalid drop");
    run("echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct");
    Ok(())
}

/// Looks once, from the namespace of this thread.
fn look_once() -> Result<Observed<Conntrack>, Gap> {
    ConntrackProbe.observe(Params { window: Span::default(), ..Params::default() }, &Context::alone())
}

/// What the probe sees of `act`, which runs after its first sample and ends its window.
fn around(act: impl FnOnce()) -> Conntrack {
    let cancel = Arc::new(Cancel::default());
    let (say, said) = mpsc::channel();
    let live = move |figure| {
        let _ = say.send(figure);
    };
    let context = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), live);
    let params = Params { window: Span::seconds(60), ..Params::default() };
    thread::scope(|scope| {
        let watching = scope.spawn(move || ConntrackProbe.observe(params, &context));
        said.recv_timeout(Duration::from_secs(20)).expect("a first sample");
        act();
        cancel.cancel();
        watching.join().unwrap().unwrap().output
    })
}

fn send(from: &str, to: &str) {
    let socket = UdpSocket::bind(from).unwrap();
    // Nobody listens: later datagrams may hear of it.
    let _ = socket.send_to(&[7; 100], to);
}

#[test]
fn protocols_states_and_ends_are_those_of_the_connections() {
    in_namespace(|| {
        require!(track());
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let streams: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect("127.0.0.1:8080").unwrap()).collect();
        let accepted: Vec<TcpStream> = (0..5).map(|_| listener.accept().unwrap().0).collect();
        let sink = UdpSocket::bind("127.0.0.1:5000").unwrap();
        for port in 6001..=6007 {
            send(&format!("127.0.0.1:{port}"), "127.0.0.1:5000");
        }
        let seen = look_once().unwrap();
        assert!(seen.missing.is_empty() && seen.loss.is_empty(), "{:?} {:?}", seen.missing, seen.loss);
        let seen = seen.output;
        drop((streams, accepted, sink));
        assert!(seen.tracking && seen.complete == Some(true) && seen.accounting == Some(true));
        assert_eq!((seen.source.as_deref(), seen.count, seen.entries_read), (Some("ctnetlink"), Some(12), Some(12)));
        assert!(seen.max > Some(0) && seen.buckets > Some(0) && seen.used_share.is_some_and(|share| share > 0.0));
        let protocols = seen.protocols.unwrap();
        assert_eq!((protocols[0].protocol.as_str(), protocols[0].unreplied), ("udp", 7));
        assert_eq!((protocols[1].protocol.as_str(), protocols[1].replied, protocols[1].assured), ("tcp", 5, 5));
        let states = seen.tcp_states.unwrap();
        assert_eq!((states[0].state.as_str(), states[0].entries, states.len()), ("established", 5, 1));
        assert_eq!((seen.unreplied, seen.assured), (Some(7), Some(5)));
        let top = &seen.top_services.unwrap()[0];
        assert_eq!((top.port, top.entries, top.unreplied), (Some(5000), 7, 7));
        assert_eq!((seen.distinct_sources, seen.directions.unwrap().local), (Some(1), 12));
        assert_eq!(seen.trouble, None, "there was no window");
        assert_eq!(seen.trouble_since_boot.unwrap().dropped, Some(0));
    });
}

#[test]
fn a_redirected_port_is_a_mapping_with_its_bytes_of_the_window() {
    in_namespace(|| {
        require!(track());
        run("nft add table ip n");
        run("nft 'add chain ip n out { type nat hook output priority -100; }'");
        run("nft add rule ip n out tcp dport 80 redirect to :8080");
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut stream = TcpStream::connect("127.0.0.1:80").unwrap();
        let mut accepted = listener.accept().unwrap().0;
        stream.write_all(&[1; 50_000]).unwrap();
        accepted.read_exact(&mut [0; 50_000]).unwrap();
        let seen = around(|| {
            stream.write_all(&[2; 20_000]).unwrap();
            accepted.read_exact(&mut [0; 20_000]).unwrap();
        });
        let nat = seen.nat.unwrap();
        assert_eq!((nat.destination_entries, nat.source_entries, nat.mappings.len()), (1, 0, 1));
        let mapping = &nat.mappings[0];
        assert_eq!(
            (mapping.outer_port, mapping.inner_port, mapping.inner_is_local),
            (Some(80), Some(8080), Some(true))
        );
        let (grown, total) = (mapping.rx_bytes.unwrap(), mapping.rx_total.unwrap());
        assert!((20_000..25_000).contains(&grown) && (70_000..80_000).contains(&total), "{mapping:?}");
    });
}

/// A network namespace beside that of this thread, joined to it by a pair of interfaces. It ends with this.
struct Neighbour(Child);

impl Neighbour {
    /// Makes it: the near interface has the first address, the far one the second, in a network of 256.
    fn join(name: &str, near: &str, far: &str) -> Self {
        let child = Command::new("unshare").args(["--net", "sleep", "120"]).spawn().unwrap();
        let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let neighbour = Neighbour(child);
        let until = Instant::now() + Duration::from_secs(20);
        while std::fs::read_link(neighbour.file()).is_ok_and(|namespace| namespace == own) {
            assert!(Instant::now() < until, "unshare makes a network namespace");
            thread::sleep(Duration::from_millis(5));
        }
        run(&format!("ip link add {name} type veth peer name far netns {}", neighbour.0.id()));
        run(&format!("ip addr add {near}/24 dev {name} && ip link set {name} up"));
        neighbour.inside(|| {
            run(&format!("ip link set lo up && ip addr add {far}/24 dev far && ip link set far up"));
            run(&format!("ip route add default via {near}"));
        });
        neighbour
    }

    fn file(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    /// Does `work` in it. A socket that is made there stays there.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(self.file()).unwrap();
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            working.join().unwrap()
        })
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_guests_download_is_the_guests_and_not_this_hosts() {
    in_namespace(|| {
        require!(track());
        run("echo 1 > /proc/sys/net/ipv4/ip_forward");
        require!(tool("unshare"));
        let guest = Neighbour::join("inner", "172.17.0.1", "172.17.0.2");
        let outside = Neighbour::join("outer", "192.0.2.10", "192.0.2.77");
        run("nft add table ip n");
        run("nft 'add chain ip n out { type nat hook postrouting priority 100; }'");
        run("nft add rule ip n out oifname outer masquerade");
        run("nft 'add chain ip n in { type nat hook prerouting priority -100; }'");
        run("nft add rule ip n in iifname outer tcp dport 8080 dnat to 172.17.0.2:80");

        let server = outside.inside(|| TcpListener::bind("192.0.2.77:443").unwrap());
        let mut client = guest.inside(|| TcpStream::connect("192.0.2.77:443").unwrap());
        let mut serving = server.accept().unwrap().0;
        let published = guest.inside(|| TcpListener::bind("172.17.0.2:80").unwrap());
        let stranger = outside.inside(|| TcpStream::connect("192.0.2.10:8080").unwrap());
        let answering = published.accept().unwrap().0;
        let mut deliver = |bytes: usize| {
            serving.write_all(&vec![1; bytes]).unwrap();
            client.read_exact(&mut vec![0; bytes]).unwrap();
        };
        deliver(150_000);
        let seen = around(|| deliver(100_000));
        drop((stranger, answering));

        assert_eq!(seen.directions.unwrap().forwarded, 2, "{:?}", seen.directions);
        let nat = seen.nat.unwrap();
        assert_eq!((nat.source_entries, nat.destination_entries), (1, 1));
        let download = &nat.mappings[0];
        assert_eq!((download.kind.as_str(), download.protocol.as_str()), ("source", "tcp"));
        let addresses = (download.outer_address.to_string(), download.inner_address.to_string());
        assert_eq!(addresses, ("192.0.2.10".to_owned(), "172.17.0.2".to_owned()));
        let (grown, total) = (download.rx_bytes.unwrap(), download.rx_total.unwrap());
        assert!((100_000..120_000).contains(&grown) && (250_000..300_000).contains(&total), "{download:?}");
        let published = &nat.mappings[1];
        assert_eq!((published.kind.as_str(), published.inner_is_local), ("destination", Some(false)));
        assert_eq!((published.outer_port, published.inner_port), (Some(8080), Some(80)));
        assert_eq!((nat.inner.len(), nat.inner[0].address.to_string().as_str()), (1, "172.17.0.2"));
        assert!(nat.inner[0].rx_bytes >= Some(grown), "{:?}", nat.inner);
    });
}

#[test]
fn a_full_table_is_full_and_what_had_to_go_is_counted() {
    in_namespace(|| {
        require!(track());
        // Nobody should answer that nobody listens.
        run("nft add rule inet t in udp dport 1-65535 drop");
        let max = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max").unwrap();
        let max: u32 = max.trim().parse().unwrap();
        let room = Missing::new(
            format!("a table of at most {MOST_TRACKED} connections"),
            "lower net.netfilter.nf_conntrack_max",
        );
        require!((max <= MOST_TRACKED).then_some(()).ok_or(room));
        let seen = around(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            for number in 0..max + max / 50 {
                let [_, second, third, fourth] = (number / 50_000 + 1).to_be_bytes();
                // One that finds no room is refused.
                let _ = socket.send_to(&[0], (Ipv4Addr::new(127, second, third, fourth), (number % 50_000) as u16 + 1));
            }
        });
        assert_eq!(seen.max, Some(u64::from(max)));
        assert!(seen.used_share.is_some_and(|share| share > 0.99), "{:?}", seen.used_share);
        let trouble = seen.trouble.unwrap();
        assert!(trouble.dropped.unwrap() + trouble.early_dropped.unwrap() > 0, "{trouble:?}");
        let read = seen.entries_read.unwrap();
        assert_eq!(seen.unreplied, Some(read));
        let fullest = &seen.top_destinations.unwrap()[0];
        assert!(fullest.share > 0.1 && fullest.entries <= 50_000, "{fullest:?}");
        println!("{read} of {max} entries were read");
    });
}

#[test]
fn without_the_right_to_list_there_are_still_the_count_and_its_limit() {
    in_namespace(|| {
        require!(track());
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("casebook");
        // The folder that the binary was built in may be closed to others.
        std::fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&binary);
        command.args(["probe", "conntrack", "window=0", "--format", "json"]).uid(NOBODY).gid(NOBODY);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let result = &seen["output"];
        assert!(result["tracking"] == true && result["max"].is_u64() && result["count"] == 0, "{seen:#}");
        assert!(result["protocols"].is_null() && result["nat"].is_null(), "{seen:#}");
        let missing = seen["missing"].as_array().unwrap();
        let lists =
            missing.iter().find(|missing| missing["fields"].as_array().unwrap().contains(&"nat".into())).unwrap();
        assert_eq!(lists["gap"]["reason"], "denied");
        assert!(lists["gap"]["why"].as_str().unwrap().contains("CAP_NET_ADMIN"), "{lists:#}");
    });
}
