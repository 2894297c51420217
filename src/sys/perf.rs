//! Counting how often a tracepoint fires on one CPU, with `perf_event_open`.
//!
//! Counting mode only: the kernel adds one to a number per event and nothing is copied to us until we read that number,
//! so the cost does not grow into a stream of records under a flood.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `PERF_TYPE_TRACEPOINT`.
const TYPE_TRACEPOINT: u32 = 2;
/// `PERF_FLAG_FD_CLOEXEC`.
const FLAG_CLOSE_ON_EXEC: libc::c_ulong = 8;
/// `PERF_EVENT_IOC_SET_FILTER`, which takes a pointer to text.
const SET_FILTER: libc::Ioctl = nix::request_code_write!(b'$', 6, size_of::<*const libc::c_char>()) as libc::Ioctl;

/// `struct perf_event_attr` as of its first version (`PERF_ATTR_SIZE_VER0`), which every kernel accepts.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
}

/// A running count of one tracepoint on one CPU, whatever process is running there. Closed when dropped.
#[derive(Debug)]
pub struct TracepointCounter {
    file: File,
}

impl TracepointCounter {
    /// Starts to count the tracepoint of that id (`events/GROUP/NAME/id` in tracefs) on that CPU.
    ///
    /// Fails with `EACCES` or `EPERM` without CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), with `ENODEV` when the CPU
    /// is offline, and with `EMFILE` when the process has too many open files.
    pub fn open(tracepoint: u64, cpu: u32) -> io::Result<Self> {
        let attributes = Attributes {
            kind: TYPE_TRACEPOINT,
            size: size_of::<Attributes>() as u32,
            config: tracepoint,
            ..Attributes::default()
        };
        let cpu = i32::try_from(cpu).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let (every_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
        // SAFETY: `attributes` is a live `perf_event_attr` of the size that its `size` field says, the kernel only reads
        // it during the call, and the remaining arguments are plain numbers.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                every_process,
                cpu,
                no_group,
                FLAG_CLOSE_ON_EXEC,
            )
        };
        let fd = i32::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(TracepointCounter { file: File::from(fd) })
    }

    /// Counts from now on only the events that `condition` holds for: an event filter as in tracefs, `reason==3`.
    pub fn only(&self, condition: &CStr) -> io::Result<()> {
        // SAFETY: the descriptor is open for as long as `self` lives, and the kernel copies the text, which ends with a
        // zero byte, during the call.
        let result = unsafe { libc::ioctl(self.file.as_raw_fd(), SET_FILTER, condition.as_ptr()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// How many events were counted since it was opened.
    pub fn count(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        (&self.file).read_exact(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_have_the_size_of_their_first_version() {
        assert_eq!(size_of::<Attributes>(), 64);
    }

    #[test]
    fn an_unknown_tracepoint_is_an_error_not_a_count() {
        assert!(TracepointCounter::open(u64::MAX, 0).is_err());
    }
}
