//! Rotated logs that were packed: by gzip, xz, Zstandard or bzip2.
//!
//! They are unpacked as they are read, also when a file is several packed files in a row. What is cut or damaged is read up to
//! there, and is an error then. How much memory it takes is bounded before it is taken, whatever the file asks for.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::probe::xz::{TooLarge, Xz};

/// Bytes of the packed file per read.
const PACKED_CHUNK: usize = 128 * 1024;

/// The dictionary of xz, or the window of Zstandard, that is made room for: that of `xz -9` and of `zstd --ultra -21`.
const MOST_WINDOW: u64 = 64 * 1024 * 1024;

/// An empty block that ends a frame of Zstandard, and a checksum, which is not looked at.
const END_OF_FRAME: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// A packer whose files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packer {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

impl Packer {
    /// What searches such a file.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Packer::Gzip => "zgrep",
            Packer::Xz => "xzgrep",
            Packer::Zstd => "zstdgrep",
            Packer::Bzip2 => "bzgrep",
        }
    }

    /// Whether unpacking may take much memory.
    pub(super) fn is_large(self) -> bool {
        matches!(self, Packer::Xz | Packer::Zstd)
    }

    /// By the first bytes of a file: logrotate gives the ending that it was told, whatever packs.
    fn of(head: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Packer); 5] = [
            (&[0x1f, 0x8b], Packer::Gzip),
            (b"\xfd7zXZ\0", Packer::Xz),
            (&[0x28, 0xb5, 0x2f, 0xfd], Packer::Zstd),
            (b"BZh", Packer::Bzip2),
            // The frame that `pzstd` begins with, which is skipped.
            (&[0x50, 0x2a, 0x4d, 0x18], Packer::Zstd),
        ];
        MAGIC.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packer)| packer)
    }
}

/// The lines of a packed file. `named` is what its name says of how it is packed.
pub(super) fn unpack(file: File, named: Packer) -> impl Read {
    let mut head = [0; 6];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let packer = Packer::of(&head[..read]).unwrap_or(named);
    Full { source: unpacked(BufReader::with_capacity(PACKED_CHUNK, file), packer), error: None }
}

/// What a text is that came packed, if it did; its packer is told by its first bytes.
pub fn unpack_text(packed: &[u8]) -> Option<Box<dyn Read + '_>> {
    let packer = Packer::of(packed)?;
    Some(unpacked(packed, packer))
}

fn unpacked<'r, R: BufRead + 'r>(packed: R, packer: Packer) -> Box<dyn Read + 'r> {
    match packer {
        Packer::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packer::Bzip2 => Box::new(MultiBzDecoder::new(packed)),
        Packer::Xz => Box::new(Xz::new(packed, MOST_WINDOW)),
        Packer::Zstd => Box::new(Zstd::new(packed)),
    }
}

/// Reads the first 16 MiB of a packed file.
pub(super) fn read_beginning(file: File) {
    let _ = io::copy(&mut unpack(file, Packer::Gzip).take(16 * 1024 * 1024), &mut io::sink());
}

/// Fills the buffer that it is given as far as the source goes: the scan works on large pieces. What was unpacked before an error
/// comes before the error.
struct Full<R> {
    source: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled > 0 => {
                    self.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Frames of Zstandard in a row.
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and is not ended.
    in_frame: bool,
    error: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_WINDOW);
        Zstd { packed, decoder, in_frame: false, error: None }
    }

    /// Begins the next frame; false: there is none.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.packed.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut (&mut self.packed).take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    return Err(TooLarge { asked: requested, most: MOST_WINDOW }.into());
                }
                Err(error) => return Err(damaged(error)),
            }
        }
    }

    /// Whether the frame that has ended holds what was packed.
    fn checked(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(told), Some(found)) if told != found => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum of a frame does not fit what is in it"))
            }
            _ => Ok(()),
        }
    }
}

fn damaged(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                if let Some(error) = self.error.take() {
                    return Err(error);
                }
                self.in_frame = self.begin()?;
                if !self.in_frame {
                    return Ok(0);
                }
            }
            if self.decoder.can_collect() > 0 || buffer.is_empty() {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.in_frame = false;
                if self.error.is_none() {
                    self.checked()?;
                }
                continue;
            }
            if let Err(error) = self.decoder.decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1)) {
                self.error = Some(damaged(error));
                // What later blocks might refer to is kept back until the frame ends: so it ends here.
                if self.decoder.decode_blocks(END_OF_FRAME, BlockDecodingStrategy::UptoBlocks(1)).is_err() {
                    self.in_frame = false;
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
