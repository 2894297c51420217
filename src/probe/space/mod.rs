//! What takes the space of a file system: folders, files, and deleted files that are still open.

mod open_files;
mod output;
mod walk;

use std::fs;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::AtFlags;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::open_files::{OpenFiles, Sought, open_files};
pub use self::output::{DeletedFile, Folder, LargeFile, Space};
use self::walk::{Large, Limits, Walked, allocated, walk};
use super::file_systems::{Place, mounts, place};
use super::process::Names;
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason, advice};
use crate::printable::printable;
use crate::units::{self, Span};

/// Most rows in a list.
const MOST_ROWS: u32 = 200;
/// Files from which on a folder is crowded, where few inodes are in use or none are counted.
const MANY_FILES: u64 = 1000;
/// Bytes from which on a folder is heavy, where little is in use.
const MUCH: u64 = 64 << 10;
/// Folders that another file system is mounted over, in the list.
const MOST_OVER: usize = 64;
/// How long the descriptors of all processes may take.
const DESCRIPTORS: Duration = Duration::from_millis(2500);
/// How long ago a file that was written to lately was written to, in seconds.
const LATELY: i64 = 120;
/// How far apart the two looks at the largest files are at least.
const APART: Duration = Duration::from_secs(1);
/// What the lists of the walk are called.
const OF_WALK: [&str; 3] = ["heavy_folders", "crowded_folders", "large_files"];

/// The probe `space`.
#[derive(Debug, Clone, Copy)]
pub struct SpaceProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// A path on the file system to look into; `auto` is the fullest that can be written to, by space or by inodes. Those of the
    /// network are not looked into.
    pub path: String,
    /// How long to walk over its folders: at most 10 min. What was not reached by then is said. It takes 1 s more to see which files
    /// grow.
    pub budget: Span,
    /// Most rows in each list: 1 to 200. To the largest files as many more may come that were written to lately.
    #[schemars(range(min = 1, max = 200))]
    pub limit: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { path: "auto".to_owned(), budget: Span::seconds(8), limit: 10 }
    }
}

impl Probe for SpaceProbe {
    const NAME: &'static str = "space";
    const ABOUT: &'static str =
        "what takes the space of a file system: folders, files, deleted files that are still open";
    const SOURCE: &'static str = "statx and the folders of one file system; /proc/PID/{fd,fdinfo,maps,map_files}";
    const REPLACES: &'static [&'static str] = &["du -x", "ncdu", "find -size", "lsof +L1"];
    const NEEDS: &'static [Need] = &[
        Need { what: "CAP_DAC_READ_SEARCH", without: "what lies in folders that are closed to others" },
        Need { what: "CAP_SYS_PTRACE", without: "deleted files that processes of other users hold open" },
    ];
    type Params = Params;
    type Output = Space;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Space>, Gap> {
        if !(1..=MOST_ROWS).contains(&params.limit) {
            let why = format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit);
            return Err(Gap::new(Reason::Malformed, "list what takes space", why));
        }
        if params.budget.0 > Duration::from_secs(600) {
            return Err(Gap::new(Reason::Malformed, "walk over the folders", "budget is more than 10 min"));
        }
        let place = place(Some(params.path.as_str()).filter(|path| *path != "auto"))?;
        let limit = params.limit as usize;
        let limits = Limits {
            heavy: (place.used / 100).max(MUCH),
            crowded: (place.inodes_used.unwrap_or(0) / 100).max(MANY_FILES),
            large: limit,
            lately: now().saturating_sub(LATELY),
        };
        cx.live(place.mount_point.clone());
        let tried = format!("walk over {}", place.mount_point);
        let (walked, device) = walk(&place.path, limits, Instant::now() + params.budget.0, cx)
            .map_err(|error| Gap::io(tried.clone(), &error))?;
        let mut files: Vec<&Large> =
            walked.large.iter().chain(walked.fresh.iter().filter(|file| file.bytes >= MUCH)).collect();
        files.sort_by(|one, other| other.cmp(one));
        let first_look = Instant::now();
        let first: Vec<Option<u64>> = files.iter().map(|file| size_now(file)).collect();
        let last_part = |path: &'_ [u8]| path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let sought = Sought {
            device,
            mount: &place.path,
            files: files.iter().map(|file| (file.inode, &file.path[last_part(&file.path)..])).collect(),
            looker: i32::try_from(std::process::id()).ok(),
        };
        let open = open_files(&sought, Instant::now() + DESCRIPTORS, cx)
            .map_err(|error| Gap::io("list the open files of all processes (/proc)", &error));
        cx.sleep_until(first_look + APART);
        let apart = first_look.elapsed().as_secs_f64();
        let mut observed = Observed::whole(Space::default());
        let mut names = Names::new();
        enter_place(&place, &mut observed.output);
        let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
        observed.output.mounted_over = mounts::over(&mounts, &place.path, MOST_OVER).iter().map(printable).collect();
        enter_walked(&walked, &place, limit, &mut observed);
        let holders = open.as_ref().ok().map(|open| &open.holders);
        observed.output.large_files = files
            .iter()
            .zip(first)
            .map(|(file, first)| {
                let growth = first.and_then(|first| Some(size_now(file)?.saturating_sub(first) as f64 / apart));
                let holder = holders.and_then(|holders| holders.get(&file.inode));
                LargeFile {
                    path: printable(&file.path),
                    bytes: file.bytes,
                    share: share(file.bytes, place.used),
                    written_seconds_ago: Some((now() - file.written).max(0) as f64),
                    growth_bytes_per_second: growth,
                    process: holder.and_then(|holder| names.get(holder.pid).cloned()),
                    writes: holder.map(|holder| holder.writes),
                }
            })
            .collect();
        match open {
            Ok(open) => enter_open(&open, limit, &mut names, &mut observed),
            Err(gap) => observed.miss(&["deleted_files", "deleted_bytes", "large_files.process", "unseen_bytes"], gap),
        }
        enter_unseen(&walked, &place, &mut observed);
        Ok(observed)
    }
}

fn enter_place(place: &Place, output: &mut Space) {
    output.mount_point.clone_from(&place.mount_point);
    output.kind.clone_from(&place.kind);
    output.source.clone_from(&place.source);
    (output.bytes, output.used_bytes, output.available_bytes) = (place.bytes, place.used, place.available);
    output.reserved_bytes = place.bytes.saturating_sub(place.used).saturating_sub(place.available);
    (output.inodes, output.used_inodes) = (place.inodes, place.inodes_used);
}

/// Enters what the walk found, and says what it did not reach.
fn enter_walked(walked: &Walked, place: &Place, limit: usize, observed: &mut Observed<Space>) {
    let output = &mut observed.output;
    (output.complete, output.files, output.folders) = (walked.complete, walked.files, walked.folders);
    output.seen_bytes = walked.bytes;
    let whole_inodes = place.inodes_used.unwrap_or(walked.files + walked.folders);
    let row = |found: &walk::Found, share: f64| Folder {
        path: printable(&found.path),
        bytes: found.bytes,
        files: found.files,
        share,
    };
    output.heavy_folders =
        walked.heavy.iter().take(limit).map(|found| row(found, share(found.bytes, place.used))).collect();
    output.crowded_folders =
        walked.crowded.iter().take(limit).map(|found| row(found, share(found.files, whole_inodes))).collect();
    if !walked.complete {
        let why = format!(
            "{} files and {} folders were looked at in time, with {} of {} in use",
            units::count(walked.files as f64),
            units::count(walked.folders as f64),
            units::bytes(walked.bytes as f64),
            units::bytes(place.used as f64)
        );
        let gap = Gap::new(Reason::TimedOut, format!("walk over all of {}", place.mount_point), why);
        observed.miss(&OF_WALK, gap.clone().to_fix("give a longer budget"));
        observed.miss(&["unseen_bytes"], gap.to_fix("give a longer budget"));
    }
    if let Some((path, error)) = &walked.refusal {
        let more = if walked.closed > 1 { format!(" and {} more", walked.closed - 1) } else { String::new() };
        let gap = Gap::io(format!("look into {}{more}", printable(path)), error);
        let gap = if error.kind() == std::io::ErrorKind::PermissionDenied {
            gap.to_fix(advice::with_capabilities("CAP_DAC_READ_SEARCH"))
        } else {
            gap
        };
        observed.miss(&OF_WALK, gap.clone());
        observed.miss(&["unseen_bytes"], gap);
    }
    if walked.too_deep > 0 {
        let tried = format!("enter {} folders", units::count(walked.too_deep as f64));
        let gap = Gap::new(Reason::Absent, tried, "they lie more than 100 folders deep");
        observed.miss(&OF_WALK, gap.clone());
        observed.miss(&["unseen_bytes"], gap);
    }
    if walked.links_left_out {
        observed.loss.push("there are too many files with several names: some are counted more than once".to_owned());
    }
}

/// Enters what no file accounts for, where all was looked at.
fn enter_unseen(walked: &Walked, place: &Place, observed: &mut Observed<Space>) {
    if observed.missing.iter().any(|missing| missing.fields.iter().any(|field| field == "unseen_bytes")) {
        return;
    }
    let known = walked.bytes.saturating_add(observed.output.deleted_bytes.unwrap_or(0));
    let tried = format!("say what of {} is in no file", place.mount_point);
    if place.kind == "overlay" {
        let why = "its layers lie on another file system, whose figures these are";
        observed.miss(&["unseen_bytes"], Gap::new(Reason::Absent, tried, why).to_fix("run on the host itself"));
    } else if known > place.used.saturating_add(place.used / 50).saturating_add(1 << 20) {
        let why = "files take more than is in use: some share their blocks, or changed meanwhile";
        observed.miss(&["unseen_bytes"], Gap::new(Reason::Absent, tried, why));
    } else {
        observed.output.unseen_bytes = Some(place.used.saturating_sub(known));
    }
}

/// Enters the deleted files, and says which processes would not show theirs.
fn enter_open(open: &OpenFiles, limit: usize, names: &mut Names, observed: &mut Observed<Space>) {
    const FIELDS: [&str; 4] = ["deleted_files", "deleted_bytes", "large_files.process", "unseen_bytes"];
    let hidden = open.denied == 0 && !fs::exists("/proc/1").unwrap_or(false);
    let whole = open.complete && open.denied == 0 && open.unsized_files == 0 && !hidden && !open.left_out;
    let sum = open.deleted.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    observed.output.deleted_bytes = whole.then_some(sum);
    observed.output.deleted_files = open
        .deleted
        .iter()
        .filter_map(|file| {
            Some(DeletedFile {
                path: printable(&file.path),
                bytes: file.bytes,
                process: names.get(file.pid)?.clone(),
                descriptor: file.descriptor,
                inode: file.inode,
                holders: file.holders,
            })
        })
        .take(limit)
        .collect();
    if !open.complete {
        let why = format!("there are more than can be looked at in {}", units::span(DESCRIPTORS.as_secs_f64()));
        observed.miss(&FIELDS, Gap::new(Reason::TimedOut, "look at the open files of all processes", why));
    }
    if open.denied > 0 {
        let tried = format!("list the open files of {} processes", units::count(open.denied as f64));
        let gap = Gap::new(Reason::Denied, tried, "they are other users'");
        observed.miss(&FIELDS, gap.to_fix(advice::with_capabilities("CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH")));
    } else if hidden {
        let gap = Gap::new(Reason::Denied, "see the processes of other users", "they are hidden (/proc: hidepid)");
        observed.miss(&FIELDS, gap.to_fix("run with sudo"));
    }
    if open.unsized_files > 0 {
        let tried =
            format!("see how large {} deleted files are that are mapped", units::count(open.unsized_files as f64));
        let gap = Gap::new(Reason::Denied, tried, "the kernel shows that to root alone (/proc/PID/map_files)");
        observed.miss(
            &["deleted_files", "deleted_bytes", "unseen_bytes"],
            gap.to_fix(advice::with_capabilities("CAP_SYS_ADMIN")),
        );
    }
    if open.left_out {
        let gap = Gap::new(Reason::Absent, "tell all deleted files apart", "there are too many");
        observed.miss(&["deleted_bytes", "unseen_bytes"], gap);
    }
}

/// The bytes that a file takes now.
fn size_now(file: &Large) -> Option<u64> {
    walk::look(file.file.as_fd(), c"", AtFlags::EMPTY_PATH).ok().map(|seen| allocated(&seen))
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_this_host_is_looked_into() {
        let params = Params { path: "/".to_owned(), budget: Span(Duration::from_millis(300)), limit: 3 };
        let seen = SpaceProbe.observe(params, &Context::alone());
        // In a container whose root is an overlay there is nothing that could be looked into.
        let Ok(seen) = seen else { return };
        assert!(seen.output.files > 0 && seen.output.used_bytes > 0, "{seen:?}");
        assert!(seen.output.large_files.len() <= 3 + 3 && seen.output.heavy_folders.len() <= 3);
        assert_eq!(seen.output.complete, !seen.missing.iter().any(|missing| missing.gap.reason == Reason::TimedOut));
    }

    #[test]
    fn a_share_of_nothing_is_none_of_it() {
        assert_eq!((share(5, 0), share(1, 4), share(9, 4)), (0.0, 0.25, 1.0));
    }
}
