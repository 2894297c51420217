//! Podman.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::host::{Traffic, World, advises, alone, booked, cause, judged, own_disk, probe, told, tree};
use crate::support::namespace::in_namespace;
use crate::support::need::{Missing, require, tool};

/// Where Podman keeps what it knows, and where namespaces have names.
const KEPT: &[&str] = &["/var/lib/containers", "/run/containers", "/run/netns"];

/// Podman with a disk of its own. Dropping it ends its containers.
struct Podman(TempDir);

impl Podman {
    /// Gives the calling thread a disk of its own, and makes what a container has.
    fn prepare() -> Result<Self, Missing> {
        for name in ["podman", "crun", "iptables-nft", "nsenter", "unshare"] {
            tool(name)?;
        }
        let folder = tempfile::tempdir().unwrap();
        tree(&folder.path().join("root"))?;
        // crun refuses a machine on which both versions of control groups have controllers.
        own_disk(KEPT, true)?;
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

#[test]
fn podman_a_flood_of_a_published_port_is_said_of_the_container_by_its_name() {
    let _alone = alone();
    in_namespace(|| {
        let podman = require!(Podman::prepare());
        let world = World::make();
        let pid = podman.start("shop", &["-p", "8080:80", "-p", "8053:53/udp"], &["/bin/httpd", "-f", "-p", "80"]);
        let case = judged(&world, Traffic::Datagrams(8053), podman.0.path());
        let cause = cause(&case, "guest-unheard");
        assert!(cause.title.contains("container shop gets ") && cause.title.contains("port 8053"), "{}", cause.title);
        advises(cause, "ip daddr 192.0.2.1 udp dport 8053 counter drop");
        advises(cause, &format!("nsenter -t {pid} -n ss -lntup"));
        advises(cause, "podman logs --tail 50 shop");
        podman.call(&["logs", "--tail", "50", "shop"]).unwrap();
        let labels = booked(&case);
        let there = "UDP port 53 (published as port 8053), container shop, where nothing listens on UDP port 53";
        assert!(labels.contains(there), "{labels}");
    });
}

/// `nc` hands what it gets to a pipe that nobody reads.
#[test]
fn podman_a_process_that_does_not_read_its_connection_is_said_with_its_container() {
    let _alone = alone();
    in_namespace(|| {
        let podman = require!(Podman::prepare());
        let world = World::make();
        let command = ["/bin/sh", "-c", "nc -l -p 9000 | sleep 100"];
        let pid = podman.start("collector", &["-p", "9000:9000"], &command);
        let case = judged(&world, Traffic::Stuffed("192.0.2.1:9000"), podman.0.path());
        let cause = cause(&case, "guest-not-reading");
        let title = " in container collector does not keep up with what 192.0.2.9 sends it over TCP";
        assert!(cause.title.starts_with("nc (pid ") && cause.title.contains(title), "{}", cause.title);
        advises(cause, &format!("nsenter -t {pid} -n ss -tnpm"));
        advises(cause, "podman top collector");
        assert!(podman.call(&["top", "collector"]).unwrap().contains("nc -l"));
    });
}

#[test]
fn podman_containers_are_known_by_what_it_keeps_on_disk() {
    let _alone = alone();
    in_namespace(|| {
        let podman = require!(Podman::prepare());
        let web = podman.start("web", &[], &["/bin/sleep", "100"]);
        let here = podman.start("here", &["--network", "host"], &["/bin/sleep", "100"]);
        let row = told("web");
        assert_eq!((&row["containers"][0]["engine"], &row["processes"][0]["pid"]), (&"podman".into(), &web.into()));
        assert!(row["containers"][0]["image"].is_null(), "it was made of a folder: {row:#}");
        assert_eq!(row["ends"][0]["bridge"], "podman0", "{row:#}");
        let evidence = probe(&["namespaces", "window=0s"]);
        let of_here = evidence["output"]["host_network"].as_array().unwrap();
        let of_here = of_here.iter().find(|of| of["container"]["name"] == "here");
        let pids = of_here.and_then(|of| of["pids"].as_array()).unwrap_or_else(|| panic!("{evidence:#}"));
        assert!(pids.contains(&here.into()), "{pids:?}");
    });
}
