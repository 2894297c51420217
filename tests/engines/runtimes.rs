//! Engines without a daemon: runc by hand, LXC, systemd-nspawn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::host::{
    Traffic, World, advises, alone, booked, cause, connect, ended, judged, own_disk, probe, route, shell, told, tree,
    wait_for,
};
use crate::support::namespace::{in_namespace, ip};
use crate::support::need::{Missing, require, tool};

/// What the container does that receives: it takes one stream.
const TAKES: [&str; 4] = ["/bin/nc", "-l", "-p", "9000"];
/// And the one that asks.
const FETCHES: &str = "while ! wget -q -O /dev/null http://192.0.2.9:8000/; do sleep 0.1; done";

/// A container that somebody started by hand with runc. Dropping it ends it.
struct Runc {
    runc: PathBuf,
    folder: TempDir,
    pid: i32,
}

impl Runc {
    fn start(name: &str) -> Result<Self, Missing> {
        let runc = tool("runc")?;
        let folder = tempfile::tempdir().unwrap();
        tree(&folder.path().join("root"))?;
        own_disk(&["/run/runc"], true)?;
        shell(&format!("cd {} && {} spec", folder.path().display(), runc.display()));
        let path = folder.path().join("config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(TAKES);
        config["root"]["path"] = json!(folder.path().join("root"));
        config["linux"]["cgroupsPath"] = json!(format!("/casebook-{}-{name}", std::process::id()));
        fs::write(&path, config.to_string()).unwrap();
        let mut container = Runc { runc: runc.clone(), folder, pid: 0 };
        let folder = &container.folder;
        shell(&format!(
            "cd {} && {} run -d --pid-file pid {name} </dev/null >/dev/null 2>said || {{ cat said; exit 1; }}",
            folder.path().display(),
            runc.display()
        ));
        container.pid = fs::read_to_string(folder.path().join("pid")).unwrap().parse().unwrap();
        Ok(container)
    }
}

impl Drop for Runc {
    fn drop(&mut self) {
        let _ = Command::new(&self.runc).args(["delete", "-f", "taker"]).status();
    }
}

#[test]
fn runc_a_stream_is_booked_on_the_process_of_the_container_that_takes_it() {
    let _alone = alone();
    in_namespace(|| {
        let container = require!(Runc::start("taker"));
        let world = World::make();
        ip(&format!("link add v0 type veth peer name eth0 netns {}", container.pid));
        connect(container.pid, "eth0");
        // It ends with the stream.
        let row = told("taker");
        assert_eq!(
            (&row["containers"][0]["engine"], &row["ends"][0]["name"]),
            (&"runc".into(), &"v0".into()),
            "{row:#}"
        );
        let case = judged(&world, Traffic::Upload("10.9.0.2:9000"), container.folder.path());
        let cause = cause(&case, "forwarded");
        advises(cause, &format!("nsenter -t {} -n ss -tunap", container.pid));
        let labels = booked(&case);
        let there = format!("forwarded to 10.9.0.2, TCP port 9000, container taker (nc, pid {})", container.pid);
        assert!(labels.contains(&there), "no `{there}`: {labels}");
    });
}

/// A container of LXC. Dropping it ends it.
struct Lxc {
    stop: PathBuf,
    folder: TempDir,
    name: String,
}

impl Lxc {
    fn start(command: &str) -> Result<Self, Missing> {
        let lxc = tool("lxc-start")?;
        let folder = tempfile::tempdir().unwrap();
        tree(&folder.path().join("root"))?;
        own_disk(&["/run/lxc", "/var/lib/lxc"], false)?;
        // Control groups are called by it, and those of this host are there.
        let name = format!("lxc-{}", std::process::id());
        let own = folder.path().join(&name);
        fs::create_dir(&own).unwrap();
        fs::write(folder.path().join("root/bin/task"), format!("#!/bin/sh\n{command}\n")).unwrap();
        let config = format!(
            "lxc.rootfs.path=dir:{}\nlxc.uts.name=web\nlxc.init.cmd=/bin/sh /bin/task\nlxc.apparmor.profile=unconfined\n\
             lxc.net.0.type=veth\nlxc.net.0.veth.pair=v0\nlxc.net.0.name=eth0\nlxc.net.0.flags=up\n\
             lxc.net.0.ipv4.address=10.9.0.2/24\nlxc.net.0.ipv4.gateway=10.9.0.1\n",
            folder.path().join("root").display()
        );
        fs::write(own.join("config"), config).unwrap();
        let place = folder.path().display();
        let line = format!(
            "{} -n {name} -P {place} -o {place}/said </dev/null || {{ cat {place}/said; exit 1; }}",
            lxc.display()
        );
        // From here on it is stopped, whatever happens.
        let container = Lxc { stop: lxc.with_file_name("lxc-stop"), folder, name };
        shell(&line);
        ip("addr add 10.9.0.1/24 dev v0");
        ip("link set v0 up");
        route();
        Ok(container)
    }
}

impl Drop for Lxc {
    fn drop(&mut self) {
        let mut command = Command::new(&self.stop);
        let _ = command.args(["-k", "-n", &self.name, "-P"]).arg(self.folder.path()).status();
    }
}

#[test]
fn lxc_a_download_is_said_of_the_container_that_asked_for_it() {
    let _alone = alone();
    in_namespace(|| {
        let world = World::make();
        let container = require!(Lxc::start(FETCHES));
        let case = judged(&world, Traffic::Fetched, container.folder.path());
        let labels = booked(&case);
        let cause = cause(&case, "guest-download");
        assert!(cause.title.contains(&format!(" in container {} ", container.name)), "{}", cause.title);
        assert!(labels.contains(&format!("container {} (wget, pid ", container.name)), "{labels}");
        advises(cause, "tc qdisc add dev v0 root tbf");
        let row = told(&container.name);
        assert_eq!(
            (&row["containers"][0]["engine"], &row["ends"][0]["name"]),
            (&"lxc".into(), &"v0".into()),
            "{row:#}"
        );
    });
}

/// A container of systemd-nspawn, in the control group that its unit has. Dropping it ends it.
pub struct Nspawn {
    name: String,
    /// The program that it runs.
    runs: &'static str,
    unit: String,
    supervisor: Child,
    pub pid: i32,
    groups: Vec<PathBuf>,
    folder: TempDir,
}

impl Nspawn {
    /// Starts one that `furnish` makes the tree of, which runs this; `last` are the last words of the command line.
    pub fn start(
        furnish: impl FnOnce(&Path) -> Result<(), Missing>,
        runs: &'static str,
        last: &[&str],
    ) -> Result<Self, Missing> {
        let nspawn = tool("systemd-nspawn")?;
        let folder = tempfile::tempdir().unwrap();
        furnish(&folder.path().join("root"))?;
        own_disk(&["/run/systemd", "/var/lib/machines"], false)?;
        let name = format!("nspawn-{}", std::process::id());
        let unit = format!("systemd-nspawn@{}.service", name.replace('-', "\\x2d"));
        let mut groups = Vec::new();
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].map(Path::new) {
            let group = root.join(&unit);
            if root.join("cgroup.procs").exists() && fs::create_dir(&group).is_ok() {
                groups.push(group);
            }
        }
        if groups.is_empty() {
            return Err(Missing::new("control groups that can be made", "run the tests as root"));
        }
        let enter: String =
            groups.iter().map(|group| format!("echo $$ > '{}/cgroup.procs'; ", group.display())).collect();
        let supervisor = Command::new("sh")
            .args(["-c", &format!(r#"{enter}exec "$0" "$@""#)])
            .arg(nspawn)
            .args(["--quiet", "--register=no", "--keep-unit", "--network-veth-extra=v0:host0", "--resolv-conf=off"])
            .args(["--timezone=off", "--link-journal=no", "--console=pipe", "-M", &name, "-D"])
            .arg(folder.path().join("root"))
            .args(last)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        let mut nspawn = Nspawn { name, runs, unit, supervisor, pid: 0, groups, folder };
        let pid = wait_for("container of systemd-nspawn", || process_in(&nspawn.unit, runs));
        nspawn.pid = pid;
        Ok(nspawn)
    }
}

/// The process of that name in a control group below the one of that name.
fn process_in(group: &str, name: &str) -> Option<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let read = |pid: i32, file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    pids.into_iter().find(|pid| read(*pid, "comm").trim() == name && read(*pid, "cgroup").contains(group))
}

impl Drop for Nspawn {
    fn drop(&mut self) {
        // Its number may be another's by now.
        if self.pid > 0 && process_in(&self.unit, self.runs) == Some(self.pid) {
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        } else {
            let _ = self.supervisor.kill();
        }
        ended(&mut self.supervisor);
        for group in &self.groups {
            remove(group);
        }
    }
}

/// Removes a control group with those below it.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

#[test]
fn nspawn_a_stream_is_booked_on_the_process_of_the_container_that_takes_it() {
    let _alone = alone();
    in_namespace(|| {
        let container = require!(Nspawn::start(tree, "nc", &TAKES));
        let world = World::make();
        connect(container.pid, "host0");
        let row = told(&container.name);
        assert_eq!(
            (&row["containers"][0]["engine"], &row["ends"][0]["name"]),
            (&"nspawn".into(), &"v0".into()),
            "{row:#}"
        );
        // The one that watches over it lives on the host, and is no container.
        let evidence = probe(&["namespaces", "window=0s"]);
        let here = evidence["output"]["host_network"].to_string();
        assert!(!here.contains(&container.name), "{here}");
        let case = judged(&world, Traffic::Upload("10.9.0.2:9000"), container.folder.path());
        let cause = cause(&case, "forwarded");
        advises(cause, &format!("nsenter -t {} -n ss -tunap", container.pid));
        let labels = booked(&case);
        let there = format!("container {} (nc, pid {})", container.name, container.pid);
        assert!(labels.contains(&there), "no `{there}`: {labels}");
    });
}
