//! `casebook unredact`.

use std::io::{self, Write};

use super::arguments::UnredactArguments;
use super::output::read_enough;
use super::place::Place;
use super::{Usage, redact, say};
use crate::sys::text_file;

/// The largest text that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

pub(super) fn unredact(arguments: &UnredactArguments) -> anyhow::Result<u8> {
    let place = arguments.output.as_deref().map(Place::prepare_private).transpose()?;
    let map = redact::read_map(&arguments.map)?;
    let text = text_file::read(&arguments.file, LARGEST)
        .map_err(|error| Usage(format!("cannot read {}: {error}", arguments.file.display())))?;
    let (text, count) = map.undo(&text);
    match &place {
        Some(place) => {
            place.write(|out| out.write_all(text.as_bytes()))?;
            say(format_args!("written: {}", place.path().display()));
        }
        None => read_enough(io::stdout().lock().write_all(text.as_bytes()))?,
    }
    say(format_args!("{count} pseudonyms put back"));
    Ok(0)
}
