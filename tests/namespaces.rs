//! The probe `namespaces` against the real kernel: each test makes a host of its own, in a network and a mount namespace, with
//! residents in others.

use std::fs;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casebook::probe::namespaces::{Namespace, Namespaces, NamespacesProbe, Params};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::probe::{capture, conntrack, firewall, kernel, sockets};
use casebook::units::Span;
use nix::sched::{CloneFlags, setns, unshare};
use serde_json::Value;
use support::namespace::{in_namespace, ip};
use support::need::{ControlGroup, Missing, capability, require, tool};

mod support;

/// The id of a container, of each test its own.
fn id(of_test: u32) -> String {
    format!("c0ffee{:08x}{of_test:050x}", std::process::id())
}

/// A process in a network namespace of its own, with a UDP socket on port 53 and a listening TCP socket on port 80.
struct Resident(Child);

impl Resident {
    fn settle(group: Option<&ControlGroup>) -> Resident {
        let child = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("this namespace was made like that");
            ip("link set lo up");
            let (udp, tcp) = (UdpSocket::bind("0.0.0.0:53").unwrap(), TcpListener::bind("0.0.0.0:80").unwrap());
            let mut command = Command::new("sleep");
            command.arg("120").stdin(Stdio::from(OwnedFd::from(udp))).stdout(Stdio::from(OwnedFd::from(tcp)));
            command.spawn().unwrap()
        });
        let resident = Resident(child.join().unwrap());
        if let Some(group) = group {
            fs::write(group.0.join("cgroup.procs"), resident.0.id().to_string()).unwrap();
        }
        resident
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Runs `ip` in its namespace.
    fn ip(&self, lines: &[&str]) {
        let file = fs::File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap();
        let inside = || {
            setns(&file, CloneFlags::CLONE_NEWNET).unwrap();
            lines.iter().for_each(|line| ip(line));
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap();
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a test needs to stage other namespaces and name their containers.
fn staging(id: &str) -> Result<ControlGroup, Missing> {
    capability("CAP_SYS_ADMIN", 21)?;
    tool("unshare")?;
    ControlGroup::make(&format!("docker-{id}.scope"), "cgroup.procs")
}

/// Gives the calling thread a disk of its own, on which Docker keeps a container of that name.
fn docker_keeps(id: &str, name: &str) {
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
    for line in ["mount --make-rprivate /", "mount -t tmpfs none /var/lib"] {
        let status = Command::new("sh").args(["-c", line]).status().unwrap();
        assert!(status.success(), "{line}");
    }
    let folder = format!("/var/lib/docker/containers/{id}");
    fs::create_dir_all(&folder).unwrap();
    let text = format!(r#"{{"ID":"{id}","Name":"/{name}","Config":{{"Image":"nginx:1.27"}}}}"#);
    fs::write(format!("{folder}/config.v2.json"), text).unwrap();
}

/// What the probe sees of `act`, which runs after its first look and ends its window.
fn around(act: impl FnOnce()) -> Namespaces {
    let cancel = Arc::new(Cancel::default());
    let (say, said) = mpsc::channel();
    let live = move |figure| {
        let _ = say.send(figure);
    };
    let context = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), live);
    let params = Params { window: Span::seconds(60), ..Params::default() };
    thread::scope(|scope| {
        let watching = scope.spawn(move || NamespacesProbe.observe(params, &context));
        said.recv_timeout(Duration::from_secs(20)).expect("a first look");
        act();
        cancel.cancel();
        watching.join().unwrap().unwrap().output
    })
}

fn of<'a>(seen: &'a Namespaces, resident: &Resident) -> &'a Namespace {
    let number = fs::read_link(format!("/proc/{}/ns/net", resident.0.id())).unwrap();
    let is_it = |row: &&Namespace| number.to_str() == Some(&format!("net:[{}]", row.number));
    seen.namespaces.iter().find(is_it).unwrap_or_else(|| panic!("{number:?} is none of {seen:?}"))
}

fn open_namespaces() -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("net:[")).count()
}

#[test]
fn a_container_is_told_by_name_with_its_traffic_its_interfaces_and_who_listens() {
    in_namespace(|| {
        let group = require!(staging(&id(1)));
        docker_keeps(&id(1), "web");
        let (web, other) = (Resident::settle(Some(&group)), Resident::settle(None));
        ip("link add br0 type bridge");
        ip("addr add 10.9.0.1/24 dev br0");
        ip("link set br0 up");
        for (resident, end, address) in [(&web, "v0", "10.9.0.2/24"), (&other, "v1", "10.9.0.3/24")] {
            ip(&format!("link add {end} type veth peer name eth0 netns {}", resident.pid()));
            ip(&format!("link set {end} master br0 up"));
            resident.ip(&[&format!("addr add {address} dev eth0"), "link set eth0 up"]);
        }
        let seen = around(|| {
            let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
            for _ in 0..200 {
                socket.send_to(&[7; 500], "10.9.0.2:53").unwrap();
            }
        });
        // Tests beside this one look, too, and are done within seconds.
        let until = Instant::now() + Duration::from_secs(20);
        while open_namespaces() > 0 {
            assert!(Instant::now() < until, "a namespace is held open");
            thread::sleep(Duration::from_millis(5));
        }
        let row = of(&seen, &web);
        assert_eq!((row.label.as_str(), row.visited), ("container web", true));
        let container = &row.containers[0];
        assert_eq!((container.engine.as_str(), container.id.clone()), ("docker", Some(id(1))));
        assert_eq!((container.name.as_deref(), container.image.as_deref()), (Some("web"), Some("nginx:1.27")));
        let (bytes, packets) = (row.rx.bytes.unwrap(), row.rx.packets.unwrap());
        assert!((200..230).contains(&packets) && (108_400..112_400).contains(&bytes), "{row:?}");
        let [eth0] = &row.interfaces[..] else { panic!("{row:?}") };
        assert_eq!(
            (eth0.name.as_str(), eth0.kind.as_deref(), eth0.meets.as_deref()),
            ("eth0", Some("veth"), Some("v0"))
        );
        assert!(eth0.addresses.contains(&"10.9.0.2".parse().unwrap()), "{eth0:?}");
        let [end] = &row.ends[..] else { panic!("{row:?}") };
        assert_eq!((end.name.as_str(), end.bridge.as_deref()), ("v0", Some("br0")));
        assert!(end.sent.packets.unwrap().abs_diff(eth0.rx.packets.unwrap()) < 20, "{row:?}");
        let holder = |protocol: &str, port| {
            let listeners = row.listeners.iter().flatten();
            let mut of_port = listeners.filter(|listener| listener.protocol == protocol && listener.port == port);
            of_port.next().and_then(|listener| listener.process.as_ref()).map(|process| process.pid)
        };
        assert_eq!((holder("udp", 53), holder("tcp", 80)), (Some(web.pid()), Some(web.pid())));
        let row = of(&seen, &other);
        assert!(row.containers.is_empty() && row.rx.packets < Some(60), "{row:?}");
        assert_eq!((row.ends[0].name.as_str(), row.processes[0].pid), ("v1", other.pid()));
        assert!(seen.unknown_ends.is_empty(), "{seen:?}");
    });
}

#[test]
fn what_stands_on_an_interface_of_the_host_is_told_by_that() {
    in_namespace(|| {
        let group = require!(staging(&id(2)));
        let (one, two) = (Resident::settle(None), Resident::settle(Some(&group)));
        for name in ["eth0", "eth1"] {
            ip(&format!("link add {name} type veth peer name w{name}"));
            ip(&format!("link set {name} up"));
        }
        ip(&format!("link add link eth0 mv0 netns {} type macvlan mode bridge", one.pid()));
        ip(&format!("link add link eth1 mv1 netns {} type macvlan mode vepa", two.pid()));
        let seen = around(|| {});
        for (resident, name, kind, on) in [(&one, "mv0", "macvlan", "eth0"), (&two, "mv1", "macvlan", "eth1")] {
            let row = of(&seen, resident);
            let [interface] = &row.interfaces[..] else { panic!("{row:?}") };
            let shown = (interface.name.as_str(), interface.kind.as_deref(), interface.meets.as_deref());
            assert_eq!(shown, (name, Some(kind), Some(on)));
            assert!(row.ends.is_empty() && interface.mac.is_some(), "{row:?}");
        }
        assert_eq!(of(&seen, &two).label, format!("docker {}", &id(2)[..12]), "no disk tells its name");
    });
}

#[test]
fn a_process_that_holds_a_tap_is_a_machine_with_the_traffic_of_its_device() {
    in_namespace(|| {
        require!(capability("CAP_SYS_ADMIN", 21));
        let tun = fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").expect("this kernel has TUN");
        attach(&tun, "vnet3");
        let mut holder =
            Command::new("cat").stdin(Stdio::from(OwnedFd::from(tun))).stdout(Stdio::null()).spawn().unwrap();
        ip("addr add 10.9.1.1/24 dev vnet3");
        ip("link set vnet3 up");
        ip("neigh replace 10.9.1.2 lladdr 02:00:00:00:00:09 dev vnet3 nud permanent");
        // What it may claim, and what this host does not send there.
        ip("neigh replace 192.0.2.7 lladdr 02:00:00:00:00:09 dev vnet3 nud permanent");
        // A device counts what its holder has read.
        let seen = around(|| {
            let socket = UdpSocket::bind("10.9.1.1:0").unwrap();
            for _ in 0..50 {
                socket.send_to(&[7; 500], "10.9.1.2:53").unwrap();
            }
            thread::sleep(Duration::from_millis(100));
        });
        let pid = holder.id().cast_signed();
        holder.kill().unwrap();
        holder.wait().unwrap();
        let [machine] = &seen.machines[..] else { panic!("{seen:?}") };
        assert_eq!((machine.process.pid, machine.name.as_deref(), machine.manager.as_deref()), (pid, None, None));
        assert_eq!((machine.ends.len(), machine.ends[0].name.as_str()), (1, "vnet3"));
        assert_eq!(machine.addresses, ["10.9.1.2".parse::<IpAddr>().unwrap()], "it is routed to, without a bridge");
        let sent = machine.ends[0].sent;
        assert!(sent.packets >= Some(50) && sent.packets < Some(80) && sent.bytes >= Some(50 * 542), "{machine:?}");
    });
}

#[test]
fn without_the_right_to_enter_a_container_is_still_named_with_its_end_here() {
    in_namespace(|| {
        let group = require!(staging(&id(4)));
        require!(tool("setpriv"));
        docker_keeps(&id(4), "web");
        let web = Resident::settle(Some(&group));
        ip(&format!("link add v0 type veth peer name eth0 netns {}", web.pid()));
        ip("link set v0 up");
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-sys_admin", env!("CARGO_BIN_EXE_casebook"), "probe", "namespaces"]);
        let output = command.args(["window=300ms", "--format", "json"]).output().unwrap();
        let evidence: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rows = evidence["output"]["namespaces"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["label"] == "container web").unwrap_or_else(|| panic!("{evidence:#}"));
        assert_eq!((&row["visited"], &row["ends"][0]["name"]), (&false.into(), &"v0".into()));
        assert!(row["rx"]["bytes"].is_u64() && row["listeners"].is_null(), "{row:#}");
        let gaps = evidence["missing"].as_array().expect("gaps");
        let needs_it = |missing: &&Value| missing["gap"]["why"].as_str().unwrap().contains("CAP_SYS_ADMIN");
        let of_entering = gaps.iter().find(needs_it);
        let of_entering = of_entering.unwrap_or_else(|| panic!("{gaps:#?}"));
        assert_eq!(of_entering["gap"]["reason"], "denied");
        assert!(of_entering["fields"].as_array().unwrap().contains(&"namespaces.listeners".into()));
        assert_eq!(of_entering["gap"]["to_fix"], "run with sudo");
    });
}

/// What a probe sees of the busiest namespaces while `act` goes on.
fn seen_elsewhere<P: Probe>(probe: &P, params: P::Params, act: impl Fn() + Sync) -> P::Output {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                act();
                thread::sleep(Duration::from_millis(2));
            }
        });
        let seen = probe.observe(params, &Context::alone());
        over.store(true, Ordering::Relaxed);
        seen.unwrap().output
    })
}

#[test]
fn other_probes_look_into_the_busy_namespace_and_say_where_they_saw_what() {
    in_namespace(|| {
        let group = require!(staging(&id(5)));
        require!(tool("nft"));
        docker_keeps(&id(5), "web");
        let (web, idle) = (Resident::settle(Some(&group)), Resident::settle(None));
        for (resident, end, network) in [(&web, "v0", 10), (&idle, "v1", 11)] {
            ip(&format!("link add {end} type veth peer name eth0 netns {}", resident.pid()));
            ip(&format!("addr add 10.{network}.0.1/24 dev {end}"));
            ip(&format!("link set {end} up"));
            resident.ip(&[&format!("addr add 10.{network}.0.2/24 dev eth0"), "link set eth0 up"]);
        }
        let rule = "add table inet f; add chain inet f in { type filter hook input priority 0; }; \
                    add rule inet f in udp dport 99 counter drop";
        let status = Command::new("nsenter").args(["-n", "-t", &web.pid().to_string(), "nft", rule]).status().unwrap();
        assert!(status.success());
        let socket = UdpSocket::bind("10.10.0.1:0").unwrap();
        let send = || {
            for port in [53, 99, 77] {
                // That nothing waits on the third port is answered, and the answer is an error of the next call.
                let _ = socket.send_to(&[7; 500], ("10.10.0.2", port));
            }
        };
        let (window, busiest) = (Span::seconds(1), Some("busiest".to_owned()));

        let params = kernel::Params { window, namespaces: Some("all".to_owned()) };
        let seen = seen_elsewhere(&kernel::KernelProbe, params, send);
        let rows = seen.elsewhere.as_ref().expect("they were asked for");
        let row = &rows[0];
        assert_eq!(
            (row.label.as_str(), row.pid, &row.ends[..]),
            ("container web", Some(web.pid()), &["v0".to_owned()][..])
        );
        let (unheard, all) = (row.udp.no_ports.unwrap(), row.ip.in_receives.unwrap());
        assert!(unheard > 50 && (unheard * 2..unheard * 5).contains(&all), "{unheard} of {all}");
        assert!(row.grew.contains_key("Udp.NoPorts") && !row.grew.keys().any(|name| name.starts_with("Softnet")));
        let second = rows.iter().find(|row| row.ends == ["v1"]).expect("all were asked for");
        assert_eq!(second.udp.no_ports, Some(0));
        assert_eq!(seen.udp.no_ports, Some(0), "what happens there is not said of here");

        let params = firewall::Params { window, namespaces: busiest.clone() };
        let seen = seen_elsewhere(&firewall::FIREWALL, params, send);
        let row = &seen.elsewhere.expect("they were asked for")[0];
        let drop = row.top_drop.as_ref().expect("a rule that dropped");
        assert!(row.label == "container web" && drop.packets > Some(50) && drop.name.contains("inet f in"), "{drop:?}");
        assert!(seen.rules.is_empty() && seen.top_drop.is_none(), "what happens there is not said of here");

        let params = sockets::Params { window, namespaces: Some("web".to_owned()), ..sockets::Params::default() };
        let seen = seen_elsewhere(&sockets::SocketsProbe, params, send);
        let [row] = &seen.elsewhere.expect("it was asked for")[..] else { panic!("one of that name") };
        let reader = &row.listeners[0];
        assert_eq!((reader.protocol.as_str(), reader.port, row.counts.tcp_listen), ("udp", 53, 1));
        assert_eq!(reader.process.as_ref().map(|process| process.pid), Some(web.pid()));
        assert!(reader.drops > Some(20) && reader.queue > 10_000, "nobody reads it: {reader:?}");

        for asked in ["busiest", "web"] {
            let params = capture::Params { window, namespace: Some(asked.to_owned()), ..capture::Params::default() };
            let seen = seen_elsewhere(&capture::CaptureProbe, params, send);
            let there = seen.namespace.as_ref().expect("another one was asked for");
            assert_eq!((there.label.as_str(), &there.ends[..]), ("container web", &["v0".to_owned()][..]), "{asked}");
            assert_eq!(seen.interface.as_deref(), Some("eth0"));
            assert!(seen.classes.to_us.packets > 150 && seen.udp.packets > 150, "{:?}", seen.classes);
        }

        let params = conntrack::Params { window, namespaces: busiest, ..conntrack::Params::default() };
        let seen = seen_elsewhere(&conntrack::ConntrackProbe, params, send);
        let rows = seen.elsewhere.expect("they were asked for");
        assert!(!seen.tracking || rows[0].label == "container web" && rows[0].count.is_some(), "{rows:?}");
        let until = Instant::now() + Duration::from_secs(20);
        while open_namespaces() > 0 {
            assert!(Instant::now() < until, "a namespace is held open");
            thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn those_that_wake_or_come_within_the_window_and_are_not_looked_into_are_a_gap_with_their_number() {
    const SLEEPERS: u32 = 12;
    /// Of those that are new and rest as many are looked into as there is room for.
    const LOOKED_INTO: u32 = 8;
    let connect = |resident: &Resident, at: u32| {
        ip(&format!("link add v{at} type veth peer name eth0 netns {}", resident.pid()));
        // Who says nothing by himself has moved nothing until he is spoken to.
        ip(&format!("link set v{at} addrgenmode none up"));
        ip(&format!("addr add 10.{at}.0.1/24 dev v{at}"));
        resident.ip(&["link set eth0 addrgenmode none up", &format!("addr add 10.{at}.0.2/24 dev eth0")]);
    };
    in_namespace(|| {
        require!(staging(&id(7)));
        let residents: Vec<Resident> = (0..SLEEPERS).map(|_| Resident::settle(None)).collect();
        residents.iter().zip(10..).for_each(|(resident, at)| connect(resident, at));
        let namespace = fs::File::open("/proc/thread-self/ns/net").unwrap();
        let send = || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for at in 10..=10 + SLEEPERS {
                for _ in 0..50 {
                    let _ = socket.send_to(&[7; 500], (format!("10.{at}.0.2").as_str(), 53));
                }
            }
        };
        let params = kernel::Params { window: Span::seconds(4), namespaces: Some("busiest".to_owned()) };
        let seen = thread::scope(|scope| {
            scope.spawn(|| {
                setns(&namespace, CloneFlags::CLONE_NEWNET).unwrap();
                thread::sleep(Duration::from_millis(1200));
                let late = Resident::settle(None);
                connect(&late, 10 + SLEEPERS);
                send();
                // It stays until the window is over.
                thread::sleep(Duration::from_millis(3500));
            });
            kernel::KernelProbe.observe(params, &Context::alone()).unwrap()
        });
        assert_eq!(seen.output.elsewhere.expect("they were asked for").len(), LOOKED_INTO as usize);
        let missed = seen.missing.iter().find(|part| part.gap.tried.contains("as the window began"));
        let missed = &missed.unwrap_or_else(|| panic!("{:#?}", seen.missing)).gap;
        let number = SLEEPERS - LOOKED_INTO + 1;
        assert!(missed.tried.starts_with(&format!("look into {number} network namespaces")), "{missed:?}");
        assert!(missed.why.starts_with("1 of them came within it"), "{missed:?}");
    });
}

/// What casebook's probe prints as JSON for somebody whom `setpriv` leaves less than root has.
fn probe_without(rights: &[&str], words: &[&str]) -> Value {
    let mut command = Command::new("setpriv");
    command.args(rights).arg(env!("CARGO_BIN_EXE_casebook")).arg("probe").args(words).args(["--format", "json"]);
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn who_may_not_enter_has_a_gap_in_place_of_what_other_namespaces_show() {
    in_namespace(|| {
        require!(staging(&id(6)));
        require!(tool("setpriv"));
        let web = Resident::settle(None);
        ip(&format!("link add v0 type veth peer name eth0 netns {}", web.pid()));
        ip("link set v0 up");
        web.ip(&["link set eth0 up"]);
        for probe in ["kernel", "firewall", "sockets"] {
            let evidence =
                probe_without(&["--bounding-set", "-sys_admin"], &[probe, "window=300ms", "namespaces=busiest"]);
            assert!(evidence["output"]["elsewhere"].is_null(), "{probe}");
            let gaps = evidence["missing"].as_array().expect("gaps");
            let of_entering = gaps.iter().find(|missing| missing["gap"]["why"] == "it needs CAP_SYS_ADMIN");
            let of_entering = of_entering.unwrap_or_else(|| panic!("{probe}: {gaps:#?}"));
            assert!(of_entering["fields"] == serde_json::json!(["elsewhere", "elsewhere_left_out"]), "{of_entering:#}");
            assert_eq!(of_entering["gap"]["to_fix"], "run with sudo");
            let nobody_asked = probe_without(&["--bounding-set", "-sys_admin"], &[probe, "window=0s"]);
            assert!(nobody_asked["output"]["elsewhere"].is_null(), "{probe}");
        }
        let watched =
            probe_without(&["--bounding-set", "-sys_admin"], &["capture", "window=300ms", "namespace=busiest"]);
        assert!(watched["gap"]["why"] == "it needs CAP_SYS_ADMIN" && watched["output"].is_null(), "{watched:#}");
        // Nor is it known that there is none, for who may not see where processes live, and finds no name.
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        for line in ["mount --make-rprivate /", "mount -t tmpfs none /run"] {
            assert!(Command::new("sh").args(["-c", line]).status().unwrap().success(), "{line}");
        }
        let nobody = ["--reuid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
        let evidence = probe_without(&nobody, &["namespaces", "window=0s"]);
        assert!(evidence["output"]["found"].is_null(), "{evidence:#}");
        let gaps = evidence["missing"].as_array().expect("gaps");
        assert!(
            gaps.iter().any(|missing| missing["fields"].as_array().unwrap().contains(&"found".into())),
            "{gaps:#?}"
        );
    });
}

#[test]
fn a_wrong_parameter_is_refused() {
    let context = Context::alone();
    for params in [Params { limit: 0, ..Params::default() }, Params { busiest: 65, ..Params::default() }] {
        assert!(NamespacesProbe.observe(params, &context).is_err());
    }
}

/// Makes the open device a TAP of that name.
#[expect(unsafe_code, reason = "there is no other door to TUNSETIFF")]
fn attach(tun: &fs::File, name: &str) {
    const TUNSETIFF: nix::libc::c_ulong = 0x4004_54ca;
    const TAP_WITHOUT_HEADER: u16 = 0x1002;
    let mut request = [0u8; 40];
    request[..name.len()].copy_from_slice(name.as_bytes());
    request[16..18].copy_from_slice(&TAP_WITHOUT_HEADER.to_ne_bytes());
    // SAFETY: the request is a live `struct ifreq` of forty bytes, with a name that ends in a zero.
    let made = unsafe { nix::libc::ioctl(tun.as_raw_fd(), TUNSETIFF as _, request.as_mut_ptr()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
}
