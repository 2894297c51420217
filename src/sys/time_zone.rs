//! The local time zone. TZ and TZDIR come from whoever starts the program: what they name is read like any other file of a
//! stranger, a regular one of bounded size.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use jiff::tz::TimeZone;

use super::text_file;
use crate::printable::printable;

/// The largest file of a zone that is read; the largest of the IANA database has 4 kB.
const LARGEST: u64 = 64 * 1024;
/// The longest value of TZ.
const LONGEST: usize = 256;
/// Where the files of zones lie.
const FOLDERS: &[&str] = &["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
/// The zone of a host whose TZ is not set.
const LOCALTIME: &str = "/etc/localtime";

/// The local time zone, or UTC and why it is not known.
#[derive(Debug, Clone)]
pub struct LocalZone {
    /// The zone.
    pub zone: TimeZone,
    /// Why the zone is not known; it is UTC then.
    pub unknown: Option<String>,
}

/// The local time zone: what TZ says, as a name of the zone database, a file or a rule in the form of POSIX; else what
/// /etc/localtime says.
pub fn local() -> LocalZone {
    let variable = |name| std::env::var_os(name);
    of(variable("TZ"), variable("TZDIR"))
}

fn of(tz: Option<OsString>, folder: Option<OsString>) -> LocalZone {
    let zone = match tz {
        None => file(Path::new(LOCALTIME)),
        Some(tz) => named(&tz, folder.as_deref()),
    };
    match zone {
        Ok(zone) => LocalZone { zone, unknown: None },
        Err(why) => LocalZone { zone: TimeZone::UTC, unknown: Some(why) },
    }
}

fn named(tz: &OsStr, folder: Option<&OsStr>) -> Result<TimeZone, String> {
    if tz.len() > LONGEST {
        return Err(format!("TZ has {} characters", tz.len()));
    }
    let name = tz.as_bytes().strip_prefix(b":").unwrap_or(tz.as_bytes());
    let path = Path::new(OsStr::from_bytes(name));
    if name.is_empty() || name == b"UTC" {
        return Ok(TimeZone::UTC);
    }
    if path.is_absolute() {
        return file(path);
    }
    let leads_elsewhere = path.components().any(|part| !matches!(part, Component::Normal(_)));
    let folders = folder.into_iter().map(Path::new).filter(|folder| folder.is_absolute());
    let folders = folders.chain(FOLDERS.iter().map(Path::new));
    let files: Vec<PathBuf> = folders.filter(|_| !leads_elsewhere).map(|folder| folder.join(path)).collect();
    let zone = files.iter().find_map(|path| file(path).ok());
    let rule = || std::str::from_utf8(name).ok().and_then(|rule| TimeZone::posix(rule).ok());
    let unknown = || format!("TZ is `{}`, which is neither a zone nor a rule", printable(tz.as_bytes()));
    zone.or_else(rule).ok_or_else(unknown)
}

fn file(path: &Path) -> Result<TimeZone, String> {
    let refused = |why: &dyn std::fmt::Display| format!("{}: {why}", printable(path.as_os_str().as_bytes()));
    let bytes = text_file::read_bytes(path, LARGEST).map_err(|why| refused(&why))?;
    TimeZone::tzif("", &bytes).map_err(|_| refused(&"it is no file of a time zone"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;

    use super::*;

    fn offset(tz: &str) -> Result<Offset, String> {
        let LocalZone { zone, unknown } = of(Some(tz.into()), None);
        unknown.map_or_else(|| Ok(zone.to_offset(Timestamp::UNIX_EPOCH)), Err)
    }

    #[test]
    fn names_and_rules_are_read_as_other_programs_read_them() {
        assert_eq!(offset(""), Ok(Offset::UTC));
        assert_eq!(offset("UTC"), Ok(Offset::UTC));
        assert_eq!(offset("EST5EDT,M3.2.0,M11.1.0"), Ok(Offset::constant(-5)));
        assert_eq!(offset("<+0545>-5:45").unwrap().seconds(), (5 * 60 + 45) * 60);
    }

    #[test]
    fn files_of_zones_are_read_below_the_database_and_by_path() {
        let folder = tempfile::tempdir().unwrap();
        // One type of local time, an hour east of UTC, and no transitions.
        let mut zone = b"TZif".to_vec();
        zone.extend([0; 16]);
        for count in [0_u32, 0, 0, 0, 1, 4] {
            zone.extend(count.to_be_bytes());
        }
        zone.extend(3600_i32.to_be_bytes());
        zone.extend([0, 0]);
        zone.extend(b"CET\0");
        std::fs::create_dir(folder.path().join("Europe")).unwrap();
        let path = folder.path().join("Europe/Here");
        std::fs::write(&path, zone).unwrap();
        let read =
            |tz: &OsStr| of(Some(tz.to_owned()), Some(folder.path().into())).zone.to_offset(Timestamp::UNIX_EPOCH);
        assert_eq!(read(OsStr::new("Europe/Here")), Offset::constant(1));
        assert_eq!(read(path.as_os_str()), Offset::constant(1));
        let above = of(Some("Europe/../Europe/Here".into()), Some(folder.path().into()));
        assert!(above.unknown.is_some(), "no way up is followed");
    }

    #[test]
    fn what_is_no_file_of_a_zone_is_utc_and_said() {
        for (tz, why) in [
            (":/dev/zero", "a device"),
            ("/dev/zero", "a device"),
            ("/proc", "a folder"),
            ("/proc/self/status", "no file of a time zone"),
            ("Nowhere/At All", "neither a zone nor a rule"),
            ("../../../dev/zero", "neither a zone nor a rule"),
        ] {
            let said = offset(tz).unwrap_err();
            assert!(said.contains(why), "{tz}: {said}");
        }
        assert!(offset(&"x".repeat(10_000)).unwrap_err().contains("10000 characters"));
    }
}
