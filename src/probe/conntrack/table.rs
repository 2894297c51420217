//! Reading the table of entries: by ctnetlink, else from `/proc`, for a limited time.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::entry::Entry;
use crate::case::{Gap, Reason};
use crate::sys::conntrack;

/// The table as text, of the network namespace of the calling thread.
const TEXT: &str = "/proc/thread-self/net/nf_conntrack";
/// Bytes of a line of it; the kernel writes some 300.
const LONGEST_LINE: u64 = 4096;
/// After how many entries the clock is looked at.
const CLOCK_EVERY: u64 = 256;

/// How much of the table was read, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// `ctnetlink` or `proc`.
    pub(super) source: &'static str,
    /// Whether it was read to its end.
    pub(super) complete: bool,
    /// Entries that were seen.
    seen: u64,
    /// Entries that could not be understood.
    pub(super) malformed: u64,
}

/// Hands over entry by entry, for so long at most, until `each` breaks it off.
pub(super) fn read(patience: Duration, mut each: impl FnMut(&Entry) -> ControlFlow<()>) -> Result<Reading, Gap> {
    let deadline = Instant::now() + patience;
    let mut reading = Reading { source: "ctnetlink", complete: true, seen: 0, malformed: 0 };
    let mut take = |entry: Option<Entry>, reading: &mut Reading| {
        reading.seen += 1;
        let handed_over = match &entry {
            Some(entry) => each(entry),
            None => {
                reading.malformed += 1;
                ControlFlow::Continue(())
            }
        };
        let late = reading.seen.is_multiple_of(CLOCK_EVERY) && Instant::now() >= deadline;
        if handed_over.is_break() || late {
            reading.complete = false;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let refused = if conntrack::is_not_loaded() {
        let gap =
            Gap::new(Reason::Absent, "list the tracked connections", "the module nf_conntrack_netlink is not loaded");
        gap.to_fix("load it with `modprobe nf_conntrack_netlink`; the probe does not, as that would change the host")
    } else {
        match conntrack::dump(|attributes| take(Entry::from_attributes(attributes), &mut reading)) {
            Ok(()) => return Ok(reading),
            Err(error) => refusal(&error),
        }
    };
    if reading.seen > 0 {
        return Err(refused); // a part of it was counted already
    }
    let Ok(file) = File::open(TEXT) else { return Err(refused) };
    let mut reading = Reading { source: "proc", complete: true, seen: 0, malformed: 0 };
    let mut lines = BufReader::with_capacity(64 << 10, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| Gap::io("read /proc/net/nf_conntrack", &error))? == 0 {
            return Ok(reading);
        }
        let entry = std::str::from_utf8(&line).ok().and_then(Entry::from_line);
        if take(entry, &mut reading).is_break() {
            return Ok(reading);
        }
    }
}

fn refusal(error: &io::Error) -> Gap {
    const TRIED: &str = "list the tracked connections (ctnetlink)";
    match error.kind() {
        io::ErrorKind::PermissionDenied => Gap::denied(TRIED, "CAP_NET_ADMIN"),
        _ => Gap::io(TRIED, error),
    }
}
