//! Rights that a run has only when its operator gives them: a runbook, a check or a case may ask for one, and nothing else.

use std::fmt;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;

use crate::case::{Gap, Reason};

/// What a probe may do beyond looking at this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// To connect to other hosts, and to let what was observed leave this one.
    Remote,
    /// To read secrets and keep them in the case.
    Secrets,
    /// To write a file.
    Write,
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 3] = [Right::Remote, Right::Secrets, Right::Write];

    /// The word after `--allow`.
    pub const fn word(self) -> &'static str {
        match self {
            Right::Remote => "remote",
            Right::Secrets => "secrets",
            Right::Write => "write",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The rights that the operator gave; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// These rights.
    pub fn of(rights: impl IntoIterator<Item = Right>) -> Self {
        Rights(rights.into_iter().collect())
    }

    /// Whether the operator gave it.
    pub fn has(&self, right: Right) -> bool {
        self.0.contains(&right)
    }
}

/// Something that a probe does with its parameters: a file that it reads, a host that it connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What, as in "read /etc/hosts".
    pub what: String,
    /// The right that it takes.
    pub right: Option<Right>,
}

impl Use {
    /// One that takes no right.
    pub fn free(what: impl Into<String>) -> Self {
        Use { what: what.into(), right: None }
    }

    /// One that takes a right.
    pub fn needing(right: Right, what: impl Into<String>) -> Self {
        Use { what: what.into(), right: Some(right) }
    }

    /// Why it is refused, if these rights do not cover it.
    pub fn refusal(&self, rights: &Rights) -> Option<Gap> {
        let right = self.right.filter(|right| !rights.has(*right))?;
        let why = format!("it takes the right `{right}`, which only the operator can give");
        let to_fix = format!("if you want that, run it with --allow {right}");
        Some(Gap::new(Reason::Denied, &self.what, why).to_fix(to_fix))
    }
}

/// The host's own addresses, over all interfaces.
pub fn own_addresses() -> Result<Vec<IpAddr>, Gap> {
    let interfaces = getifaddrs().map_err(|error| Gap::io("list the host's own addresses", &error.into()))?;
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    Ok(addresses.collect())
}

/// Whether an address belongs to another host; also when this host's own cannot be listed.
pub fn is_remote(address: IpAddr, own: &Result<Vec<IpAddr>, Gap>) -> bool {
    let address = address.to_canonical();
    let is_own = own.as_ref().is_ok_and(|own| own.contains(&address));
    !(address.is_loopback() || address.is_unspecified() || is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_this_host_is_remote() {
        let own = Ok(vec!["192.0.2.7".parse().unwrap()]);
        let remote = |text: &str| is_remote(text.parse().unwrap(), &own);
        assert!(!remote("127.0.0.9") && !remote("::1") && !remote("192.0.2.7") && !remote("::ffff:192.0.2.7"));
        assert!(remote("192.0.2.8") && remote("::ffff:192.0.2.8") && remote("fe80::1"));
        let unseen = Err(Gap::new(Reason::Denied, "list", "no"));
        assert!(is_remote("192.0.2.7".parse().unwrap(), &unseen));
    }

    #[test]
    fn a_right_that_was_not_given_is_a_gap_that_names_the_flag() {
        let write = Use::needing(Right::Write, "write /x");
        let gap = write.refusal(&Rights::of([Right::Remote])).unwrap();
        assert_eq!(gap.reason, Reason::Denied);
        assert!(gap.to_fix.unwrap().contains("--allow write"));
        assert_eq!(write.refusal(&Rights::of([Right::Write])), None);
        assert_eq!(Use::free("read /x").refusal(&Rights::default()), None);
    }
}
