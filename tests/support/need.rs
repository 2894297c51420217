//! What a test needs of the machine, and what becomes of the test where that is missing.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Each program that tests start, or library that they put before one, and that a small system may lack, with the package of Debian that has it. `.ci/run` installs
/// them.
pub const TOOLS: &[(&str, &str)] = &[
    ("apache2", "apache2-bin"),
    ("arptables-legacy", "arptables"),
    ("bash", "bash"),
    ("busybox", "busybox-static"),
    ("bzip2", "bzip2"),
    ("chromium", "chromium"),
    ("crun", "crun"),
    ("dnsmasq", "dnsmasq-base"),
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("ethtool", "ethtool"),
    ("groff", "groff-base"),
    ("gzip", "gzip"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("iptables-legacy", "iptables"),
    ("iptables-nft", "iptables"),
    ("journalctl", "systemd"),
    ("libfaketime.so.1", "libfaketime"),
    ("logger", "bsdutils"),
    ("lxc-start", "lxc"),
    ("lxc-stop", "lxc"),
    ("named", "bind9"),
    ("nft", "nftables"),
    ("nginx", "nginx"),
    ("nsenter", "util-linux"),
    ("perl", "perl"),
    ("podman", "podman"),
    ("prlimit", "util-linux"),
    ("runc", "runc"),
    ("setcap", "libcap2-bin"),
    ("setpriv", "util-linux"),
    ("ss", "iproute2"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("sshd", "openssh-server"),
    ("sysctl", "procps"),
    ("systemd-nspawn", "systemd-container"),
    ("tar", "tar"),
    ("tc", "iproute2"),
    ("unbound", "unbound"),
    ("unshare", "util-linux"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// What a test needs and does not find, and how to have it.
#[derive(Debug)]
pub struct Missing {
    needs: String,
    way: String,
}

impl Missing {
    /// `needs` is a tool, a right or a part of the kernel.
    pub fn new(needs: impl Into<String>, way: impl Into<String>) -> Self {
        Missing { needs: needs.into(), way: way.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {}: {}", self.needs, self.way)
    }
}

/// Takes what a test needs out of a `Result<_, Missing>`. Where it is missing the function returns the default of its type:
/// the test fails under CI (the variable `CI` is set), and is skipped aloud elsewhere.
macro_rules! require {
    ($need:expr) => {
        match $need {
            Ok(found) => found,
            Err(missing) => {
                $crate::support::need::skip(&missing);
                return Default::default();
            }
        }
    };
}
pub(crate) use require;

/// Fails under CI. Elsewhere it writes a line past the test runner, which hides what tests print that pass.
pub fn skip(missing: &Missing) {
    assert!(std::env::var_os("CI").is_none(), "under CI every test must run, and this one {missing}");
    let thread = std::thread::current();
    let test = thread.name().map_or(String::new(), |name| format!(" ({name})"));
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}{test}");
}

/// The privileges of root.
pub fn root() -> Result<(), Missing> {
    let is_root = nix::unistd::geteuid().is_root();
    is_root.then_some(()).ok_or_else(|| Missing::new("root", "run the tests with sudo -E"))
}

/// A user other than root.
pub fn no_root() -> Result<(), Missing> {
    root().map_or(Ok(()), |()| Err(Missing::new("a user other than root", "run it without sudo")))
}

/// A program of [`TOOLS`], where it lies.
pub fn tool(name: &str) -> Result<PathBuf, Missing> {
    let (_, package) = TOOLS.iter().find(|(tool, _)| *tool == name).expect("a tool of a test is in the list of tools");
    found(name).ok_or_else(|| Missing::new(name, format!("apt install {package}")))
}

/// A program on the path, or among those of root.
pub fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A library that is put before a program (`LD_PRELOAD`): in a folder of its own below that of the libraries.
pub fn library(name: &str) -> Result<PathBuf, Missing> {
    let below = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders =
        ["/usr/lib", "/usr/lib64"].into_iter().flat_map(|folder| below(folder.into())).filter(|path| path.is_dir());
    let mut places = folders.flat_map(|folder| below(folder.clone()).chain([folder])).map(|folder| folder.join(name));
    places.find(|path| path.is_file()).map_or_else(|| tool(name), Ok)
}

/// A kernel with IPv6.
pub fn ipv6() -> Result<(), Missing> {
    let made = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    made.map(drop).map_err(|error| Missing::new("IPv6", format!("this kernel has none ({error})")))
}

/// A capability that the process holds now, by its name and its bit in `CapEff`.
pub fn capability(name: &str, bit: u32) -> Result<(), Missing> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    (effective >> bit & 1 == 1).then_some(()).ok_or_else(|| Missing::new(name, "run the tests with sudo -E"))
}

/// A new control group, gone with the value.
#[derive(Debug)]
pub struct ControlGroup(pub PathBuf);

impl ControlGroup {
    /// One in which a file of that name can be written: `cgroup.procs` in a hierarchy of version 2, `pids.max` where the
    /// number of tasks can be bounded.
    pub fn make(name: &str, file: &str) -> Result<Self, Missing> {
        let unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let unified = unified.into_iter().filter(|root| root.join("cgroup.controllers").exists());
        let bounding = [Path::new("/sys/fs/cgroup/pids")].into_iter().filter(|_| file == "pids.max");
        for root in bounding.chain(unified) {
            let group = root.join(name);
            if std::fs::create_dir(&group).is_ok() {
                let group = ControlGroup(group);
                if std::fs::OpenOptions::new().write(true).open(group.0.join(file)).is_ok() {
                    return Ok(group);
                }
            }
        }
        Err(Missing::new(
            format!("a control group with {file}"),
            "run the tests as root where control groups can be made",
        ))
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // A process that has just ended is still in it for a moment.
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::fs::remove_dir(&self.0).is_ok()
        });
        assert!(gone || std::thread::panicking(), "{} stays", self.0.display());
    }
}
