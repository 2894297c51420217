//! Counting the values of one field of a tracepoint inside the kernel.
//!
//! A BPF program of a dozen instructions, assembled here, adds one to the number that belongs to the field's value each
//! time the tracepoint fires. Its cost per event stays the same however many values are told apart, where event filters
//! cost some 25 ns each per event; and it needs three descriptors whatever the number of CPUs. The program and its
//! numbers are gone when the tally is dropped.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::perf::TracepointCounter;

/// `BPF_MAP_CREATE`.
const CREATE_MAP: libc::c_int = 0;
/// `BPF_MAP_LOOKUP_ELEM`.
const LOOK_UP: libc::c_int = 1;
/// `BPF_PROG_LOAD`.
const LOAD_PROGRAM: libc::c_int = 5;
/// `BPF_MAP_TYPE_ARRAY`. Not the kind with a part for each CPU: its look-up writes as many numbers as the kernel has CPUs,
/// and a wrong idea of how many those are would be a write past the end of our buffer.
const ARRAY: u32 = 2;
/// How many rows of numbers there are, each an element of the array, so that one look-up reads a row; a CPU counts in the
/// row of its last four bits, so that CPUs seldom meet.
const ROWS: u32 = 16;
/// The most values that are told apart.
const MOST_VALUES: u32 = 1024;
/// `BPF_PROG_TYPE_TRACEPOINT`.
const TRACEPOINT_PROGRAM: u32 = 5;

/// The arguments of `BPF_MAP_CREATE`, as far as they are used.
#[repr(C)]
struct MapArguments {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
    flags: u32,
}

/// The arguments of `BPF_PROG_LOAD`, as far as they are used.
#[repr(C)]
struct ProgramArguments {
    kind: u32,
    instructions: u32,
    text: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// The arguments of `BPF_MAP_LOOKUP_ELEM`.
#[repr(C)]
struct LookUpArguments {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// How often each value of a field came up, on all CPUs together.
#[derive(Debug)]
pub struct DropCounters {
    numbers: OwnedFd,
    /// Keeps the program attached to the tracepoint.
    _tracepoint: TracepointCounter,
    values: u32,
}

impl DropCounters {
    /// Starts to count the values of the 32-bit field that stands `offset` bytes into the record of the tracepoint which
    /// `tracepoint` counts. Values of `values` and above are counted together under 0.
    ///
    /// Fails with `EPERM` without CAP_BPF and CAP_PERFMON.
    pub fn start(tracepoint: TracepointCounter, offset: i16, values: u32) -> io::Result<Self> {
        let values = values.clamp(1, MOST_VALUES);
        let mut arguments = MapArguments { kind: ARRAY, key_size: 4, value_size: values * 8, entries: ROWS, flags: 0 };
        // SAFETY: `MapArguments` is the beginning of the kernel's `union bpf_attr` for this command and holds no pointer.
        let numbers = owned(unsafe { bpf(CREATE_MAP, &mut arguments) })?;

        let text = program(offset, values, numbers.as_raw_fd());
        let mut arguments = ProgramArguments {
            kind: TRACEPOINT_PROGRAM,
            instructions: text.len() as u32,
            text: text.as_ptr() as u64,
            licence: c"Dual MIT/GPL".as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log: 0,
            kernel_version: 0,
            flags: 0,
        };
        // SAFETY: `ProgramArguments` is the beginning of `union bpf_attr` for this command; `text` has as many
        // instructions as it says, the licence ends with a zero byte, and both outlive the call, which copies them.
        let program = owned(unsafe { bpf(LOAD_PROGRAM, &mut arguments) })?;
        tracepoint.run(&program)?;
        Ok(DropCounters { numbers, _tracepoint: tracepoint, values })
    }

    /// How often each value came up since the start; the place in the list is the value.
    pub fn counts(&self) -> io::Result<Vec<u64>> {
        let mut counts = vec![0; self.values as usize];
        let mut row = counts.clone();
        for number in 0..ROWS {
            self.read(number, &mut row)?;
            counts.iter_mut().zip(&row).for_each(|(count, more)| *count += more);
        }
        Ok(counts)
    }

    /// One row of the array.
    fn read(&self, number: u32, row: &mut [u64]) -> io::Result<()> {
        assert_eq!(row.len(), self.values as usize, "the kernel writes a whole row");
        let mut arguments = LookUpArguments {
            map: self.numbers.as_raw_fd() as u32,
            padding: 0,
            key: (&raw const number) as u64,
            value: row.as_mut_ptr() as u64,
            flags: 0,
        };
        // SAFETY: `LookUpArguments` is the beginning of `union bpf_attr` for this command; the array was made with keys of
        // 4 bytes, which `number` has, and values of 8 bytes for each of `self.values`, which `row` has.
        if unsafe { bpf(LOOK_UP, &mut arguments) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// One BPF instruction: operation, target and source registers, offset, and constant.
fn instruction(operation: u8, target: u8, source: u8, offset: i16, constant: i32) -> u64 {
    let [low, high] = offset.to_ne_bytes();
    let [c0, c1, c2, c3] = constant.to_ne_bytes();
    let registers = if cfg!(target_endian = "big") { target << 4 | source } else { source << 4 | target };
    u64::from_ne_bytes([operation, registers, low, high, c0, c1, c2, c3])
}

/// The program: adds one to the number under the field's value, in the row of the CPU that it runs on.
fn program(offset: i16, values: u32, map: libc::c_int) -> Vec<u64> {
    vec![
        instruction(0x61, 6, 1, offset, 0), // r6 = the field, in the record that r1 points to
        instruction(0xb5, 6, 0, 1, values as i32 - 1), // leave out the next one if r6 is a value that is told apart
        instruction(0xb7, 6, 0, 0, 0),      // r6 = 0
        instruction(0x85, 0, 0, 0, 8),      // r0 = the CPU (bpf_get_smp_processor_id)
        instruction(0x57, 0, 0, 0, ROWS as i32 - 1), // r0 = the number of its row
        instruction(0x63, 10, 0, -4, 0),    // put it on the stack
        instruction(0xbf, 2, 10, 0, 0),     // r2 = the stack
        instruction(0x07, 2, 0, 0, -4),     // r2 = its place there
        instruction(0x18, 1, 1, 0, map),    // r1 = the map, in two words
        instruction(0x00, 0, 0, 0, 0),
        instruction(0x85, 0, 0, 0, 1), // r0 = the row (bpf_map_lookup_elem)
        instruction(0x15, 0, 0, 4, 0), // leave out the next four if there is none
        instruction(0x67, 6, 0, 0, 3), // r6 = where in the row the value's number is: eight bytes each
        instruction(0x0f, 0, 6, 0, 0), // r0 = the number
        instruction(0xb7, 1, 0, 0, 1), // r1 = 1
        instruction(0xdb, 0, 1, 0, 0), // add it to the number, whoever else is adding to it
        instruction(0xb7, 0, 0, 0, 1), // r0 = 1: others who count this tracepoint shall see the event too
        instruction(0x95, 0, 0, 0, 0), // end
    ]
}

/// Calls `bpf`.
///
/// # Safety
/// `arguments` must be laid out as the beginning of `union bpf_attr` is for `command`, and the pointers in it must be
/// valid for what that command reads and writes.
unsafe fn bpf<T>(command: libc::c_int, arguments: &mut T) -> libc::c_long {
    // SAFETY: the size that is passed is that of what is pointed to; the rest is the caller's promise.
    unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(arguments), size_of::<T>()) }
}

/// The descriptor that a system call has just returned, or its error.
fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: the kernel has just given us this descriptor and nobody else owns it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_laid_out_as_the_kernel_reads_them() {
        assert_eq!(size_of::<MapArguments>(), 20);
        assert_eq!(size_of::<ProgramArguments>(), 48);
        assert_eq!(size_of::<LookUpArguments>(), 32);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_instruction_is_eight_bytes_with_the_target_in_the_low_half() {
        assert_eq!(instruction(0x61, 6, 1, 36, 7).to_le_bytes(), [0x61, 0x16, 36, 0, 7, 0, 0, 0]);
    }
}
