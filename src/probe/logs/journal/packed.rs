//! Values that journald packed.

use std::io::Read as _;

use ruzstd::decoding::StreamingDecoder;

/// `OBJECT_COMPRESSED_XZ`, `_LZ4`, `_ZSTD`.
const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;

/// Bytes of a packed value that are read, at most: enough for the beginning of a value by Zstandard. LZ4 has no way to the beginning
/// but the whole.
const MOST_ZSTD: usize = 256 * 1024;
const MOST_LZ4: usize = 1024 * 1024;

/// Bytes that a value by LZ4 may say that it has.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;

/// The memory that a frame of Zstandard may ask for: what journald packs at the most.
const MOST_WINDOW: u64 = 8 * 1024 * 1024;

/// How a value is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Lz4,
    Zstd,
    /// Not read here: XZ, and what is not known.
    Foreign,
}

impl Packing {
    /// By the flags of the object.
    pub(super) fn of(flags: u8) -> Self {
        match flags & (XZ | LZ4 | ZSTD) {
            0 => Packing::None,
            LZ4 => Packing::Lz4,
            ZSTD => Packing::Zstd,
            _ => Packing::Foreign,
        }
    }

    /// Bytes of a value that are needed for its beginning, at most.
    pub(super) fn most(self) -> usize {
        match self {
            Packing::Lz4 => MOST_LZ4,
            _ => MOST_ZSTD,
        }
    }

    /// The first `most` bytes of a value, after what is in `to`. None where it is damaged, too large, or packed in another way.
    pub(super) fn unpack(self, packed: &[u8], most: usize, to: &mut Vec<u8>) -> Option<()> {
        match self {
            Packing::None => to.extend_from_slice(packed.get(..most).unwrap_or(packed)),
            Packing::Zstd => {
                let mut source = packed;
                let decoder = StreamingDecoder::new_with_max_window_size(&mut source, MOST_WINDOW).ok()?;
                decoder.take(most as u64).read_to_end(to).ok()?;
            }
            Packing::Lz4 => {
                let (length, block) = packed.split_first_chunk()?;
                let length =
                    usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= MOST_AT_ONCE)?;
                let whole = lz4_flex::block::decompress(block, length).ok().filter(|whole| whole.len() == length)?;
                to.extend_from_slice(whole.get(..most).unwrap_or(&whole));
            }
            Packing::Foreign => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packing: Packing, packed: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut to = Vec::new();
        packing.unpack(packed, most, &mut to).map(|()| to)
    }

    #[test]
    fn a_value_is_the_same_however_it_is_packed() {
        let value = b"MESSAGE=a b a b a b a b a b ".repeat(40);
        let mut lz4 = (value.len() as u64).to_le_bytes().to_vec();
        lz4.extend(lz4_flex::block::compress(&value));
        let zstd = ruzstd::encoding::compress_to_vec(value.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
        for (flags, packed) in [(0, value.as_slice()), (2, &lz4), (4, &zstd)] {
            assert_eq!(unpacked(Packing::of(flags), packed, 4096).unwrap(), value);
            assert_eq!(unpacked(Packing::of(flags), packed, 10).unwrap(), &value[..10]);
        }
        for flags in [1, 3, 6, 7] {
            assert_eq!(unpacked(Packing::of(flags), &value, 10), None);
        }
    }

    #[test]
    fn a_damaged_value_is_none_and_takes_no_memory() {
        for damaged in [&b""[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\x10a", b"\x08\0\0\0\0\0\0\0\xf0\xff\xff\xff"] {
            assert_eq!(unpacked(Packing::Lz4, damaged, 4096), None);
            assert_eq!(unpacked(Packing::Zstd, damaged, 4096), None);
        }
        // A frame that asks for a window of 3 GiB.
        assert_eq!(unpacked(Packing::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xac, 0x01, 0x00, 0x00], 4096), None);
    }
}
