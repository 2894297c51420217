//! File systems and disks: how full, how busy, read-only or hanging.

mod output;
mod rates;

use std::fs;
use std::path::Path;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::output::{Device, Disk, Filesystem};
use self::rates::Diskstats;
use super::file_systems::fill::{self, Answer};
use super::file_systems::mounts::{self, Mount};
use super::file_systems::{MOST_ASKED, PATIENCE};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::{self, Span};

/// File systems that are listed.
const MOST_FILESYSTEMS: usize = 256;
/// Devices that are listed.
const MOST_DEVICES: usize = 64;
/// File systems that a gap names.
const NAMED: usize = 5;

/// The probe `disk`.
#[derive(Debug, Clone, Copy)]
pub struct DiskProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch the devices. 0 looks at the file systems only.
    pub window: Span,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10) }
    }
}

impl Probe for DiskProbe {
    const NAME: &'static str = "disk";
    const ABOUT: &'static str = "file systems and disks: space, inodes, read-only or hanging; load and waiting times";
    const SOURCE: &'static str = "/proc/self/mountinfo, statvfs, /proc/diskstats";
    const REPLACES: &'static [&'static str] = &["df -h", "df -i", "iostat -x", "mount"];
    const NEEDS: &'static [Need] = &[Need {
        what: "CAP_DAC_READ_SEARCH",
        without: "the space of file systems below folders that are closed to others",
    }];
    const WIDENED_BY: &'static [&'static str] = &["window"];
    type Params = Params;
    type Output = Disk;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Disk>, Gap> {
        let mountinfo = fs::read("/proc/thread-self/mountinfo")
            .map_err(|error| Gap::io("list what is mounted (/proc/self/mountinfo)", &error))?;
        let mut mounts = mounts::storage(&mountinfo);
        let mut observed = Observed::whole(Disk::default());
        if mounts.len() > MOST_ASKED {
            let tried = format!("look at all {} file systems", units::count(mounts.len() as f64));
            let gap = Gap::new(Reason::Absent, tried, format!("only {} are asked", units::count(MOST_ASKED as f64)));
            observed
                .miss(&["filesystems", "fullest_share", "fullest_inodes_share", "forced_read_only", "hanging"], gap);
            mounts.truncate(MOST_ASKED);
        }
        if params.window.0.is_zero() {
            let gap = Gap::new(Reason::Absent, "measure the load of the disks", "the window is 0");
            observed.miss(&["devices", "busiest_share"], gap.to_fix("give a window"));
            let answers = fill::ask(&mounts, Instant::now() + PATIENCE);
            enter(&mounts, &answers, &mut observed);
            return Ok(observed);
        }
        let begun = cx.start_window();
        let before = (Instant::now(), diskstats());
        cx.live(format!("{} file systems", units::count(mounts.len() as f64)));
        // They are asked at once, and have answered long before the window ends.
        let answers = fill::ask(&mounts, Instant::now() + PATIENCE);
        cx.sleep_until(begun + params.window.0);
        let after = (Instant::now(), diskstats());
        observed.output.seconds = (after.0 - before.0).as_secs_f64();
        match before.1.and_then(|first| Ok((first, after.1?))) {
            Ok((first, last)) => {
                let mut devices = last.since(&first, observed.output.seconds);
                observed.output.busiest_share = devices.first().map(|device| device.busy_share);
                observed.output.devices_left_out = devices.len().saturating_sub(MOST_DEVICES) as u64;
                devices.truncate(MOST_DEVICES);
                observed.output.devices = Some(devices);
            }
            Err(gap) => observed.miss(&["devices", "busiest_share"], gap),
        }
        enter(&mounts, &answers, &mut observed);
        Ok(observed)
    }
}

/// Enters the file systems, and says which did not answer.
fn enter(mounts: &[Mount], answers: &[Answer], observed: &mut Observed<Disk>) {
    let (mut refused, mut not_asked): (Vec<(String, Gap)>, Vec<String>) = (Vec::new(), Vec::new());
    for (mount, answer) in mounts.iter().zip(answers) {
        let path = printable(mount.path.as_os_str().as_encoded_bytes());
        let space = match answer {
            // What has neither size nor inodes holds no files.
            Answer::Space(space) if space.bytes == 0 && space.inodes == 0 => continue,
            Answer::Space(space) => Some(space),
            Answer::Silent => {
                observed.output.hanging.push(path.clone());
                None
            }
            Answer::Refused(error) => {
                refused.push((path.clone(), Gap::io(format!("ask {path} how full it is (statvfs)"), error)));
                None
            }
            Answer::NotAsked => {
                not_asked.push(path.clone());
                None
            }
        };
        if mount.is_forced_read_only() {
            observed.output.forced_read_only.push(path.clone());
        }
        observed.output.filesystems.push(Filesystem {
            mount_point: path,
            source: printable(&mount.source),
            kind: printable(&mount.kind),
            remote: mount.is_remote(),
            read_only: mount.mount_read_only || mount.super_read_only,
            forced_read_only: mount.is_forced_read_only(),
            bytes: space.map(|space| space.bytes),
            used_bytes: space.map(|space| space.used),
            available_bytes: space.map(|space| space.available),
            used_share: space.and_then(|space| space.used_share()),
            inodes: space.map(|space| space.inodes).filter(|inodes| *inodes > 0),
            inodes_share: space.and_then(|space| space.inodes_share()),
        });
    }
    let output = &mut observed.output;
    output.filesystems.sort_by(|one, other| {
        let key = |filesystem: &Filesystem| filesystem.used_share.unwrap_or(-1.0);
        key(other).total_cmp(&key(one))
    });
    let writable = || output.filesystems.iter().filter(|filesystem| !filesystem.read_only);
    output.fullest_share = writable().filter_map(|filesystem| filesystem.used_share).max_by(f64::total_cmp);
    output.fullest_inodes_share = writable().filter_map(|filesystem| filesystem.inodes_share).max_by(f64::total_cmp);
    output.filesystems_left_out = output.filesystems.len().saturating_sub(MOST_FILESYSTEMS) as u64;
    output.filesystems.truncate(MOST_FILESYSTEMS);
    let hanging = output.hanging.clone();
    say_who_did_not_answer(observed, &hanging, &not_asked, refused);
}

fn say_who_did_not_answer(
    observed: &mut Observed<Disk>,
    hanging: &[String],
    not_asked: &[String],
    mut refused: Vec<(String, Gap)>,
) {
    const FIELDS: [&str; 8] = [
        "filesystems.bytes",
        "filesystems.used_bytes",
        "filesystems.available_bytes",
        "filesystems.used_share",
        "filesystems.inodes",
        "filesystems.inodes_share",
        "fullest_share",
        "fullest_inodes_share",
    ];
    if !hanging.is_empty() {
        let tried = format!("ask {} how full it is (statvfs)", listed(hanging));
        let why = format!("no answer in {}: its server or its disk is gone", units::span(PATIENCE.as_secs_f64()));
        let gap = Gap::new(Reason::TimedOut, tried, why);
        observed.miss(&FIELDS, gap.to_fix("look at its server and the way there; `umount -l` lets go of it"));
    }
    if !not_asked.is_empty() {
        let tried = format!("ask {} how full it is (statvfs)", listed(not_asked));
        observed.miss(
            &FIELDS,
            Gap::new(Reason::Absent, tried, "there are too many file systems of the network to ask all"),
        );
    }
    let more = refused.len().saturating_sub(NAMED);
    refused.truncate(NAMED);
    for (_, gap) in refused {
        observed.miss(&FIELDS, gap);
    }
    if more > 0 {
        observed.loss.push(format!("{more} more file systems would not say how full they are"));
    }
}

/// Some of the names, and how many more there are.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

fn diskstats() -> Result<Diskstats, Gap> {
    let text = fs::read_to_string("/proc/diskstats").map_err(|error| Gap::io("read /proc/diskstats", &error))?;
    // A partition's figures are in those of its disk.
    let is_whole = |name: &str| !Path::new("/sys/class/block").join(name.replace('/', "!")).join("partition").exists();
    Ok(Diskstats::from_text(&text, is_whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::file_systems::fill::Space;

    fn entered(answers: &[Answer]) -> Observed<Disk> {
        let text = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /srv rw - ext4 /dev/sda2 ro\n\
                     3 1 0:45 / /mnt/share rw - nfs server:/b rw\n";
        let mut observed = Observed::whole(Disk::default());
        enter(&mounts::storage(text), answers, &mut observed);
        observed
    }

    fn full(percent: u64) -> Answer {
        Answer::Space(Space { bytes: 1000, used: percent, available: 100 - percent, inodes: 100, inodes_free: 40 })
    }

    #[test]
    fn the_fullest_comes_first_and_those_that_nobody_can_fill_do_not_count() {
        let seen = entered(&[full(50), full(99), full(70)]);
        let order: Vec<&str> = seen.output.filesystems.iter().map(|it| it.mount_point.as_str()).collect();
        assert_eq!(order, ["/srv", "/mnt/share", "/"]);
        assert_eq!((seen.output.fullest_share, seen.output.fullest_inodes_share), (Some(0.7), Some(0.6)));
        assert_eq!(seen.output.forced_read_only, ["/srv"]);
        assert!(seen.missing.is_empty());
    }

    #[test]
    fn a_file_system_that_hangs_is_named_and_a_gap() {
        let seen = entered(&[full(50), full(10), Answer::Silent]);
        assert_eq!(seen.output.hanging, ["/mnt/share"]);
        assert_eq!(seen.output.filesystems[2].used_share, None);
        let gap = &seen.missing[0].gap;
        assert!(gap.reason == Reason::TimedOut && gap.tried.contains("/mnt/share"), "{gap}");
        assert!(seen.missing[0].fields.iter().any(|field| field == "fullest_share"));
    }

    #[test]
    fn the_file_systems_of_this_host_are_seen() {
        let seen = DiskProbe.observe(Params { window: Span::default() }, &Context::alone()).unwrap();
        assert!(seen.output.filesystems.iter().any(|it| it.mount_point == "/" && it.used_share.is_some()), "{seen:?}");
    }
}
