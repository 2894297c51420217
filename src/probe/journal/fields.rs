//! The fields of entries. journald stores each value once, and entries say where it lies: what lies where is remembered, so that
//! of most entries only the message is read anew.

use std::rc::Rc;

use super::header::Header;
use super::object::{DATA, HEAD, Object, is_place};
use super::packed::Packing;
use super::pages::Pages;

/// Places that are remembered, each where its offset says: a journal chooses its offsets, and never how much is kept.
const REMEMBERED: usize = 16 * 1024;

/// Bytes of a value that are kept, of a message that are read.
const LONGEST_VALUE: usize = 256;
/// A byte more than of a line is looked at, so that it is seen that the message is longer.
pub(super) const LONGEST_MESSAGE: usize = 64 * 1024 + 1;

/// Bytes in which the name of a field ends.
const LONGEST_NAME: usize = 64 + 1;

/// Bytes of a value that are read first.
const BEGINNING: usize = LONGEST_NAME + LONGEST_VALUE;

/// The fields that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Command,
    Executable,
    ExitCode,
    ExitStatus,
    Hostname,
    Identifier,
    MessageId,
    ObjectUnit,
    Pid,
    Priority,
    Restarts,
    SyslogPid,
    Transport,
    Unit,
    UnitOfManager,
    UnitResult,
    User,
}

/// How many there are.
pub(super) const FIELDS: usize = Field::User as usize + 1;

impl Field {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"_COMM" => Field::Command,
            b"_EXE" => Field::Executable,
            b"EXIT_CODE" => Field::ExitCode,
            b"EXIT_STATUS" => Field::ExitStatus,
            b"_HOSTNAME" => Field::Hostname,
            b"SYSLOG_IDENTIFIER" => Field::Identifier,
            b"MESSAGE_ID" => Field::MessageId,
            b"OBJECT_SYSTEMD_UNIT" => Field::ObjectUnit,
            b"_PID" => Field::Pid,
            b"PRIORITY" => Field::Priority,
            b"N_RESTARTS" => Field::Restarts,
            b"SYSLOG_PID" => Field::SyslogPid,
            b"_TRANSPORT" => Field::Transport,
            b"_SYSTEMD_UNIT" => Field::Unit,
            b"UNIT" => Field::UnitOfManager,
            b"UNIT_RESULT" => Field::UnitResult,
            b"_UID" => Field::User,
            _ => return None,
        })
    }
}

/// What lies at a place.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// A field that is not looked at.
    Other,
    /// A field with its value, or its beginning.
    Value(Field, Rc<[u8]>),
    /// A message.
    Message,
    /// Nothing that can be read.
    Damaged,
    /// A value that is packed in a way that is not read here.
    Foreign,
}

/// Remembers what lies where.
#[derive(Debug)]
pub(super) struct Fields {
    remembered: Vec<(u64, Data)>,
    /// A value that is unpacked, and where it lies.
    unpacked: Vec<u8>,
    unpacked_from: u64,
    /// Values that were read so far; one that is packed counts as many.
    pub(super) read: u64,
}

/// What one that is packed counts.
const PACKED: u64 = 64;

/// Where a value lies, as it is stored.
struct Stored {
    at: u64,
    length: u64,
    packing: Packing,
}

impl Fields {
    pub(super) fn new() -> Self {
        Fields { remembered: vec![(0, Data::Other); REMEMBERED], unpacked: Vec::new(), unpacked_from: 0, read: 0 }
    }

    /// What lies at a place.
    pub(super) fn data(&mut self, pages: &mut Pages<'_>, header: &Header, offset: u64) -> Data {
        let place = usize::try_from(offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50).unwrap_or(0) % REMEMBERED;
        if let Some((of, data)) = self.remembered.get(place)
            && *of == offset
        {
            return data.clone();
        }
        self.read += 1;
        let data = self.look(pages, header, offset);
        if let Some(remembered) = self.remembered.get_mut(place) {
            *remembered = (offset, data.clone());
        }
        data
    }

    fn look(&mut self, pages: &mut Pages<'_>, header: &Header, offset: u64) -> Data {
        let Some(stored) = stored(pages, header, offset) else { return Data::Damaged };
        let text = match stored.packing {
            Packing::None => {
                let length = usize::try_from(stored.length).unwrap_or(BEGINNING).min(BEGINNING);
                match pages.get(stored.at, length) {
                    Some(text) => text,
                    None => return Data::Damaged,
                }
            }
            Packing::Foreign => return Data::Foreign,
            _ => match self.unpack(pages, offset, &stored) {
                Some(text) => text.get(..BEGINNING).unwrap_or(text),
                None => return Data::Damaged,
            },
        };
        let head = text.get(..LONGEST_NAME).unwrap_or(text);
        let Some(equals) = head.iter().position(|byte| *byte == b'=') else { return Data::Other };
        let (name, value) = text.split_at(equals);
        if name == MESSAGE {
            return Data::Message;
        }
        let value = value.get(1..).unwrap_or_default();
        let value = value.get(..LONGEST_VALUE).unwrap_or(value);
        Field::of(name).map_or(Data::Other, |field| Data::Value(field, Rc::from(value)))
    }

    /// The text of a message.
    pub(super) fn message<'m>(
        &'m mut self,
        pages: &'m mut Pages<'_>,
        header: &Header,
        offset: u64,
    ) -> Option<&'m [u8]> {
        let stored = stored(pages, header, offset)?;
        let named = LONGEST_MESSAGE + MESSAGE.len() + 1;
        let text = match stored.packing {
            Packing::None => pages.get(stored.at, usize::try_from(stored.length).unwrap_or(named).min(named))?,
            _ if self.unpacked_from == offset => &self.unpacked,
            _ => self.unpack(pages, offset, &stored)?,
        };
        text.get(MESSAGE.len() + 1..)
    }

    fn unpack(&mut self, pages: &mut Pages<'_>, offset: u64, stored: &Stored) -> Option<&[u8]> {
        self.read += PACKED;
        self.unpacked_from = 0;
        self.unpacked.clear();
        let length = usize::try_from(stored.length).ok()?.min(stored.packing.most());
        let packed = pages.get(stored.at, length)?;
        stored.packing.unpack(packed, LONGEST_MESSAGE + MESSAGE.len() + 1, &mut self.unpacked)?;
        self.unpacked_from = offset;
        Some(&self.unpacked)
    }
}

/// What programs said.
const MESSAGE: &[u8] = b"MESSAGE";

fn stored(pages: &mut Pages<'_>, header: &Header, offset: u64) -> Option<Stored> {
    if !is_place(offset, header.start, header.end) {
        return None;
    }
    // Hash, next of hash, next of field, entry, entry array and number of entries; in compact files the last array, too.
    let before: u64 = if header.compact { HEAD + 56 } else { HEAD + 48 };
    let object = Object::parse(pages.get(offset, HEAD as usize)?)?;
    if object.kind != DATA || object.size <= before || object.size > header.end - offset {
        return None;
    }
    Some(Stored { at: offset + before, length: object.size - before, packing: Packing::of(object.flags) })
}
