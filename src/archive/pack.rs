//! From a case to the bytes of a case file.

use std::io;

use super::manifest::{Form, MANIFEST, Manifest, Member, digest, is_plain};
use super::parts::{self, Part};
use super::{ARCHIVE_FORMAT, Attached, CaseFile};
use crate::bounded_json;

/// The fastest of Zstandard's usual levels: on a host that is on its knees packing must cost little.
const LEVEL: i32 = 1;

/// Packs a case and what is attached to it. The same case gives the same bytes. An attached name that no case file may
/// have is an error.
pub fn pack(CaseFile { case, attached }: CaseFile) -> io::Result<Vec<u8>> {
    let (casebook, seconds) = (case.casebook.clone(), u64::try_from(case.started.as_second()).unwrap_or_default());
    let mut parts = parts::take_apart(case)?;
    for Attached { name, bytes } in attached {
        if !is_plain(&name) || parts.iter().any(|part| part.name == name) {
            let why = format!("`{}` cannot be the name of a file in a case", name.escape_debug());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        parts.push(Part { name, form: Form::Bytes, at: None, bytes });
    }
    let manifest = Manifest {
        format: ARCHIVE_FORMAT,
        casebook,
        members: parts
            .iter()
            .map(|part| Member {
                name: part.name.clone(),
                form: part.form,
                at: part.at.clone(),
                bytes: part.bytes.len() as u64,
                sha256: digest(&part.bytes),
            })
            .collect(),
    };
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, MANIFEST, &bounded_json::in_lines(&manifest)?, seconds)?;
    for part in &parts {
        append(&mut tar, &part.name, &part.bytes, seconds)?;
    }
    let tar = tar.into_inner()?;
    zstd::bulk::compress(&tar, LEVEL)
}

fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8], seconds: u64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes.len() as u64);
    // What a host's report says is for its owner's eyes, also once it is unpacked.
    header.set_mode(0o600);
    header.set_mtime(seconds);
    header.set_cksum();
    tar.append(&header, bytes)
}
