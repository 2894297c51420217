//! Cases as files: read by path or by the name of a kept one, and written with what belongs beside them.

use std::io;
use std::path::Path;

use super::Usage;
use super::keep::State;
use super::place::Place;
use crate::archive::{self, Attached, CaseFile};
use crate::case::{Case, Evidence};
use crate::report::{self, Options};
use crate::sys::text_file;
use crate::sys::trust::Trust;

/// The largest capture that goes into a case file.
const LARGEST_CAPTURE: u64 = 64 * 1024 * 1024;
/// Lines of logs in the excerpt.
const MOST_LINES: usize = 10_000;

/// Reads a case: a file, or else the name of a kept one.
pub(super) fn read(named: &str, trust: Trust) -> Result<CaseFile, Usage> {
    let path = Path::new(named);
    let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read the case {named}: {why}"));
    let is_name = !path.exists() && !named.contains(['/', '.']);
    let kept = if is_name { State::existing().map_err(|why| refused(&why))? } else { None };
    let bytes = match kept {
        Some(state) => {
            let id = state.find(named).map_err(|why| refused(&format!("there is no such file, and {why}")))?;
            state.read(&id).map_err(|why| refused(&why))?
        }
        None => text_file::read_bytes_trusted(path, archive::LARGEST, trust).map_err(|why| refused(&why))?,
    };
    archive::read(&bytes).map_err(|why| Usage(format!("{named} {why}")))
}

/// Writes a case: as JSON where the name ends so, else packed.
pub(super) fn write(place: &Place, case: &Case) -> anyhow::Result<()> {
    if place.path().extension().is_some_and(|ending| ending == "json") {
        return place.write(|out| {
            serde_json::to_writer_pretty(&mut *out, case)?;
            out.write_all(b"\n")
        });
    }
    let packed = packed(case)?;
    place.write(|out| out.write_all(&packed))
}

/// A case packed with its report, the lines of logs that it tells of, and the packets that the run wrote down.
pub(super) fn packed(case: &Case) -> io::Result<Vec<u8>> {
    let mut attached = vec![Attached { name: "report.md".into(), bytes: report(case)? }];
    let lines = log_lines(case);
    if !lines.is_empty() {
        attached.push(Attached { name: "logs.txt".into(), bytes: lines.into_bytes() });
    }
    if let Some(bytes) = capture(case) {
        attached.push(Attached { name: "capture.pcapng".into(), bytes });
    }
    archive::pack(&CaseFile { case: case.clone(), attached })
}

fn report(case: &Case) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(markdown) = report::by_name("markdown") {
        markdown.render(case, &Options { color: false, width: 100, verbose: true }, &mut bytes)?;
    }
    Ok(bytes)
}

/// The samples of all patterns, with step and pattern before each.
fn log_lines(case: &Case) -> String {
    let mut text = String::new();
    let mut lines = 0;
    for (step, evidence) in case.evidence.iter().filter(|(_, evidence)| evidence.probe == "logs") {
        let patterns = evidence.output.as_ref().and_then(|output| output["patterns"].as_object());
        for (pattern, hits) in patterns.into_iter().flatten() {
            for line in hits["samples"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
                if lines < MOST_LINES {
                    text.push_str(&format!("{step} {pattern}: {line}\n"));
                    lines += 1;
                }
            }
        }
    }
    text
}

/// The packets that the run itself wrote to a file. Addresses within packets get no pseudonyms: then they stay out.
fn capture(case: &Case) -> Option<Vec<u8>> {
    if case.may_have_pseudonyms() {
        return None;
    }
    let written = |evidence: &Evidence| {
        let path = evidence.params["write"].as_str()?;
        evidence.output.as_ref()?["source"]["written"].as_object()?;
        Some(path.to_owned())
    };
    let path = case.evidence.values().filter(|evidence| evidence.probe == "capture").find_map(written)?;
    text_file::read_bytes(Path::new(&path), LARGEST_CAPTURE).ok()
}
