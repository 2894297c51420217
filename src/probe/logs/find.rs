//! Finds the log files: where distributions keep them, and their rotations.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::rotation::{self, Packing, is_rotation};
use crate::case::{Gap, Reason};
use crate::probe::journal;
use crate::probe::place::{MOST_NAMES, Place, is_absent};
use crate::sys::beneath::Astray;

use super::kind::Kind;
use super::origin::{LogOrigin, of_logger};

/// Where daemons keep what matters, under the log directory, beside the files of the logger.
const OF_DAEMONS: &[&str] = &[
    "firewalld",
    "fail2ban.log",
    "crowdsec.log",
    "named/*.log",
    "bind/*.log",
    "unbound.log",
    "unbound/*.log",
    "dnsmasq.log",
    "knot/*.log",
    "nginx/*.log",
    "apache2/*.log",
    "httpd/*_log",
    "lighttpd/*.log",
    "caddy/*.log",
    "traefik/*.log",
    "haproxy.log",
    "exim4/mainlog",
    "exim4/rejectlog",
];

/// Files that are read at most, the newest first: a host of many sites has a log for each.
pub(super) const MOST_FILES: usize = 512;

/// A log file.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub path: PathBuf,
    pub rotated: bool,
    pub packing: Packing,
    /// Whose lines it holds, as its name says.
    pub origin: LogOrigin,
    /// Its last change.
    pub modified: Option<Timestamp>,
}

impl From<journal::Found> for Found {
    fn from(file: journal::Found) -> Self {
        Found {
            path: file.path,
            rotated: file.rotated,
            packing: Packing::Journal,
            origin: LogOrigin { kind: Some(Kind::Syslog), program: None },
            modified: file.modified,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Finds {
    pub files: Vec<Found>,
    /// Names that were asked for, or directories, that could not be looked at.
    pub gaps: Vec<(PathBuf, Gap)>,
    /// Rotated files that end before the window.
    pub older: u64,
    /// Files and names beyond the most that are looked at.
    pub left_out: u64,
    seen: HashSet<(u64, u64)>,
    listings: BTreeMap<PathBuf, Vec<PathBuf>>,
}

/// Finds the log files under `dir`: those that `asked` names, or the usual ones if it names none. A rotated file whose
/// last change is before `from` is not among them.
pub(super) fn find(place: &Place, dir: &Path, asked: &[String], from: Timestamp) -> Finds {
    let mut finds = Finds::default();
    let usual: Vec<String> = of_logger().chain(OF_DAEMONS.iter().copied()).map(str::to_owned).collect();
    let names = if asked.is_empty() { &usual } else { asked };
    let mut bases = Vec::new();
    for name in names {
        let Some(name) = inside(dir, name) else {
            let why = format!("it leads out of {}, where the logs are looked for", dir.display());
            let gap = Gap::new(Reason::Failed, format!("read {name}"), why);
            let to_fix = "name its directory in the parameter `dir`, in a step of its own";
            finds.gaps.push((PathBuf::from(name), gap.to_fix(to_fix)));
            continue;
        };
        let pattern = dir.join(name);
        if is_pattern(name) {
            bases.extend(finds.expand(place, dir, name));
        } else {
            if !asked.is_empty()
                && let Err(error) = place.look(&pattern)
                && error.kind() == io::ErrorKind::NotFound
            {
                let gap = Gap::io(format!("read {}", pattern.display()), &error);
                finds.gaps.push((pattern.clone(), gap.to_fix("check the name in the parameter `files`")));
            }
            bases.push(pattern);
        }
    }
    for base in &bases {
        finds.add(place, base, false, from);
    }
    for base in &bases {
        for rotation in finds.rotations(place, base) {
            finds.add(place, &rotation, true, from);
        }
    }
    // The newest matter most if not all can be read in time; packed ones cost most.
    finds.files.sort_by_key(|file| (file.rotated, file.packing != Packing::Plain, std::cmp::Reverse(file.modified)));
    finds.left_out += finds.files.len().saturating_sub(MOST_FILES) as u64;
    finds.files.truncate(MOST_FILES);
    finds
}

impl Finds {
    fn add(&mut self, place: &Place, path: &Path, rotated: bool, from: Timestamp) {
        let (path, metadata) = match place.look(path) {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return,
            Err(error) if Astray::of(&error).is_some() => {
                self.gaps.push((path.to_owned(), Gap::io(format!("read {}", path.display()), &error)));
                return;
            }
            Err(error) => {
                // The directory of a daemon that keeps its logs to itself: said once.
                let denied = path.parent().unwrap_or(path).to_owned();
                if self.gaps.iter().all(|(known, _)| *known != denied) {
                    let gap = Gap::io(format!("look into {}", denied.display()), &error);
                    self.gaps.push((denied, gap));
                }
                return;
            }
        };
        if metadata.is_dir() {
            return;
        }
        let modified = metadata.modified().ok().and_then(timestamp);
        if rotated && modified.is_some_and(|modified| modified < from) {
            self.older += 1;
            return;
        }
        // One file by two names is one file.
        if self.seen.insert((metadata.dev(), metadata.ino())) {
            let (packing, origin) = (packing(&path), LogOrigin::of(&path));
            self.files.push(Found { path, rotated, packing, origin, modified });
        }
    }

    /// The names in a directory, sorted.
    fn list(&mut self, place: &Place, dir: &Path) -> &[PathBuf] {
        if !self.listings.contains_key(dir) {
            let names = match place.list(dir, MOST_NAMES) {
                Ok((mut names, more)) => {
                    self.left_out += u64::from(more);
                    names.sort();
                    names
                }
                Err(error) => {
                    if !is_absent(&error) && self.gaps.iter().all(|(known, _)| known != dir) {
                        self.gaps.push((dir.to_owned(), Gap::io(format!("list {}", dir.display()), &error)));
                    }
                    Vec::new()
                }
            };
            self.listings.insert(dir.to_owned(), names);
        }
        self.listings.get(dir).map(Vec::as_slice).unwrap_or_default()
    }

    /// The files in `dir` that a path with `*` and `?` names.
    fn expand(&mut self, place: &Place, dir: &Path, pattern: &Path) -> Vec<PathBuf> {
        let mut paths = vec![dir.to_owned()];
        for part in pattern {
            if !is_pattern(Path::new(part)) {
                paths.iter_mut().for_each(|path| path.push(part));
                continue;
            }
            let mut fitting = Vec::new();
            for dir in &paths {
                fitting.extend(
                    self.list(place, dir)
                        .iter()
                        .filter(|path| path.file_name().is_some_and(|name| fits(part, name)))
                        .cloned(),
                );
            }
            paths = fitting;
        }
        paths
    }

    /// Rotations of a log: `messages-20261121`, `messages.1`, `messages.2.gz`.
    fn rotations(&mut self, place: &Place, base: &Path) -> Vec<PathBuf> {
        let (Some(dir), Some(name)) = (base.parent(), base.file_name()) else { return Vec::new() };
        let names = self.list(place, dir).iter();
        names.filter(|path| path.file_name().is_some_and(|other| is_rotation(name, other))).cloned().collect()
    }
}

/// The part of a name that goes on from the directory; none when it leads elsewhere.
fn inside<'n>(dir: &Path, name: &'n str) -> Option<&'n Path> {
    let name = Path::new(name);
    let name = if name.is_absolute() { name.strip_prefix(dir).ok()? } else { name };
    let goes_down = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    goes_down.then_some(name)
}

/// A moment of the file system.
pub(super) fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?'))
}

/// Whether a name fits a pattern in which `*` stands for any bytes and `?` for one. A hidden file must be asked for.
fn fits(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut at, mut in_name) = (0, 0);
    // Where to go on when the rest does not fit: the last star takes one byte more.
    let mut retry = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, in_name));
                continue;
            }
            Some(b'?') => {
                at += 1;
                in_name += 1;
                continue;
            }
            Some(byte) if name.get(in_name) == Some(byte) => {
                at += 1;
                in_name += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, taken)) = retry else { return false };
        at = after_star;
        in_name = taken + 1;
        retry = Some((after_star, in_name));
    }
    pattern.get(at..).is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

fn packing(path: &Path) -> Packing {
    let name = path.as_os_str().as_bytes();
    if journal::is_name(name) {
        return Packing::Journal;
    }
    rotation::packing(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn patterns_fit_names_as_in_a_shell() {
        for (pattern, name, fit) in [
            ("*.log", "access.log", true),
            ("*.log", "access.log.1", false),
            ("*_log", "ssl_error_log", true),
            ("a?c*", "abcd", true),
            ("*", ".hidden", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("", "", true),
        ] {
            assert_eq!(fits(OsStr::new(pattern), OsStr::new(name)), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn rotations_are_known_by_what_follows_the_name() {
        let rotations = [
            "messages.1",
            "messages-20261121",
            "messages.2.gz",
            "messages-20261121-1700.xz",
            "messages.old",
            "messages.1.zst",
            "messages-20261129.bz2",
            "messages-2026112917.XZ",
            "messages.3.GZ",
            "messages-1795000000.zst",
        ];
        for name in rotations {
            assert!(is_rotation(OsStr::new("messages"), OsStr::new(name)), "{name}");
        }
        for name in ["messages", "messages2", "messages.gz.tmp", "messages.offset", "messagesx.1"] {
            assert!(!is_rotation(OsStr::new("messages"), OsStr::new(name)), "{name}");
        }
        for name in ["access.log-20261129.xz", "access-20261129.log", "access.1.log.bz2", "access-2026-11-29.log.zst"] {
            assert!(is_rotation(OsStr::new("access.log"), OsStr::new(name)), "{name}");
        }
        for name in ["access_ssl.log", "access.log", "access.log.gz", "access1.log", "other-20261129.log", ".1.log"] {
            assert!(!is_rotation(OsStr::new("access.log"), OsStr::new(name)), "{name}");
        }
        assert!(
            !is_rotation(OsStr::new(".log"), OsStr::new(".1.log"))
                && !is_rotation(OsStr::new("a."), OsStr::new("a.1."))
        );
    }

    #[test]
    fn a_file_by_two_names_is_found_once_and_an_old_rotation_is_left_closed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("messages"), "x").unwrap();
        std::os::unix::fs::symlink("messages", dir.path().join("syslog")).unwrap();
        fs::write(dir.path().join("messages.1"), "x").unwrap();
        let old = fs::File::create(dir.path().join("messages.2.gz")).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::create_dir(dir.path().join("nginx")).unwrap();
        fs::write(dir.path().join("nginx/access.log"), "x").unwrap();
        let finds = find(&Place::Host, dir.path(), &[], "2020-01-01T00:00:00Z".parse().unwrap());
        let names: Vec<_> =
            finds.files.iter().map(|file| file.path.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.contains(&"messages") && names.contains(&"messages.1") && names.contains(&"nginx/access.log"));
        assert_eq!(finds.older, 1);
        assert!(finds.gaps.is_empty());
    }

    #[test]
    fn a_file_that_was_asked_for_and_is_not_there_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let finds = find(&Place::Host, dir.path(), &["app.log".to_owned()], Timestamp::UNIX_EPOCH);
        assert!(finds.files.is_empty());
        assert_eq!(finds.gaps[0].1.reason, crate::case::Reason::Absent);
    }

    #[test]
    fn a_name_that_leads_out_of_the_directory_is_a_gap_and_nothing_is_opened() {
        let around = tempfile::tempdir().unwrap();
        let dir = around.path().join("log");
        fs::create_dir(&dir).unwrap();
        fs::write(around.path().join("secret"), "x").unwrap();
        fs::write(dir.join("app.log"), "x").unwrap();
        let outside = around.path().join("secret").to_str().unwrap().to_owned();
        for name in ["../secret".to_owned(), "*/../../secret".to_owned(), "./../*".to_owned(), outside] {
            let finds = find(&Place::Host, &dir, std::slice::from_ref(&name), Timestamp::UNIX_EPOCH);
            assert!(finds.files.is_empty(), "{name}");
            assert!(finds.gaps[0].1.to_string().contains("it leads out of"), "{name}: {}", finds.gaps[0].1);
        }
        for name in ["app.log".to_owned(), "./*.log".to_owned(), dir.join("app.log").to_str().unwrap().to_owned()] {
            let finds = find(&Place::Host, &dir, std::slice::from_ref(&name), Timestamp::UNIX_EPOCH);
            assert_eq!(finds.files.len(), 1, "{name}");
        }
    }

    #[test]
    fn links_of_a_folder_from_elsewhere_are_gaps_unless_they_name_a_file_in_it() {
        let around = tempfile::tempdir().unwrap();
        let at = |name: &str| around.path().join(name);
        fs::create_dir_all(at("in/var/log/old")).unwrap();
        fs::create_dir(at("out")).unwrap();
        for name in ["out/secret", "out/access.log", "in/var/log/old/kern.log", "in/var/log/maillog"] {
            fs::write(at(name), "x").unwrap();
        }
        for (target, link) in [
            ("../../../out/secret", "messages"),
            ("/etc/hostname", "auth.log"),
            ("old/kern.log", "kern.log"),
            ("maillog", "mail.log"),
            ("nowhere", "secure"),
            ("../../../out", "nginx"),
        ] {
            std::os::unix::fs::symlink(target, at("in/var/log").join(link)).unwrap();
        }
        let root = crate::sys::beneath::Folder::open(&at("in")).unwrap();
        let place = Place::Below(std::sync::Arc::new(root));
        let finds = find(&place, Path::new("var/log"), &[], Timestamp::UNIX_EPOCH);
        let mut found: Vec<_> = finds.files.iter().map(|file| file.path.to_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, ["var/log/maillog", "var/log/old/kern.log"]);
        let mut told: Vec<_> = finds.gaps.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, ["var/log/auth.log", "var/log/messages", "var/log/nginx"]);
        assert!(finds.gaps.iter().all(|(_, gap)| gap.to_string().contains("links are not followed")));
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_fitting_panic(pattern in "[ab*?.]{0,8}", name in "[ab.]{0,8}") {
            let _ = fits(OsStr::new(&pattern), OsStr::new(&name));
        }
    }
}
