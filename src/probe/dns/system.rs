//! How this host looks names up, from its files.

use std::net::IpAddr;
use std::path::Path;

use super::Params;
use super::configuration::{self, MOST_SERVERS, ResolvConf, Server};
use super::output::{Dns, System};
use crate::case::{Gap, Observed, Reason};
use crate::sys::text_file::{self, Unreadable};

/// The longest configuration file that is read.
const LARGEST_FILE: u64 = 1 << 20;
/// Where systemd-resolved says whom it asks.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
/// Where the order of the sources of names stands.
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The addresses of the name servers that a configuration names; none where it cannot be read.
pub fn named_in(path: &str) -> Option<Vec<IpAddr>> {
    let text = match text_file::read(Path::new(path), LARGEST_FILE) {
        Ok(text) => text,
        Err(Unreadable::Absent) => String::new(),
        Err(_) => return None,
    };
    Some(ResolvConf::read(&text).servers.iter().filter_map(|server| server.address).collect())
}

/// The addresses of the name servers that this host is set up with, also behind systemd-resolved.
pub fn configured() -> Vec<IpAddr> {
    [super::RESOLV_CONF, RESOLVED].into_iter().filter_map(named_in).flatten().collect()
}

impl System {
    /// Nothing is known yet.
    pub(super) fn unknown() -> Self {
        System {
            resolv_conf_exists: None,
            nameservers: None,
            ignored_nameservers: None,
            search: None,
            options: None,
            timeout_seconds: None,
            attempts: None,
            upstreams: None,
            hosts_order: None,
        }
    }
}

/// Reads how the system looks names up; what resolv.conf says is given back as well.
pub fn read(params: &Params, observed: &mut Observed<Dns>) -> Option<ResolvConf> {
    let system = &mut observed.output.system;
    let text = match text_file::read(Path::new(&params.resolv_conf), LARGEST_FILE) {
        Ok(text) => Ok((true, text)),
        Err(Unreadable::Absent) => Ok((false, String::new())),
        Err(error) => Err(error),
    };
    let conf = text.map(|(exists, text)| {
        let conf = ResolvConf::read(&text);
        let used: Vec<&Server> = conf.servers.iter().filter(|it| it.address.is_some()).take(MOST_SERVERS).collect();
        let ignored = conf.servers.iter().filter(|it| !used.contains(it));
        system.resolv_conf_exists = Some(exists);
        system.ignored_nameservers = Some(ignored.map(|it| it.written.clone()).collect());
        system.nameservers = Some(conf.servers.iter().map(|it| it.written.clone()).collect());
        system.search = Some(conf.search.clone());
        system.options = Some(conf.options.clone());
        system.timeout_seconds = Some(conf.timeout_seconds);
        system.attempts = Some(conf.attempts);
        conf
    });
    let resolved = conf.as_ref().is_ok_and(|conf| conf.servers.iter().any(Server::is_resolved));
    let upstreams = resolved.then(|| text_file::read(Path::new(RESOLVED), LARGEST_FILE));
    match &upstreams {
        Some(Ok(text)) => {
            system.upstreams = Some(ResolvConf::read(text).servers.into_iter().map(|it| it.written).collect());
        }
        Some(Err(Unreadable::Absent)) => system.upstreams = Some(Vec::new()),
        None if conf.is_ok() => system.upstreams = Some(Vec::new()),
        _ => {}
    }
    let order = text_file::read(Path::new(NSSWITCH), LARGEST_FILE);
    if let Ok(text) = &order {
        system.hosts_order = configuration::hosts_order(text);
    }
    let mut miss = |path: &str, fields: &[&str], error: Unreadable| {
        let reason = if matches!(error, Unreadable::Denied) { Reason::Denied } else { Reason::Failed };
        observed.miss(fields, Gap::new(reason, format!("read {path}"), error.to_string()));
    };
    match upstreams {
        Some(Err(error)) if !matches!(error, Unreadable::Absent) => miss(RESOLVED, &["system.upstreams"], error),
        _ => {}
    }
    match order {
        Err(error) if !matches!(error, Unreadable::Absent) => miss(NSSWITCH, &["system.hosts_order"], error),
        _ => {}
    }
    match conf {
        Ok(conf) => Some(conf),
        Err(error) => {
            let fields = [
                "system.resolv_conf_exists",
                "system.nameservers",
                "system.ignored_nameservers",
                "system.search",
                "system.options",
                "system.timeout_seconds",
                "system.attempts",
                "system.upstreams",
                "lookups",
            ];
            let asked: &[&str] = if params.server.is_none() { &["resolvers"] } else { &[] };
            miss(&params.resolv_conf, &[&fields, asked].concat(), error);
            None
        }
    }
}
