//! The probe `namespaces` against the real kernel: each test makes a host of its own, in a network and a mount namespace, with
//! residents in others.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casebook::probe::namespaces::{Namespace, Namespaces, NamespacesProbe, Params};
use casebook::probe::{Cancel, Context, Inputs, Probe as _, StartBarrier};
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
