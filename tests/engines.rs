//! A container of a real engine, in network and mount namespaces of the test's own. No image is pulled: a folder with one static
//! program is all that it has.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use casebook::case::Case;
use nix::sched::{CloneFlags, setns, unshare};
use support::namespace::{in_namespace, ip};
use support::need::{Missing, capability, require, tool};
use tempfile::TempDir;

mod support;

/// Where Podman keeps what it knows, and where namespaces have names.
const KEPT: [&str; 3] = ["/var/lib/containers", "/run/containers", "/run/netns"];
/// Packets a second that come in.
const RATE: u64 = 2000;

fn shell(line: &str) {
    let Output { status, stderr, .. } = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(status.success(), "{line}: {}", String::from_utf8_lossy(&stderr));
}

/// Podman with a disk of its own. Dropping it ends its containers.
struct Podman(TempDir);

impl Podman {
    /// Gives the calling thread a disk of its own, and makes what a container has.
    fn prepare() -> Result<Self, Missing> {
        capability("CAP_SYS_ADMIN", 21)?;
        for name in ["podman", "crun", "iptables-nft", "nsenter", "unshare"] {
            tool(name)?;
        }
        let busybox = tool("busybox")?;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for name in ["bin", "proc", "sys", "dev", "etc", "tmp", "run"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for name in ["httpd", "sleep"] {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        shell("mount --make-rprivate /");
        for kept in KEPT {
            shell(&format!("mkdir -p {kept} && mount -t tmpfs none {kept}"));
        }
        // crun works with either version of control groups, and refuses a machine on which both have controllers.
        shell("test ! -d /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified");
        fs::create_dir(folder.path().join("networks")).unwrap();
        let text = format!(
            "[network]\nnetwork_backend=\"netavark\"\nnetwork_config_dir=\"{}\"\n[engine]\ncgroup_manager=\"cgroupfs\"\n\
             events_logger=\"none\"\n[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=4096:4096\"]\n",
            folder.path().join("networks").display()
        );
        fs::write(folder.path().join("containers.conf"), text).unwrap();
        Ok(Podman(folder))
    }

    fn call(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("podman");
        command.args(words).env("CONTAINERS_CONF", self.0.path().join("containers.conf"));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let said = if status.success() { stdout } else { stderr };
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        if status.success() { Ok(said) } else { Err(said) }
    }

    /// Starts a container, and gives its first process.
    fn start(&self, name: &str, options: &[&str], command: &[&str]) -> i32 {
        let root = self.0.path().join("root");
        let words =
            [&["run", "-d", "--name", name][..], options, &["--rootfs", root.to_str().unwrap()], command].concat();
        self.call(&words).unwrap_or_else(|error| panic!("podman {}: {error}", words.join(" ")));
        self.call(&["inspect", "--format", "{{.State.Pid}}", name]).unwrap().parse().unwrap()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.call(&["rm", "-f", "-a", "-t", "0"]);
    }
}

/// Everybody else, at the other end of `eth0`, by which 192.0.2.1 is reached.
struct World(Child);

impl World {
    fn make() -> Self {
        ip("link add eth0 type veth peer name w0");
        ip("addr add 192.0.2.1/24 dev eth0");
        ip("link set eth0 up");
        ip("route add default via 192.0.2.9");
        let world = thread::scope(|scope| {
            let made = scope.spawn(|| {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                World(Command::new("sleep").arg("120").stdin(Stdio::null()).spawn().unwrap())
            });
            made.join().unwrap()
        });
        ip(&format!("link set w0 netns {}", world.0.id()));
        world.inside(|| {
            ip("link set lo up");
            ip("addr add 192.0.2.9/24 dev w0");
            ip("link set w0 up");
        });
        world
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = fs::File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap();
        thread::scope(|scope| {
            let work = || {
                setns(file, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            };
            scope.spawn(work).join().unwrap()
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the shipped runbook says while datagrams come in for a port.
fn judged(world: &World, port: u16, folder: PathBuf) -> Case {
    let socket = world.inside(|| UdpSocket::bind("192.0.2.9:0").unwrap());
    let over = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for _ in 0..RATE / 200 {
                    let _ = socket.send_to(&[7; 900], ("192.0.2.1", port));
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        thread::sleep(Duration::from_millis(100));
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        command.args(["run", "high-inbound-traffic", "--window", "2s", "--format", "json"]);
        let output = command.env("XDG_STATE_HOME", folder).env("NO_COLOR", "1").output();
        over.store(true, Ordering::Relaxed);
        output.unwrap()
    });
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The labels of what the ledger booked, and how much it could not.
fn booked(case: &Case) -> (String, f64) {
    let ledger = case.ledger.as_ref().expect("an account");
    let labels: Vec<&str> = ledger.entries.iter().map(|entry| entry.label.as_str()).collect();
    (labels.join("\n"), ledger.unexplained_share.unwrap_or(1.0))
}

#[test]
fn podman_a_flood_of_a_published_port_is_said_of_the_container_by_its_name() {
    in_namespace(|| {
        let podman = require!(Podman::prepare());
        let world = World::make();
        let pid = podman.start("web", &["-p", "8080:80", "-p", "8053:53/udp"], &["/bin/httpd", "-f", "-p", "80"]);
        let case = judged(&world, 8053, podman.0.path().join("state"));
        let cause = case.diagnosis.causes.first().expect("a cause");
        assert_eq!(cause.id, "guest-unheard", "{:#?}", case.diagnosis.causes.first());
        assert!(cause.title.contains("container web gets ") && cause.title.contains("port 8053"), "{}", cause.title);
        let commands: Vec<&str> = cause.remedies.iter().filter_map(|remedy| remedy.run.as_deref()).collect();
        let drops = "ip daddr 192.0.2.1 udp dport 8053 counter drop";
        assert!(commands.iter().any(|run| run.contains(drops)), "{commands:#?}");
        assert!(commands.contains(&format!("nsenter -t {pid} -n ss -lntup").as_str()), "{commands:#?}");
        let (labels, unexplained) = booked(&case);
        let there = "UDP port 53 (published as port 8053), container web, where nothing listens on UDP port 53";
        assert!(labels.contains(there), "{labels}");
        assert!(unexplained <= 0.01, "{unexplained} of it is not explained:\n{labels}");
    });
}

#[test]
fn podman_containers_are_known_by_what_it_keeps_on_disk() {
    in_namespace(|| {
        let podman = require!(Podman::prepare());
        let web = podman.start("web", &[], &["/bin/sleep", "100"]);
        let here = podman.start("here", &["--network", "host"], &["/bin/sleep", "100"]);
        let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(["probe", "namespaces", "window=0s", "--format", "json"])
            .output()
            .unwrap();
        let evidence: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = evidence["output"]["namespaces"].as_array().unwrap();
        let row = rows.iter().find(|row| row["label"] == "container web").unwrap_or_else(|| panic!("{evidence:#}"));
        assert_eq!((&row["containers"][0]["engine"], &row["processes"][0]["pid"]), (&"podman".into(), &web.into()));
        assert!(row["containers"][0]["image"].is_null(), "it was made of a folder: {row:#}");
        assert_eq!(row["ends"][0]["bridge"], "podman0", "{row:#}");
        let of_here = evidence["output"]["host_network"].as_array().unwrap();
        let of_here = of_here.iter().find(|of| of["container"]["name"] == "here");
        let pids = of_here.and_then(|of| of["pids"].as_array()).unwrap_or_else(|| panic!("{evidence:#}"));
        assert!(pids.contains(&here.into()), "{pids:?}");
    });
}
