//! BPF programs that are attached to hooks of netfilter: nothing of nftables or iptables shows them.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `BPF_PROG_GET_FD_BY_ID`.
const PROGRAM_BY_ID: libc::c_int = 13;
/// `BPF_OBJ_GET_INFO_BY_FD`.
const INFO: libc::c_int = 15;
/// `BPF_LINK_GET_FD_BY_ID`.
const LINK_BY_ID: libc::c_int = 30;
/// `BPF_LINK_GET_NEXT_ID`.
const NEXT_LINK: libc::c_int = 31;
/// `BPF_LINK_TYPE_NETFILTER`.
const NETFILTER: u32 = 10;
/// Links that are looked at: more than any host has.
const MOST: usize = 4096;

/// The arguments of the commands that are used, as far as they are used: an id, or a descriptor with a place for the answer.
#[repr(C)]
#[derive(Default)]
struct Arguments {
    first: u32,
    second: u32,
    place: u64,
}

/// The beginning of `struct bpf_link_info`, with what it says of a link to netfilter.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    family: u32,
    hook: u32,
    priority: i32,
    flags: u32,
}

/// The beginning of `struct bpf_prog_info`, up to the name.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    before: [u64; 8],
    name: [u8; 16],
}

/// A program at a hook of netfilter, in whichever network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetfilterLink {
    /// The program's number.
    pub program: u32,
    /// Its name; empty where it has none.
    pub name: Vec<u8>,
    /// `NFPROTO_IPV4` (2) or `NFPROTO_IPV6` (10).
    pub family: u32,
    /// `enum nf_inet_hooks`.
    pub hook: u32,
    /// Its place among the others there.
    pub priority: i32,
}

/// All of the machine. Fails with `EPERM` without CAP_SYS_ADMIN.
pub fn netfilter_links() -> io::Result<Vec<NetfilterLink>> {
    let (mut found, mut id) = (Vec::new(), 0);
    for _ in 0..MOST {
        let mut next = Arguments { first: id, ..Arguments::default() };
        match call(NEXT_LINK, &mut next) {
            Ok(_) => id = next.second,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => break,
            Err(error) => return Err(error),
        }
        // One that is gone meanwhile is no link any more.
        let Ok(link) = open(LINK_BY_ID, id) else { continue };
        let mut info = LinkInfo::default();
        if ask(&link, &mut info).is_err() || info.kind != NETFILTER {
            continue;
        }
        let name = open(PROGRAM_BY_ID, info.program).and_then(|program| {
            let mut of_program = ProgramInfo::default();
            ask(&program, &mut of_program)?;
            Ok(of_program.name.into_iter().take_while(|byte| *byte != 0).collect())
        });
        found.push(NetfilterLink {
            program: info.program,
            name: name.unwrap_or_default(),
            family: info.family,
            hook: info.hook,
            priority: info.priority,
        });
    }
    Ok(found)
}

fn call(command: libc::c_int, arguments: &mut Arguments) -> io::Result<i32> {
    // SAFETY: `Arguments` is the beginning of the kernel's `union bpf_attr` for these commands; its `place` is 0, or points to
    // a live value whose size stands in `second` (see `ask`).
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(arguments), size_of::<Arguments>()) };
    i32::try_from(result).ok().filter(|result| *result >= 0).ok_or_else(io::Error::last_os_error)
}

fn open(command: libc::c_int, id: u32) -> io::Result<OwnedFd> {
    let descriptor = call(command, &mut Arguments { first: id, ..Arguments::default() })?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Has the kernel fill in as much of its description as `info` has room for. `T` holds numbers only, of which any is valid.
fn ask<T>(object: &OwnedFd, info: &mut T) -> io::Result<()> {
    let first = object.as_raw_fd().cast_unsigned();
    let size = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    call(INFO, &mut Arguments { first, second: size, place: std::ptr::from_mut(info) as u64 }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_laid_out_as_the_kernel_writes_them() {
        assert_eq!(std::mem::offset_of!(LinkInfo, family), 16);
        assert_eq!(std::mem::offset_of!(ProgramInfo, name), 64);
        assert_eq!(size_of::<Arguments>(), 16);
    }

    #[test]
    fn the_links_are_listed_or_refused() {
        match netfilter_links() {
            Ok(links) => assert!(links.iter().all(|link| matches!(link.family, 2 | 10)), "{links:?}"),
            Err(error) => assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS | libc::EINVAL))),
        }
    }
}
