//! Values that journald packed.

use std::io::Read as _;

use ruzstd::decoding::StreamingDecoder;

use crate::probe::xz::Xz;

/// `OBJECT_COMPRESSED_XZ`, `_LZ4`, `_ZSTD`.
const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;

/// Bytes of a packed value that are read, at most: enough for the beginning of a value by Zstandard or xz. LZ4 has no way to the
/// beginning but the whole.
const MOST_STREAM: usize = 256 * 1024;
const MOST_LZ4: usize = 1024 * 1024;

/// Bytes that a value by LZ4 may say that it has.
const MOST_AT_ONCE: usize = 4 * 1024 * 1024;

/// The memory that a frame of Zstandard or the dictionary of xz may ask for: what journald packs at the most. By xz it asked for
/// 8 MiB up to systemd 213 and for 1 MiB since.
const MOST_WINDOW: u64 = 8 * 1024 * 1024;

/// How a value is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Lz4,
    Zstd,
    /// RHEL 7 and others of its time.
    Xz,
    /// Not known.
    Foreign,
}

impl Packing {
    /// By the flags of the object.
    pub(super) fn of(flags: u8) -> Self {
        match flags {
            0 => Packing::None,
            XZ => Packing::Xz,
            LZ4 => Packing::Lz4,
            ZSTD => Packing::Zstd,
            _ => Packing::Foreign,
        }
    }

    /// Bytes of a value that are needed for its beginning, at most.
    pub(super) fn most(self) -> usize {
        match self {
            Packing::Lz4 => MOST_LZ4,
            _ => MOST_STREAM,
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
            Packing::Xz => drop(Xz::new(packed, MOST_WINDOW).take(most as u64).read_to_end(to).ok()?),
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
pub(super) mod tests {
    use std::io::Write as _;

    use lzma_rust2::{CheckType, XzOptions, XzWriter};

    use super::*;
    use crate::probe::xz::tests::xz_with_dictionary;

    pub(in crate::probe) fn xz(value: &[u8]) -> Vec<u8> {
        let mut options = XzOptions::with_preset(0);
        // As journald packs: without a checksum, and with a dictionary of 1 MiB.
        options.set_check_sum_type(CheckType::None);
        options.lzma_options.dict_size = 1024 * 1024;
        let mut packer = XzWriter::new(Vec::new(), options).unwrap();
        packer.write_all(value).unwrap();
        packer.finish().unwrap()
    }

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
        for (flags, packed) in [(0, value.as_slice()), (1, &xz(&value)), (2, &lz4), (4, &zstd)] {
            assert_eq!(unpacked(Packing::of(flags), packed, 4096).unwrap(), value);
            assert_eq!(unpacked(Packing::of(flags), packed, 10).unwrap(), &value[..10]);
        }
        for flags in [3, 6, 7, 8, 9] {
            assert_eq!(unpacked(Packing::of(flags), &value, 10), None);
        }
    }

    #[test]
    fn a_damaged_value_is_none_and_takes_no_memory() {
        for damaged in [&b""[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\x10a", b"\x08\0\0\0\0\0\0\0\xf0\xff\xff\xff"] {
            assert_eq!(unpacked(Packing::Lz4, damaged, 4096), None);
            assert_eq!(unpacked(Packing::Zstd, damaged, 4096), None);
            assert_eq!(unpacked(Packing::Xz, damaged, 4096), None);
        }
        // A frame that asks for a window of 3 GiB.
        assert_eq!(unpacked(Packing::Zstd, &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xac, 0x01, 0x00, 0x00], 4096), None);
    }

    #[test]
    fn of_a_value_by_xz_the_beginning_is_read_and_no_dictionary_beyond_what_journald_asks_for() {
        let whole = xz(&vec![b'a'; 32 * 1024 * 1024]);
        assert!(whole.len() < 16 * 1024, "{}", whole.len());
        assert_eq!(unpacked(Packing::Xz, &whole, 1000).unwrap(), [b'a'; 1000]);
        // What cannot be packed is found, too, in the bytes that are read of it.
        let mut word = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (word >> 24) as u8
        })
        .take(1024 * 1024)
        .collect();
        let packed = xz(&noise);
        let (read, most) = (&packed[..Packing::Xz.most()], 100_000);
        assert!(packed.len() > read.len());
        assert_eq!(unpacked(Packing::Xz, read, most).unwrap(), &noise[..most]);
        // Cut before that, damaged, and a dictionary of 12 MiB.
        assert_eq!(unpacked(Packing::Xz, &read[..50_000], most), None);
        let mut damaged = whole.clone();
        damaged[40] ^= 0xff;
        assert!(unpacked(Packing::Xz, &damaged, most).is_none_or(|value| value != vec![b'a'; most]));
        for (size, fits) in [(22, true), (23, false), (40, false)] {
            let value = xz_with_dictionary(size);
            assert_eq!(unpacked(Packing::Xz, &value, 1).is_some(), fits, "{size}");
        }
    }
}
