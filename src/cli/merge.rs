//! `casebook merge`: one case of the cases of many hosts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::arguments::MergeArguments;
use super::fleet_file::{Gathered, READ_ITS_CASE, stem, why_no_case};
use super::{Usage, case_file, output, say};
use crate::abreast::abreast;
use crate::archive::{self, Broken, CaseFile, Ended, FLEET_FORMAT, FleetHead, FleetWriter, PackedPart, SEEN_BY};
use crate::bounded_json::Budget;
use crate::case::{AbsentHost, Case, Gap, Named, Reason};
use crate::fleet::Summary;
use crate::printable::printable;
use crate::redact;
use crate::sys::beneath::{Folder, Kind};
use crate::sys::text_file;
use crate::sys::trust::{self, Trust};

/// Files of one folder that are looked at.
const MOST_FILES: usize = 10_000;
/// The most bytes of a list of hosts.
const LARGEST_LIST: u64 = 1024 * 1024;
/// Endings of files that lie beside cases and are none.
const OTHERS: &[&str] = &["md", "txt", "html", "log", "err", "map", "yaml", "yml", "sh", "journal", "part"];

/// Bytes of small cases that are held and read together, and how many these are at most.
const TOGETHER: u64 = 8 * 1024 * 1024;
const MOST_TOGETHER: usize = 64;
/// So many shares the budget for values has where cases are read together.
const SHARES: u64 = 4;

pub(super) fn merge(arguments: &MergeArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let expected = arguments.expect.as_deref().map(listed).transpose()?;
    let budget = arguments.reading.budget();
    let inputs = inputs(&arguments.paths)?;
    let mut gathered = Gathered::default();
    let mut taken: Vec<Taken> = Vec::new();
    let mut full = false;
    each(&inputs, &budget, &Read::of, &mut |found| {
        full |= gathered.hosts() >= archive::MOST_HOSTS;
        match found {
            _ if full => {}
            Made::Of(lying, Read { whole, raw, summary, named }) => {
                if taken.iter().all(|known| known.whole != whole) {
                    taken.push(Taken { whole, raw, host: summary.host.host.clone() });
                    gathered.add(*summary, named, lying.stem, lying.arrived);
                }
            }
            Made::NoCase(AbsentHost { host, gap }) => gathered.miss(host, gap),
        }
        Ok(())
    })?;
    if full {
        return Err(Usage(format!("more than {} hosts: merge them in parts", archive::MOST_HOSTS)).into());
    }
    for host in gathered.missing(expected.as_deref().unwrap_or_default()) {
        let why = "it is expected, and no case is of it";
        let gap = Gap::new(Reason::Absent, READ_ITS_CASE, why).to_fix("see what ssh said of that host");
        gathered.miss(host, gap);
    }
    let arrived = gathered.arrived();
    let Some(mut case) = gathered.merged() else {
        let what = if inputs.is_empty() { "no file is there" } else { "none of the files is a case that can be read" };
        return Err(Usage(format!("there is nothing to merge: {what}")).into());
    };
    // Whoever wrote the cases wrote what they advise.
    case.foreign_commands = true;
    let (file, map) = sinks.leaving(case)?;
    let mut pack = |out: &mut dyn Write| -> anyhow::Result<()> {
        let mut writer = begun(out, arrived.clone(), &file.case)?;
        let mut left = taken.iter().rev().collect::<Vec<_>>();
        // Pseudonyms are given in the order of the cases. What is packed stays as it came.
        let hides = sinks.hides();
        let packed_anew = |lying: &Lying, read: Reader<'_>| -> Result<Option<Vec<u8>>, Gap> {
            let stays = hides || archive::is_packed(&lying.bytes);
            if stays { Ok(None) } else { Ok(case_file::packed(lying.read(read)?).ok()) }
        };
        each(&inputs, &budget, &packed_anew, &mut |found| {
            let Made::Of(lying, packed) = found else { return Ok(()) };
            // One that is there twice was taken once.
            let raw = Sha256::digest(&lying.bytes);
            let Some(next) = left.pop_if(|next| next.raw[..] == raw[..]) else { return Ok(()) };
            if let Some(packed) = packed {
                return Ok(writer.add(&next.host, &packed)?);
            }
            if archive::is_packed(&lying.bytes) && !hides {
                return Ok(writer.add(&next.host, &lying.bytes)?);
            }
            let file = sinks.hidden(archive::read_within(&lying.bytes, &mut budget.clone())?)?;
            let host = file.case.host.name.clone();
            Ok(writer.add(&host, &case_file::packed(file)?)?)
        })?;
        anyhow::ensure!(left.is_empty(), "the cases changed while they were merged; merge them again");
        sinks.keep_map()?;
        writer.finish()?;
        Ok(())
    };
    map.and(sinks.write_packing(&file, &mut pack))?;
    Ok(file.case.verdict.exit_status())
}

/// The beginning of a fleet's file; `arrived` says of each of its cases when it came.
pub(super) fn begun<'a>(
    out: &'a mut dyn Write,
    arrived: Vec<Option<Timestamp>>,
    merged: &Case,
) -> io::Result<FleetWriter<&'a mut dyn Write>> {
    let absent = merged.fleet.iter().flat_map(|fleet| fleet.absent.iter().cloned()).collect();
    let head = FleetHead {
        fleet: FLEET_FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        cases: arrived.len(),
        absent,
        arrived,
    };
    FleetWriter::begin(out, &head, u64::try_from(merged.started.as_second()).unwrap_or_default())
}

/// What stays known of a case that was taken.
struct Taken {
    /// The digest of the case, however it is packed.
    whole: [u8; 32],
    /// The digest of its bytes as they lie in the file.
    raw: [u8; 32],
    host: String,
}

/// What is kept of a case that was read.
struct Read {
    whole: [u8; 32],
    raw: [u8; 32],
    summary: Box<Summary>,
    named: Named,
}

impl Read {
    fn of(lying: &Lying, read: Reader<'_>) -> Result<Self, Gap> {
        let mut case = lying.read(read)?.case;
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        let text = serde_json::to_vec(&case);
        let whole = digest(&text.map_err(|error| Gap::new(Reason::Failed, READ_ITS_CASE, error.to_string()))?);
        let mut named = Named::default();
        redact::name_all(&mut case, &mut named);
        Ok(Read { whole, raw: digest(&lying.bytes), summary: Box::new(Summary::of(case)), named })
    }
}

/// What is found in a file.
enum Found {
    /// The case of a host, not read yet.
    Lies(Lying),
    /// No case: why.
    NoCase(AbsentHost),
}

/// A case as it lies in its file.
struct Lying {
    bytes: Vec<u8>,
    /// What its file or its place in one is called.
    name: String,
    /// The name of its host, where it is a file of its own, whose name may be that.
    stem: Option<String>,
    /// When its file was last written.
    arrived: Option<Timestamp>,
}

impl Lying {
    fn read(&self, read: Reader<'_>) -> Result<CaseFile, Gap> {
        let file = read(&self.bytes).map_err(|broken| why_no_case(&broken, &self.bytes))?;
        if file.case.fleet.is_some() { Err(of_many()) } else { Ok(file) }
    }

    /// What it costs to hold it and to read it, in bytes: what is packed is some eight times as long.
    fn weight(&self) -> u64 {
        let bytes = self.bytes.len() as u64;
        if archive::is_packed(&self.bytes) { bytes.saturating_mul(8) } else { bytes }
    }
}

/// How a case is read.
type Reader<'a> = &'a dyn Fn(&[u8]) -> Result<CaseFile, Broken>;

/// What was made of what is found in a file.
enum Made<T> {
    Of(Lying, T),
    NoCase(AbsentHost),
}

/// Hands over what `work` makes of each case in the inputs, in their order, and what is no case: that does not keep the others from
/// being read. Small cases are worked on by several threads at once, each within its share of the budget; who needs more has it alone.
fn each<T: Send>(
    inputs: &[Input],
    budget: &Budget,
    work: &(dyn Fn(&Lying, Reader<'_>) -> Result<T, Gap> + Sync),
    take: &mut dyn FnMut(Made<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (share, whole) = (budget.left() / SHARES, |bytes: &[u8]| archive::read_within(bytes, &mut budget.clone()));
    let mut work_on = |waiting: Vec<Found>| {
        let weight = waiting.iter().map(Found::weight).fold(0, u64::saturating_add);
        let within_share = |at: usize| match waiting.get(at)? {
            Found::Lies(lying) => work(lying, &|bytes| archive::read_sharing(bytes, share)).ok(),
            Found::NoCase(_) => None,
        };
        let made = if weight > TOGETHER { Vec::new() } else { abreast(waiting.len(), weight, || within_share) };
        let mut made = made.into_iter();
        waiting.into_iter().try_for_each(|found| match found {
            Found::NoCase(absent) => {
                made.next();
                take(Made::NoCase(absent))
            }
            Found::Lies(lying) => match made.next().flatten().map_or_else(|| work(&lying, &whole), Ok) {
                Ok(made) => take(Made::Of(lying, made)),
                Err(gap) => take(Made::NoCase(AbsentHost { host: stem(&lying.name), gap })),
            },
        })
    };
    let (mut waiting, mut weight) = (Vec::new(), 0_u64);
    for input in inputs {
        input.each(&mut |found| {
            let more = found.weight();
            if weight.saturating_add(more) > TOGETHER || waiting.len() >= MOST_TOGETHER {
                work_on(std::mem::take(&mut waiting))?;
                weight = 0;
            }
            weight = weight.saturating_add(more);
            waiting.push(found);
            Ok(())
        })?;
    }
    work_on(waiting)
}

impl Found {
    fn weight(&self) -> u64 {
        match self {
            Found::Lies(lying) => lying.weight(),
            Found::NoCase(_) => 0,
        }
    }
}

/// Where a case may lie.
enum Place {
    /// A file that was named.
    Path(PathBuf),
    /// A file in a folder that was named, open: no link leads out of it.
    In(Rc<Folder>, PathBuf),
    /// What came by standard input.
    Stdin(Vec<u8>),
}

/// A file with one case or many.
struct Input {
    /// Its name, to be shown.
    name: String,
    place: Place,
}

impl Input {
    /// Opens it; with the moment at which it was last written.
    fn open(&self) -> Result<(Box<dyn io::Read + '_>, Option<Timestamp>), String> {
        let file: File = match &self.place {
            Place::Path(path) => trust::open_trusted(path, Trust::Waived).map_err(|why| why.to_string())?,
            Place::In(folder, name) => folder.file(name).map_err(|why| why.to_string())?.0,
            Place::Stdin(bytes) => return Ok((Box::new(bytes.as_slice()), None)),
        };
        let written = file.metadata().and_then(|of| of.modified()).ok().and_then(|at| at.try_into().ok());
        Ok((Box::new(file), written))
    }

    /// Hands over all that lies in it. What cannot be read is handed over as such.
    fn each(&self, take: &mut dyn FnMut(Found) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let absent = |gap| Found::NoCase(AbsentHost { host: stem(&self.name), gap });
        let unread = |why: &dyn std::fmt::Display| absent(Gap::new(Reason::Failed, READ_ITS_CASE, why.to_string()));
        let (mut file, arrived) = match self.open() {
            Ok(opened) => opened,
            Err(why) => return take(unread(&why)),
        };
        let mut beginning = Vec::new();
        if let Err(error) = (&mut file).take(SEEN_BY as u64).read_to_end(&mut beginning) {
            return take(unread(&error));
        }
        if archive::is_fleet(&beginning) {
            return self.each_of_fleet(beginning.as_slice().chain(file), take);
        }
        match text_file::bytes_from(beginning.as_slice().chain(file), archive::LARGEST) {
            Err(why) => take(unread(&why)),
            Ok(bytes) => {
                take(Found::Lies(Lying { bytes, name: self.name.clone(), stem: Some(stem(&self.name)), arrived }))
            }
        }
    }

    fn each_of_fleet(
        &self,
        file: impl io::Read,
        take: &mut dyn FnMut(Found) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut arrivals = VecDeque::new();
        let mut part = |part: PackedPart| match part {
            PackedPart::Head(head) => {
                arrivals = head.arrived.into();
                head.absent.into_iter().try_for_each(|absent| take(Found::NoCase(absent)))
            }
            PackedPart::Case { name, packed: bytes } => {
                take(Found::Lies(Lying { bytes, name, stem: None, arrived: arrivals.pop_front().flatten() }))
            }
        };
        match archive::read_packed_fleet(file, &mut part) {
            Ok(()) => Ok(()),
            Err(Ended::Taker(error)) => Err(error),
            Err(Ended::Broken(broken)) => {
                take(Found::NoCase(AbsentHost { host: stem(&self.name), gap: why_no_case(&broken, b"tar") }))
            }
        }
    }
}

/// The plain JSON of a merged case: what it says of hosts is not their cases.
fn of_many() -> Gap {
    let why = "it is a merged case as JSON, which holds what many hosts have in common, and not their cases";
    Gap::new(Reason::Malformed, READ_ITS_CASE, why)
        .to_fix("name the file that `casebook merge … --save fleet.case` wrote, or the cases themselves")
}

/// The files that were named, and those in folders that were, in the order of their names.
fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, Usage> {
    let mut inputs = Vec::new();
    for path in paths {
        let shown = path.to_string_lossy().into_owned();
        if shown == case_file::STDIN {
            let bytes = text_file::read_stdin(archive::LARGEST)
                .map_err(|why| Usage(format!("cannot read a case from standard input: {why}")))?;
            inputs.push(Input { name: "standard input".to_owned(), place: Place::Stdin(bytes) });
        } else if path.is_dir() {
            folder(path, &mut inputs)?;
        } else {
            inputs.push(Input { name: shown, place: Place::Path(path.clone()) });
        }
    }
    Ok(inputs)
}

fn folder(path: &Path, inputs: &mut Vec<Input>) -> Result<(), Usage> {
    let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read the folder {}: {why}", path.display()));
    let folder = Rc::new(Folder::open(path).map_err(|why| refused(&why))?);
    let (mut entries, more) = folder.list(Path::new(""), MOST_FILES).map_err(|why| refused(&why))?;
    if more {
        return Err(refused(&format!("it has more than {MOST_FILES} files")));
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut passed, mut folders) = (0, 0);
    for entry in entries {
        let name = PathBuf::from(&entry.name);
        let shown = name.to_string_lossy().into_owned();
        let is_other = name.extension().is_some_and(|ending| OTHERS.iter().any(|other| ending == *other));
        match entry.kind {
            _ if shown.starts_with('.') => {}
            Kind::Folder => folders += 1,
            Kind::File if !is_other => {
                inputs.push(Input { name: shown, place: Place::In(Rc::clone(&folder), name) });
            }
            Kind::File | Kind::Link | Kind::Special => passed += 1,
        }
    }
    if passed + folders > 0 {
        say(format_args!(
            "not read in {}: {passed} files that are no cases by their names, or no plain files, and {folders} folders",
            path.display()
        ));
    }
    Ok(())
}

/// The hosts of a list, a line each.
fn listed(path: &Path) -> Result<Vec<String>, Usage> {
    let text = text_file::read(path, LARGEST_LIST)
        .map_err(|why| Usage(format!("cannot read the list of hosts {}: {why}", path.display())))?;
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    // As ssh is told: user@host.
    let names = names.map(|name| name.rsplit('@').next().unwrap_or_default()).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(|name| printable(name).chars().take(100).collect()).collect();
    if names.len() > archive::MOST_HOSTS {
        return Err(Usage(format!("the list of hosts {} has more than {}", path.display(), archive::MOST_HOSTS)));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_hosts_is_what_ssh_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        std::fs::write(&path, "# web\nroot@web-1\nweb-2.example.org # old\n\n").unwrap();
        assert_eq!(listed(&path).unwrap(), ["web-1", "web-2.example.org"]);
    }
}
