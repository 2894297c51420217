//! Where an incident plays: two network namespaces joined by a veth pair, made for one test and removed with it.
//!
//! The addresses are the same on every stage, for no stage sees another; only the names of the namespaces differ.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, Once, PoisonError};

use crate::namespace::Namespace;
use crate::support::need::{Missing, capability, ipv6, tool};

/// Clients of an own network have addresses from this one on.
pub const CLIENTS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// A client from elsewhere.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 200);
/// The server's address on `eth0`.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
/// The server's second address, labelled `eth0:1`, where the stage has one.
pub const ALIAS: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 3);
/// The server's address on `eth1`, where the stage has one.
pub const SECOND: Ipv4Addr = Ipv4Addr::new(10, 78, 1, 2);
/// The world's address, the server's gateway.
pub const WORLD: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
/// The server's IPv6 address.
pub const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd77, 1, 0, 0, 0, 0, 0, 2);
/// The world's IPv6 address.
pub const WORLD6: Ipv6Addr = Ipv6Addr::new(0xfd77, 1, 0, 0, 0, 0, 0, 1);
/// The address of a guest behind the server, where there is one.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// The link address of the server's `eth0`.
pub const SERVER_LINK: [u8; 6] = [0x02, 0x77, 0, 0, 0, 2];
/// The link address of the world's `w0`.
pub const WORLD_LINK: [u8; 6] = [0x02, 0x77, 0, 0, 0, 1];

/// What the namespaces' names begin with; the process id and a count follow.
const PREFIX: &str = "casebook-stage-";
/// Places for stages that stand at once: more would compete for the cores of a small machine and bend the rates.
const PLACES: usize = 4;
/// Capabilities that a stage needs, by name and bit of `CapEff`.
const CAPABILITIES: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_SYS_ADMIN", 21)];
/// Programs that a stage needs.
const PROGRAMS: [&str; 6] = ["ethtool", "ip", "iptables-legacy", "nft", "ss", "sysctl"];

/// Two namespaces and the wire between them. Dropping it removes them.
#[derive(Debug)]
pub struct Stage {
    /// The host in trouble; its interface is `eth0`.
    pub server: Namespace,
    /// Everybody else; its interface is `w0`.
    pub world: Namespace,
    _turn: Turn,
}

/// How a stage is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting {
    /// Gives the server its second address, [`ALIAS`].
    pub alias: bool,
    /// Whether segments are merged on their way: by the sender (TSO) and by the server's interface (GRO). None leaves it to
    /// the kernel.
    pub merging: Option<bool>,
    /// Hardly anything flows: it takes half the place of another.
    pub light: bool,
    /// Gives the server a second interface, `eth1`, which leads to the world's `w1`: [`SECOND`].
    pub second: bool,
    /// No other stage stands beside this one: what happens on it shows in counters of the whole machine.
    pub alone: bool,
}

impl Stage {
    /// Sets a stage up.
    pub fn set(setting: Setting) -> Result<Stage, Missing> {
        CAPABILITIES.iter().try_for_each(|(name, bit)| capability(name, *bit))?;
        PROGRAMS.iter().try_for_each(|name| tool(name).map(drop))?;
        ipv6()?;
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let turn = Turn::wait(if setting.alone {
            PLACES
        } else if setting.light {
            PLACES / 4
        } else {
            PLACES / 2
        });
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |side: &str| format!("{PREFIX}{}-{number}-{side}", std::process::id());
        let stage =
            Stage { server: Namespace::make(&name("server")), world: Namespace::make(&name("world")), _turn: turn };
        stage.join(setting);
        Ok(stage)
    }

    /// A machine of the server's own behind it: the server's `g0` is 10.99.0.1 and leads to it, [`GUEST`]. The server routes.
    pub fn guest(&self) -> Namespace {
        let server = self.server.name();
        let guest = Namespace::make(&self.guest_name());
        ip(&[], &format!("link add g1 netns {} type veth peer name g0 netns {server}", guest.name()));
        ip(&["-netns", server], "addr add 10.99.0.1/24 dev g0\nlink set g0 up\n");
        ip(
            &["-netns", guest.name()],
            &format!("link set lo up\naddr add {GUEST}/24 dev g1\nlink set g1 up\nroute add default via 10.99.0.1\n"),
        );
        self.server.shell("sysctl -qw net.ipv4.ip_forward=1");
        guest
    }

    /// What that one's namespace is called.
    pub fn guest_name(&self) -> String {
        format!("{}guest", self.server.name().trim_end_matches("server"))
    }

    fn join(&self, setting: Setting) {
        // Before the links exist, so that they inherit them. Replies to forged sources reach the world and end there.
        let settings: [(&str, &str); 6] = [
            ("ipv4/ip_forward", "0"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/default/router_solicitations", "0"),
            ("ipv6/conf/default/accept_ra", "0"),
        ];
        for namespace in [&self.server, &self.world] {
            namespace.inside(|| {
                for (key, value) in settings {
                    let path = Path::new("/proc/sys/net").join(key);
                    fs::write(&path, value).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
                }
            });
        }
        ip(
            &[],
            &format!(
                "link add w0 address {world_link} netns {world} type veth peer name eth0 address {server_link} netns {server}",
                world_link = link(WORLD_LINK),
                server_link = link(SERVER_LINK),
                world = self.world.name(),
                server = self.server.name(),
            ),
        );
        let alias = if setting.alias { format!("addr add {ALIAS}/24 dev eth0 label eth0:1\n") } else { String::new() };
        ip(
            &["-netns", self.server.name()],
            &format!(
                "link set lo up\nlink set eth0 addrgenmode none\n\
                 addr add {SERVER}/24 dev eth0\naddr add {SERVER6}/64 dev eth0 nodad\n{alias}link set eth0 up\n\
                 neigh replace {WORLD} lladdr {link} dev eth0 nud permanent\n\
                 neigh replace {WORLD6} lladdr {link} dev eth0 nud permanent\n",
                link = link(WORLD_LINK),
            ),
        );
        ip(
            &["-netns", self.world.name()],
            &format!(
                "link set lo up\nlink set w0 addrgenmode none\n\
                 route add local 10.88.0.0/16 dev lo\nroute add local {STRANGER} dev lo\naddr add {WORLD}/24 dev w0\naddr add {WORLD6}/64 dev w0 nodad\nlink set w0 up\n\
                 neigh replace {SERVER} lladdr {link} dev w0 nud permanent\n\
                 neigh replace {ALIAS} lladdr {link} dev w0 nud permanent\n\
                 neigh replace {SERVER6} lladdr {link} dev w0 nud permanent\n",
                link = link(SERVER_LINK),
            ),
        );
        if setting.second {
            let (server, world, link) = (self.server.name(), self.world.name(), link(SERVER_LINK));
            ip(&[], &format!("link add w1 netns {world} type veth peer name eth1 address {link} netns {server}"));
            ip(&["-netns", server], &format!("addr add {SECOND}/24 dev eth1\nlink set eth1 up"));
            ip(&["-netns", world], "addr add 10.78.1.1/24 dev w1\nlink set w1 up");
        }
        if let Some(merging) = setting.merging {
            let word = if merging { "on" } else { "off" };
            self.server.shell(&format!("ethtool -K eth0 gro {word}"));
            self.world.shell(&format!("ethtool -K w0 tso {word} gso {word}"));
        }
        // Routes by way of a gateway need both ends up.
        ip(
            &["-netns", self.server.name()],
            &format!("route add default via {WORLD} dev eth0\n-6 route add default via {WORLD6} dev eth0\n"),
        );
    }
}

/// Runs one or more lines of `ip` commands.
fn ip(options: &[&str], lines: &str) {
    for line in lines.lines() {
        let output = Command::new("ip")
            .args(options)
            .args(line.split_whitespace())
            .stdin(Stdio::null())
            .output()
            .expect("ip can be run");
        assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn link(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

/// Writes a line past the test runner, which hides what passing tests print.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Removes the namespaces of runs that were killed: those whose process is gone.
pub fn sweep() {
    for name in names() {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            tell(&format!("removes {name}, left by a run that was killed"));
            Namespace::remove(&name);
        }
    }
}

/// The names of all stages' namespaces, also those of other runs.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(PREFIX)).collect()
}

/// Places for stages, taken until it is dropped.
#[derive(Debug)]
struct Turn(usize);

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Turn {
    fn wait(places: usize) -> Turn {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken =
            FREED.wait_while(taken, |taken| *taken + places > PLACES).unwrap_or_else(PoisonError::into_inner);
        *taken += places;
        Turn(places)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        FREED.notify_all();
    }
}
