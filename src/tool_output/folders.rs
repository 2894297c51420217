//! The bytes of folders, as `du` prints them.

use std::cmp::Reverse;

use super::data::Data;
use super::here::Here;
use super::machine::{human, sized};
use crate::printable::printable;

/// Rows that are looked at.
const MOST: usize = 100_000;
/// Folders that are kept, the largest: what is smaller is no share of a file system that counts.
const KEPT: usize = 4096;
const KIB: f64 = 1024.0;

/// The bytes of a unit that `du` counts in by its options; none where they cannot be told.
fn unit_of_du(options: &[&str]) -> Option<f64> {
    let of_block = |size: &str| {
        // `M` is 1M, and `MB` is of powers of 1000, as nobody asks for it.
        human(size).or_else(|| human(&format!("1{size}"))).filter(|bytes| *bytes >= 1.0 && !size.ends_with('B'))
    };
    let mut unit = Some(KIB);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=').unwrap_or((long, "")) {
                ("block-size", size) => unit = of_block(size),
                ("bytes" | "human-readable" | "si", _) => unit = Some(1.0),
                _ => {}
            }
            continue;
        }
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (at, letter) in letters.char_indices() {
            match letter {
                'm' => unit = Some(KIB * KIB),
                'k' => unit = Some(KIB),
                // What has no unit where units are printed is less than the first of them.
                'b' | 'h' => unit = Some(1.0),
                'B' => {
                    let size = letters.get(at + 1..).filter(|size| !size.is_empty());
                    unit = size.or_else(|| words.next().copied()).and_then(of_block);
                    break;
                }
                // The rest is the value of the option.
                'd' | 't' | 'X' => break,
                _ => {}
            }
        }
    }
    unit
}

/// `du`: the bytes of folders. Without its command, rows with units tell it from counts.
pub(super) fn folders(here: &Here<'_>) -> Option<(usize, Data)> {
    /// Rows by which an output without its command is judged. One that is judged to its end would be so again on its next line.
    const FIRST: usize = 8;
    let command = here.command.iter().position(|word| *word == "du");
    let named = command.is_some();
    let unit = match command.and_then(|at| here.command.get(at + 1..)) {
        Some(options) => unit_of_du(options),
        None => Some(1.0),
    };
    let of_si = named && here.command.iter().any(|word| matches!(*word, "--si" | "si"));
    let step = if of_si { 1000.0 } else { KIB };
    let row = |at: usize| -> Option<(String, u64, bool)> {
        let words = here.words(at);
        let (size, path) = (words.first()?, words.get(1..).filter(|path| !path.is_empty())?);
        if !(path[0].starts_with('/') || named && path[0].starts_with('.')) {
            return None;
        }
        let has_unit = size.ends_with(['K', 'M', 'G', 'T', 'P', 'E']) || of_si && size.ends_with('k');
        let bytes = if has_unit { sized(size, step)? } else { size.parse::<u64>().ok()? as f64 * unit? };
        Some((printable(path.join(" ")), bytes as u64, has_unit))
    };
    let end = here.document.len().min(here.at + MOST);
    let first: Vec<_> = (here.at..end.min(here.at + FIRST)).map_while(row).collect();
    if first.is_empty() || !named && (first.len() < 2 || !first.iter().any(|(.., unit)| *unit)) {
        return None;
    }
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut place = here.at;
    while let Some((path, bytes, _)) = (place < end).then(|| row(place)).flatten() {
        if !here.document.ends_within(place) {
            found.push((path, bytes));
        }
        place += 1;
    }
    found.sort_by_key(|(_, bytes)| Reverse(*bytes));
    found.truncate(KEPT);
    Some((place - here.at, Data::Folders(found)))
}

/// The folders that have so many bytes without those of folders that are in the list themselves, most first; none where no folder is
/// known.
pub(super) fn own_bytes(mut folders: Vec<&(String, u64)>, least: u64) -> Option<Vec<(&String, u64)>> {
    /// One that waits for those below it.
    struct Open<'f> {
        folder: &'f (String, u64),
        /// The bytes of those below it that are in the list.
        listed: u64,
    }
    fn parts(path: &str) -> impl Iterator<Item = &str> {
        path.trim_end_matches('/').split('/')
    }
    // By their parts, so that what is in a folder comes right behind it.
    folders.sort_by(|a, b| parts(&a.0).cmp(parts(&b.0)).then(a.1.cmp(&b.1)));
    folders.dedup_by(|a, b| parts(&a.0).eq(parts(&b.0)));
    if folders.is_empty() {
        return None;
    }
    let mut own: Vec<(&String, u64)> = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let inside = |outer: &str, inner: &str| {
        let rest = inner.strip_prefix(outer.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    for next in folders.iter().map(|folder| Some(*folder)).chain([None]) {
        // Those that the next one does not lie in are whole.
        while let Some(last) = open.pop_if(|last| next.is_none_or(|next| !inside(&last.folder.0, &next.0))) {
            let left = last.folder.1.saturating_sub(last.listed);
            let counts = left >= least.max(1);
            if counts {
                own.push((&last.folder.0, left));
            }
            if let Some(outer) = open.last_mut() {
                outer.listed = outer.listed.saturating_add(if counts { last.folder.1 } else { last.listed });
            }
        }
        open.extend(next.map(|folder| Open { folder, listed: 0 }));
    }
    own.sort_by_key(|(_, bytes)| Reverse(*bytes));
    Some(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool_output::of_text;
    use crate::tool_output::storage::tests::{DF, seen};

    #[test]
    fn folders_within_others_are_not_counted_twice_and_counts_of_requests_are_no_folders() {
        let text = "$ df\nFilesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 1000 900 100 90% /\n\
                    $ du /var\n100\t/var/log/app\n300\t/var/log\n700\t/var\n";
        let space = seen(&of_text(text).unwrap(), "space", &json!({"path": "/"}));
        let folders = space["heavy_folders"].as_array().unwrap();
        let own: Vec<(&str, u64)> =
            folders.iter().map(|it| (it["path"].as_str().unwrap(), it["bytes"].as_u64().unwrap() / 1024)).collect();
        assert_eq!(own, [("/var", 400), ("/var/log", 200), ("/var/log/app", 100)]);
        let counts = of_text("   1200 /index.php\n     30 /login\n");
        assert!(counts.is_none_or(|counts| !counts.pieces.data().any(|data| matches!(data, Data::Folders(_)))));
    }

    #[test]
    fn rows_of_sizes_that_are_no_folders_are_looked_at_once_and_many_folders_are_added_up_in_one_pass() {
        use std::fmt::Write as _;
        let of_find = (0..4_000).fold(String::new(), |mut text, at| {
            let _ = writeln!(text, "{} /srv/files/{at}", at * 7);
            text
        });
        let read = of_text(&of_find);
        assert!(read.is_none_or(|read| !read.pieces.data().any(|data| matches!(data, Data::Folders(_)))));
        let mut du = String::new();
        for at in 0..20_000 {
            let _ = writeln!(du, "10\t/srv/{}/{at}", at % 100);
        }
        for at in 0..100 {
            let _ = writeln!(du, "40000\t/srv/{at}\n1\t/srv/{at}-b");
        }
        let text = format!("{DF}$ du -xk /srv\n{du}4500000\t/srv\n");
        let space = seen(&of_text(&text).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!(
            space["heavy_folders"],
            json!([{"path": "/srv", "bytes": 4_608_000_000_u64, "share": 0.5, "files": null}])
        );
    }

    #[test]
    fn the_unit_of_du_is_that_of_its_short_options_or_of_the_size_of_its_blocks() {
        for (options, unit) in [
            ("-x --max-depth=1", Some(1024.0)),
            ("--summarize --one-file-system", Some(1024.0)),
            ("-xm", Some(1_048_576.0)),
            ("-sb", Some(1.0)),
            ("-d1 -k", Some(1024.0)),
            ("--block-size=1M -x", Some(1_048_576.0)),
            ("--block-size=G", Some(1_073_741_824.0)),
            ("-xBM", Some(1_048_576.0)),
            ("-B 4K", Some(4096.0)),
            ("--block-size=MB", None),
        ] {
            let words: Vec<&str> = options.split(' ').collect();
            assert_eq!(unit_of_du(&words), unit, "{options}");
        }
        // More than the file system has is not told.
        let text = format!("{DF}$ du --max-depth=1 /\n3000000\t/var\n99999999\t/mnt/nas\n");
        let space = seen(&of_text(&text).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!(space["heavy_folders"].as_array().unwrap().len(), 1);
        assert_eq!(space["heavy_folders"][0]["bytes"], json!(3_072_000_000_u64));
    }
}
