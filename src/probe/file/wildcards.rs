//! Paths with `*` and `?`: what fits them, in the order of the names.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

/// Names of folders that are looked at in one call of the probe: no folder can make it endless.
pub(super) const MOST_ENTRIES: usize = 20_000;

/// What fits a pattern.
pub(super) struct Fitting {
    /// The paths, sorted; those that are not UTF-8 cannot be named and are left out.
    pub paths: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

/// Whether a path has anything to fill in.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// The paths that fit, `most` at most. A name that begins with a dot fits only a pattern that does. `entries` is what may be
/// looked at yet.
pub(super) fn expand(pattern: &str, most: usize, entries: &mut usize) -> io::Result<Fitting> {
    let mut paths = vec![PathBuf::from("/")];
    let mut more = false;
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if !is_pattern(part) {
            paths.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let shape = shape(part).map_err(io::Error::other)?;
        let mut next = Vec::new();
        for folder in &paths {
            more |= list(folder, &shape, part.starts_with('.'), entries, &mut next)?;
        }
        next.sort();
        more |= next.len() > most;
        next.truncate(most);
        paths = next;
    }
    paths.retain(|path| path.symlink_metadata().is_ok());
    let paths = paths.into_iter().filter_map(|path| path.into_os_string().into_string().ok()).collect();
    Ok(Fitting { paths, more })
}

fn shape(part: &str) -> Result<Regex, regex::Error> {
    let inner: String = part
        .chars()
        .map(|c| match c {
            '*' => "(?s-u:.)*".to_owned(),
            '?' => "(?s-u:.)".to_owned(),
            c => regex::escape(c.encode_utf8(&mut [0; 4])),
        })
        .collect();
    Regex::new(&format!("^{inner}$"))
}

/// Adds what fits of a folder; says whether it was left before its end. A folder that is not there has nothing.
fn list(folder: &Path, shape: &Regex, dots: bool, entries: &mut usize, into: &mut Vec<PathBuf>) -> io::Result<bool> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in listed {
        if *entries == 0 {
            return Ok(true);
        }
        *entries -= 1;
        let name = entry?.file_name();
        let name = name.as_bytes();
        if shape.is_match(name) && (dots || !name.starts_with(b".")) {
            into.push(folder.join(std::ffi::OsStr::from_bytes(name)));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(folder: &Path, pattern: &str, most: usize, mut entries: usize) -> (Vec<String>, bool) {
        let fitting = expand(&format!("{}/{pattern}", folder.display()), most, &mut entries).unwrap();
        let short = |path: &String| path.strip_prefix(&format!("{}/", folder.display())).unwrap().to_owned();
        (fitting.paths.iter().map(short).collect(), fitting.more)
    }

    #[test]
    fn names_fit_as_a_shell_has_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/cert.pem", "b/cert.pem", "b/key.pem", ".c/cert.pem", "d+.conf", "dd.conf"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let fits = |pattern| fits(folder.path(), pattern, 64, 100);
        assert_eq!(fits("*/cert.pem"), (vec!["a/cert.pem".into(), "b/cert.pem".into()], false));
        assert_eq!(fits(".?/*"), (vec![".c/cert.pem".into()], false));
        assert_eq!(fits("d+.c*"), (vec!["d+.conf".into()], false));
        assert_eq!(fits("b/*/*"), (Vec::new(), false));
        assert_eq!(fits("none/*"), (Vec::new(), false));
    }

    #[test]
    fn a_full_folder_ends_somewhere_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..9 {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(fits(folder.path(), "*", 3, 100), (vec!["0".into(), "1".into(), "2".into()], true));
        let (paths, more) = fits(folder.path(), "*", 64, 4);
        assert_eq!((paths.len(), more), (4, true));
    }
}
