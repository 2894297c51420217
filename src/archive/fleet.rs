//! The file of a merged case: a plain tar with a head and the cases of the hosts, each as it came. What they come to together is not
//! in it: that is derived whenever it is read.
//!
//! It is written and read one host after the other, so that neither takes more memory for more hosts.

use std::io::{self, Read, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest::is_plain;
use super::unpack::{content, name_of};
use super::{Broken, CaseFile, FLEET_FORMAT, LARGEST, read_within};
use crate::bounded_json::{self, Budget};
use crate::case::AbsentHost;

/// The most hosts of a merged case.
pub const MOST_HOSTS: usize = 4096;
/// The first member.
const HEAD: &str = "fleet.json";
/// The most bytes of the head.
const LARGEST_HEAD: u64 = 4 * 1024 * 1024;
/// Where the magic of a tar stands, and what it is.
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
/// Bytes from which on it is seen whether a file is that of a fleet.
pub const SEEN_BY: usize = 262;

/// What the file of a fleet begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetHead {
    /// The version of the form, [`FLEET_FORMAT`].
    pub fleet: u32,
    /// The casebook that wrote it.
    pub casebook: String,
    /// How many cases follow.
    pub cases: usize,
    /// Hosts of which there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<AbsentHost>,
    /// When each case came, by the clock of the machine that merged, in their order; none where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrived: Vec<Option<Timestamp>>,
}

/// Whether a file that begins so is that of a fleet.
pub fn is_fleet(beginning: &[u8]) -> bool {
    let (at, magic) = TAR_MAGIC;
    beginning.get(at..at + magic.len()) == Some(magic)
}

/// Writes the file of a fleet.
pub struct FleetWriter<W: Write> {
    tar: tar::Builder<W>,
    seconds: u64,
    names: Vec<String>,
}

impl<W: Write> FleetWriter<W> {
    /// Begins a file. All members have the time of `seconds` after 1970.
    pub fn begin(out: W, head: &FleetHead, seconds: u64) -> io::Result<Self> {
        let mut writer = FleetWriter { tar: tar::Builder::new(out), seconds, names: Vec::new() };
        let mut text = serde_json::to_vec_pretty(head)?;
        text.push(b'\n');
        writer.append(HEAD, &text)?;
        Ok(writer)
    }

    /// Adds the case of a host.
    pub fn add(&mut self, host: &str, packed: &[u8]) -> io::Result<()> {
        // A name for whoever unpacks it by hand; nothing is found by it.
        let plain: String = host
            .chars()
            .take(64)
            .map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '-' })
            .collect();
        let plain = plain.trim_start_matches(['-', '.']);
        let wished = format!("hosts/{}.case", if plain.is_empty() { "host" } else { plain });
        let is_free = |name: &String| is_plain(name) && !self.names.contains(name);
        let name = Some(wished).filter(is_free).unwrap_or_else(|| format!("hosts/_{}.case", self.names.len()));
        self.append(&name, packed)?;
        self.names.push(name);
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self) -> io::Result<W> {
        self.tar.into_inner()
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        header.set_cksum();
        self.tar.append(&header, bytes)
    }
}

/// A part of the file of a fleet, in their order.
pub enum FleetPart {
    /// The head, which comes first.
    Head(FleetHead),
    /// A case.
    Case {
        /// Its name in the file.
        name: String,
        /// The case, or why it cannot be read: the others can be, all the same.
        case: Result<Box<CaseFile>, Broken>,
        /// The case as it lies there.
        packed: Vec<u8>,
    },
}

/// Why the reading of a fleet ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended<E> {
    /// The file is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Whoever takes the cases wants no more.
    #[error("{0}")]
    Taker(E),
}

/// A part of the file of a fleet, of which no case was read yet.
pub enum PackedPart {
    /// The head, which comes first.
    Head(FleetHead),
    /// A case.
    Case {
        /// Its name in the file.
        name: String,
        /// As it lies there.
        packed: Vec<u8>,
    },
}

/// Reads the file of a fleet: its parts go to `take` one after the other, each case read within `budget`.
pub fn read_fleet<E>(
    file: impl Read,
    budget: &Budget,
    take: &mut dyn FnMut(FleetPart) -> Result<(), E>,
) -> Result<(), Ended<E>> {
    read_packed_fleet(file, &mut |part| match part {
        PackedPart::Head(head) => take(FleetPart::Head(head)),
        PackedPart::Case { name, packed } => {
            let case = read_within(&packed, &mut budget.clone()).map(Box::new);
            take(FleetPart::Case { name, case, packed })
        }
    })
}

/// Reads the file of a fleet, and none of its cases.
pub fn read_packed_fleet<E>(
    file: impl Read,
    take: &mut dyn FnMut(PackedPart) -> Result<(), E>,
) -> Result<(), Ended<E>> {
    let damaged = |error: io::Error| Broken::Damaged(error.to_string());
    let mut tar = tar::Archive::new(file);
    let mut entries = tar.entries().map_err(damaged)?.raw(true);
    let head = head(entries.next())?;
    let cases = head.cases;
    take(PackedPart::Head(head)).map_err(Ended::Taker)?;
    let mut seen = 0;
    for entry in entries {
        let mut entry = entry.map_err(damaged)?;
        let name = name_of(&entry)?;
        seen += 1;
        if seen > cases {
            return Err(Broken::member(&name, "is not one of those that it says to hold").into());
        }
        let packed = content(&mut entry, LARGEST, &mut |_| Ok(()))?;
        take(PackedPart::Case { name, packed }).map_err(Ended::Taker)?;
    }
    if seen < cases {
        let why = format!("it holds {seen} of {cases} cases");
        return Err(Broken::Damaged(why).into());
    }
    Ok(())
}

fn head<R: Read>(first: Option<io::Result<tar::Entry<'_, R>>>) -> Result<FleetHead, Broken> {
    let no_head = || Broken::Manifest(format!("it is a tar that does not begin with {HEAD}"));
    let mut first = first.ok_or_else(no_head)?.map_err(|error| Broken::Damaged(error.to_string()))?;
    if name_of(&first)? != HEAD {
        return Err(no_head());
    }
    let text = content(&mut first, LARGEST_HEAD, &mut |_| Ok(()))?;
    let bad = |error: &dyn std::fmt::Display| Broken::Manifest(format!("its head cannot be read: {error}"));
    let head: serde_json::Value =
        bounded_json::from_slice(&text, &mut Budget::default()).map_err(|error| bad(&error))?;
    match head.get("fleet").and_then(serde_json::Value::as_u64) {
        Some(format) if format > u64::from(FLEET_FORMAT) => return Err(Broken::NewerFleet(format)),
        Some(_) => {}
        None => return Err(no_head()),
    }
    let head: FleetHead = serde_json::from_value(head).map_err(|error| bad(&error))?;
    if head.cases > MOST_HOSTS || head.absent.len() > MOST_HOSTS {
        return Err(Broken::TooManyHosts(MOST_HOSTS));
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::archive::pack;
    use crate::case::{Case, Gap, Reason};

    fn case(name: &str) -> Case {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
        Case::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn file() -> Vec<u8> {
        let gap = Gap::new(Reason::Absent, "read the case of db-7", "its file is empty");
        let absent = vec![AbsentHost { host: "db-7".into(), gap }];
        let head = FleetHead { fleet: FLEET_FORMAT, casebook: "0".into(), cases: 3, absent, arrived: Vec::new() };
        let mut writer = FleetWriter::begin(Vec::new(), &head, 0).unwrap();
        for (host, name) in [("web-1", "quiet.json"), ("../../etc/passwd", "syn-flood.json"), ("web-1", "quiet.json")] {
            writer.add(host, &pack(case(name).into()).unwrap()).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(FleetHead, Vec<(String, bool)>), String> {
        let (mut first, mut seen) = (None, Vec::new());
        let mut take = |part: FleetPart| -> Result<(), Infallible> {
            match part {
                FleetPart::Head(head) => first = Some(head),
                FleetPart::Case { name, case, .. } => seen.push((name, case.is_ok())),
            }
            Ok(())
        };
        read_fleet(bytes, &Budget::default(), &mut take).map_err(|error| error.to_string())?;
        Ok((first.expect("a head comes first"), seen))
    }

    #[test]
    fn a_fleet_comes_back_host_by_host_and_no_name_of_one_leads_anywhere() {
        let bytes = file();
        assert!(is_fleet(&bytes[..SEEN_BY]) && !is_fleet(b"{}"));
        let (head, seen) = read(&bytes).unwrap();
        assert_eq!(head.absent[0].host, "db-7");
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["hosts/web-1.case", "hosts/etc-passwd.case", "hosts/_2.case"]);
        assert!(seen.iter().all(|(_, whole)| *whole));
    }

    #[test]
    fn one_damaged_case_is_named_and_the_others_are_read() {
        let mut bytes = file();
        let at = 512 * 4 + 200; // within the first packed case
        let start = bytes.windows(4).position(|four| four == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
        bytes[start + at] ^= 0xff;
        let (_, seen) = read(&bytes).unwrap();
        assert_eq!(seen.iter().map(|(_, whole)| *whole).collect::<Vec<_>>(), [false, true, true]);
    }

    #[test]
    fn a_fleet_that_was_cut_is_no_smaller_fleet() {
        let bytes = file();
        let second =
            bytes.windows(4).enumerate().filter(|(_, four)| *four == [0x28, 0xb5, 0x2f, 0xfd]).nth(1).unwrap().0;
        assert!(read(&bytes[..second - 512]).unwrap_err().contains("it holds 1 of 3 cases"));
        assert!(read(&bytes[..second + 100]).is_err());
        let no_head = {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_path("etc/passwd").unwrap();
            header.set_size(1);
            header.set_cksum();
            tar.append(&header, &b"x"[..]).unwrap();
            tar.into_inner().unwrap()
        };
        assert!(read(&no_head).unwrap_err().contains("does not begin with fleet.json"));
    }

    #[test]
    fn a_newer_form_is_refused_by_name() {
        let head =
            FleetHead { fleet: FLEET_FORMAT, casebook: "9".into(), cases: 0, absent: Vec::new(), arrived: Vec::new() };
        let newer = FleetHead { fleet: FLEET_FORMAT + 1, ..head.clone() };
        let bytes = |head: &FleetHead| FleetWriter::begin(Vec::new(), head, 0).unwrap().finish().unwrap();
        assert!(read(&bytes(&head)).is_ok());
        assert!(read(&bytes(&newer)).unwrap_err().contains("use a newer one"));
    }
}
