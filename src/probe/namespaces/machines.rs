//! Who holds the TAP and TUN devices of this namespace: virtual machines, and programs that tunnel.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

use nix::fcntl::readlink;

use super::output::Machine;
use crate::case::Process;
use crate::printable::printable;
use crate::probe::Context;
use crate::probe::elsewhere::Names;
use crate::sys::network_namespace;

/// How long the holders are looked for.
const PATIENCE: Duration = Duration::from_millis(100);
/// Descriptors of one process that are looked at.
const MOST_DESCRIPTORS: usize = 4096;
/// Bytes of a command line.
const COMMAND_LINE: u64 = 64 << 10;
/// Characters of a name.
const LONGEST: usize = 128;
/// How programs that run virtual machines are called, as far as the kernel keeps it.
const MONITORS: &[&str] = &["qemu", "kvm", "cloud-hyperviso", "firecracker", "crosvm"];

/// The holders of devices: process by name of the device.
#[derive(Debug, Default)]
pub(super) struct Holders {
    pub(super) of: HashMap<String, i32>,
    /// Devices whose holder was not found, since the time was over.
    pub(super) not_reached: u64,
    /// Processes that do not show their descriptors.
    pub(super) denied: u64,
}

impl Holders {
    /// Looks for the processes of this namespace that hold these devices; those that run virtual machines first.
    pub(super) fn find(devices: &[String], here: u64, cx: &Context) -> Self {
        let mut holders = Holders::default();
        if devices.is_empty() {
            return holders;
        }
        let deadline = Instant::now() + PATIENCE;
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut pids: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        // A name may change at any moment: each is read once, for half of the time at most.
        let named_until = deadline - PATIENCE / 2;
        let is_named_so =
            |pid: i32| Instant::now() < named_until && command_name(pid).is_some_and(|it| is_monitor(&it));
        pids.sort_by_cached_key(|pid| !is_named_so(*pid));
        for pid in pids {
            if holders.of.len() == devices.len() {
                break;
            }
            if Instant::now() >= deadline || !cx.checkpoint() {
                holders.not_reached = (devices.len() - holders.of.len()) as u64;
                break;
            }
            match devices_of(pid) {
                // A device of another namespace may be called alike.
                Some(found) if !found.is_empty() && network_namespace::number_of(pid).is_ok_and(|of| of == here) => {
                    for name in found.into_iter().filter(|name| devices.contains(name)) {
                        holders.of.entry(name).or_insert(pid);
                    }
                }
                Some(_) => {}
                None => holders.denied += 1,
            }
        }
        holders
    }
}

/// The devices that a process holds; none where it does not show.
fn devices_of(pid: i32) -> Option<Vec<String>> {
    let mut devices = Vec::new();
    let entries = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries,
        Err(error) => return (error.kind() != std::io::ErrorKind::PermissionDenied).then_some(devices),
    };
    for entry in entries.flatten().take(MOST_DESCRIPTORS) {
        let target = readlink(&entry.path()).unwrap_or_default();
        if target != OsStr::new("/dev/net/tun") && !target.to_string_lossy().starts_with("/dev/tap") {
            continue;
        }
        let Some(number) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        devices.extend(interface_in(&text));
    }
    Some(devices)
}

/// The interface in the text of `/proc/PID/fdinfo/FD` of a TAP or TUN device.
fn interface_in(fdinfo: &str) -> Option<String> {
    fdinfo.lines().find_map(|line| line.strip_prefix("iff:")).map(|name| printable(name.trim()))
}

fn command_name(pid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(printable(name.strip_suffix(b"\n").unwrap_or(&name)))
}

fn is_monitor(name: &str) -> bool {
    MONITORS.iter().any(|known| name.starts_with(known))
}

/// A holder as a machine, without its devices.
pub(super) fn machine(process: Process, names: &mut Names) -> Machine {
    let plain = |process: Process| Machine {
        label: process.to_string(),
        name: None,
        manager: None,
        number: None,
        process,
        ends: Vec::new(),
        addresses: Vec::new(),
    };
    if !is_monitor(&process.name) {
        return plain(process);
    }
    let mut line = Vec::new();
    let read = fs::File::open(format!("/proc/{}/cmdline", process.pid))
        .and_then(|file| file.take(COMMAND_LINE).read_to_end(&mut line));
    let told = read.map(|_| told_by(&line)).unwrap_or_default();
    let proxmox = told.number.and_then(|number| names.proxmox_machine(number));
    let manager = match (&proxmox, told.by_libvirt) {
        (Some(_), _) => "proxmox",
        (None, true) => "libvirt",
        (None, false) => "qemu",
    };
    let Some(name) = proxmox.clone().or(told.name) else {
        return Machine { label: format!("VM of {process}"), ..plain(process) };
    };
    Machine {
        label: format!("VM {name}"),
        name: Some(name),
        manager: Some(manager.to_owned()),
        number: told.number.filter(|_| proxmox.is_some()),
        process,
        ends: Vec::new(),
        addresses: Vec::new(),
    }
}

/// What the command line of a machine tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    name: Option<String>,
    number: Option<u32>,
    by_libvirt: bool,
}

/// Reads `-name guest=db,debug-threads=on`, `-name db`, `-id 101`.
fn told_by(command_line: &[u8]) -> Told {
    let words: Vec<&[u8]> = command_line.split(|byte| *byte == 0).collect();
    let behind = |option: &[u8]| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).map(|word| String::from_utf8_lossy(word).into_owned())
    };
    let given = behind(b"-name");
    let by_libvirt = given.as_ref().is_some_and(|given| given.starts_with("guest="));
    let name = given.as_ref().map(|given| {
        let first = given.split(',').next().unwrap_or_default();
        let name = first.strip_prefix("guest=").unwrap_or(first);
        printable(name.chars().take(LONGEST).collect::<String>())
    });
    Told {
        name: name.filter(|name| !name.is_empty()),
        number: behind(b"-id").and_then(|number| number.parse().ok()),
        by_libvirt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_by_its_command_line() {
        let libvirt = b"/usr/bin/qemu-system-x86_64\0-name\0guest=db,debug-threads=on\0-S\0";
        let told = |name: &str, number, by_libvirt| Told { name: Some(name.to_owned()), number, by_libvirt };
        assert_eq!(told_by(libvirt), told("db", None, true));
        let proxmox = b"/usr/bin/kvm\0-id\x00101\0-name\0mail,debug-threads=on\0";
        assert_eq!(told_by(proxmox), told("mail", Some(101), false));
        assert_eq!(told_by(b"qemu-system-x86_64\0-name\0we\x1bb\0"), told("we\\u{1b}b", None, false));
        for nothing in [&b""[..], b"qemu\0-name", b"qemu\0-name\0\0"] {
            assert_eq!(told_by(nothing), Told::default());
        }
    }

    #[test]
    fn a_descriptor_tells_its_device() {
        assert_eq!(interface_in("pos:\t0\nflags:\t0104002\nmnt_id:\t26\niff:\tvnet3\n").as_deref(), Some("vnet3"));
        assert_eq!(interface_in("pos:\t0\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(0u8.., 0..160)) {
            let _ = (told_by(&bytes), interface_in(&String::from_utf8_lossy(&bytes)));
        }
    }
}
