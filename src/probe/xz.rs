//! Streams of xz, unpacked as they are read, in bounded memory.

use std::fmt;
use std::io::{self, BufRead, Read};

use lzma_rust2::{Action, Status, XzStream};

/// What unpacking xz takes beside its dictionary.
const BESIDE_WINDOW: u64 = 256 * 1024;

/// A file that asks for more memory than is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooLarge {
    pub(super) asked: u64,
    /// What is given at most.
    pub(super) most: u64,
}

impl TooLarge {
    /// The reason of an error, if it is this.
    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        write!(
            f,
            "unpacking it takes a window of {} MiB, and casebook makes room for {} MiB",
            mib(self.asked),
            mib(self.most)
        )
    }
}

impl std::error::Error for TooLarge {}

impl From<TooLarge> for io::Error {
    fn from(error: TooLarge) -> Self {
        io::Error::new(io::ErrorKind::OutOfMemory, error)
    }
}

/// Streams of xz in a row.
pub(super) struct Xz<R> {
    packed: R,
    stream: XzStream,
    most: u64,
    error: Option<io::Error>,
}

impl<R: BufRead> Xz<R> {
    /// Makes room for a dictionary of `most` bytes, and for no larger one.
    pub(super) fn new(packed: R, most: u64) -> Self {
        let limit = u32::try_from((most + BESIDE_WINDOW) / 1024).unwrap_or(u32::MAX);
        Xz { packed, stream: XzStream::new_mem_limit(true, limit), most, error: None }
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        loop {
            let packed = self.packed.fill_buf()?;
            let action = if packed.is_empty() { Action::Finish } else { Action::Run };
            let before = self.stream.total_out();
            match self.stream.process(packed, buffer, action) {
                Ok(step) => {
                    let stuck = packed.is_empty() && step.bytes_produced == 0;
                    self.packed.consume(step.bytes_consumed);
                    if step.bytes_produced > 0 || buffer.is_empty() || step.status == Status::StreamEnd {
                        return Ok(step.bytes_produced);
                    }
                    if stuck {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => {
                    let error = match (error.kind(), self.stream.memory_usage()) {
                        (io::ErrorKind::OutOfMemory, Some(kib)) => {
                            TooLarge { asked: u64::from(kib) * 1024, most: self.most }.into()
                        }
                        _ => error,
                    };
                    // What came before the damage lies in the buffer already.
                    let produced = usize::try_from(self.stream.total_out() - before).unwrap_or(0).min(buffer.len());
                    if produced == 0 {
                        return Err(error);
                    }
                    self.error = Some(error);
                    return Ok(produced);
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use flate2::Crc;

    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut crc = Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    }

    /// The beginning of a stream of xz whose dictionary has that size, as its header writes it.
    pub(in crate::probe) fn xz_with_dictionary(size: u8) -> Vec<u8> {
        let flags = [0, 4];
        let block = [2, 0, 0x21, 1, size, 0, 0, 0];
        [b"\xfd7zXZ\0".as_slice(), &flags, &crc(&flags), &block, &crc(&block), &[0x01, 0, 0, b'x']].concat()
    }
}
