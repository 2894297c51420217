//! What a list of cases shows of one, without reading the rest of it.

use std::io::Read;

use jiff::Timestamp;
use serde::Deserialize;

use super::manifest::Form;
use super::unpack::{content, is_what_was_listed, manifest, name_of, open};
use super::{Broken, LARGEST, MAGIC};
use crate::bounded_json;
use crate::case::{CASE_FORMAT, NoCase, Verdict};

/// The most bytes of a case without its evidence and its texts.
const LARGEST_CASE: u64 = 16 * 1024 * 1024;

/// What a list of cases shows of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The host's name.
    pub host: String,
    /// The runbook's name.
    pub runbook: String,
    /// When the run began.
    pub started: Timestamp,
    /// The run was ended before its window was over.
    pub partial: bool,
    /// The gravest finding.
    pub verdict: Verdict,
    /// The first sentence of its diagnosis.
    pub summary: String,
}

/// Where it stands in a case. What else is there is passed over, and takes no memory.
#[derive(Deserialize)]
struct Shown {
    format: Option<u64>,
    host: Named,
    runbook: Named,
    started: Timestamp,
    partial: bool,
    verdict: Verdict,
    diagnosis: Said,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Said {
    summary: String,
}

/// Reads of a case, packed or plain, only what a list shows of it. Of a packed one that is its first members: damage that
/// lies further behind is found when the case itself is read.
pub fn summary(mut file: impl Read) -> Result<Summary, Broken> {
    let damaged = |error: std::io::Error| Broken::Damaged(error.to_string());
    let mut magic = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(damaged)?;
    let is_packed = magic == MAGIC;
    let mut file = magic.as_slice().chain(file);
    let mut bytes = Vec::new();
    if is_packed {
        let mut tar = tar::Archive::new(open(file)?);
        let mut entries = tar.entries().map_err(damaged)?.raw(true);
        let manifest = manifest(entries.next())?;
        let first = manifest.members.first().filter(|member| member.form == Form::Json);
        let first = first.filter(|member| member.at.as_deref() == Some(""));
        let no_case = || Broken::Manifest("it does not begin with the case".to_owned());
        let (member, entry) = first.zip(entries.next()).ok_or_else(no_case)?;
        let mut entry = entry.map_err(damaged)?;
        if name_of(&entry)? != member.name {
            return Err(no_case());
        }
        if member.bytes > LARGEST_CASE {
            return Err(Broken::TooLarge);
        }
        bytes = content(&mut entry, member.bytes, &mut |_| Ok(()))?;
        if !is_what_was_listed(&bytes, member) {
            return Err(Broken::Digest(member.name.clone()));
        }
    } else {
        (&mut file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(damaged)?;
        if bytes.len() as u64 > LARGEST {
            return Err(Broken::TooLarge);
        }
        std::str::from_utf8(&bytes).map_err(|error| Broken::NotText(error.valid_up_to()))?;
    }
    // No value is built but those that are shown.
    let shown: Shown = bounded_json::counted(&bytes).map_err(NoCase::Json)?;
    match shown.format {
        Some(format) if format <= u64::from(CASE_FORMAT) => {}
        Some(format) => return Err(NoCase::Newer(format).into()),
        None => return Err(NoCase::Formless.into()),
    }
    Ok(Summary {
        host: shown.host.name,
        runbook: shown.runbook.name,
        started: shown.started,
        partial: shown.partial,
        verdict: shown.verdict,
        summary: shown.diagnosis.summary,
    })
}
