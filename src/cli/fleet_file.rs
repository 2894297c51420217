//! The cases of many hosts: read one after the other, of each so much kept as is held against the others.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::io::Read;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::archive::{self, Broken, CaseFile, Ended, FleetPart};
use crate::bounded_json::Budget;
use crate::case::{AbsentHost, Case, Gap, Named, NoCase, Reason};
use crate::fleet::{self, Summary};
use crate::printable::printable;
use crate::redact;

/// Characters of what stands in a file that is no case, in the reason why it is none.
const LONGEST_EXCERPT: usize = 120;

/// What could not be done where there is no case of a host. Its name stands beside it, for it may get a pseudonym.
pub(super) const READ_ITS_CASE: &str = "read its case";

/// What the file of a host is called, and what it calls itself.
type Called<'a> = (Option<&'a str>, &'a str);

/// What is known of the hosts until now.
#[derive(Default)]
pub(super) struct Gathered {
    members: Vec<Summary>,
    /// The name of each member's file without its ending, where it has one of its own.
    stems: Vec<Option<String>>,
    absent: Vec<AbsentHost>,
    /// When the next cases of a fleet's file came.
    arrivals: VecDeque<Option<Timestamp>>,
    /// Users and hosts that the cases name: who gives pseudonyms to what is said of all must know them.
    named: Named,
}

impl Gathered {
    /// Takes what is kept of a case, by what its file calls the host, and when it came.
    pub fn add_of(&mut self, mut case: Case, stem: Option<String>, arrived: Option<Timestamp>) {
        redact::name_all(&mut case, &mut self.named);
        self.keep(Summary::of(case), stem, arrived);
    }

    /// Takes what is kept of a case already, with the users and hosts that it names.
    pub fn add(&mut self, summary: Summary, named: Named, stem: Option<String>, arrived: Option<Timestamp>) {
        if self.named.count() <= redact::MOST_NAMED {
            self.named.users.extend(named.users);
            self.named.hosts.extend(named.hosts);
            self.named.domains.extend(named.domains);
        }
        self.keep(summary, stem, arrived);
    }

    fn keep(&mut self, mut summary: Summary, stem: Option<String>, arrived: Option<Timestamp>) {
        summary.arrived = arrived;
        // One text of the runbook is enough, for whoever judges again.
        if !self.members.is_empty() {
            summary.runbook = None;
        }
        self.members.push(summary);
        self.stems.push(stem);
    }

    /// Notes that there is no case of a host.
    pub fn miss(&mut self, host: impl Into<String>, gap: Gap) {
        if self.absent.len() < archive::MOST_HOSTS {
            self.absent.push(AbsentHost { host: host.into(), gap });
        }
    }

    /// Takes a part of a fleet's file.
    pub fn take(&mut self, part: FleetPart) {
        match part {
            FleetPart::Head(head) => {
                self.absent.extend(head.absent);
                self.arrivals = head.arrived.into();
            }
            FleetPart::Case { name, case, packed } => {
                let arrived = self.arrival();
                match case {
                    Ok(file) => self.add_of(file.case, None, arrived),
                    Err(broken) => self.miss(stem(&name), why_no_case(&broken, &packed)),
                }
            }
        }
    }

    /// When the next case of a fleet's file came.
    pub fn arrival(&mut self) -> Option<Timestamp> {
        self.arrivals.pop_front().flatten()
    }

    /// When each case came.
    pub fn arrived(&self) -> Vec<Option<Timestamp>> {
        self.members.iter().map(|member| member.arrived).collect()
    }

    /// How many hosts there are, those without a case included.
    pub fn hosts(&self) -> usize {
        self.members.len() + self.absent.len()
    }

    /// Of which expected hosts there is nothing: no case, and no reason why there is none. What there is stands for one host each: first
    /// for that which its file is called by, then for that which its case names, last for one that is the same up to the first dot.
    pub fn missing(&self, expected: &[String]) -> Vec<String> {
        let of_members =
            self.members.iter().zip(&self.stems).map(|(member, stem)| (stem.as_deref(), &member.host.host));
        let of_absent = self.absent.iter().map(|absent| (Some(absent.host.as_str()), &absent.host));
        let mut left: Vec<Called<'_>> = of_members.chain(of_absent).map(|(stem, name)| (stem, name.as_str())).collect();
        let mut missing: Vec<&String> = Vec::new();
        let mut listed = HashSet::new();
        missing.extend(expected.iter().filter(|host| listed.insert(host.to_ascii_lowercase())));
        let is_stem = |(stem, _): Called<'_>, host: &str| stem.is_some_and(|of| of.eq_ignore_ascii_case(host));
        let is_name = |(_, name): Called<'_>, host: &str| name.eq_ignore_ascii_case(host);
        let is_short = |(stem, name): Called<'_>, host: &str| {
            stem.into_iter().chain([name]).any(|of| is_same_but_for_domain(of, host))
        };
        let ways: [fn(Called<'_>, &str) -> bool; 3] = [is_stem, is_name, is_short];
        for is_of in ways {
            missing.retain(|host| {
                let found = left.iter().position(|of| is_of(*of, host));
                if let Some(at) = found {
                    left.swap_remove(at);
                }
                found.is_none()
            });
        }
        missing.into_iter().cloned().collect()
    }

    /// The case of all of them; none where there is no case at all. Of whom a case came after all nothing is missing.
    pub fn merged(mut self) -> Option<Case> {
        let names = self.members.iter().map(|member| &member.host.host).chain(self.stems.iter().flatten());
        let mut known: HashSet<String> = names.map(|name| name.to_ascii_lowercase()).collect();
        self.absent.retain(|absent| known.insert(absent.host.to_ascii_lowercase()));
        let mut case = fleet::merged(self.members, self.absent)?;
        if let Some(fleet) = &mut case.fleet {
            fleet.named = Some(self.named);
        }
        Some(case)
    }
}

/// Whether one of two names has a domain, and they are the same without it. An address has none.
fn is_same_but_for_domain(one: &str, other: &str) -> bool {
    let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
    let (short, whole) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let first = whole.split('.').next().unwrap_or_default();
    !short.contains('.') && first.eq_ignore_ascii_case(short) && !is_address(whole)
}

/// Reads a case of many hosts. What is said why it cannot be read goes on from the name of its file.
pub(super) fn read(file: impl Read, budget: &Budget) -> Result<CaseFile, String> {
    let mut gathered = Gathered::default();
    let mut take = |part: FleetPart| -> Result<(), Infallible> {
        gathered.take(part);
        Ok(())
    };
    archive::read_fleet(file, budget, &mut take).map_err(|why: Ended<Infallible>| why.to_string())?;
    Ok(gathered.merged().ok_or("holds no case of a host that can be read")?.into())
}

/// The name of a host, as the name of its file tells it: `hosts/web-1.case` is of `web-1`, and so is `root@web-1.case`.
pub(super) fn stem(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = [".case", ".json"].iter().find_map(|ending| name.strip_suffix(ending)).filter(|stem| !stem.is_empty());
    let stem = stem.unwrap_or(name);
    let stem = stem.rsplit('@').next().filter(|host| !host.is_empty()).unwrap_or(stem);
    printable(stem).chars().take(100).collect()
}

/// Why there is no case of a host, by what lies in its file.
pub(super) fn why_no_case(broken: &Broken, bytes: &[u8]) -> Gap {
    let tried = READ_ITS_CASE;
    if bytes.is_empty() {
        return Gap::new(Reason::Absent, tried, "its file is empty: the command there wrote no case")
            .to_fix("see what ssh said of that host, and whether sudo asks for a password there");
    }
    match broken {
        Broken::Case(NoCase::Json(_) | NoCase::Formless) | Broken::NotText(_) => {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let said: String =
                printable(&line[..line.len().min(LONGEST_EXCERPT * 4)]).chars().take(LONGEST_EXCERPT).collect();
            let begins = match std::str::from_utf8(bytes.get(..4).unwrap_or(bytes)) {
                Ok(_) => format!("it is no case: it begins with \"{}\"", said.trim()),
                Err(_) => "it is no case: neither one that casebook wrote nor text".to_owned(),
            };
            Gap::new(Reason::Malformed, tried, begins)
        }
        Broken::Damaged(_) | Broken::Digest(_) => {
            Gap::new(Reason::Malformed, tried, format!("it {broken}")).to_fix("fetch it from that host again")
        }
        broken => Gap::new(Reason::Malformed, tried, format!("it {broken}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_where_a_case_should_says_why_there_is_none() {
        let why = |bytes: &[u8]| why_no_case(&archive::read(bytes).unwrap_err(), bytes).to_string();
        assert!(why(b"").contains("its file is empty") && why(b"").contains("what ssh said"));
        let said = why(b"sudo: a password is required\x1b[31m\nmore");
        assert!(said.contains("begins with \"sudo: a password is required\\u{1b}[31m\""), "{said}");
        assert!(why(b"{\"a\": 1}").contains("no case"));
        assert!(why(b"\xff\xfe\x00\x01").contains("neither one that casebook wrote nor text"));
        assert!(why(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0]).contains("damaged or cut short"));
    }

    #[test]
    fn a_host_is_named_by_its_file_whatever_that_is_called() {
        assert_eq!(stem("hosts/web-1.case"), "web-1");
        assert_eq!(stem("db-3.example.org"), "db-3.example.org");
        assert_eq!(stem("a\u{1b}[2J.json"), "a\\u{1b}[2J");
        assert_eq!(stem(".case"), ".case");
        assert_eq!(stem("root@web-9.case"), "web-9");
    }
}
