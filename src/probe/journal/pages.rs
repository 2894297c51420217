//! A journal's bytes, read in aligned blocks by offset; a few of them are kept.
//!
//! Files are read by `pread` and not mapped: journald cuts a file when it archives it, which ends a process that has it mapped.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of a block. Entries lie behind the data that is theirs, so that most of what is read next is in the same one.
const BLOCK: usize = 32 * 1024;

/// Blocks that are kept, each at the place that its number says.
const BLOCKS: usize = 64;

/// A journal's bytes.
#[derive(Debug)]
pub(super) struct Pages<'f> {
    file: &'f File,
    blocks: Vec<Block>,
    /// What lies in more than one block, put together.
    joined: Vec<u8>,
    /// Why bytes that should be there could not be read, the first time.
    pub(super) error: Option<io::Error>,
}

#[derive(Debug)]
struct Block {
    number: u64,
    bytes: Vec<u8>,
}

impl<'f> Pages<'f> {
    pub(super) fn new(file: &'f File) -> Self {
        let blocks = (0..BLOCKS).map(|_| Block { number: u64::MAX, bytes: Vec::new() }).collect();
        Pages { file, blocks, joined: Vec::new(), error: None }
    }

    /// So many bytes from `offset` on; none where the file does not have them all.
    pub(super) fn get(&mut self, offset: u64, length: usize) -> Option<&[u8]> {
        let number = offset / BLOCK as u64;
        let at = usize::try_from(offset % BLOCK as u64).ok()?;
        let end = at.checked_add(length)?;
        if end <= BLOCK {
            return self.block(number).get(at..end);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        let (mut number, mut at) = (number, at);
        while joined.len() < length {
            let block = self.block(number).get(at..).unwrap_or_default();
            let wanted = block.get(..length - joined.len()).unwrap_or(block);
            joined.extend_from_slice(wanted);
            if wanted.len() + at < BLOCK && joined.len() < length {
                break;
            }
            (number, at) = (number.checked_add(1)?, 0);
        }
        self.joined = joined;
        self.joined.get(..length)
    }

    fn block(&mut self, number: u64) -> &[u8] {
        let Some(block) = usize::try_from(number % BLOCKS as u64).ok().and_then(|place| self.blocks.get_mut(place))
        else {
            return &[];
        };
        if block.number != number {
            block.number = number;
            block.bytes.resize(BLOCK, 0);
            let mut filled = 0;
            while let Some(room) = block.bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
                let Some(offset) = number.checked_mul(BLOCK as u64).and_then(|start| start.checked_add(filled as u64))
                else {
                    break;
                };
                match self.file.read_at(room, offset) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        // An offset beyond what a file can have is the journal's fault, not the disk's.
                        if error.kind() != io::ErrorKind::InvalidInput {
                            self.error.get_or_insert(error);
                        }
                        break;
                    }
                }
            }
            block.bytes.truncate(filled);
        }
        &block.bytes
    }
}
