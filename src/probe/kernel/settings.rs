//! The kernel's settings that decide what happens to inbound traffic.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Gap, Observed, Reason};

/// The most interfaces whose reverse path filter is looked up: enough for any host, few enough for one with a thousand
/// containers.
const MOST_INTERFACES: usize = 512;

/// Settings in force at the end of the window (`/proc/sys`), those of this network namespace where there are several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// SYN cookies: 0 off, 1 when a queue is full, 2 always (`net.ipv4.tcp_syncookies`).
    pub tcp_syncookies: Option<i64>,
    /// The most half-open connections per listener (`net.ipv4.tcp_max_syn_backlog`).
    pub tcp_max_syn_backlog: Option<i64>,
    /// The most connections that wait to be accepted per listener (`net.core.somaxconn`).
    pub somaxconn: Option<i64>,
    /// The reverse path filter, the highest of `net.ipv4.conf.*.rp_filter`: 0 off, 1 strict, 2 loose.
    pub rp_filter: Option<i64>,
    /// The largest receive buffer that a program may ask for, in bytes (`net.core.rmem_max`).
    pub rmem_max: Option<i64>,
    /// The receive buffer of a socket that asks for none, in bytes (`net.core.rmem_default`).
    pub rmem_default: Option<i64>,
    /// The most packets that wait in the backlog of a CPU (`net.core.netdev_max_backlog`).
    pub netdev_max_backlog: Option<i64>,
    /// Milliseconds between ICMP errors to the same host (`net.ipv4.icmp_ratelimit`); 0 is no limit.
    pub icmp_ratelimit: Option<i64>,
    /// The most memory that IPv4 fragments may take while they wait, in bytes (`net.ipv4.ipfrag_high_thresh`).
    pub ipfrag_high_thresh: Option<i64>,
    /// Whether packets for others are forwarded: 0 no, 1 yes (`net.ipv4.ip_forward`).
    pub ip_forward: Option<i64>,
    /// Pages of buffers from which on TCP is refused more (the last figure of `net.ipv4.tcp_mem`), of all network namespaces together.
    pub tcp_mem_max: Option<i64>,
    /// Connections that may belong to no program any more before the kernel resets them (`net.ipv4.tcp_max_orphans`).
    pub tcp_max_orphans: Option<i64>,
    /// The most connections that can be tracked (`net.netfilter.nf_conntrack_max`); null where none are.
    pub nf_conntrack_max: Option<i64>,
}

impl Settings {
    /// Reads them now, and notes those that could not be read.
    pub fn now(missed: &mut Missed) -> Self {
        let mut of = |field, name| missed.number(field, name);
        Settings {
            tcp_syncookies: of("settings.tcp_syncookies", "net.ipv4.tcp_syncookies"),
            tcp_max_syn_backlog: of("settings.tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog"),
            somaxconn: of("settings.somaxconn", "net.core.somaxconn"),
            rmem_max: of("settings.rmem_max", "net.core.rmem_max"),
            rmem_default: of("settings.rmem_default", "net.core.rmem_default"),
            netdev_max_backlog: of("settings.netdev_max_backlog", "net.core.netdev_max_backlog"),
            icmp_ratelimit: of("settings.icmp_ratelimit", "net.ipv4.icmp_ratelimit"),
            ipfrag_high_thresh: of("settings.ipfrag_high_thresh", "net.ipv4.ipfrag_high_thresh"),
            ip_forward: of("settings.ip_forward", "net.ipv4.ip_forward"),
            tcp_mem_max: of("settings.tcp_mem_max", "net.ipv4.tcp_mem"),
            tcp_max_orphans: of("settings.tcp_max_orphans", "net.ipv4.tcp_max_orphans"),
            rp_filter: reverse_path_filter()
                .map_err(|error| missed.add("settings.rp_filter", "net.ipv4.conf.*.rp_filter", error))
                .ok(),
            // Absent where connections are not tracked, which the result says elsewhere.
            nf_conntrack_max: number("net.netfilter.nf_conntrack_max").ok(),
        }
    }
}

/// Settings that could not be read.
#[derive(Default)]
pub struct Missed {
    absent: (Vec<&'static str>, Vec<&'static str>),
    failed: Vec<(&'static str, Gap)>,
}

impl Missed {
    /// The number that a setting has; noted as missing from the field if it could not be read.
    pub fn number(&mut self, field: &'static str, name: &'static str) -> Option<i64> {
        number(name).map_err(|error| self.add(field, name, error)).ok()
    }

    fn add(&mut self, field: &'static str, name: &'static str, error: io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            self.absent.0.push(field);
            self.absent.1.push(name);
        } else {
            self.failed.push((field, Gap::io(format!("read the setting {name}"), &error)));
        }
    }

    /// Notes them with the result.
    pub fn note<T>(self, seen: &mut Observed<T>) {
        let (fields, names) = self.absent;
        if !fields.is_empty() {
            let why = "this kernel does not have it, or not in this network namespace";
            let gap = Gap::new(Reason::Absent, format!("read {}", names.join(", ")), why);
            seen.miss(&fields, gap.to_fix("some settings are shown in the host's own network namespace only"));
        }
        for (field, gap) in self.failed {
            seen.miss(&[field], gap);
        }
    }
}

/// The number that a setting has, the last of several.
pub fn number(name: &str) -> io::Result<i64> {
    let text = std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/")))?;
    text.split_whitespace()
        .next_back()
        .unwrap_or_default()
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a number"))
}

/// The highest reverse path filter of all interfaces. The kernel takes the higher of `all` and the interface's own.
fn reverse_path_filter() -> io::Result<i64> {
    let read = |directory: &std::path::Path| -> io::Result<i64> {
        let text = std::fs::read_to_string(directory.join("rp_filter"))?;
        text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a number"))
    };
    let conf = std::path::Path::new("/proc/sys/net/ipv4/conf");
    let mut highest = read(&conf.join("all"))?;
    for interface in std::fs::read_dir(conf)?.take(MOST_INTERFACES).flatten() {
        // `default` is what a new interface begins with and in force nowhere. An interface may be gone by now.
        if interface.file_name() != "default" {
            highest = highest.max(read(&interface.path()).unwrap_or(highest));
        }
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_this_kernel_does_not_have_are_one_gap() {
        let mut missed = Missed::default();
        missed.add("settings.rmem_max", "net.core.rmem_max", io::ErrorKind::NotFound.into());
        missed.add("settings.rmem_default", "net.core.rmem_default", io::ErrorKind::NotFound.into());
        missed.add("settings.somaxconn", "net.core.somaxconn", io::ErrorKind::PermissionDenied.into());
        let mut seen = Observed::whole(());
        missed.note(&mut seen);
        assert_eq!(seen.missing.len(), 2);
        assert_eq!(seen.missing[0].fields, ["settings.rmem_max", "settings.rmem_default"]);
        assert_eq!(seen.missing[1].gap.reason, Reason::Denied);
    }

    #[test]
    fn a_setting_is_read_by_its_dotted_name() {
        assert!(number("net.ipv4.ip_forward").is_ok());
        assert!(number("net.ipv4.no_such_setting").is_err());
    }
}
