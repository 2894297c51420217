//! Files of one file system that processes hold open or have mapped: those without a name, and who holds the largest.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};

use super::walk::{Device, allocated};
use crate::probe::Context;
use crate::probe::file_systems::mounts;

/// What the kernel puts behind the path of a file without a name (`d_path`).
const DELETED: &[u8] = b" (deleted)";
/// Files without a name that are told apart; more are summed.
const MOST_DELETED: usize = 4096;
/// After how many processes and descriptors the clock is looked at: one process may have a million.
const CLOCK_EVERY: u64 = 256;
/// What is read of the list of what a process has mapped (`/proc/PID/maps`): some ten thousand lines.
const MOST_MAPPED: u64 = 1 << 20;
/// Mounts that are remembered.
const MOST_MOUNTS: usize = 4096;
/// Bytes of a process's list of mounts that are read.
const MOST_OF_MOUNTS: u64 = 1 << 20;

/// A file without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) path: Vec<u8>,
    pub(super) bytes: u64,
    pub(super) pid: i32,
    /// None of one that is only mapped.
    pub(super) descriptor: Option<u32>,
    pub(super) inode: u64,
    pub(super) holders: u64,
}

/// Who holds a file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: i32,
    pub(super) writes: bool,
}

/// What processes hold open.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    pub(super) complete: bool,
    /// Processes whose descriptors may not be listed.
    pub(super) denied: u64,
    /// Largest first.
    pub(super) deleted: Vec<Deleted>,
    /// Whether there were more than are told apart.
    pub(super) left_out: bool,
    /// Files without a name that are mapped and whose size may not be seen.
    pub(super) unsized_files: u64,
    /// By inode, of those that were asked for.
    pub(super) holders: HashMap<u64, Holder>,
}

/// What is looked for.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    pub(super) device: Device,
    /// Where the file system is mounted.
    pub(super) mount: &'a Path,
    /// Inodes of files whose holders are wanted, with the last part of their path.
    pub(super) files: HashMap<u64, &'a [u8]>,
    /// Who keeps those files open to look at them: it is neither their reader nor their writer.
    pub(super) looker: Option<i32>,
}

/// Looks at the descriptors of all processes, until `deadline`.
pub(super) fn open_files(sought: &Sought<'_>, deadline: Instant, cx: &Context) -> io::Result<OpenFiles> {
    let mut pids: Vec<i32> =
        fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort();
    let mut found = OpenFiles { complete: true, ..OpenFiles::default() };
    let names: HashSet<&[u8]> = sought.files.values().copied().collect();
    let mut deleted: HashMap<(Device, u64), Deleted> = HashMap::new();
    let mut layered = Layers { mount: sought.mount, known: HashMap::new(), storage: None };
    let mut looked = 0_u64;
    'processes: for pid in pids {
        looked += 1;
        if looked.is_multiple_of(CLOCK_EVERY) && (!cx.checkpoint() || Instant::now() >= deadline) {
            found.complete = false;
            break;
        }
        let descriptors = match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(descriptors) => descriptors,
            Err(error) => {
                // One that has ended meanwhile holds nothing.
                found.denied += u64::from(error.kind() == io::ErrorKind::PermissionDenied);
                continue;
            }
        };
        let mut own = HashSet::new();
        for entry in descriptors.flatten() {
            looked += 1;
            if looked.is_multiple_of(CLOCK_EVERY) && (!cx.checkpoint() || Instant::now() >= deadline) {
                found.complete = false;
                break 'processes;
            }
            let Some(descriptor) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let link = format!("/proc/{pid}/fd/{descriptor}");
            let Ok(target) = fs::read_link(&link) else { continue };
            let target = target.as_os_str().as_bytes();
            let gone = target.strip_suffix(DELETED);
            // The name says where to look closer; it may be that of another file in another mount namespace.
            if gone.is_none() && !target.rsplit(|byte| *byte == b'/').next().is_some_and(|name| names.contains(name)) {
                continue;
            }
            let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
            let Ok(seen) = statx(CWD, &*link, flags, StatxFlags::BASIC_STATS) else { continue };
            let its_device = (seen.stx_dev_major, seen.stx_dev_minor);
            if its_device == sought.device && sought.looker != Some(pid) && sought.files.contains_key(&seen.stx_ino) {
                let writes = may_write(pid, descriptor);
                let holder = found.holders.entry(seen.stx_ino).or_insert(Holder { pid, writes });
                if writes && !holder.writes {
                    *holder = Holder { pid, writes };
                }
            }
            let Some(path) = gone else { continue };
            let is_file = FileType::from_raw_mode(seen.stx_mode.into()) == FileType::RegularFile;
            let key = (its_device, seen.stx_ino);
            if !is_file || seen.stx_nlink > 0 || own.contains(&key) {
                continue;
            }
            // The files of a container lie in a folder of this file system under a device of their own.
            if its_device != sought.device && !(its_device.0 == 0 && layered.hold(pid, descriptor)) {
                continue;
            }
            if own.len() < MOST_DELETED {
                own.insert(key);
            } else {
                found.left_out = true;
            }
            if let Some(known) = deleted.get_mut(&key) {
                known.holders += 1;
            } else if deleted.len() < MOST_DELETED {
                let (bytes, inode) = (allocated(&seen), seen.stx_ino);
                let descriptor = Some(descriptor);
                let file = Deleted { path: path.to_vec(), bytes, pid, descriptor, inode, holders: 1 };
                deleted.insert(key, file);
            } else {
                found.left_out = true;
            }
        }
        if let Some((maps, cut)) = mapped(pid) {
            found.left_out |= cut;
            for part in maps.split(|byte| *byte == b'\n').filter_map(|line| gone_part(line, sought.device)) {
                let key = (sought.device, part.inode);
                if own.contains(&key) {
                    continue;
                }
                looked += 1;
                if looked.is_multiple_of(CLOCK_EVERY) && (!cx.checkpoint() || Instant::now() >= deadline) {
                    found.complete = false;
                    break 'processes;
                }
                if own.len() >= MOST_DELETED || (deleted.len() >= MOST_DELETED && !deleted.contains_key(&key)) {
                    found.left_out = true;
                    continue;
                }
                own.insert(key);
                if let Some(known) = deleted.get_mut(&key) {
                    known.holders += 1;
                    continue;
                }
                let link = format!("/proc/{pid}/map_files/{}", part.range);
                match statx(CWD, &*link, AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS) {
                    Ok(seen) if seen.stx_nlink == 0 && seen.stx_ino == part.inode => {
                        let (path, bytes, inode) = (part.path.to_vec(), allocated(&seen), part.inode);
                        deleted.insert(key, Deleted { path, bytes, pid, descriptor: None, inode, holders: 1 });
                    }
                    // Another stands there meanwhile, or it has a name elsewhere.
                    Ok(_) => {}
                    Err(error) => found.unsized_files += u64::from(error.kind() == io::ErrorKind::PermissionDenied),
                }
            }
        }
    }
    found.deleted = deleted.into_values().collect();
    found.deleted.sort_by_key(|file| (std::cmp::Reverse(file.bytes), file.pid, file.descriptor));
    Ok(found)
}

/// A part of a process's memory that is a file without a name.
struct Part<'a> {
    /// Its addresses, as `map_files` calls it.
    range: String,
    inode: u64,
    path: &'a [u8],
}

/// The beginning of what a process has mapped, and whether there is more; none where it may not be seen, or has ended.
fn mapped(pid: i32) -> Option<(Vec<u8>, bool)> {
    let file = fs::File::open(format!("/proc/{pid}/maps")).ok()?;
    let mut maps = Vec::new();
    file.take(MOST_MAPPED).read_to_end(&mut maps).ok()?;
    let cut = maps.len() as u64 == MOST_MAPPED;
    Some((maps, cut))
}

/// Reads a line of `/proc/PID/maps`, if it is of a file without a name on that device.
fn gone_part(line: &[u8], device: Device) -> Option<Part<'_>> {
    // 7f12c0000000-7f12c4000000 rw-s 00000000 fe:00 131080                     /var/tmp/table (deleted)
    let line = line.strip_suffix(DELETED)?;
    let slash = line.iter().position(|byte| *byte == b'/')?;
    let (fields, path) = line.split_at(slash);
    let mut words = std::str::from_utf8(fields).ok()?.split_ascii_whitespace();
    let (range, _rights, _offset) = (words.next()?, words.next()?, words.next()?);
    let (major, minor) = words.next()?.split_once(':')?;
    let of = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let inode = words.next()?.parse().ok()?;
    // `map_files` writes addresses without leading zeros.
    let (begin, end) = range.split_once('-')?;
    let [begin, end] = [begin, end].map(|address| u64::from_str_radix(address, 16));
    (of == device).then_some(Part { range: format!("{:x}-{:x}", begin.ok()?, end.ok()?), inode, path })
}

/// Overlays whose upper layer lies on the file system that is mounted at `mount`: by texts alone, for what a process has mounted may
/// be anything, and may not answer.
struct Layers<'a> {
    mount: &'a Path,
    /// By the number of the mount, which is that of one mount of the host alone.
    known: HashMap<u64, bool>,
    /// Where this host's file systems with storage are mounted, once somebody asked.
    storage: Option<Vec<PathBuf>>,
}

impl Layers<'_> {
    /// Whether a descriptor is of such an overlay.
    fn hold(&mut self, pid: i32, descriptor: u32) -> bool {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
        let number = info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
        let Some(number) = number else { return false };
        if let Some(known) = self.known.get(&number) {
            return *known;
        }
        // The mount may be in the list of another process that holds a file of it.
        let Some(is_here) = self.is_here(pid, number) else { return false };
        if self.known.len() < MOST_MOUNTS {
            self.known.insert(number, is_here);
        }
        is_here
    }

    /// None where the process's list of mounts does not tell.
    fn is_here(&mut self, pid: i32, number: u64) -> Option<bool> {
        let mut mounted = Vec::new();
        let list = fs::File::open(format!("/proc/{pid}/mountinfo")).ok()?;
        list.take(MOST_OF_MOUNTS).read_to_end(&mut mounted).ok()?;
        let begin = format!("{number} ");
        let line = mounted.split(|byte| *byte == b'\n').find(|line| line.starts_with(begin.as_bytes()))?;
        let line = String::from_utf8_lossy(line);
        let Some((_, source)) = line.split_once(" - overlay ") else { return Some(false) };
        let Some(upper) = source.split([',', ' ']).find_map(|option| option.strip_prefix("upperdir=")) else {
            return Some(false);
        };
        let storage = self.storage.get_or_insert_with(|| {
            let here = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
            mounts::storage(&here).into_iter().map(|place| place.path).collect()
        });
        let holds = storage.iter().filter(|place| Path::new(upper).starts_with(place));
        Some(holds.max_by_key(|place| place.as_os_str().len()).is_some_and(|place| place == self.mount))
    }
}

/// Whether a descriptor may be written to: `flags` of `/proc/PID/fdinfo/FD`, octal; the last two bits are the mode.
fn may_write(pid: i32, descriptor: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 0b11 != 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_without_a_name_is_found_by_who_holds_it_and_so_is_who_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, kept) = (folder.path().join("gone.log"), folder.path().join("kept.log"));
        let mut held = fs::File::create(&gone).unwrap();
        held.write_all(&vec![1; 1 << 20]).unwrap();
        held.sync_all().unwrap();
        fs::remove_file(&gone).unwrap();
        let writer = fs::File::create(&kept).unwrap();
        let seen = statx(CWD, folder.path(), AtFlags::empty(), StatxFlags::BASIC_STATS).unwrap();
        let device = (seen.stx_dev_major, seen.stx_dev_minor);
        let inode = writer.metadata().unwrap().ino();
        let files = HashMap::from([(inode, b"kept.log".as_slice())]);
        let mut sought = Sought { device, mount: folder.path(), files, looker: None };
        let found = open_files(&sought, Instant::now() + Duration::from_secs(60), &Context::alone()).unwrap();
        sought.looker = Some(std::process::id() as i32);
        let unseen = open_files(&sought, Instant::now() + Duration::from_secs(60), &Context::alone()).unwrap();
        assert_eq!(unseen.holders.get(&inode), None);
        assert!(
            unseen.deleted.iter().any(|file| file.path == gone.as_os_str().as_bytes()),
            "a deleted file it is told of"
        );
        drop((held, writer));
        let own = found.deleted.iter().find(|file| file.path == gone.as_os_str().as_bytes()).expect("it is held");
        assert_eq!((own.pid, own.holders), (std::process::id() as i32, 1));
        assert!(own.bytes >= 1 << 20, "{own:?}");
        assert_eq!(found.holders.get(&inode), Some(&Holder { pid: std::process::id() as i32, writes: true }));
    }

    #[test]
    fn a_file_that_is_only_mapped_is_found_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        // A program is mapped, and no descriptor of its process is it.
        fs::copy("/bin/sleep", &path).unwrap();
        fs::File::open(&path).unwrap().sync_all().unwrap();
        let mut process = std::process::Command::new(&path).arg("60").spawn().unwrap();
        // Who starts a program goes on before the kernel has mapped it.
        let maps = format!("/proc/{}/maps", process.id());
        while !fs::read_to_string(&maps).unwrap().contains(path.to_str().unwrap()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        fs::remove_file(&path).unwrap();
        let seen = statx(CWD, folder.path(), AtFlags::empty(), StatxFlags::BASIC_STATS).unwrap();
        let device = (seen.stx_dev_major, seen.stx_dev_minor);
        let sought = Sought { device, mount: folder.path(), files: HashMap::new(), looker: None };
        let found = open_files(&sought, Instant::now() + Duration::from_secs(60), &Context::alone()).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        let own = found.deleted.iter().find(|file| file.path == path.as_os_str().as_bytes());
        match own {
            Some(own) => assert!(own.descriptor.is_none() && own.bytes >= 4096, "{own:?}"),
            None => assert!(found.unsized_files > 0, "it is mapped, and not even that is said"),
        }
    }

    #[test]
    fn only_lines_of_files_without_a_name_on_the_device_count() {
        let of = |line: &'static str| gone_part(line.as_bytes(), (254, 0)).map(|part| (part.range, part.inode));
        let line = "00400000-00500000 rw-s 00000000 fe:00 131080       /var/tmp/a b (deleted)";
        assert_eq!(of(line), Some(("400000-500000".to_owned(), 131_080)));
        for line in [
            "",
            "7f1-7f2 rw-s 0 fe:00 131080 /var/tmp/a",
            "7f1-7f2 rw-s 0 fe:01 131080 /var/tmp/a (deleted)",
            "7f1-7f2 rw-s 0 fe:00 x /var/tmp/a (deleted)",
            "7f1 rw-s 0 fe:00 1 /var/tmp/a (deleted)",
            "7ffd0-7ffe0 rw-p 0 00:00 0 [stack] (deleted)",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
