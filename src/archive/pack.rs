//! From a case to the bytes of a case file.

use std::io;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use super::manifest::{Form, MANIFEST, Manifest, Member, digest, is_plain};
use super::parts::{self, Part};
use super::{ARCHIVE_FORMAT, CaseFile};

/// Packs a case and what is attached to it. The same case gives the same bytes. An attached name that no case file may
/// have is an error.
pub fn pack(file: &CaseFile) -> io::Result<Vec<u8>> {
    let value: Value = serde_json::to_value(&file.case)?;
    let mut parts = parts::take_apart(value);
    for attached in &file.attached {
        if !is_plain(&attached.name) || parts.iter().any(|part| part.name == attached.name) {
            let why = format!("`{}` cannot be the name of a file in a case", attached.name.escape_debug());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        parts.push(Part { name: attached.name.clone(), form: Form::Bytes, at: None, bytes: attached.bytes.clone() });
    }
    let manifest = Manifest {
        format: ARCHIVE_FORMAT,
        casebook: file.case.casebook.clone(),
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
    let seconds = u64::try_from(file.case.started.as_second()).unwrap_or_default();
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, MANIFEST, &serde_json::to_vec_pretty(&manifest)?, seconds)?;
    for part in &parts {
        append(&mut tar, &part.name, &part.bytes, seconds)?;
    }
    let tar = tar.into_inner()?;
    Ok(compress_to_vec(tar.as_slice(), CompressionLevel::Fastest))
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
