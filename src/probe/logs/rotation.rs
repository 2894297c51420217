//! The names that rotated logs have.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    /// A journal of systemd, which is no text.
    Journal,
    /// By a program whose format is not read here; the tool that shows it.
    Foreign(&'static str),
}

/// Endings of packed files, with what shows them.
pub(super) const PACKED: &[(&str, Packing)] = &[
    (".gz", Packing::Gzip),
    (".xz", Packing::Foreign("xzgrep")),
    (".bz2", Packing::Foreign("bzgrep")),
    (".zst", Packing::Foreign("zstdgrep")),
    (".lz4", Packing::Foreign("lz4cat")),
];

/// Whether `name` is a rotation of `base`: a number, a date or `old` follows, and maybe the ending of a packer.
pub(super) fn is_rotation(base: &OsStr, name: &OsStr) -> bool {
    let Some(rest) = name.as_bytes().strip_prefix(base.as_bytes()) else { return false };
    let rest = PACKED.iter().find_map(|(ending, _)| rest.strip_suffix(ending.as_bytes())).unwrap_or(rest);
    match rest.split_first() {
        Some((b'.' | b'-' | b'_', b"old")) => true,
        Some((b'.' | b'-' | b'_', mark)) => {
            mark.first().is_some_and(u8::is_ascii_digit)
                && mark.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'T'))
        }
        _ => false,
    }
}
