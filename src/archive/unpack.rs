//! From the bytes of a case file to the case. The bytes may come from anybody.

use std::io::{self, Read};

use ruzstd::decoding::StreamingDecoder;

use super::manifest::{Form, LARGEST_MANIFEST, MANIFEST, MOST_MEMBERS, Manifest, Member, digest, is_plain};
use super::parts::{self, Part};
use super::{Broken, CaseFile, LARGEST};
use crate::bounded_json::{Budget, Counter};
use crate::case::Case;

/// The largest window that a frame may ask for; what casebook writes asks for less than 1 MiB, `zstd -19` for 8.
const LARGEST_WINDOW: u64 = 8 * 1024 * 1024;

/// How much is unpacked between two looks at what it costs.
const PIECE: u64 = 256 * 1024;

/// Reads a case file. Every member must be named in the manifest, once, with its size and digest; links, folders and paths
/// that lead elsewhere are refused; nothing is written anywhere.
///
/// The values of its members are counted as they are unpacked, and must fit into the budget; what is attached has so many bytes at most.
pub fn unpack(bytes: &[u8], budget: &mut Budget, most_attached: u64) -> Result<CaseFile, Broken> {
    let mut packed = bytes;
    let mut tar = tar::Archive::new(open(&mut packed)?);
    let parts = members(&mut tar, budget, most_attached);
    let mut rest = tar.into_inner();
    let parts = match parts {
        Ok(parts) => parts,
        Err(_) if rest.exceeded => return Err(Broken::TooLarge),
        Err(broken) => return Err(broken),
    };
    only_zeros(&mut rest)?;
    drop(rest);
    if !packed.is_empty() {
        return Err(Broken::Damaged("something follows its end".to_owned()));
    }
    let (case, attached) = parts::put_together(parts)?;
    Ok(CaseFile { case: Case::from_value(case)?, attached })
}

/// The tar in a packed file.
pub(super) fn open<R: Read>(packed: R) -> Result<Bounded<impl Read>, Broken> {
    let decoder = StreamingDecoder::new_with_max_window_size(packed, LARGEST_WINDOW);
    let decoder = decoder.map_err(|error| Broken::Damaged(error.to_string()))?;
    Ok(Bounded { inner: decoder, left: LARGEST, exceeded: false })
}

/// A reader that gives no more than so many bytes.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            self.exceeded = true;
            return Err(io::Error::other("it is too large"));
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..room])?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// The members, each held against the manifest.
fn members<R: Read>(tar: &mut tar::Archive<R>, budget: &mut Budget, most_attached: u64) -> Result<Vec<Part>, Broken> {
    let mut attached = Budget::new(most_attached);
    let damaged = |error: io::Error| Broken::Damaged(error.to_string());
    let mut entries = tar.entries().map_err(damaged)?.raw(true);
    let manifest = manifest(entries.next())?;
    let mut parts = Vec::new();
    let mut listed = manifest.members.into_iter();
    for entry in entries {
        let mut entry = entry.map_err(damaged)?;
        let name = name_of(&entry)?;
        if parts.len() >= MOST_MEMBERS {
            return Err(Broken::TooMany(MOST_MEMBERS));
        }
        // Their order is the manifest's; so no member can stand twice, unless the manifest names it twice.
        let member = listed.next().filter(|member| member.name == name);
        let member = member.ok_or_else(|| Broken::member(&name, "is not the one that its manifest names next"))?;
        if parts.iter().any(|part: &Part| part.name == name) {
            return Err(Broken::member(&name, "is there twice"));
        }
        // Values and texts become memory, what is attached stays as it is.
        let bytes = match (member.form, &member.at) {
            (Form::Json, Some(_)) => {
                let mut counter = Counter::default();
                content(&mut entry, member.bytes, &mut |piece| Ok(counter.count(piece, budget)?))?
            }
            (_, Some(_)) => content(&mut entry, member.bytes, &mut |piece| Ok(budget.take(piece.len() as u64)?))?,
            (_, None) => content(&mut entry, member.bytes, &mut |piece| {
                attached.take(piece.len() as u64).map_err(|_| Broken::TooMuchAttached)
            })?,
        };
        if !is_what_was_listed(&bytes, &member) {
            return Err(Broken::Digest(name));
        }
        parts.push(Part { name, form: member.form, at: member.at, bytes });
    }
    match listed.next() {
        Some(missing) => Err(Broken::member(&missing.name, "is missing")),
        None => Ok(parts),
    }
}

/// The manifest, which must be the first entry.
pub(super) fn manifest<R: Read>(first: Option<io::Result<tar::Entry<'_, R>>>) -> Result<Manifest, Broken> {
    let no_manifest = || Broken::Manifest(format!("it does not begin with {MANIFEST}"));
    let mut first = first.ok_or_else(no_manifest)?.map_err(|error| Broken::Damaged(error.to_string()))?;
    if name_of(&first)? != MANIFEST {
        return Err(no_manifest());
    }
    Manifest::read(&content(&mut first, LARGEST_MANIFEST, &mut |_| Ok(()))?)
}

/// Whether the content of a member is what the manifest says.
pub(super) fn is_what_was_listed(bytes: &[u8], member: &Member) -> bool {
    bytes.len() as u64 == member.bytes && digest(bytes) == member.sha256
}

/// The name of a plain file; anything else has no place in a case file.
pub(super) fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, Broken> {
    let path = entry.path_bytes();
    let name = String::from_utf8_lossy(&path);
    if !entry.header().entry_type().is_file() {
        return Err(Broken::member(&name, "is a link, a folder or something else that is not a plain file"));
    }
    if !is_plain(&name) {
        return Err(Broken::member(&name, "has a name that leads elsewhere, or none that casebook gives"));
    }
    Ok(name.into_owned())
}

/// What is in an entry, piece by piece: each must pass before the next is unpacked.
pub(super) fn content<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    most: u64,
    pass: &mut dyn FnMut(&[u8]) -> Result<(), Broken>,
) -> Result<Vec<u8>, Broken> {
    if entry.size() > LARGEST {
        return Err(Broken::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut entry = entry.take(most.saturating_add(1));
    loop {
        let before = bytes.len();
        let read = (&mut entry).take(PIECE).read_to_end(&mut bytes);
        read.map_err(|error| Broken::Damaged(error.to_string()))?;
        if bytes.len() == before {
            return Ok(bytes);
        }
        pass(&bytes[before..])?;
    }
}

/// After the last member a tar has zeros alone.
fn only_zeros<R: Read>(rest: &mut Bounded<R>) -> Result<(), Broken> {
    let mut buffer = [0; 8192];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) if buffer[..read].iter().all(|byte| *byte == 0) => {}
            Ok(_) => return Err(Broken::Damaged("something follows its last member".to_owned())),
            Err(_) if rest.exceeded => return Err(Broken::TooLarge),
            Err(error) => return Err(Broken::Damaged(error.to_string())),
        }
    }
}
