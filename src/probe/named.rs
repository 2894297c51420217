//! Files that the operator names. They are read with the operator's own rights: a capability of the binary opens the kernel's
//! sources to the probes, not every file of the host to everybody who may run it.

use std::io;

use crate::case::{Gap, Reason};
use crate::sys::caller;

/// Opens, lists or reads what was named, as the user who runs casebook could.
pub fn as_operator<T>(look: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    caller::as_caller(look)
}

/// The gap of an error there; where a capability would have got past it, that is said.
pub fn gap(tried: impl Into<String>, error: &io::Error) -> Gap {
    let mut gap = Gap::io(tried, error);
    if gap.reason == Reason::Denied && caller::reads_as_its_caller() {
        gap.why.push_str(": files that are named are read with your own rights, not with the binary's capabilities");
        return gap.to_fix("run with sudo, or let this user read it");
    }
    gap
}
