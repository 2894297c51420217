//! A pod, as the control groups and logs of Kubernetes tell of one. No part of Kubernetes runs.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::host::{Traffic, World, advises, alone, booked, cause, connect, judged, own_disk, shell, tree};
use crate::support::namespace::{in_namespace, ip};
use crate::support::need::{ControlGroup, Missing, require, tool};

/// A web server in a network namespace and a control group of its own.
struct Pod {
    folder: TempDir,
    server: Child,
    _group: ControlGroup,
}

impl Pod {
    fn start() -> Result<Self, Missing> {
        tool("nft")?;
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path())?;
        own_disk(&["/var/log"], false)?;
        let id = format!("c0ffee{:058x}", std::process::id());
        let group = ControlGroup::make(&format!("cri-containerd-{id}.scope"), "cgroup.procs")?;
        fs::create_dir("/var/log/containers").unwrap();
        fs::write(format!("/var/log/containers/web-7f_shop_nginx-{id}.log"), "").unwrap();
        let httpd = folder.path().join("bin/httpd");
        let server = thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            shell("sysctl -qw net.ipv4.tcp_syncookies=0 net.ipv4.tcp_max_syn_backlog=64");
            Command::new(httpd).args(["-f", "-p", "80"]).stdin(Stdio::null()).spawn().unwrap()
        });
        let server = server.join().unwrap();
        fs::write(group.0.join("cgroup.procs"), server.id().to_string()).unwrap();
        Ok(Pod { folder, server, _group: group })
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_pod_without_room_for_half_open_connections_is_said_to_be_so_by_its_name() {
    let _alone = alone();
    in_namespace(|| {
        let pod = require!(Pod::start());
        let world = World::make();
        let pid = pod.server.id().cast_signed();
        ip(&format!("link add v0 type veth peer name eth0 netns {pid}"));
        connect(pid, "eth0");
        let case = judged(&world, Traffic::HalfOpen("10.9.0.2:80"), pod.folder.path());
        let cause = cause(&case, "guest-syn-backlog");
        assert!(cause.title.starts_with("pod shop/web-7f has "), "{}", cause.title);
        advises(cause, &format!("nsenter -t {pid} -n sysctl -w net.ipv4.tcp_syncookies=1"));
        let labels = booked(&case);
        let there = format!("TCP port 80, container nginx (httpd, pid {pid}), pod shop/web-7f");
        assert!(labels.contains(&there), "no `{there}`: {labels}");
    });
}
