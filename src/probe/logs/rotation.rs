//! The names that rotated logs have.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::packed::Packer;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    /// By a packer whose files are read.
    Packed(Packer),
    /// A journal of systemd, which is no text.
    Journal,
    /// By a program whose format is not read here; the tool that shows it.
    Foreign(&'static str),
}

/// Endings of packed files, in small letters.
const PACKED: &[(&str, Packing)] = &[
    (".gz", Packing::Packed(Packer::Gzip)),
    (".xz", Packing::Packed(Packer::Xz)),
    (".zst", Packing::Packed(Packer::Zstd)),
    (".bz2", Packing::Packed(Packer::Bzip2)),
    (".lz4", Packing::Foreign("lz4cat")),
    (".lzma", Packing::Foreign("lzmagrep")),
    (".z", Packing::Foreign("zgrep")),
];

/// How a file of that name is packed, and the name without the ending that says so.
fn unpacked(name: &[u8]) -> (&[u8], Packing) {
    let ending = |ending: &str| {
        let (stem, tail) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        (!stem.is_empty() && tail.eq_ignore_ascii_case(ending.as_bytes())).then_some(stem)
    };
    let packed = PACKED.iter().find_map(|(known, packing)| ending(known).map(|stem| (stem, *packing)));
    packed.unwrap_or((name, Packing::Plain))
}

/// How a file of that name is packed.
pub(super) fn packing(name: &[u8]) -> Packing {
    unpacked(name).1
}

/// Whether `name` is a rotation of `base`: a number, a date or `old` follows, and maybe the ending of a packer. Where logrotate was
/// told an `extension`, the number or the date stands before that: `access-20261122.log.xz` of `access.log`.
pub(super) fn is_rotation(base: &OsStr, name: &OsStr) -> bool {
    let (base, (name, _)) = (base.as_bytes(), unpacked(name.as_bytes()));
    if name.strip_prefix(base).is_some_and(is_mark) {
        return true;
    }
    let Some(dot) = base.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0) else { return false };
    let (stem, extension) = base.split_at(dot);
    let between = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
    extension.len() > 1 && between.is_some_and(is_mark)
}

/// Whether it is what tells a rotation from the log.
fn is_mark(text: &[u8]) -> bool {
    match text.split_first() {
        Some((b'.' | b'-' | b'_', b"old")) => true,
        Some((b'.' | b'-' | b'_', mark)) => {
            mark.first().is_some_and(u8::is_ascii_digit)
                && mark.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'T'))
        }
        _ => false,
    }
}
