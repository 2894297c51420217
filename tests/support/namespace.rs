//! A network namespace of a test's own, which ends with the thread that made it.

use std::process::Command;

use super::need::{Missing, require, tool};

/// What a new namespace takes over from the host, as a fresh kernel has it: what the host forwards, filters or has no IPv6 for
/// is nothing to the tests.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
];

/// Runs `test` on a thread in a fresh network namespace with `lo` up; without the right to make one it is skipped.
pub fn in_namespace(test: impl FnOnce() + Send) {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    std::thread::scope(|scope| {
        let inside = move || {
            require!(enter());
            ip("link set lo up");
            test();
        };
        let thread = std::thread::Builder::new().name(name).spawn_scoped(scope, inside).expect("a thread can be made");
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn enter() -> Result<(), Missing> {
    tool("ip")?;
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).map_err(|error| {
        Missing::new("a network namespace of its own", format!("run the tests with sudo -E ({error})"))
    })?;
    for (name, value) in SETTINGS {
        // A kernel without IPv6 has no settings of it.
        let _ = std::fs::write(format!("/proc/sys/net/{name}"), value);
    }
    Ok(())
}

/// Runs `ip` with these arguments in the namespace of the calling thread.
pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().expect("ip, of iproute2, is installed");
    assert!(status.success(), "ip {arguments}");
}
