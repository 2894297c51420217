//! Whether a process holds any descriptor by which it could keep, or pass on, what it received.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Most descriptors of one process that are looked at.
const DESCRIPTORS: usize = 256;

/// Most bytes of `/proc/PID/fdinfo/N`: the flags are on its second line, locks and watches follow.
const FDINFO: u64 = 256;

/// How long the look at all processes may take; those that received most come first.
const LOOK: Duration = Duration::from_millis(200);

/// Descriptors below this one are standard input, output and error: what a service writes there is its log.
const STANDARD: u32 = 3;

/// Where what a process received may have gone, by the descriptors that it holds open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outlets {
    /// Whether all that the process writes goes to sockets or to nothing.
    pub(super) discards_input: bool,
    /// Whether it holds a socket that is neither TCP nor UDP, whose bytes the kernel does not count; none where not all
    /// descriptors could be seen.
    pub(super) other_sockets: Option<bool>,
}

/// A look at one process after the other, and what it could not tell.
#[derive(Debug)]
pub(super) struct SinkScan {
    deadline: Instant,
    /// Inodes of the TCP and UDP sockets.
    counted: HashSet<u32>,
    /// Processes that would not show their descriptors.
    pub(super) denied: u32,
    /// Processes with too many descriptors, or that no time was left for.
    pub(super) too_many: u32,
}

impl SinkScan {
    /// Begins now. `counted` are the inodes of the TCP and UDP sockets.
    pub(super) fn start(counted: HashSet<u32>) -> Self {
        SinkScan { deadline: Instant::now() + LOOK, counted, denied: 0, too_many: 0 }
    }

    /// Where what a process received may have gone; none when that could not be told.
    pub(super) fn outlets(&mut self, pid: i32) -> Option<Outlets> {
        if Instant::now() >= self.deadline {
            self.too_many += 1;
            return None;
        }
        match look(Path::new(&format!("/proc/{pid}")), &self.counted) {
            Ok(Descriptors::Seen(outlets)) => Some(outlets),
            Ok(Descriptors::TooMany) => {
                self.too_many += 1;
                None
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.denied += 1;
                None
            }
            Ok(Descriptors::Ended) | Err(_) => None,
        }
    }
}

/// What the descriptors of a process show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Descriptors {
    Seen(Outlets),
    /// None of the first ones, and there are more.
    TooMany,
    /// No descriptor at all: it is ending.
    Ended,
}

/// Looks at the descriptors below `process`, a folder of `/proc`.
fn look(process: &Path, counted: &HashSet<u32>) -> io::Result<Descriptors> {
    let (mut seen, mut failed) = (0, None);
    let (mut keeps, mut other) = (false, false);
    for entry in fs::read_dir(process.join("fd"))? {
        if seen == DESCRIPTORS && !keeps {
            return failed.map_or(Ok(Descriptors::TooMany), Err);
        } else if seen == DESCRIPTORS {
            failed = Some(io::ErrorKind::TimedOut.into());
            break;
        }
        seen += 1;
        let entry = entry?;
        let number: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let kept = fs::read_link(entry.path()).and_then(|link| {
            if number.is_none_or(|number| number >= STANDARD) && is_other_socket(&link, counted) {
                other = true;
            }
            Ok(!keeps
                && is_something(&entry.path(), &link)?
                && is_writable(&process.join("fdinfo").join(entry.file_name()))?)
        });
        match kept {
            Ok(true) => keeps = true,
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // closed meanwhile
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if !keeps => Err(error),
        None if seen == 0 => Ok(Descriptors::Ended),
        whole => Ok(Descriptors::Seen(Outlets {
            discards_input: !keeps,
            other_sockets: (other || whole.is_none()).then_some(other),
        })),
    }
}

/// Whether what is written to this descriptor arrives anywhere but at a socket or a screen.
fn is_something(descriptor: &Path, link: &Path) -> io::Result<bool> {
    let Some(link) = link.to_str() else { return Ok(true) };
    match leads_to_nothing(link) {
        // A regular file may bear the name: somebody removed /dev/null, and the next redirection made a file.
        true if link.starts_with('/') => Ok(!fs::metadata(descriptor)?.file_type().is_char_device()),
        nothing => Ok(!nothing),
    }
}

/// Whether a link in `/proc/PID/fd` names a socket that is not among those whose bytes are counted.
fn is_other_socket(link: &Path, counted: &HashSet<u32>) -> bool {
    let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']'));
    inode.is_some_and(|inode| inode.parse().is_ok_and(|inode: u32| !counted.contains(&inode)))
}

/// Whether a link in `/proc/PID/fd` names a socket, a device that forgets, a terminal or an anonymous inode.
fn leads_to_nothing(link: &str) -> bool {
    const DEVICES: [&str; 4] = ["/dev/null", "/dev/full", "/dev/console", "/dev/ptmx"];
    const BEGINNINGS: [&str; 5] = ["socket:[", "anon_inode:", "/dev/tty", "/dev/pts/", "/dev/hvc"];
    DEVICES.contains(&link) || BEGINNINGS.iter().any(|beginning| link.starts_with(beginning))
}

fn is_writable(fdinfo: &Path) -> io::Result<bool> {
    let mut text = Vec::new();
    File::open(fdinfo)?.take(FDINFO).read_to_end(&mut text)?;
    let writable = opened_for_writing(&String::from_utf8_lossy(&text));
    writable.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no flags in /proc/PID/fdinfo/N"))
}

/// Whether the text of `/proc/PID/fdinfo/N` shows a descriptor that was opened for writing.
fn opened_for_writing(fdinfo: &str) -> Option<bool> {
    let flags = fdinfo.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = i32::from_str_radix(flags.trim(), 8).ok()?;
    Some(matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process with these descriptors: where each leads to, and its flags.
    fn process(descriptors: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for part in ["fd", "fdinfo"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        for (number, (link, flags)) in descriptors.iter().enumerate() {
            std::os::unix::fs::symlink(link, folder.path().join(format!("fd/{number}"))).unwrap();
            let fdinfo = format!("pos:\t0\nflags:\t{flags}\nmnt_id:\t24\nino:\t3\n");
            fs::write(folder.path().join(format!("fdinfo/{number}")), fdinfo).unwrap();
        }
        folder
    }

    fn seen(descriptors: &[(&str, &str)]) -> Descriptors {
        look(process(descriptors).path(), &HashSet::from([42])).unwrap()
    }

    const NOTHING: Descriptors = Descriptors::Seen(Outlets { discards_input: true, other_sockets: Some(false) });
    const KEPT: Descriptors = Descriptors::Seen(Outlets { discards_input: false, other_sockets: Some(false) });
    const RECEIVER: [(&str, &str); 4] = [
        ("socket:[42]", "02"),
        ("/dev/null", "0100001"),
        ("/dev/full", "0100002"),
        ("anon_inode:[eventpoll]", "02000002"),
    ];

    #[test]
    fn a_process_with_sockets_and_dev_null_keeps_nothing() {
        assert_eq!(seen(&RECEIVER), NOTHING);
        assert_eq!(seen(&[("/etc/services", "0100000"), ("pipe:[7]", "00"), RECEIVER[0]]), NOTHING);
    }

    #[test]
    fn a_file_a_pipe_or_a_disk_open_for_writing_is_something() {
        for something in
            [("/srv/upload", "0100001"), ("/srv/base (deleted)", "02"), ("pipe:[7]", "01"), ("/dev/sda", "02")]
        {
            assert_eq!(seen(&[RECEIVER[0], RECEIVER[1], something]), KEPT, "{something:?}");
        }
    }

    #[test]
    fn a_regular_file_that_is_called_like_a_terminal_is_something() {
        let folder = process(&[]);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let named = format!("/dev/pts/../..{}", file.display());
        assert!(leads_to_nothing(&named) && !leads_to_nothing("/dev/nullx"));
        let other = process(&[(&named, "0100002")]);
        assert_eq!(look(other.path(), &HashSet::new()).unwrap(), KEPT);
    }

    #[test]
    fn beyond_the_bound_nothing_is_told_unless_an_output_was_found() {
        let many = vec![("socket:[42]", "02"); DESCRIPTORS];
        assert_eq!(seen(&many), NOTHING);
        assert_eq!(seen(&[&many[..], &[RECEIVER[0]]].concat()), Descriptors::TooMany);
        let pipes = Descriptors::Seen(Outlets { discards_input: false, other_sockets: None });
        assert_eq!(seen(&vec![("pipe:[7]", "01"); DESCRIPTORS + 1]), pipes);
    }

    #[test]
    fn a_process_without_descriptors_is_ending_and_one_that_is_gone_is_unknown() {
        assert_eq!(seen(&[]), Descriptors::Ended);
        assert_eq!(SinkScan::start(HashSet::new()).outlets(i32::MAX), None);
    }

    #[test]
    fn a_socket_that_is_neither_tcp_nor_udp_may_hand_on_unseen() {
        let log = [("/dev/null", "0100000"), ("socket:[7]", "02"), ("socket:[7]", "02"), ("socket:[42]", "02")];
        assert_eq!(seen(&log), NOTHING, "its log is no way on");
        let handed = [&log[..], &[("socket:[8]", "02")]].concat();
        assert_eq!(seen(&handed), Descriptors::Seen(Outlets { discards_input: true, other_sockets: Some(true) }));
        let both = Descriptors::Seen(Outlets { discards_input: false, other_sockets: Some(true) });
        assert_eq!(seen(&[&handed[..], &[("pipe:[9]", "01")]].concat()), both);
        assert_eq!(seen(&[&[("pipe:[9]", "01")], &handed[..]].concat()), both, "the order does not matter");
    }

    #[test]
    fn flags_are_octal() {
        assert_eq!(opened_for_writing("pos:\t0\nflags:\t0100001\n"), Some(true));
        assert_eq!(opened_for_writing("pos:\t0\nflags:\t012000000\n"), Some(false));
        assert_eq!(opened_for_writing("pos:\t0\nflags:\t9\n"), None);
        assert_eq!(opened_for_writing("pos:\t0\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "(flags:)?\\PC{0,60}") {
            let _ = (opened_for_writing(&text), leads_to_nothing(&text));
        }
    }
}
