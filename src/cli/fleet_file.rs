//! The cases of many hosts: read one after the other, of each so much kept as is held against the others.

use std::convert::Infallible;
use std::io::Read;

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

/// What is known of the hosts until now.
#[derive(Default)]
pub(super) struct Gathered {
    members: Vec<Summary>,
    absent: Vec<AbsentHost>,
    /// Users and hosts that the cases name: who gives pseudonyms to what is said of all must know them.
    named: Named,
}

impl Gathered {
    /// Takes what is kept of a case.
    pub fn add(&mut self, mut case: Case) {
        redact::name_all(&mut case, &mut self.named);
        let mut summary = Summary::of(case);
        // One text of the runbook is enough, for whoever judges again.
        if !self.members.is_empty() {
            summary.runbook = None;
        }
        self.members.push(summary);
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
            FleetPart::Head(head) => self.absent.extend(head.absent),
            FleetPart::Case { name, case, packed } => match case {
                Ok(file) => self.add(file.case),
                Err(broken) => self.miss(stem(&name), why_no_case(&broken, &packed)),
            },
        }
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.members.len()
    }

    /// How many hosts there are, those without a case included.
    pub fn hosts(&self) -> usize {
        self.members.len() + self.absent.len()
    }

    /// Whether there is something of a host of that name, whole or up to its first dot: a case, or the reason why there is none.
    pub fn knows(&self, host: &str) -> bool {
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let same = |name: &str| {
            let whole = name.contains('.') && host.contains('.');
            if whole { name.eq_ignore_ascii_case(host) } else { short(name) == short(host) }
        };
        self.members.iter().any(|member| same(&member.host.host)) || self.absent.iter().any(|absent| same(&absent.host))
    }

    /// The case of all of them; none where there is no case at all.
    pub fn merged(self) -> Option<Case> {
        let mut case = fleet::merged(self.members, self.absent)?;
        if let Some(fleet) = &mut case.fleet {
            fleet.named = Some(self.named);
        }
        Some(case)
    }
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

/// The name of a host, as the name of its file tells it: `hosts/web-1.case` is of `web-1`.
pub(super) fn stem(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = [".case", ".json"].iter().find_map(|ending| name.strip_suffix(ending)).filter(|stem| !stem.is_empty());
    printable(stem.unwrap_or(name)).chars().take(100).collect()
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
    }
}
