//! Which host this is, and as whom we run.

use jiff::Timestamp;

use super::time_zone;
use crate::case::{Host, LocalTime};

/// The host's name, its kernel, and whether we are root.
pub fn host() -> Host {
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let (name, kernel) = match nix::sys::utsname::uname() {
        Ok(uname) => (text(uname.nodename()), text(uname.release())),
        Err(_) => ("unknown".into(), "unknown".into()),
    };
    Host { name, kernel, root: nix::unistd::geteuid().is_root(), local_time: None, clock: None, vantage: None }
}

/// The local time at a moment, where it is another than UTC and its zone is known.
pub fn local_time(at: Timestamp) -> Option<LocalTime> {
    let zone = time_zone::local().zone;
    let info = zone.to_offset_info(at);
    let offset_seconds = info.offset().seconds();
    (offset_seconds != 0).then(|| LocalTime { offset_seconds, abbreviation: info.abbreviation().to_owned() })
}
