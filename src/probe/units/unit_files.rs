//! The files of units: where systemd looks for them, and what they say of what matters in an incident.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::output::Settings;
use crate::case::{Gap, Reason};
use crate::printable::printable;
use crate::sys::text_file::{self, Unreadable};

/// Where units of the system are described, the first that has a name counts (`man systemd.unit`).
const FOLDERS: &[&str] = &[
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "etc/systemd/system",
    "etc/systemd/system.attached",
    "run/systemd/system",
    "run/systemd/system.attached",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
];
/// Bytes of a file, files dropped into a unit, and letters of a value that are kept.
const LARGEST: u64 = 128 * 1024;
const MOST_DROPPED: usize = 64;
const LONGEST: usize = 200;

/// What the files of a unit say.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) settings: Settings,
    pub(super) files: Vec<String>,
    /// Why one of them could not be read.
    pub(super) gap: Option<Gap>,
}

/// Reads the files of a unit below `root`, `/`.
pub(super) fn describe(root: &Path, unit: &str) -> Described {
    let mut described = Described::default();
    let names = names(unit);
    let own = names
        .iter()
        .find_map(|name| FOLDERS.iter().map(|folder| root.join(folder).join(name)).find(|path| is_there(path)));
    if let Some(own) = own {
        described.take(root, &own);
    }
    for path in dropped(root, &names, unit) {
        described.take(root, &path);
    }
    described
}

/// The names that a unit may be described by: its own, and that of its template.
fn names(unit: &str) -> Vec<String> {
    let mut names = vec![unit.to_owned()];
    if let (Some((before, _)), Some((_, ending))) = (unit.split_once('@'), unit.rsplit_once('.')) {
        let template = format!("{before}@.{ending}");
        if template != unit {
            names.push(template);
        }
    }
    // No name leads out of the folders.
    names.retain(|name| !name.is_empty() && !name.contains('/') && !name.starts_with('.'));
    names
}

/// What is dropped in, in the order in which systemd reads it: by the names of the files. Of two of one name, that of the folder that
/// comes first counts; a unit's own folder comes before that of its template, and both before those of the beginnings of its name
/// (`web-.service.d`) and of its kind (`service.d`).
fn dropped(root: &Path, names: &[String], unit: &str) -> Vec<PathBuf> {
    let mut places = names.to_vec();
    if let Some((stem, ending)) = unit.rsplit_once('.').filter(|_| !names.is_empty()) {
        let dashes = stem.char_indices().rev().filter(|(_, letter)| *letter == '-').map(|(at, _)| at);
        places.extend(dashes.filter(|at| *at > 0).map(|at| format!("{}-.{ending}", &stem[..at])));
        places.push(ending.to_owned());
    }
    let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for place in places {
        for folder in FOLDERS {
            let Ok(entries) = fs::read_dir(root.join(folder).join(format!("{place}.d"))) else { continue };
            for entry in entries.flatten().take(MOST_DROPPED) {
                let name = entry.file_name();
                if name.as_encoded_bytes().ends_with(b".conf") && found.len() < MOST_DROPPED {
                    found.entry(name).or_insert_with(|| entry.path());
                }
            }
        }
    }
    found.into_values().collect()
}

/// Whether something has that path, be it a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

impl Described {
    fn take(&mut self, root: &Path, path: &Path) {
        let shown = printable(
            path.strip_prefix(root)
                .map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
                .as_os_str()
                .as_encoded_bytes(),
        );
        if fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null")) {
            self.settings.masked = true;
            self.files.push(shown);
            return;
        }
        match text_file::read_bytes(path, LARGEST) {
            Ok(bytes) => {
                self.settings.read(&String::from_utf8_lossy(&bytes));
                self.files.push(shown);
            }
            // It is gone meanwhile.
            Err(Unreadable::Absent) => {}
            Err(error) => {
                let reason = if matches!(error, Unreadable::Denied) { Reason::Denied } else { Reason::Failed };
                self.gap.get_or_insert_with(|| Gap::new(reason, format!("read {shown}"), error.to_string()));
                self.files.push(shown);
            }
        }
    }
}

impl Settings {
    /// Adds what one file says to what those before it said.
    fn read(&mut self, text: &str) {
        let mut section = String::new();
        let mut joined = String::new();
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('#') || line.starts_with(';') {
                continue;
            }
            if let Some(begun) = line.strip_suffix('\\') {
                joined.push_str(begun);
                joined.push(' ');
                continue;
            }
            joined.push_str(line);
            if let Some(name) = joined.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((name, value)) = joined.split_once('=') {
                self.set(&section, name.trim(), value.trim());
            }
            joined.clear();
        }
    }

    fn set(&mut self, section: &str, name: &str, value: &str) {
        let adds = matches!(name, "RestrictAddressFamilies" | "IPAddressDeny" | "IPAddressAllow");
        let place = match name {
            "Type" => &mut self.service_type,
            "ExecStart" => &mut self.program,
            "User" => &mut self.user,
            "Restart" => &mut self.restart,
            "RestartSec" => &mut self.restart_sec,
            "StartLimitBurst" => &mut self.start_limit_burst,
            "StartLimitIntervalSec" | "StartLimitInterval" => &mut self.start_limit_interval,
            "LimitNOFILE" => &mut self.limit_nofile,
            "TasksMax" => &mut self.tasks_max,
            "MemoryMax" | "MemoryLimit" => &mut self.memory_max,
            "MemoryHigh" => &mut self.memory_high,
            "CPUQuota" => &mut self.cpu_quota,
            "TimeoutStartSec" | "TimeoutSec" => &mut self.timeout_start,
            "WatchdogSec" => &mut self.watchdog,
            "RestrictAddressFamilies" => &mut self.restrict_address_families,
            "IPAddressDeny" => &mut self.ip_address_deny,
            "IPAddressAllow" => &mut self.ip_address_allow,
            _ => return,
        };
        if matches!(section, "Install" | "Socket" | "Timer" | "Mount") && matches!(name, "Type" | "User") {
            return;
        }
        // Of a command the program alone: passwords stand among the arguments. Letters before it say how it is run.
        let value = if name == "ExecStart" {
            value.trim_start_matches(['-', '@', ':', '+', '!']).split_ascii_whitespace().next().unwrap_or_default()
        } else {
            value
        };
        let value: String = printable(value).chars().take(LONGEST).collect();
        *place = match place.take() {
            // An empty value takes back what was said.
            _ if value.is_empty() => None,
            Some(before) if adds => Some(format!("{before} {value}").chars().take(LONGEST).collect()),
            // The first of several commands is what the unit is.
            Some(before) if name == "ExecStart" => Some(before),
            _ => Some(value),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_dropped_in_changes_what_the_unit_says() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let text = "[Unit]\nDescription=web\n[Service]\nType=notify\n# Restart=no\nExecStart=-/usr/bin/shop --password hunter2 \\\n --port 80\n\
                    Restart=on-failure\nRestrictAddressFamilies=AF_UNIX\nRestrictAddressFamilies=AF_INET\nLimitNOFILE=512\n[Install]\nType=x\n";
        put(root, "usr/lib/systemd/system/shop@.service", text);
        put(
            root,
            "etc/systemd/system/shop@eu.service.d/20-more.conf",
            "[Service]\nLimitNOFILE=4096\nExecStart=\nExecStart=/opt/shop\n",
        );
        put(root, "usr/lib/systemd/system/shop@eu.service.d/20-more.conf", "[Service]\nLimitNOFILE=1\n");
        put(root, "run/systemd/system.control/shop@.service.d/50-MemoryMax.conf", "[Service]\nMemoryMax=64M\n");
        put(root, "etc/systemd/system/service.d/10-all.conf", "[Unit]\nStartLimitBurst=9\n[Service]\nRestartSec=1\n");
        let seen = describe(root, "shop@eu.service");
        let settings = Settings {
            service_type: Some("notify".to_owned()),
            program: Some("/opt/shop".to_owned()),
            restart: Some("on-failure".to_owned()),
            restart_sec: Some("1".to_owned()),
            start_limit_burst: Some("9".to_owned()),
            limit_nofile: Some("4096".to_owned()),
            memory_max: Some("64M".to_owned()),
            restrict_address_families: Some("AF_UNIX AF_INET".to_owned()),
            ..Settings::default()
        };
        assert_eq!(seen.settings, settings);
        assert_eq!(seen.files[0], "/usr/lib/systemd/system/shop@.service");
        assert_eq!((seen.files.len(), seen.gap.is_none()), (4, true), "{:?}", seen.files);
    }

    #[test]
    fn a_masked_unit_is_said_and_a_file_that_cannot_be_read_is_a_gap() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        put(root, "usr/lib/systemd/system/a.service", "[Service]\nUser=a\n");
        fs::create_dir_all(root.join("etc/systemd/system")).unwrap();
        symlink("/dev/null", root.join("etc/systemd/system/a.service")).unwrap();
        assert!(describe(root, "a.service").settings.masked);
        fs::create_dir_all(root.join("etc/systemd/system/b.service")).unwrap();
        let seen = describe(root, "b.service");
        assert!(seen.gap.is_some() && seen.settings == Settings::default());
        for odd in ["../../x.service", "no-such.service", ".", "@.", "", "a@b"] {
            assert!(describe(root, odd).files.is_empty(), "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|\n|=|\\\\){0,200}", name in "\\PC{0,40}") {
            Settings::default().read(&text);
            let _ = names(&name);
            let _ = dropped(Path::new("/nowhere"), &names(&name), &name);
        }
    }
}
