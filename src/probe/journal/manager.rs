//! What systemd itself wrote of units: by its fields, not by words that anybody may write.
//!
//! An entry counts when journald saw that process 1 wrote it (`_PID=1`) and it names a unit (`UNIT=`). What the managers of users
//! wrote is theirs (`USER_UNIT=`), and is left aside.

use std::io;
use std::ops::Range;

use super::choice::Faults;
use super::entry::EntryReader;
use super::fields::Field;

/// An entry that systemd wrote of a unit.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct OfUnit<'e> {
    /// When it was written, in microseconds since 1970.
    pub at: u64,
    /// The unit (`UNIT`).
    pub unit: &'e [u8],
    /// What kind of message it is (`MESSAGE_ID`), 32 hexadecimal digits.
    pub id: Option<&'e [u8]>,
    /// How the unit failed (`UNIT_RESULT`): `exit-code`, `oom-kill`.
    pub result: Option<&'e [u8]>,
    /// How a process of it ended (`EXIT_CODE`): `exited`, `killed`, `dumped`.
    pub exit_code: Option<&'e [u8]>,
    /// With which status or by which signal (`EXIT_STATUS`).
    pub exit_status: Option<&'e [u8]>,
    /// How often it was started again by now (`N_RESTARTS`).
    pub restarts: Option<&'e [u8]>,
    /// The message, where it has no kind: systemd up to 239 gave none to most.
    pub message: Option<&'e [u8]>,
}

/// How far it came.
#[derive(Debug, Default)]
pub(in crate::probe) struct Done {
    /// Whether it was told to stop.
    pub stopped: bool,
    /// What could not be read.
    pub faults: Faults,
}

/// Hands on what systemd wrote of units.
pub(super) fn of_units(
    mut reader: EntryReader<'_>,
    entries: Range<u64>,
    take: &mut dyn FnMut(&OfUnit<'_>),
) -> io::Result<Done> {
    for number in entries {
        if reader.is_to_stop() {
            break;
        }
        let Some(entry) = reader.read(number) else {
            reader.faults.damaged += 1;
            continue;
        };
        let Some(entry) = entry.filter(|entry| entry.value(Field::Pid) == Some(b"1")) else { continue };
        let Some(unit) = entry.value(Field::UnitOfManager) else { continue };
        reader.faults.redated += u64::from(entry.redated);
        let id = entry.value(Field::MessageId);
        let message = match (id, entry.message) {
            (None, Some(place)) => reader.message(place),
            _ => None,
        };
        take(&OfUnit {
            at: entry.at,
            unit,
            id,
            result: entry.value(Field::UnitResult),
            exit_code: entry.value(Field::ExitCode),
            exit_status: entry.value(Field::ExitStatus),
            restarts: entry.value(Field::Restarts),
            message,
        });
    }
    if let Some(error) = reader.pages.error.take() {
        return Err(error);
    }
    Ok(Done { stopped: reader.stopped, faults: reader.faults })
}
