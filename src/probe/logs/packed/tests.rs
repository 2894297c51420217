//! Packed files as packers write them, cut, damaged, and asking for too much.

use std::io::{Cursor, Write as _};

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::probe::xz::tests::xz_with_dictionary;

/// Text that packs, and is more than a block of any packer.
fn text() -> Vec<u8> {
    (0..40_000_u32).flat_map(|line| format!("line {} of it\n", line.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bz2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zst(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}

/// All that comes of it, and how it ended.
fn read(packed: &[u8], packer: Packer) -> (Vec<u8>, io::Result<()>) {
    let source = unpacked(Cursor::new(packed.to_vec()), packer);
    let mut full = Full { source, error: None };
    let (mut all, mut buffer) = (Vec::new(), vec![0; 100_000]);
    loop {
        match full.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) => return (all, Err(error)),
        }
    }
}

#[test]
fn several_packed_files_in_a_row_are_one() {
    let text = text();
    let (one, two) = text.split_at(123_456);
    for (packer, parts) in [
        (Packer::Gzip, [gz(one), gz(two)]),
        (Packer::Bzip2, [bz2(one), bz2(two)]),
        (Packer::Zstd, [zst(one), zst(two)]),
    ] {
        let (all, ended) = read(&parts.concat(), packer);
        assert!(ended.is_ok() && all == text, "{packer:?}: {} {ended:?}", all.len());
    }
    // A frame between them that is to be skipped.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let (all, ended) = read(&[zst(one).as_slice(), &skipped, &zst(two), &skipped].concat(), Packer::Zstd);
    assert!(ended.is_ok() && all == text, "{} {ended:?}", all.len());
    assert!(read(&skipped[..10], Packer::Zstd).1.is_err());
}

#[test]
fn what_comes_before_a_cut_is_read_and_then_the_cut_is_an_error() {
    let text = text();
    for (packer, packed) in [(Packer::Gzip, gz(&text)), (Packer::Bzip2, bz2(&text)), (Packer::Zstd, zst(&text))] {
        let mut most = 0;
        for tenth in 1..10 {
            let (all, ended) = read(&packed[..packed.len() * tenth / 10], packer);
            assert!(ended.is_err(), "{packer:?} {tenth}");
            assert!(text.starts_with(&all) && all.len() >= most, "{packer:?} {tenth}: {}", all.len());
            most = all.len();
        }
        assert!(most > text.len() / 2, "{packer:?}: {most} of {}", text.len());
        // A byte is missing at the end, and one is too many.
        let (all, ended) = read(&packed[..packed.len() - 1], packer);
        assert!(ended.is_err() && text.starts_with(&all), "{packer:?}");
    }
}

#[test]
fn a_byte_that_was_changed_is_an_error_or_changes_nothing() {
    let text = text();
    for (packer, packed) in [(Packer::Gzip, gz(&text)), (Packer::Bzip2, bz2(&text))] {
        for place in (20..packed.len()).step_by(packed.len() / 20) {
            let mut packed = packed.clone();
            packed[place] ^= 0x10;
            let (all, ended) = read(&packed, packer);
            assert!(ended.is_err() || all == text, "{packer:?} {place}");
        }
    }
}

#[test]
fn garbage_is_an_error_and_not_much_memory() {
    for packer in [Packer::Gzip, Packer::Xz, Packer::Zstd, Packer::Bzip2] {
        let (all, ended) = read(b"2026-11-22T15:00:00Z h sshd[9]: no packed file at all\n", packer);
        assert!(all.is_empty() && ended.is_err(), "{packer:?}");
        assert!(read(b"\xfd7zXZ\0", packer).1.is_err(), "{packer:?}");
    }
}

#[test]
fn a_window_of_gigabytes_is_said_and_not_made_room_for() {
    // 4 GiB, 96 MiB; and 64 MiB, which is made room for.
    let (_, ended) = read(&xz_with_dictionary(40), Packer::Xz);
    let error = ended.unwrap_err();
    assert!(TooLarge::of(&error).is_some() && error.to_string().contains("a window of 40"), "{error}");
    let error = read(&xz_with_dictionary(29), Packer::Xz).1.unwrap_err();
    assert!(TooLarge::of(&error).is_some() && error.to_string().contains("makes room for 64 MiB"), "{error}");
    let (all, ended) = read(&xz_with_dictionary(28), Packer::Xz);
    assert!(all == b"x" && TooLarge::of(&ended.unwrap_err()).is_none());
    // 2 TiB, 128 MiB; and 64 MiB.
    for (exponent, mib) in [(31, Some("2097152 MiB")), (17, Some("128 MiB")), (16, None)] {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 8, 0, 0, b'x'];
        let (all, ended) = read(&frame, Packer::Zstd);
        let error = ended.unwrap_err();
        match mib {
            Some(mib) => assert!(TooLarge::of(&error).is_some() && error.to_string().contains(mib), "{error}"),
            None => assert!(all == b"x" && TooLarge::of(&error).is_none(), "{all:?} {error}"),
        }
    }
}

#[test]
fn a_file_is_known_by_its_first_bytes_and_else_by_its_name() {
    let text = text();
    let named = |content: Vec<u8>, packer| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut all = Vec::new();
        unpack(file, packer).read_to_end(&mut all).map(|_| all)
    };
    for content in [gz(&text), bz2(&text), zst(&text)] {
        assert_eq!(named(content, Packer::Gzip).unwrap(), text);
    }
    assert!(named(b"plain".to_vec(), Packer::Gzip).is_err());
    assert!(named(Vec::new(), Packer::Xz).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2000), packer in 0..4_usize, place in 0..1000_usize) {
        let (packer, packed) = [
            (Packer::Gzip, gz(&bytes)), (Packer::Bzip2, bz2(&bytes)), (Packer::Zstd, zst(&bytes)), (Packer::Xz, xz_with_dictionary(8)),
        ][packer].clone();
        proptest::prop_assert!(packer == Packer::Xz || read(&packed, packer).0 == bytes);
        let _ = read(&bytes, packer);
        let mut damaged = packed.clone();
        damaged.truncate(packed.len().saturating_sub(place % 7));
        if let Some(byte) = damaged.get_mut(place) {
            *byte ^= 1 << (place % 8);
        }
        let _ = read(&damaged, packer);
    }
}
