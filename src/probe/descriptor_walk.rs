//! The kernel's own walk over the descriptors of all processes: an iterator (`bpf_iter_task_file`) whose program writes down
//! which of them are sockets.
//!
//! `/proc` takes three system calls for each descriptor, be it a socket or not. The walk takes one for some four thousand
//! sockets. It also sees the sockets of a thread that shares its descriptors with nobody, which `/proc/PID/fd` does not show.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::time::Instant;

use crate::probe::Context;
use crate::probe::process::all_are_ours_to_see;
use crate::sys::bpf::btf::KernelTypes;
use crate::sys::bpf::kernel::Walk;
use crate::sys::bpf::listing::Instruction::{self, *};
use crate::sys::bpf::listing::Register::*;
use crate::sys::bpf::listing::{Helper, Size, assemble};

/// `SOCKFS_MAGIC`. A socket's file in a folder is no open socket, and lies in another file system.
const FILE_SYSTEM_OF_SOCKETS: i32 = 0x534f_434b;

/// What the program writes of a socket: the process and the inode, four bytes each.
const RECORD_BYTES: usize = 8;

/// What is read at a time. The kernel gives 32 KiB at most.
const BUFFER_BYTES: usize = 64 << 10;

/// What one remembered descriptor costs in memory: its record, and its place among the holders.
const DESCRIPTOR_BYTES: u64 = 64;
/// Descriptors that are remembered in any case.
const FEWEST: u64 = 65_536;

/// A walk, which can be broken off, resumed and begun anew.
#[derive(Debug)]
pub(super) struct DescriptorWalk {
    walk: Walk,
    /// Where it is; none once it came to its end.
    at: Option<File>,
    /// Bytes of a record whose rest was not read yet.
    begun: Vec<u8>,
    /// Processes that hold sockets.
    holding: HashSet<i32>,
    /// Descriptors of sockets that were found until now.
    found: u64,
    /// Those of them that were not remembered, since memory is bounded.
    pub(super) left_out: u64,
}

impl DescriptorWalk {
    /// A walk that stands at the beginning; none where the kernel allows none, or `/proc` does not show the same processes.
    pub(super) fn prepare() -> Option<Self> {
        // Where `/proc` hides processes, nothing could be told of them but their numbers.
        if !all_are_ours_to_see() || !fs::exists("/proc/1").unwrap_or(false) {
            return None;
        }
        let types = KernelTypes::of_running_kernel().ok()?;
        let function = types.function("bpf_iter_task_file")?;
        let program = assemble(&listing(&Fields::find(&types)?)).ok()?;
        drop(types);
        let walk = Walk::load(function, &program).ok()?;
        let at = Some(walk.begin().ok()?);
        Some(DescriptorWalk { walk, at, begun: Vec::new(), holding: HashSet::new(), found: 0, left_out: 0 })
    }

    /// Whether it came to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.at.is_none()
    }

    /// Whether it found that a process holds sockets.
    pub(super) fn holds_sockets(&self, pid: i32) -> bool {
        self.holding.contains(&pid)
    }

    /// Goes back to the beginning.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.at = Some(self.walk.begin()?);
        self.begun.clear();
        self.holding.clear();
        (self.found, self.left_out) = (0, 0);
        Ok(())
    }

    /// Adds inode and process of the sockets from here to the end, or until `deadline`.
    pub(super) fn run(&mut self, deadline: Instant, links: &mut Vec<(u32, i32)>, cx: &Context) -> io::Result<()> {
        let most = most_descriptors(cx.resources().memory_bytes());
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Some(file) = &mut self.at {
            if Instant::now() >= deadline {
                break;
            }
            cx.throttle();
            match file.read(&mut buffer) {
                Ok(0) => self.at = None,
                Ok(length) => self.take(buffer.get(..length).unwrap_or_default(), most, links),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], most: u64, links: &mut Vec<(u32, i32)>) {
        let joined;
        let bytes = if self.begun.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.begun)[..], bytes].concat();
            &joined
        };
        let records = bytes.chunks_exact(RECORD_BYTES);
        self.begun.extend(records.remainder());
        for record in records {
            let (pid, inode) = record.split_at(4);
            let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_ne_bytes);
            let link = (number(inode), number(pid).cast_signed());
            if links.last() == Some(&link) {
                continue; // a copy of the descriptor before
            }
            if links.last().is_none_or(|(_, last)| *last != link.1) {
                self.holding.insert(link.1);
            }
            self.found += 1;
            if self.found <= most {
                links.push(link);
            } else {
                self.left_out += 1;
            }
        }
    }
}

/// How many descriptors are remembered, where a run may take so much memory: a quarter of it is theirs.
fn most_descriptors(memory_bytes: u64) -> u64 {
    (memory_bytes / 4 / DESCRIPTOR_BYTES).max(FEWEST)
}

/// What the program needs to know of this kernel's structures, in bytes.
#[derive(Debug, Clone, Copy)]
struct Fields {
    meta: i16,
    sequence: i16,
    task: i16,
    file: i16,
    inode: i16,
    file_system: i16,
    magic: i16,
    number: i16,
    thread: i16,
    process: i16,
    leader: i16,
    descriptors: i16,
}

impl Fields {
    /// Finds them; none where a field is missing or has another size than it is read with.
    fn find(types: &KernelTypes) -> Option<Self> {
        let (entry, inode) = (types.structure("bpf_iter__task_file")?, types.structure("inode")?);
        let task = types.structure("task_struct")?;
        let only = |structure, field: &str| types.structure(structure)?.offset(&[field], 8);
        Some(Fields {
            meta: entry.offset(&["meta"], 8)?,
            task: entry.offset(&["task"], 8)?,
            file: entry.offset(&["file"], 8)?,
            sequence: only("bpf_iter_meta", "seq")?,
            inode: only("file", "f_inode")?,
            file_system: inode.offset(&["i_sb"], 8)?,
            number: inode.offset(&["i_ino"], 8)?,
            magic: only("super_block", "s_magic")?,
            thread: task.offset(&["pid"], 4)?,
            process: task.offset(&["tgid"], 4)?,
            leader: task.offset(&["group_leader"], 8)?,
            descriptors: task.offset(&["files"], 8)?,
        })
    }
}

/// The program: it runs for each descriptor of each thread, and a last time for none.
fn listing(fields: &Fields) -> Vec<Instruction> {
    vec![
        Copy(R6, R1),
        Load(Size::Double, R7, R6, fields.file),
        JumpIfEqual(R7, 0, "end"),
        Load(Size::Double, R8, R6, fields.task),
        JumpIfEqual(R8, 0, "end"),
        Load(Size::Double, R7, R7, fields.inode),
        Load(Size::Double, R1, R7, fields.file_system),
        Load(Size::Double, R1, R1, fields.magic),
        JumpIfNotEqual(R1, FILE_SYSTEM_OF_SOCKETS, "end"),
        // Threads that share the descriptors of their process are passed over by the kernel itself since Linux 5.10.
        Load(Size::Word, R9, R8, fields.process),
        Load(Size::Word, R1, R8, fields.thread),
        JumpIfSame(R1, R9, "leader"),
        Load(Size::Double, R1, R8, fields.leader),
        Load(Size::Double, R1, R1, fields.descriptors),
        Load(Size::Double, R2, R8, fields.descriptors),
        JumpIfSame(R1, R2, "end"),
        Label("leader"),
        Store(Size::Word, R10, -8, R9),
        // The kernel gives sockets numbers of four bytes.
        Load(Size::Double, R1, R7, fields.number),
        Store(Size::Word, R10, -4, R1),
        Load(Size::Double, R1, R6, fields.meta),
        Load(Size::Double, R1, R1, fields.sequence),
        Copy(R2, R10),
        AddNumber(R2, -8),
        Set(R3, RECORD_BYTES as i32),
        Call(Helper::SequenceWrite),
        Label("end"),
        Set(R0, 0),
        Exit,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    fn walk() -> Option<DescriptorWalk> {
        let walk = DescriptorWalk::prepare();
        if walk.is_none() {
            assert!(std::env::var_os("CI").is_none(), "CI has the privileges for this test");
            println!("skipped: the kernel allows no walk");
        }
        walk
    }

    fn whole(walk: &mut DescriptorWalk) -> Vec<(u32, i32)> {
        let mut links = Vec::new();
        walk.run(Instant::now() + Duration::from_secs(20), &mut links, &Context::alone()).unwrap();
        assert!(walk.is_complete());
        links
    }

    #[test]
    fn a_walk_finds_each_socket_and_nothing_else_and_can_be_made_again() {
        let Some(mut walk) = walk() else { return };
        let sockets: Vec<UdpSocket> = (0..300).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let inode = |at: usize| {
            let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&sockets[at]));
            fs::metadata(link).unwrap().ino() as u32
        };
        // The file of a socket in a folder is no open socket.
        let folder = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let path = nix::fcntl::OFlag::O_PATH;
        let file = nix::fcntl::open(&folder.path().join("socket"), path, nix::sys::stat::Mode::empty()).unwrap();
        let of_file = File::from(file).metadata().unwrap().ino() as u32;
        let us = std::process::id().cast_signed();
        for _ in 0..2 {
            let links = whole(&mut walk);
            for at in 0..sockets.len() {
                assert!(links.contains(&(inode(at), us)), "{at}");
            }
            assert!(!links.contains(&(of_file, us)));
            assert!(walk.holds_sockets(us) && !walk.holds_sockets(0));
            walk.renew().unwrap();
        }
    }

    #[test]
    fn a_walk_whose_time_is_over_goes_on_where_it_was() {
        let Some(mut walk) = walk() else { return };
        let mut links = Vec::new();
        walk.run(Instant::now(), &mut links, &Context::alone()).unwrap();
        assert!(links.is_empty() && !walk.is_complete());
        whole(&mut walk);
    }

    #[test]
    fn a_record_that_is_read_in_two_pieces_is_one_and_what_exceeds_the_memory_is_counted() {
        let Some(mut walk) = walk() else { return };
        let record = |pid: u32, inode: u32| [pid.to_ne_bytes(), inode.to_ne_bytes()].concat();
        let bytes = [record(7, 100), record(7, 100), record(7, 101), record(8, 100), record(9, 102)].concat();
        let mut links = Vec::new();
        walk.take(&bytes[..13], 3, &mut links);
        walk.take(&bytes[13..], 3, &mut links);
        assert_eq!((links, walk.left_out), (vec![(100, 7), (101, 7), (100, 8)], 1));
        assert!(walk.holds_sockets(9), "it is known to hold some");
    }
}
