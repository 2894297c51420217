//! Rotated logs that were packed by gzip.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Bytes of the packed file per read.
const PACKED_CHUNK: usize = 128 * 1024;

/// The lines of a packed file, unpacked as they are read, also when it is several packed files in a row. What is damaged
/// is an error where the damage begins.
pub(super) fn unpack(file: File) -> impl Read {
    Full(MultiGzDecoder::new(BufReader::with_capacity(PACKED_CHUNK, file)))
}

/// Fills the buffer that it is given as far as the source goes: the scan works on large pieces.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was unpacked before the damage counts; the damage is met again at the next read.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
