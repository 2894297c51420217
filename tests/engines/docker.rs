//! Docker: its daemon, with containerd and proxies, on a disk and in a network of the test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::host::{
    Traffic, World, advises, alone, booked, cause, ended, judged, own_disk, shell, told, tree, wait_for,
};
use crate::support::namespace::in_namespace;
use crate::support::need::{Missing, require, tool};

/// Where Docker and containerd keep what they know.
const KEPT: &[&str] = &["/run/containerd", "/run/docker", "/var/lib/containerd", "/var/lib/docker", "/etc/docker"];

/// The daemon. Dropping it ends its containers, and then it.
struct Docker {
    folder: TempDir,
    client: PathBuf,
    daemon: Child,
}

impl Docker {
    /// Gives the calling thread a disk of its own, starts the daemon with these options, and makes an image of a folder.
    fn prepare(options: &[&str]) -> Result<Self, Missing> {
        let client = tool("docker")?;
        tool("iptables-nft")?;
        let dockerd = tool("dockerd")?;
        let folder = tempfile::tempdir().unwrap();
        tree(&folder.path().join("root"))?;
        own_disk(KEPT, true)?;
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        let daemon = Command::new(dockerd)
            .args(["--storage-driver", "vfs", "--exec-opt", "native.cgroupdriver=cgroupfs", "--pidfile"])
            .arg(folder.path().join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", folder.path().join("socket").display()))
            .args(options)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        let mut docker = Docker { folder, client, daemon };
        let runs = docker.daemon.id();
        wait_for(&format!("answer of dockerd (pid {runs})"), || docker.call(&["version"]).ok());
        assert!(docker.daemon.try_wait().unwrap().is_none(), "{}", docker.said());
        shell(&format!(
            "cd {} && tar -C root -c . | DOCKER_HOST=unix://$PWD/socket {} import - tree:1",
            docker.folder.path().display(),
            docker.client.display()
        ));
        Ok(docker)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    fn call(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.client);
        command.args(words).env("DOCKER_HOST", format!("unix://{}", self.folder.path().join("socket").display()));
        let Output { status, stdout, stderr } = command.env("HOME", self.folder.path()).output().unwrap();
        let said = if status.success() { stdout } else { stderr };
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        if status.success() { Ok(said) } else { Err(said) }
    }

    /// Starts a container, and gives its first process.
    fn start(&self, name: &str, options: &[&str], command: &[&str]) -> i32 {
        let words = [&["run", "-d", "--name", name][..], options, &["tree:1"], command].concat();
        let started = self.call(&words);
        started.unwrap_or_else(|error| panic!("docker {}: {error}\n{}", words.join(" "), self.said()));
        self.call(&["inspect", "--format", "{{.State.Pid}}", name]).unwrap().parse().unwrap()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let containers = self.call(&["ps", "-a", "-q"]).unwrap_or_default();
        let containers: Vec<&str> = containers.split_whitespace().collect();
        let _ = self.call(&[&["rm", "-f"][..], &containers].concat());
        let _ = kill(Pid::from_raw(self.daemon.id().cast_signed()), Signal::SIGTERM);
        ended(&mut self.daemon);
        // The group of all its containers stays behind it, empty.
        let _ =
            Command::new("sh").args(["-c", "rmdir /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker 2>/dev/null"]).status();
    }
}

/// The proxy of the daemon holds the port on the host, and gets nothing of it: the rules of the firewall translate it before.
#[test]
fn docker_a_flood_of_a_published_port_is_said_of_the_container_by_its_name() {
    let _alone = alone();
    in_namespace(|| {
        let docker = require!(Docker::prepare(&[]));
        let world = World::make();
        let pid = docker.start("front", &["-p", "8080:80", "-p", "8053:53/udp"], &["/bin/httpd", "-f", "-p", "80"]);
        let case = judged(&world, Traffic::Datagrams(8053), docker.folder.path());
        let cause = cause(&case, "guest-unheard");
        assert!(cause.title.contains("container front gets ") && cause.title.contains("port 8053"), "{}", cause.title);
        advises(cause, "ip daddr 192.0.2.1 udp dport 8053 counter drop");
        advises(cause, &format!("nsenter -t {pid} -n ss -lntup"));
        advises(cause, "docker logs --tail 50 front");
        docker.call(&["logs", "--tail", "50", "front"]).unwrap();
        let labels = booked(&case);
        let there = "UDP port 53 (published as port 8053), container front, where nothing listens on UDP port 53";
        assert!(labels.contains(there), "{labels}");
        let row = told("front");
        let container = &row["containers"][0];
        assert_eq!((&container["engine"], &container["image"]), (&"docker".into(), &"tree:1".into()), "{row:#}");
        assert_eq!(
            (&row["ends"][0]["bridge"], &row["processes"][0]["pid"]),
            (&"docker0".into(), &pid.into()),
            "{row:#}"
        );
    });
}

#[test]
fn docker_what_a_container_fetches_and_what_is_sent_to_it_is_booked_on_its_processes() {
    let _alone = alone();
    in_namespace(|| {
        let docker = require!(Docker::prepare(&[]));
        let world = World::make();
        docker.start("sink", &["-p", "9000:9000"], &["/bin/sh", "-c", "nc -l -p 9000 >/dev/null"]);
        let case = judged(&world, Traffic::Upload("192.0.2.1:9000"), docker.folder.path());
        advises(cause(&case, "forwarded"), "nsenter -t ");
        let labels = booked(&case);
        let there = "forwarded to 172.17.0.2, TCP port 9000 (published as port 9000), container sink (nc, pid ";
        assert!(labels.contains(there), "{labels}");
        docker.call(&["rm", "-f", "sink"]).unwrap();
        let asks = "while ! wget -q -O /dev/null http://192.0.2.9:8000/; do sleep 0.1; done";
        docker.start("job", &[], &["/bin/sh", "-c", asks]);
        let case = judged(&world, Traffic::Fetched, docker.folder.path());
        let cause = cause(&case, "guest-download");
        assert!(cause.title.starts_with("wget (pid ") && cause.title.contains(" in container job "), "{}", cause.title);
        advises(cause, "docker top job");
        assert!(docker.call(&["top", "job"]).unwrap().contains("wget"));
        let labels = booked(&case);
        assert!(labels.contains("for connections that it opened (TCP), container job (wget, pid "), "{labels}");
    });
}

/// Without rules of the firewall the daemon's proxy takes each connection on the host, and opens another into the container.
#[test]
fn docker_what_its_proxy_hands_on_counts_once() {
    let _alone = alone();
    in_namespace(|| {
        let docker = require!(Docker::prepare(&["--iptables=false"]));
        let world = World::make();
        docker.start("store", &["-p", "9000:9000"], &["/bin/sh", "-c", "nc -l -p 9000 >/dev/null"]);
        let case = judged(&world, Traffic::Upload("192.0.2.1:9000"), docker.folder.path());
        let labels = booked(&case);
        let cause = cause(&case, "bulk-transfer-in");
        assert!(
            cause.title.starts_with("docker-proxy (pid ") && cause.title.contains(" on to container store (nc, pid ")
        );
        assert!(labels.starts_with("docker-proxy (pid "), "{labels}");
        let ledger = case.ledger.as_ref().unwrap();
        assert!((2_000_000..6_500_000).contains(&ledger.bytes), "it counts once: {}", ledger.bytes);
    });
}
