//! Maps, and programs at tracepoints and in iterators: the system call `bpf`.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::printable::printable;

/// `enum bpf_cmd`, as far as it is used.
mod command {
    pub const MAP_CREATE: libc::c_int = 0;
    pub const MAP_LOOK_UP: libc::c_int = 1;
    pub const PROGRAM_LOAD: libc::c_int = 5;
    pub const INFORMATION: libc::c_int = 15;
    pub const RAW_TRACEPOINT_OPEN: libc::c_int = 17;
    pub const MAP_LOOK_UP_BATCH: libc::c_int = 24;
    pub const LINK_CREATE: libc::c_int = 28;
    pub const ITERATOR_CREATE: libc::c_int = 33;
}

/// `BPF_MAP_TYPE_HASH`.
const HASH: u32 = 1;
/// `BPF_MAP_TYPE_ARRAY`. Neither is of the kind with a part for each CPU: the look-up of those writes as many values as the
/// kernel has CPUs, and a wrong idea of how many those are would be a write past the end of our buffer.
const ARRAY: u32 = 2;
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`: sees the arguments of a tracepoint as numbers.
const RAW_TRACEPOINT: u32 = 17;
/// `BPF_PROG_TYPE_TRACING`, at a tracepoint (`BPF_TRACE_RAW_TP`): knows the types of the arguments, and may read where they
/// point to; the kernel checks that it reads fields.
const TRACING: (u32, u32) = (26, 23);
/// The same in an iterator (`BPF_TRACE_ITER`).
const ITERATOR: (u32, u32) = (26, 28);
/// Room for what the kernel's verifier says of a program that it refuses.
const LOG_BYTES: usize = 64 << 10;
/// The longest sentence of it that is passed on.
const LONGEST_LINE: usize = 200;

/// The arguments of `BPF_MAP_CREATE`, as far as they are used.
#[repr(C)]
struct MapArguments {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries: u32,
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

/// The arguments of `BPF_MAP_LOOKUP_BATCH`.
#[repr(C)]
struct BatchArguments {
    from: u64,
    to: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
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
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
    btf: u32,
    function_info_size: u32,
    function_info: u64,
    function_infos: u32,
    line_info_size: u32,
    line_info: u64,
    line_infos: u32,
    attach_to: u32,
}

/// The arguments of `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
struct AttachArguments {
    name: u64,
    program: u32,
    padding: u32,
}

/// The arguments of `BPF_LINK_CREATE`, as far as they are used.
#[repr(C)]
struct LinkArguments {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// The arguments of `BPF_ITER_CREATE`.
#[repr(C)]
struct IteratorArguments {
    link: u32,
    flags: u32,
}

/// The arguments of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InformationArguments {
    of: u32,
    bytes: u32,
    to: u64,
}

/// The beginning of `struct bpf_prog_info`, of which the last is used: `recursion_misses`.
#[repr(C)]
#[derive(Default)]
struct ProgramInformation {
    before: [u64; 26],
    missed: u64,
}

/// Memory that programs and this process share: rows of the same size, found by a key or by their number. It takes its
/// memory when it is made, and no more. Gone when it is dropped and no program uses it any more.
#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    kind: u32,
    key_bytes: usize,
    value_bytes: usize,
    entries: u32,
}

/// The rows of a map at one moment, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    keys: Vec<u8>,
    values: Vec<u8>,
    sizes: (usize, usize),
}

impl Rows {
    /// Rows as a map would give them; all of the size of the first.
    pub fn of(rows: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let sizes = rows.first().map_or((0, 0), |(key, value)| (key.len(), value.len()));
        let (keys, values): (Vec<&[u8]>, Vec<&[u8]>) = rows.iter().map(|(key, value)| (&key[..], &value[..])).unzip();
        Rows { keys: keys.concat(), values: values.concat(), sizes }
    }

    /// The key and the value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.keys.chunks_exact(self.sizes.0.max(1)).zip(self.values.chunks_exact(self.sizes.1.max(1)))
    }
}

impl Map {
    /// A map by keys, for at most so many rows.
    ///
    /// Fails with `EPERM` without CAP_BPF.
    pub fn by_key(key_bytes: u32, value_bytes: u32, entries: u32) -> io::Result<Self> {
        Map::create(HASH, key_bytes, value_bytes, entries)
    }

    /// A map of rows by their number; all are there, and zero.
    ///
    /// Fails with `EPERM` without CAP_BPF.
    pub fn by_number(value_bytes: u32, entries: u32) -> io::Result<Self> {
        Map::create(ARRAY, 4, value_bytes, entries)
    }

    fn create(kind: u32, key_size: u32, value_size: u32, entries: u32) -> io::Result<Self> {
        let value_size = value_size.next_multiple_of(8);
        let mut arguments = MapArguments { kind, key_size, value_size, entries, flags: 0 };
        // SAFETY: `MapArguments` is the beginning of the kernel's `union bpf_attr` for this command and holds no pointer.
        let fd = owned(unsafe { bpf(command::MAP_CREATE, &mut arguments) })?;
        let sizes = usize::try_from(key_size).ok().zip(usize::try_from(value_size).ok());
        let (key_bytes, value_bytes) = sizes.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Map { fd, kind, key_bytes, value_bytes, entries })
    }

    /// What listings call it by ([`SetMap`](super::listing::Instruction::SetMap)).
    pub fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// All rows.
    pub fn rows(&self) -> io::Result<Rows> {
        if self.kind == ARRAY { self.numbered_rows() } else { self.keyed_rows() }
    }

    fn numbered_rows(&self) -> io::Result<Rows> {
        let mut rows = Rows { sizes: (self.key_bytes, self.value_bytes), ..Rows::default() };
        let mut value = vec![0u8; self.value_bytes];
        for number in 0..self.entries {
            let mut arguments = LookUpArguments {
                map: self.fd.as_raw_fd().cast_unsigned(),
                padding: 0,
                key: (&raw const number) as u64,
                value: value.as_mut_ptr() as u64,
                flags: 0,
            };
            // SAFETY: `LookUpArguments` is the beginning of `union bpf_attr` for this command; an array's keys have 4 bytes, as
            // `number` has, and `value` has the bytes that the map was made with.
            if unsafe { bpf(command::MAP_LOOK_UP, &mut arguments) } < 0 {
                return Err(io::Error::last_os_error());
            }
            rows.keys.extend(number.to_ne_bytes());
            rows.values.extend(&value);
        }
        Ok(rows)
    }

    /// In one call: the kernel locks a bucket after the other, so a row that is there before is among them.
    fn keyed_rows(&self) -> io::Result<Rows> {
        let entries = usize::try_from(self.entries).map_err(io::Error::other)?;
        let mut keys = vec![0u8; entries * self.key_bytes];
        let mut values = vec![0u8; entries * self.value_bytes];
        // Where the next batch would begin: for a map by keys the number of a bucket.
        let mut next = [0u8; 64];
        let mut arguments = BatchArguments {
            from: 0,
            to: next.as_mut_ptr() as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: self.entries,
            map: self.fd.as_raw_fd().cast_unsigned(),
            element_flags: 0,
            flags: 0,
        };
        assert!(self.key_bytes <= next.len() && next.len() >= 4, "the kernel writes four bytes, or a key");
        // SAFETY: `BatchArguments` is the beginning of `union bpf_attr` for this command; `keys` and `values` have room for
        // `count` rows of the sizes that the map was made with, and all buffers outlive the call.
        let result = unsafe { bpf(command::MAP_LOOK_UP_BATCH, &mut arguments) };
        // The end of the map is told as ENOENT, with the rows up to there.
        let failed = (result < 0).then(io::Error::last_os_error);
        if let Some(error) = failed.filter(|error| error.raw_os_error() != Some(libc::ENOENT)) {
            return Err(error);
        }
        let count = usize::try_from(arguments.count).map_err(io::Error::other)?.min(entries);
        keys.truncate(count * self.key_bytes);
        values.truncate(count * self.value_bytes);
        Ok(Rows { keys, values, sizes: (self.key_bytes, self.value_bytes) })
    }
}

/// A program that runs each time a tracepoint fires, until it is dropped.
#[derive(Debug)]
pub struct Running {
    program: OwnedFd,
    _link: OwnedFd,
}

/// Why a program does not run.
#[derive(Debug)]
pub struct Refusal {
    /// What the kernel answered: `EPERM` and `EACCES` can also mean that its verifier did not like the program.
    pub error: io::Error,
    /// What its verifier said of the program.
    pub verifier: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verifier {
            Some(line) => write!(f, "{}: {line}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal { error, verifier: None }
    }
}

impl Running {
    /// Runs a program whose arguments are plain numbers (`BPF_PROG_TYPE_RAW_TRACEPOINT`).
    pub fn at_raw(tracepoint: &CStr, program: &[u64]) -> Result<Self, Refusal> {
        let program = load(program, RAW_TRACEPOINT, 0, 0)?;
        Running::attach(program, Some(tracepoint))
    }

    /// Runs a program whose arguments have the types of the tracepoint, which is given by the number of its type
    /// (`BPF_PROG_TYPE_TRACING`): it reads fields without a call.
    pub fn at_typed(tracepoint: u32, program: &[u64]) -> Result<Self, Refusal> {
        let program = load(program, TRACING.0, TRACING.1, tracepoint)?;
        Running::attach(program, None)
    }

    /// How often the tracepoint fired and the program did not run, since it was running already on that CPU: 0 before Linux 5.12,
    /// which does not tell.
    pub fn missed(&self) -> io::Result<u64> {
        let mut information = ProgramInformation::default();
        let mut arguments = InformationArguments {
            of: self.program.as_raw_fd().cast_unsigned(),
            bytes: size_of::<ProgramInformation>() as u32,
            to: (&raw mut information) as u64,
        };
        // SAFETY: `InformationArguments` is the beginning of `union bpf_attr` for this command; the kernel writes at most as many
        // bytes as `information` has, and finds in it no list that it should write into.
        if unsafe { bpf(command::INFORMATION, &mut arguments) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(information.missed)
    }

    fn attach(program: OwnedFd, tracepoint: Option<&CStr>) -> Result<Self, Refusal> {
        let mut arguments = AttachArguments {
            name: tracepoint.map_or(0, |name| name.as_ptr() as u64),
            program: program.as_raw_fd().cast_unsigned(),
            padding: 0,
        };
        // SAFETY: `AttachArguments` is the beginning of `union bpf_attr` for this command; the name ends with a zero byte and
        // outlives the call, or is null, which the kernel wants of a program that knows its tracepoint.
        let link = owned(unsafe { bpf(command::RAW_TRACEPOINT_OPEN, &mut arguments) })?;
        Ok(Running { program, _link: link })
    }
}

/// A program that the kernel runs for all things of a kind, one after the other, as often as it is asked to (Linux 5.8): an
/// iterator. It runs while somebody reads, and never else.
#[derive(Debug)]
pub struct Walk {
    link: OwnedFd,
}

impl Walk {
    /// Loads a program for the things that an iterator goes over. That is given by the number of the type of its function, such
    /// as `bpf_iter_task_file`.
    pub fn load(function: u32, program: &[u64]) -> Result<Self, Refusal> {
        let program = load(program, ITERATOR.0, ITERATOR.1, function)?;
        let mut arguments = LinkArguments {
            program: program.as_raw_fd().cast_unsigned(),
            target: 0,
            attach_type: ITERATOR.1,
            flags: 0,
        };
        // SAFETY: `LinkArguments` is the beginning of `union bpf_attr` for this command and holds no pointer.
        let link = owned(unsafe { bpf(command::LINK_CREATE, &mut arguments) })?;
        Ok(Walk { link })
    }

    /// Begins with the first thing. What the program writes is read from the file, until that ends. A read goes over a million
    /// things at most; it fails with `WouldBlock` when none of them had anything to write, and the next one goes on.
    pub fn begin(&self) -> io::Result<File> {
        let mut arguments = IteratorArguments { link: self.link.as_raw_fd().cast_unsigned(), flags: 0 };
        // SAFETY: `IteratorArguments` is the beginning of `union bpf_attr` for this command and holds no pointer.
        owned(unsafe { bpf(command::ITERATOR_CREATE, &mut arguments) }).map(File::from)
    }
}

fn load(text: &[u64], kind: u32, attach_type: u32, attach_to: u32) -> Result<OwnedFd, Refusal> {
    let ask = |log: &mut [u8]| {
        let mut arguments = ProgramArguments {
            kind,
            instructions: u32::try_from(text.len()).map_err(io::Error::other)?,
            text: text.as_ptr() as u64,
            licence: c"Dual MIT/GPL".as_ptr() as u64,
            log_level: u32::from(!log.is_empty()),
            log_size: log.len() as u32,
            log: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
            kernel_version: 0,
            flags: 0,
            name: *b"casebook\0\0\0\0\0\0\0\0",
            interface: 0,
            attach_type,
            btf: 0,
            function_info_size: 0,
            function_info: 0,
            function_infos: 0,
            line_info_size: 0,
            line_info: 0,
            line_infos: 0,
            attach_to,
        };
        // SAFETY: `ProgramArguments` is the beginning of `union bpf_attr` for this command; `text` has as many instructions as
        // it says, the licence ends with a zero byte, `log` has the bytes that it says, and all outlive the call.
        owned(unsafe { bpf(command::PROGRAM_LOAD, &mut arguments) })
    };
    // What the verifier says is asked for only when it refuses: to write it costs more than to check.
    ask(&mut []).map_err(|error| {
        let mut log = vec![0; LOG_BYTES];
        let _ = ask(&mut log);
        Refusal { error, verifier: telling_line(&log) }
    })
}

/// The line of the verifier's account that says what is wrong: the last but its statistics.
fn telling_line(log: &[u8]) -> Option<String> {
    let log = &log[..log.iter().position(|byte| *byte == 0).unwrap_or(log.len())];
    let is_statistics = |line: &[u8]| line.starts_with(b"processed ") || line.starts_with(b"verification time ");
    let mut lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let line = lines.rfind(|line| !is_statistics(line))?;
    Some(printable(&line[..line.len().min(LONGEST_LINE)]))
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
    use super::super::listing::Instruction::*;
    use super::super::listing::Register::*;
    use super::super::listing::{Helper, Size, assemble};
    use super::*;

    #[test]
    fn the_arguments_are_laid_out_as_the_kernel_reads_them() {
        assert_eq!(size_of::<MapArguments>(), 20);
        assert_eq!(size_of::<LookUpArguments>(), 32);
        assert_eq!(size_of::<BatchArguments>(), 56);
        assert_eq!(std::mem::offset_of!(ProgramArguments, name), 48);
        assert_eq!(std::mem::offset_of!(ProgramArguments, attach_type), 68);
        assert_eq!(std::mem::offset_of!(ProgramArguments, attach_to), 108);
        assert_eq!(size_of::<AttachArguments>(), 16);
        assert_eq!(size_of::<LinkArguments>(), 16);
        assert_eq!(size_of::<IteratorArguments>(), 8);
        assert_eq!(size_of::<InformationArguments>(), 16);
        assert_eq!(std::mem::offset_of!(ProgramInformation, missed), 208);
    }

    #[test]
    fn the_telling_line_of_the_verifier_is_the_last_but_its_statistics() {
        let log =
            b"0: R1=ctx() R10=fp0\n0: (79) r0 = *(u64 *)(r6 +0)\nR6 !read_ok\nprocessed 1 insns (limit 1000000)\n\0\0";
        assert_eq!(telling_line(log).as_deref(), Some("R6 !read_ok"));
        assert_eq!(telling_line(&[0; 4]), None);
    }

    #[test]
    fn what_programs_write_into_maps_is_read_and_a_wrong_program_is_refused_with_the_verifiers_word() {
        let (keyed, numbered) = match Map::by_key(8, 12, 4).and_then(|map| Ok((map, Map::by_number(8, 2)?))) {
            Ok(maps) => maps,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI has the privileges for this test: {error}");
                println!("skipped: {error}");
                return;
            }
        };
        assert_eq!(keyed.rows().unwrap().iter().count(), 0);
        assert_eq!(numbered.rows().unwrap().iter().count(), 2);
        // Writes the key 5 with the value 6 whenever a system call of this machine begins.
        let listing = [
            StoreNumber(Size::Double, R10, -8, 5),
            StoreNumber(Size::Double, R10, -24, 6),
            StoreNumber(Size::Double, R10, -16, 0),
            SetMap(R1, keyed.descriptor()),
            Copy(R2, R10),
            AddNumber(R2, -8),
            Copy(R3, R10),
            AddNumber(R3, -24),
            Set(R4, 0),
            Call(Helper::MapUpdate),
            Set(R0, 0),
            Exit,
        ];
        let running = Running::at_raw(c"sys_enter", &assemble(&listing).unwrap()).unwrap();
        std::thread::yield_now();
        running.missed().unwrap();
        drop(running);
        let rows = keyed.rows().unwrap();
        let (key, value) = rows.iter().next().unwrap();
        assert_eq!((key, &value[..8]), (&5u64.to_ne_bytes()[..], &6u64.to_ne_bytes()[..]));

        let refused = Running::at_raw(c"sys_enter", &assemble(&[Copy(R0, R6), Exit]).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("R6 !read_ok"), "{refused}");
        let nowhere = Running::at_raw(c"no_such_tracepoint", &assemble(&[Set(R0, 0), Exit]).unwrap()).unwrap_err();
        assert_eq!(nowhere.error.kind(), io::ErrorKind::NotFound);
    }
}
