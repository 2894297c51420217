//! The kernel's description of its types as bytes: where the kernel lets it be mapped (Linux 6.16), it is looked at where it lies;
//! else it is read, 4 KiB at a time, for the kernel gives no more at once.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of the description.
#[derive(Debug)]
pub(super) enum Text {
    /// A copy.
    Read(Vec<u8>),
    /// The kernel's own.
    Mapped(Mapping),
}

impl Text {
    /// That of a file of the kernel's, at most so many bytes of it.
    pub(super) fn of(file: File, most: u64) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len().min(most)).map_err(io::Error::other)?;
        if let Some(mapping) = Mapping::of(&file, length) {
            return Ok(Text::Mapped(mapping));
        }
        // One byte more, so that the end is seen without making room for as much again.
        let mut bytes = Vec::with_capacity(length + 1);
        file.take(most).read_to_end(&mut bytes)?;
        Ok(Text::Read(bytes))
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Read(bytes) => bytes,
            Text::Mapped(mapping) => mapping.bytes(),
        }
    }
}

/// Memory of the kernel that may be read.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<libc::c_void>,
    length: NonZeroUsize,
}

// SAFETY: nobody writes to the memory, neither this process nor the kernel, so threads may read it at the same time, and any of
// them may give it back.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// None where the kernel maps no such file.
    fn of(file: &File, length: usize) -> Option<Self> {
        let length = NonZeroUsize::new(length)?;
        // SAFETY: a new mapping that overlaps nothing. The file is the kernel's description of its types: it is as long as it
        // says, and does not change while the kernel runs.
        let start = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE, file, 0) }.ok()?;
        Some(Mapping { start, length })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped until it is dropped, and nobody writes to them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length.get()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping that was made for it, to which nothing points any more.
        let _ = unsafe { munmap(self.start, self.length.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/sys/kernel/btf/vmlinux";

    #[test]
    fn what_is_mapped_is_what_is_read() {
        let Ok(file) = File::open(PATH) else {
            println!("skipped: this kernel does not describe its types in {PATH}");
            return;
        };
        let read = std::fs::read(PATH).unwrap();
        let text = Text::of(file, u64::MAX).unwrap();
        println!("mapped: {}", matches!(text, Text::Mapped(_)));
        assert!(*text == *read);
    }

    #[test]
    fn what_cannot_be_mapped_is_read() {
        let text = Text::of(File::open("/proc/self/stat").unwrap(), 5).unwrap();
        assert!(matches!(&text, Text::Read(bytes) if bytes.len() == 5));
    }
}
