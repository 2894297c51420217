//! What disks and file systems were printed to be like: `df`, `iostat -x`, deleted files of `lsof`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::data::Data;
use super::folders;
use super::here::Here;
use super::machine::{human, sized};
use super::told::Told;
use super::volumes::{Deleted, Filesystem};
use crate::printable::printable;
use crate::units;

/// Rows that are looked at.
const MOST: usize = 100_000;
/// Rows that are kept of a kind.
const KEPT: usize = 256;
/// Deleted files that are added up, the largest.
const FILES: usize = 4096;
const KIB: f64 = 1024.0;
/// `df`, in any language: how full each file system is, of bytes or of inodes.
pub(super) fn disks(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    // Where the share stands in a row, and where it is mounted.
    let row = |at: usize| -> Option<(usize, String)> {
        let words = here.words(at);
        let place = words.iter().position(|word| {
            word.strip_suffix('%').is_some_and(|share| share.parse::<u64>().is_ok()) || *word == "-"
        })?;
        let mount =
            words.get(place + 1..).filter(|rest| rest.first().is_some_and(|mount| mount.starts_with('/')))?.join(" ");
        let is_size = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) || *word == "-";
        let sizes = words.get(place.checked_sub(3)?..place)?;
        ((3..=6).contains(&place) && sizes.iter().all(is_size)).then(|| (place, printable(mount)))
    };
    // The name of a device that is too long stands alone in its line.
    let is_name = |at: usize| {
        let line = document.line(at).trim();
        !line.contains(' ') && line.starts_with('/') && row(at + 1).is_some()
    };
    let heading = document.line(here.at);
    let begins = row(here.at).is_some()
        || is_name(here.at)
        || (heading.contains('%')
            && !heading.trim().starts_with('%')
            && (row(here.at + 1).is_some() || is_name(here.at + 1)));
    if !begins {
        return None;
    }
    let of_inodes = heading.contains("IUse%") || heading.to_lowercase().contains("inode");
    let unit = if of_inodes { 1.0 } else { block(heading) };
    let asked_all = asks_all(here);
    let step = if asks_si(here) { 1000.0 } else { KIB };
    let mut rows: Vec<Filesystem> = Vec::new();
    let mut place = here.at + usize::from(row(here.at).is_none() && !is_name(here.at));
    let mut name: Option<String> = None;
    while place < document.len() && place - here.at < MOST {
        if let Some((at, mount)) = row(place) {
            let words = here.words(place);
            let cell = |at: usize| {
                let word = *words.get(at)?;
                let plain = word.parse::<f64>().ok().map(|figure| figure * unit);
                // Below 2^53 a float holds it to the byte.
                plain.or_else(|| sized(word, step)).map(|figure| figure as u64)
            };
            let rounded = !of_inodes && words[at - 3].ends_with(|c: char| c.is_ascii_alphabetic());
            let (total, used, available) = (cell(at - 3), cell(at - 2), cell(at - 1));
            let printed = words[at].trim_end_matches('%').parse::<f64>().ok().map(|share| share / 100.0);
            let exact =
                used.zip(available).map(|(used, available)| (used as f64, used.saturating_add(available) as f64));
            let share = exact.filter(|(_, all)| !rounded && *all > 0.0).map(|(used, all)| used / all).or(printed);
            let before: Vec<&str> = name.as_deref().into_iter().chain(words[..at - 3].iter().copied()).collect();
            if rows.len() < KEPT && !document.ends_within(place) {
                rows.push(Filesystem {
                    source: printable(before.first().copied().unwrap_or_default()),
                    kind: printable(before.get(1).copied().unwrap_or_default()),
                    mount,
                    of_inodes,
                    total,
                    used,
                    available,
                    share: printed.and(share),
                    rounded,
                    asked_all,
                });
            }
            name = None;
        } else if is_name(place) {
            name = Some(document.line(place).trim().to_owned());
        } else {
            break;
        }
        place += 1;
    }
    Some((place - here.at, Data::Disks(rows)))
}

/// The bytes of a block as the heading of `df` has it: `1K-blocks`, `1048576-blocks`.
fn block(heading: &str) -> f64 {
    let word = heading.split_whitespace().find_map(|word| {
        let (size, _) = word.split_once('-').filter(|(size, _)| size.starts_with(|c: char| c.is_ascii_digit()))?;
        human(size)
    });
    word.unwrap_or(KIB)
}

/// Whether it was asked for units of powers of 1000: `df -H`, `df -hT --si`. The output itself looks the same.
fn asks_si(here: &Here<'_>) -> bool {
    let is_asked = |word: &&str| match word.strip_prefix('-') {
        Some(letters) => *word == "--si" || !word.starts_with("--") && letters.contains('H'),
        None => here.by_name && matches!(*word, "H" | "si"),
    };
    here.command.first() == Some(&"df") && here.command.iter().skip(1).any(is_asked)
}

/// Whether that is a `df` that asks every file system, and none of them failed to answer.
fn asks_all(here: &Here<'_>) -> bool {
    let plain = |word: &&str| match word.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or_default();
            let names = ["all", "block-size", "human-readable", "inodes", "portability", "print-type", "si", "total"];
            names.contains(&name)
        }
        None => word.strip_prefix('-').is_some_and(|letters| {
            let letters = letters.split('B').next().unwrap_or_default();
            letters.chars().all(|letter| "ahHikmPT".contains(letter))
        }),
    };
    let words = here.command.split_first().filter(|(program, _)| **program == "df" && !here.by_name);
    let failed = |at: usize| here.document.line(at).trim_start().starts_with("df: ");
    words.is_some_and(|(_, rest)| rest.iter().all(plain)) && !(here.at.saturating_sub(8)..here.at).any(failed)
}

/// `lsof +L1`, `lsof | grep deleted`, or the rows of deleted files in a whole `lsof`.
pub(super) fn deleted(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let heading = here.words(here.at);
    let titled = heading.first() == Some(&"COMMAND") && heading.contains(&"NODE") && heading.contains(&"NAME");
    // It is there once for each process and descriptor.
    let mut files: BTreeMap<(String, u64), Deleted> = BTreeMap::new();
    let mut place = here.at + usize::from(titled);
    while place < document.len() && place - here.at < MOST {
        let words = here.words(place);
        let Some(pid) = words.get(1).filter(|_| words.len() >= 7).and_then(|pid| pid.parse::<i32>().ok()) else {
            break;
        };
        if !titled && !is_deleted(&words) {
            break;
        }
        if let Some(file) = file_of(&words, pid).filter(|_| !document.ends_within(place)) {
            let known = files
                .entry((file.device.clone(), file.inode))
                .or_insert_with(|| Deleted { holders: 0, ..file.clone() });
            known.holders += u64::from(known.holders == 0 || known.pid != file.pid);
            known.bytes = known.bytes.max(file.bytes);
        }
        place += 1;
    }
    let mut files: Vec<Deleted> = files.into_values().collect();
    files.sort_by_key(|file| Reverse(file.bytes));
    files.truncate(FILES);
    // Rows of memory alone are taken, too, and nothing comes of them.
    (!files.is_empty() || !titled && place > here.at).then(|| (place - here.at, Data::Deleted(files)))
}

/// Whether a row of `lsof` is one of a file without a name, whatever it lies on.
fn is_deleted(words: &[&str]) -> bool {
    let Some(at) = place_of_file(words) else { return false };
    let unlinked = words.get(at + 3) == Some(&"0") && words.get(at + 4).is_some_and(|node| node.parse::<u64>().is_ok());
    words.last() == Some(&"(deleted)") || words[at - 1] == "DEL" || unlinked
}

/// Where the type of a row of `lsof` stands, if that is a plain file.
fn place_of_file(words: &[&str]) -> Option<usize> {
    words.iter().position(|word| *word == "REG").filter(|at| (3..=7).contains(at))
}

/// Whether a name is one that the kernel gives memory which processes share: its space is not that of a disk, and who would empty
/// it would break what uses it.
fn is_memory(path: &str) -> bool {
    const NAMES: [&str; 10] =
        ["/memfd:", "/dev/", "/SYSV", "/[", "/anon_", "/i915", "/drm ", "/dmabuf", "/proc/", "/sys/"];
    NAMES.iter().any(|name| path.starts_with(name))
}

/// `nginx 812 root 5w REG 253,0 1234567 0 131 /var/log/nginx/access.log (deleted)`; without the count of links where it was not asked
/// for.
fn file_of(words: &[&str], pid: i32) -> Option<Deleted> {
    let at = place_of_file(words)?;
    let numbers = words.get(at + 2..)?.iter().map_while(|word| word.parse::<u64>().ok());
    let numbers: Vec<u64> = numbers.take(3).collect();
    let gone = words.last() == Some(&"(deleted)");
    let (bytes, inode) = match numbers.as_slice() {
        [bytes, links, inode] if *links == 0 || gone => (*bytes, *inode),
        [bytes, inode] if gone => (*bytes, *inode),
        _ => return None,
    };
    let device = *words.get(at + 1)?;
    let path = words.get(at + 2 + numbers.len()..)?.join(" ");
    let path = path.strip_suffix("(deleted)").unwrap_or(&path).trim_end();
    let descriptor = words[at - 1].trim_end_matches(|c: char| c.is_ascii_alphabetic());
    // 0,1 is where the kernel keeps shared memory; no mount has it.
    (path.starts_with('/') && !is_memory(path) && device != "0,1").then(|| Deleted {
        path: printable(path),
        bytes,
        inode,
        device: printable(device),
        name: printable(words[0]),
        user: printable(words[at - 2]),
        pid,
        descriptor: descriptor.parse().ok(),
        holders: 1,
    })
}

/// `iostat -x`: what each device did. The first report is the mean since boot.
pub(super) fn devices(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let columns = here.words(here.at);
    let first = columns.first().filter(|first| first.trim_end_matches(':') == "Device")?;
    let util = columns.iter().position(|word| *word == "%util")?;
    let mut found: Vec<Value> = Vec::new();
    let mut lines = 1;
    for at in here.at + 1..document.len().min(here.at + KEPT) {
        let row = here.words(at);
        if row.len() != columns.len() || document.ends_within(at) || row.first() == Some(first) {
            break;
        }
        lines += 1;
        let of = |name: &str| -> Option<f64> {
            let place = columns.iter().position(|word| *word == name)?;
            row.get(place)?.replace(',', ".").parse().ok().filter(|figure: &f64| figure.is_finite())
        };
        let bytes = |kilo: &str, mega: &str, sectors: &str| {
            let kilo = of(kilo).map(|figure| figure * KIB);
            let mega = || of(mega).map(|figure| figure * KIB * KIB);
            kilo.or_else(mega).or_else(|| of(sectors).map(|figure| figure * 512.0))
        };
        let Some(busy) = row.get(util).and_then(|share| share.replace(',', ".").parse::<f64>().ok()) else { continue };
        let (reads, writes) = (of("r/s"), of("w/s"));
        // What did nothing waited for nothing.
        let waited = |name: &str, count: Option<f64>| {
            of(name).or_else(|| of("await")).filter(|_| count.is_none_or(|count| count > 0.0))
        };
        found.push(json!({
            "name": printable(row[0]),
            "read_bytes_per_second": bytes("rkB/s", "rMB/s", "rsec/s"),
            "written_bytes_per_second": bytes("wkB/s", "wMB/s", "wsec/s"),
            "reads_per_second": reads,
            "writes_per_second": writes,
            "read_wait_ms": waited("r_await", reads),
            "write_wait_ms": waited("w_await", writes),
            "busy_share": (busy / 100.0).min(1.0),
            "mean_queue": of("aqu-sz").or_else(|| of("avgqu-sz")),
        }));
    }
    if found.is_empty() {
        return None;
    }
    // The kernel and the host are named above the first report.
    let mut above = (here.at.saturating_sub(8)..here.at).rev().map(|at| document.line(at));
    let since_boot = above.find(|line| line.starts_with("Linux ") || line.starts_with("Device"));
    let since_boot = since_boot.is_some_and(|line| line.starts_with("Linux "));
    if !since_boot {
        return Some((lines, Data::Devices(found)));
    }
    let mut told = Told { tool: "iostat", ..Told::default() };
    let busy = found.iter().filter(|device| device["busy_share"].as_f64().is_some_and(|share| share >= 0.8));
    told.stands_out.extend(busy.map(|device| {
        let share = units::percent(device["busy_share"].as_f64().unwrap_or_default());
        format!(
            "iostat: {} had something to do {share} of the time since boot",
            device["name"].as_str().unwrap_or_default()
        )
    }));
    Some((lines, Data::Told(told)))
}

/// What the probe `disk` would have seen, as far as `df` and `iostat -x` show it.
pub(super) fn disk<'d>(data: impl Iterator<Item = &'d Data> + Clone) -> Option<Value> {
    let rows = each_once(rows(data.clone()).filter(|row| row.holds_files()));
    let of_space = data.clone().any(|data| match data {
        Data::Deleted(files) => !files.is_empty(),
        data => matches!(data, Data::Folders(_)),
    });
    let asked_all = rows.values().any(|row| row.asked_all);
    let devices = data.filter_map(|data| if let Data::Devices(devices) = data { Some(devices) } else { None }).last();
    // Who shows what takes the space, speaks of a disk, how full it may be.
    if rows.is_empty() && devices.is_none() && !of_space {
        return None;
    }
    let mut output = json!({"from_text": true});
    if !rows.is_empty() {
        let mut places: BTreeMap<&str, Value> = BTreeMap::new();
        for row in rows.values() {
            let place = places.entry(&row.mount).or_insert_with(
                || json!({"mount_point": row.mount, "source": row.source, "kind": row.kind, "remote": row.is_remote()}),
            );
            if row.of_inodes {
                place["inodes"] = json!(row.total);
                place["inodes_share"] = json!(row.share);
                continue;
            }
            place["bytes"] = json!(row.total);
            place["used_bytes"] = json!(row.used);
            place["available_bytes"] = json!(row.available);
            place["used_share"] = json!(row.share);
        }
        let mut filesystems: Vec<Value> = places.into_values().collect();
        let share = |place: &Value, field: &str| place[field].as_f64();
        let most = |field: &str| filesystems.iter().filter_map(|it| share(it, field)).reduce(f64::max);
        let (fullest, of_inodes) = (most("used_share"), most("inodes_share"));
        filesystems
            .sort_by(|a, b| share(b, "used_share").unwrap_or(0.0).total_cmp(&share(a, "used_share").unwrap_or(0.0)));
        output["filesystems"] = json!(filesystems);
        output["filesystems_left_out"] = json!(0);
        if fullest.is_some() {
            output["fullest_share"] = json!(fullest);
        }
        if of_inodes.is_some() {
            output["fullest_inodes_share"] = json!(of_inodes);
        }
        // One that asks all would have waited for one that does not answer; another one may not have asked that.
        if asked_all {
            output["hanging"] = json!([]);
        }
    }
    if let Some(devices) = devices {
        let mut devices = devices.clone();
        let busy = |device: &Value| device["busy_share"].as_f64().unwrap_or(0.0);
        devices.sort_by(|a, b| busy(b).total_cmp(&busy(a)));
        output["busiest_share"] = devices.first().map_or(Value::Null, |device| device["busy_share"].clone());
        output["devices"] = json!(devices);
        output["devices_left_out"] = json!(0);
    }
    Some(output)
}

fn rows<'d>(data: impl Iterator<Item = &'d Data> + Clone) -> impl Iterator<Item = &'d Filesystem> + Clone {
    data.filter_map(|data| if let Data::Disks(rows) = data { Some(rows) } else { None }).flatten()
}

/// Of each mount the row of its bytes and that of its inodes. Of one file system the last row tells how it is now; of several that
/// have the same mount, which are of hosts or containers, the fuller one is what somebody asks about. The overlay of a container is
/// no file system of the host.
fn each_once<'d>(rows: impl Iterator<Item = &'d Filesystem> + Clone) -> BTreeMap<(&'d str, bool), &'d Filesystem> {
    let is_overlay = |row: &Filesystem| row.source == "overlay" || row.kind == "overlay";
    let of_host = rows.clone().any(|row| row.mount == "/" && !is_overlay(row));
    let mut found: BTreeMap<(&str, bool), &Filesystem> = BTreeMap::new();
    for row in rows.filter(|row| !(of_host && row.mount == "/" && is_overlay(row))) {
        let known = found.entry((row.mount.as_str(), row.of_inodes)).or_insert(row);
        if row.is_again(known) || row.share.unwrap_or(0.0) >= known.share.unwrap_or(0.0) {
            *known = row;
        }
    }
    found
}

/// What the probe `space` would have seen of the file system that is mounted there.
pub(super) fn space<'d>(data: impl Iterator<Item = &'d Data> + Clone, path: &str) -> Option<Value> {
    let all = each_once(rows(data.clone()));
    let row = *all.get(&(path, false))?;
    let several = all.values().filter(|other| other.source == row.source && !other.of_inodes).count() > 1;
    // What lies below another mount is of that.
    let lies_here = |file: &str| {
        let below = |mount: &str| {
            mount == "/" || file.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = all.keys().map(|(mount, _)| *mount).filter(|mount| below(mount)).max_by_key(|mount| mount.len());
        mount == Some(path)
    };
    let (bytes, used, available) = (row.total?, row.used?, row.available?);
    let mut output = json!({
        "mount_point": row.mount, "kind": row.kind, "source": row.source,
        "bytes": bytes, "used_bytes": used, "available_bytes": available,
    });
    if !row.rounded {
        output["reserved_bytes"] = json!(bytes.saturating_sub(used).saturating_sub(available));
    }
    if let Some(of_inodes) = all.get(&(path, true)) {
        output["inodes"] = json!(of_inodes.total);
        output["used_inodes"] = json!(of_inodes.used);
    }
    let files = data.clone().filter_map(|data| if let Data::Deleted(files) = data { Some(files) } else { None });
    let files = files.flatten().filter(|file| lies_here(&file.path) && row.may_hold(file, several));
    // Two listings have the same file twice.
    let mut listed = BTreeSet::new();
    let files: Vec<&Deleted> = files.filter(|file| listed.insert((file.device.as_str(), file.inode))).collect();
    if !files.is_empty() {
        output["deleted_bytes"] = json!(files.iter().map(|file| file.bytes).fold(0, u64::saturating_add));
        output["deleted_files"] = files.iter().take(KEPT).map(|file| file.json()).collect();
    }
    let folders = data.filter_map(|data| if let Data::Folders(folders) = data { Some(folders) } else { None });
    // What is larger than its file system does not lie on it alone, or was counted in other units than the rows say.
    let folders = folders.flatten().filter(|(folder, size)| *size <= bytes && lies_here(folder)).collect();
    let own = folders::own_bytes(folders, (used as f64 * 0.01) as u64);
    if let Some(own) = own {
        let share = |bytes: u64| if used > 0 { bytes as f64 / used as f64 } else { 0.0 };
        output["heavy_folders"] =
            own.iter().map(|(path, bytes)| json!({"path": path, "bytes": bytes, "share": share(*bytes)})).collect();
    }
    Some(output)
}

/// What stands out of it, as sentences.
pub(super) fn sentences(data: &Data) -> Vec<String> {
    const TOLD: usize = 3;
    match data {
        Data::Disks(rows) => {
            let full = rows.iter().filter(|row| row.holds_files() && row.share.is_some_and(|share| share >= 0.895));
            let told = full.map(|row| {
                let of = if row.of_inodes { "of its inodes " } else { "" };
                format!("{} is {of}{:.0} % full", row.mount, row.share.unwrap_or_default() * 100.0)
            });
            told.take(TOLD).collect()
        }
        Data::Deleted(files) => {
            let large = files.iter().filter(|file| file.bytes >= 1_000_000).take(TOLD);
            let told = large.map(|file| {
                let bytes = units::bytes(file.bytes as f64);
                format!("{} (pid {}) holds {bytes} of the deleted file {} open", file.name, file.pid, file.path)
            });
            told.collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::{Observer as _, ProbeRequest};
    use crate::probe::{self, Inputs};
    use crate::tool_output::{ToolOutput, of_text};

    pub(in crate::tool_output) fn seen(output: &ToolOutput, probe: &str, params: &Value) -> Value {
        let probe = probe::find(probe).unwrap();
        let ask = ProbeRequest {
            step: String::new(),
            title: String::new(),
            probe,
            params: probe.complete_params(params).unwrap(),
            window: None,
            time_limit: std::time::Duration::ZERO,
            inputs: Inputs::new(),
            by_check: false,
            typed_alone: false,
            derived: Vec::new(),
        };
        output.observe(vec![ask]).remove(0).output.unwrap()
    }

    #[test]
    fn file_systems_that_are_full_by_nature_are_none_and_a_name_may_have_a_line_of_its_own() {
        let text = "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/mapper/vg0-a--very--long--name\n \
                    1000 600 400 60% /var\n/dev/loop3 64 64 0 100% /snap/core/1\nnas:/export 100 99 1 99% /mnt\n";
        let disk = seen(&of_text(text).unwrap(), "disk", &json!({}));
        let places: Vec<&str> =
            disk["filesystems"].as_array().unwrap().iter().filter_map(|it| it["mount_point"].as_str()).collect();
        assert_eq!(places, ["/mnt", "/var"]);
        assert_eq!(
            (&disk["filesystems"][0]["remote"], &disk["filesystems"][1]["used_bytes"]),
            (&json!(true), &json!(614_400))
        );
        assert_eq!(disk["forced_read_only"], Value::Null, "df does not print it");
    }

    #[test]
    fn a_deleted_file_counts_once_and_only_on_its_own_file_system() {
        let text = "$ df\nFilesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 1000000 900000 100000 90% /\n\
                    /dev/sdb1 1000000 100000 900000 10% /srv\n$ lsof +L1\n\
                    COMMAND PID USER FD TYPE DEVICE SIZE/OFF NLINK NODE NAME\n\
                    java 22 app 1w REG 8,1 5000000 0 11 /var/a.log (deleted)\n\
                    java 22 app 2w REG 8,1 5000000 0 11 /var/a.log (deleted)\n\
                    sh 30 app 2w REG 8,1 5000000 0 11 /var/a.log (deleted)\n\
                    db 40 db 9u REG 8,17 7000000 0 12 /srv/b (deleted)\n";
        let space = seen(&of_text(text).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!((&space["deleted_bytes"], &space["reserved_bytes"]), (&json!(5_000_000), &json!(0)));
        let file = &space["deleted_files"][0];
        assert_eq!(
            (&file["descriptor"], &file["holders"], &file["process"]["pid"]),
            (&json!(1), &json!(2), &json!(22))
        );
        assert_eq!(space["heavy_folders"], Value::Null, "nothing was printed of folders");
    }

    pub(in crate::tool_output) const DF: &str =
        "$ df\nFilesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 10000000 9000000 1000000 90% /\n";

    #[test]
    fn shared_memory_and_what_cannot_lie_there_are_no_deleted_files_of_a_disk() {
        let rows = "java 22 app mem REG 0,1 4294967296 11 /memfd:heap (deleted)\n\
                    java 22 app DEL REG 0,1 12 /SYSV00000000\n\
                    java 22 app 4u REG 0,5 4294967296 13 /SYSV0052e2c1 (deleted)\n\
                    java 22 app 5u REG 0,1 4294967296 14 /dev/zero (deleted)\n\
                    java 22 app 6u REG 0,10 4294967296 15 /[aio] (deleted)\n\
                    java 22 app 7u REG 0,14 4294967296 16 /anon_hugepage (deleted)\n\
                    java 22 app 8u REG 0,24 4294967296 17 /dev/shm/pool (deleted)\n\
                    Xorg 30 root 9u REG 0,1 4294967296 18 /i915 (deleted)\n\
                    sd 31 root 9u REG 0,25 4294967296 19 /run/log/x (deleted)\n\
                    sd 32 root 9u REG 0,30 4294967296 20 /data/x (deleted)\n";
        let space =
            seen(&of_text(&format!("{DF}$ lsof | grep deleted\n{rows}")).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!((&space["deleted_files"], &space["deleted_bytes"]), (&Value::Null, &Value::Null));
        // The same inode of two disks is two files.
        let both = "a 1 root 1w REG 8,1 5000 11 /a (deleted)\nb 2 root 1w REG 8,3 5000 11 /b (deleted)\n";
        let space = seen(
            &of_text(&format!("{DF}$ lsof | grep deleted\n{rows}{both}")).unwrap(),
            "space",
            &json!({"path": "/"}),
        );
        assert_eq!(space["deleted_bytes"], json!(10_000));
        // All are added up, though not all are listed.
        let many: String = (0..1000).map(|at| format!("a 1 root 1w REG 8,1 5000 {at} /a{at} (deleted)\n")).collect();
        let space = seen(&of_text(&format!("{DF}$ lsof +L1\n{many}")).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!(space["deleted_bytes"], json!(5_000_000));
        // Files of btrfs have no block device.
        let df = "$ df -T\nFilesystem Type 1K-blocks Used Available Use% Mounted on\n\
                  /dev/sda1 btrfs 10000000 9000000 1000000 90% /\n";
        let text = format!("{df}$ lsof | grep deleted\na 1 root 1w REG 0,33 5000 11 /var/a (deleted)\n{rows}");
        let space = seen(&of_text(&text).unwrap(), "space", &json!({"path": "/"}));
        assert_eq!(space["deleted_files"].as_array().unwrap().len(), 2, "{space}");
    }

    #[test]
    fn a_whole_lsof_gives_its_sockets_and_its_deleted_files() {
        let text = "$ lsof -nP\nCOMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME\n\
                    init 1 root cwd DIR 8,1 4096 2 /\n\
                    sshd 40 root 3u IPv4 20112 0t0 TCP *:22 (LISTEN)\n\
                    java 50 app 1w REG 8,1 5000000 11 /var/a.log (deleted)\n\
                    java 50 app 9u sock 0,8 0t0 991 protocol: TCP\n\
                    java 50 app 7u IPv6 20113 0t0 TCP *:8080 (LISTEN)\n";
        for text in [text.to_owned(), text.replace(" (deleted)", "")] {
            let read = of_text(&format!("{DF}{text}")).unwrap();
            let sockets = seen(&read, "sockets", &json!({}));
            assert_eq!(sockets["listeners"].as_array().unwrap().len(), 2, "{sockets}");
            let space = seen(&read, "space", &json!({"path": "/"}));
            assert_eq!(space["deleted_bytes"].as_u64().is_some(), text.contains("deleted"));
        }
    }

    #[test]
    fn of_several_file_systems_with_one_mount_the_fuller_one_is_told() {
        let full = "/dev/sda1 1000 1000 0 100% /\n";
        let head = "Filesystem 1K-blocks Used Available Use% Mounted on\n";
        for other in ["overlay 2000 360 1640 18% /\n", "/dev/vda1 500 50 450 10% /\n"] {
            for (first, second) in [(full, other), (other, full)] {
                let read = of_text(&format!("$ df\n{head}{first}$ docker exec app df\n{head}{second}")).unwrap();
                let disk = seen(&read, "disk", &json!({}));
                assert_eq!(disk["filesystems"][0]["source"], "/dev/sda1", "{first}{second}");
                assert_eq!(seen(&read, "space", &json!({"path": "/"}))["available_bytes"], json!(0));
            }
        }
        // Of one that was printed again, the last row is of now.
        let text = format!("$ df\n{head}{full}$ df\n{head}/dev/sda1 1000 100 900 10% /\n");
        assert_eq!(seen(&of_text(&text).unwrap(), "disk", &json!({}))["fullest_share"], json!(0.1));
    }

    #[test]
    fn sizes_are_read_up_to_exabytes_and_beyond_what_a_number_holds() {
        let head = "Filesystem Size Used Avail Use% Mounted on\n";
        let disk = seen(&of_text(&format!("{head}/dev/sda1 1.5P 1.0P 512T 67% /srv\n")).unwrap(), "disk", &json!({}));
        assert_eq!(disk["filesystems"][0]["used_bytes"], json!(1_u64 << 50));
        let disk = seen(&of_text(&format!("{head}/dev/sda1 1.5X 1.0X 512X 67% /srv\n")).unwrap(), "disk", &json!({}));
        assert_eq!(disk["filesystems"][0]["used_bytes"], Value::Null);
        let large = "99999999999999999999";
        let text = format!("{head}/dev/sda1 {large} {large} {large} 50% /srv\n");
        assert!(of_text(&text).is_some());
    }

    #[test]
    fn only_a_df_that_asks_all_says_that_every_file_system_answers() {
        let rows = "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 1000 600 400 60% /\n";
        for (before, answers) in [
            ("$ df\n", true),
            ("$ sudo df -hT | sort\n", true),
            ("$ df --human-readable\n", true),
            ("$ df -h /\n", false),
            ("$ df -hl\n", false),
            ("$ df -x nfs4\n", false),
            ("$ df --local\n", false),
            ("$ docker exec app df\n", false),
            ("$ df\ndf: /mnt/nas: Input/output error\n", false),
            ("", false),
        ] {
            let disk = seen(&of_text(&format!("{before}{rows}")).unwrap(), "disk", &json!({}));
            assert_eq!(disk["hanging"] == json!([]), answers, "{before}: {}", disk["hanging"]);
        }
    }

    #[test]
    fn units_of_powers_of_1000_are_told_by_the_command_alone() {
        let rows = "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda1       500G  480G   20G  97% /\n";
        for (command, bytes) in [
            ("df -H", 500_000_000_000_u64),
            ("df --si /", 500_000_000_000),
            ("df -hT", 500 << 30),
            ("df -h /H", 500 << 30),
        ] {
            let read = crate::tool_output::of_text(&format!("# {command}\n{rows}")).unwrap();
            assert_eq!(disk(read.pieces.data()).unwrap()["filesystems"][0]["bytes"], bytes, "{command}");
        }
        let read = crate::tool_output::of_text("# du --si -d1 /var\n12G\t/var/lib\n3k\t/var/x\n").unwrap();
        let folders =
            read.pieces.data().find_map(|data| if let Data::Folders(found) = data { Some(found) } else { None });
        assert_eq!(folders.unwrap()[..], [("/var/lib".to_owned(), 12_000_000_000), ("/var/x".to_owned(), 3000)]);
    }

    #[test]
    fn the_first_report_of_iostat_is_of_all_the_time_since_boot() {
        let report = |util: &str| {
            format!(
                "Device r/s w/s rkB/s wkB/s r_await w_await aqu-sz %util\nsda 0.00 9.00 0.00 90.00 0.00 80.00 3.00 {util}\n\n"
            )
        };
        let head = "Linux 6.1.0 (nas) 03/04/2025 _x86_64_ (4 CPU)\n\n";
        let disk =
            seen(&of_text(&format!("{head}{}{}", report("99.00"), report("20.00"))).unwrap(), "disk", &json!({}));
        assert_eq!((&disk["busiest_share"], &disk["devices"][0]["write_wait_ms"]), (&json!(0.2), &json!(80.0)));
        assert_eq!(disk["devices"][0]["read_wait_ms"], Value::Null, "nothing was read");
        let alone = of_text(&format!("{head}{}", report("99.00"))).unwrap();
        assert!(storage_told(&alone).contains("since boot"));
    }

    fn storage_told(output: &ToolOutput) -> String {
        let told = output.pieces.data().filter_map(|data| if let Data::Told(told) = data { Some(told) } else { None });
        told.flat_map(|told| told.stands_out.clone()).collect()
    }
}
