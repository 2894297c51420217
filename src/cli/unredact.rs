//! `casebook unredact`.

use std::io::{self, IsTerminal, Write};

use super::arguments::UnredactArguments;
use super::output::read_enough;
use super::place::{Place, Readers};
use super::{Usage, redact, say};
use crate::archive::{self, CaseFile};
use crate::redact::Map;
use crate::sys::text_file;

/// The largest text that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

pub(super) fn unredact(arguments: &UnredactArguments) -> anyhow::Result<u8> {
    let place = arguments.output.as_deref().map(|path| Place::prepare_for(path, Readers::Owner)).transpose()?;
    let map = redact::read_map(&arguments.map)?;
    let named = arguments.file.display();
    let bytes = text_file::read_bytes(&arguments.file, LARGEST)
        .map_err(|error| Usage(format!("cannot read {named}: {error}")))?;
    let (bytes, count) = match String::from_utf8(bytes) {
        Ok(text) => {
            let (text, count) = map.undo(&text);
            (text.into_bytes(), count)
        }
        // What is no text is a packed case.
        Err(packed) => {
            if place.is_none() && io::stdout().is_terminal() {
                return Err(Usage(format!("{named} is packed: name a file for it, as in -o whole.case")).into());
            }
            let file = archive::read(packed.as_bytes()).map_err(|why| Usage(format!("{named} {why}")))?;
            unpacked(file, &map)?
        }
    };
    match &place {
        Some(place) => {
            place.write(|out| out.write_all(&bytes))?;
            say(format_args!("written: {}", place.path().display()));
        }
        None => read_enough(io::stdout().lock().write_all(&bytes))?,
    }
    say(format_args!("{count} pseudonyms put back"));
    Ok(0)
}

/// A packed case with what the map knows put back, also in the texts that lie in it.
fn unpacked(mut file: CaseFile, map: &Map) -> anyhow::Result<(Vec<u8>, u64)> {
    let (text, mut count) = map.undo(&serde_json::to_string(&file.case)?);
    file.case = serde_json::from_str(&text)?;
    for attached in &mut file.attached {
        if let Ok(text) = std::str::from_utf8(&attached.bytes) {
            let (text, more) = map.undo(text);
            (attached.bytes, count) = (text.into_bytes(), count + more);
        }
    }
    Ok((archive::pack(&file)?, count))
}
