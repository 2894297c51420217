//! `casebook merge`: one case of the cases of many hosts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::arguments::MergeArguments;
use super::fleet_file::{Gathered, READ_ITS_CASE, stem, why_no_case};
use super::{Usage, case_file, output, say};
use crate::archive::{self, CaseFile, Ended, FLEET_FORMAT, FleetHead, FleetPart, FleetWriter, SEEN_BY};
use crate::bounded_json::Budget;
use crate::case::{AbsentHost, Case, Gap, Reason};
use crate::printable::printable;
use crate::sys::beneath::{Folder, Kind};
use crate::sys::text_file;
use crate::sys::trust::{self, Trust};

/// Files of one folder that are looked at.
const MOST_FILES: usize = 10_000;
/// The most bytes of a list of hosts.
const LARGEST_LIST: u64 = 1024 * 1024;
/// Endings of files that lie beside cases and are none.
const OTHERS: &[&str] = &["md", "txt", "html", "log", "err", "map", "yaml", "yml", "sh", "journal", "part"];

pub(super) fn merge(arguments: &MergeArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let expected = arguments.expect.as_deref().map(listed).transpose()?;
    let budget = arguments.reading.budget();
    let mut inputs = inputs(&arguments.paths)?;
    let mut gathered = Gathered::default();
    let mut taken: Vec<[u8; 32]> = Vec::new();
    let mut full = false;
    for input in &mut inputs {
        let stem = stem(&input.name);
        input.each(&budget, &mut |found| {
            full |= gathered.hosts() >= archive::MOST_HOSTS;
            match found {
                _ if full => {}
                Found::Case { file, is_alone, arrived, .. } => {
                    let digest = digest(&file.case)?;
                    if taken.contains(&digest) {
                        return Ok(());
                    }
                    taken.push(digest);
                    gathered.add_of(file.case, is_alone.then(|| stem.clone()), arrived);
                }
                Found::NoCase(AbsentHost { host, gap }) => gathered.miss(host, gap),
            }
            Ok(())
        })?;
    }
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
        for input in &mut inputs {
            input.each(&budget, &mut |found| {
                let Found::Case { file, packed, is_packed, .. } = found else { return Ok(()) };
                // One that is there twice was taken once.
                let digest = digest(&file.case)?;
                if left.last().is_none_or(|next| **next != digest) {
                    return Ok(());
                }
                left.pop();
                add(&mut writer, &sinks, *file, packed, is_packed)
            })?;
        }
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

/// Adds the case of a host as it came; packed anew where it must, under pseudonyms where they are wanted.
fn add(
    writer: &mut FleetWriter<&mut dyn Write>,
    sinks: &output::Sinks,
    file: CaseFile,
    packed: &[u8],
    is_packed: bool,
) -> anyhow::Result<()> {
    if sinks.hides() || !is_packed {
        let file = sinks.hidden(file)?;
        return Ok(writer.add(&file.case.host.name, &case_file::packed(&file)?)?);
    }
    Ok(writer.add(&file.case.host.name, packed)?)
}

/// What a case is known by, however it is packed.
fn digest(case: &Case) -> serde_json::Result<[u8; 32]> {
    Ok(Sha256::digest(serde_json::to_vec(case)?).into())
}

/// What is found in a file.
enum Found<'a> {
    /// The case of a host.
    Case {
        /// It, with what is attached to it.
        file: Box<CaseFile>,
        /// As it lies there.
        packed: &'a [u8],
        /// Whether that is packed, and no plain JSON.
        is_packed: bool,
        /// Whether it is a file of its own, whose name may be that of the host.
        is_alone: bool,
        /// When its file was last written.
        arrived: Option<Timestamp>,
    },
    /// No case: why.
    NoCase(AbsentHost),
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
    fn open(&self) -> Result<(Box<dyn Read + '_>, Option<Timestamp>), String> {
        let file: File = match &self.place {
            Place::Path(path) => trust::open_trusted(path, Trust::Waived).map_err(|why| why.to_string())?,
            Place::In(folder, name) => folder.file(name).map_err(|why| why.to_string())?.0,
            Place::Stdin(bytes) => return Ok((Box::new(bytes.as_slice()), None)),
        };
        let written = file.metadata().and_then(|of| of.modified()).ok().and_then(|at| at.try_into().ok());
        Ok((Box::new(file), written))
    }

    /// Hands over all that lies in it. What cannot be read is handed over as such: it does not keep the others from being read.
    fn each(&mut self, budget: &Budget, take: &mut dyn FnMut(Found<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
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
            return self.each_of_fleet(beginning.as_slice().chain(file), budget, take);
        }
        match text_file::bytes_from(beginning.as_slice().chain(file), archive::LARGEST) {
            Err(why) => take(unread(&why)),
            Ok(bytes) => match archive::read_within(&bytes, &mut budget.clone()) {
                Ok(file) if file.case.fleet.is_some() => take(absent(of_many())),
                Ok(file) => take(Found::Case {
                    file: Box::new(file),
                    packed: &bytes,
                    is_packed: archive::is_packed(&bytes),
                    is_alone: true,
                    arrived,
                }),
                Err(broken) => take(absent(why_no_case(&broken, &bytes))),
            },
        }
    }

    fn each_of_fleet(
        &self,
        file: impl Read,
        budget: &Budget,
        take: &mut dyn FnMut(Found<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut arrivals = VecDeque::new();
        let mut part = |part: FleetPart| match part {
            FleetPart::Head(head) => {
                arrivals = head.arrived.into();
                head.absent.into_iter().try_for_each(|absent| take(Found::NoCase(absent)))
            }
            FleetPart::Case { name, case, packed } => {
                let arrived = arrivals.pop_front().flatten();
                let is_packed = archive::is_packed(&packed);
                match case {
                    Ok(file) => take(Found::Case { file, packed: &packed, is_packed, is_alone: false, arrived }),
                    Err(broken) => {
                        take(Found::NoCase(AbsentHost { host: stem(&name), gap: why_no_case(&broken, &packed) }))
                    }
                }
            }
        };
        match archive::read_fleet(file, budget, &mut part) {
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
