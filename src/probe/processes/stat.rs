//! A process at one moment, by the texts of `/proc/PID/stat` and `/proc/PID/wchan`.

use std::fs;

use crate::printable::printable;

/// `PF_KTHREAD` of the kernel's flags of a process.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// The letter of its state: `R`, `S`, `D`, `Z`, `T`, `t`, `I`, `X`.
    pub(super) state: u8,
    /// Its parent's id; 0 when there is none here.
    pub(super) parent: i32,
    /// Its process group.
    pub(super) group: i32,
    /// Its session: the id of the process that leads it.
    pub(super) session: i32,
    /// Whether it has a terminal.
    pub(super) terminal: bool,
    /// The process group that reads what is typed there; -1 without a terminal.
    pub(super) foreground: i32,
    /// Whether it is a thread of the kernel.
    pub(super) kernel: bool,
    /// CPU time of all its threads, in clock ticks.
    pub(super) ticks: u64,
    /// CPU time of children that ended and were waited for, in clock ticks.
    pub(super) children_ticks: u64,
    /// How many threads it has.
    pub(super) threads: u64,
    /// When it began, in clock ticks since boot: tells it from another with the same id.
    pub(super) started: u64,
    /// Pages of memory that it holds.
    pub(super) resident_pages: u64,
}

impl Stat {
    /// Reads the text. The name in it may hold anything, `)` too.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut words = text.rsplit_once(')')?.1.split_ascii_whitespace();
        // The words are numbered from that of the state, which is 0.
        let state = *words.next()?.as_bytes().first()?;
        let parent = words.next()?.parse().ok()?;
        let mut number = |skipped: usize| words.nth(skipped)?.parse::<i64>().ok();
        let group = i32::try_from(number(0)?).ok()?; // 2
        let session = i32::try_from(number(0)?).ok()?; // 3
        let terminal = number(0)? != 0; // 4
        let foreground = i32::try_from(number(0)?).ok()?; // 5
        let mut positive = |skipped| u64::try_from(number(skipped)?).ok();
        let flags = positive(0)?; // 6
        let user = positive(4)?; // 11
        let system = positive(0)?; // 12
        // Children's times and what follows may be negative in odd cases; only these two are read as they are.
        let children_user = positive(0)?; // 13
        let children_system = positive(0)?; // 14
        let threads = positive(2)?; // 17
        let started = positive(1)?; // 19
        let resident_pages = positive(1)?; // 21
        Some(Stat {
            state,
            parent,
            group,
            session,
            terminal,
            foreground,
            kernel: flags & KERNEL_THREAD != 0,
            ticks: user.checked_add(system)?,
            children_ticks: children_user.checked_add(children_system)?,
            threads,
            started,
            resident_pages,
        })
    }
}

/// The function of the kernel that a process waits in; `0` is "not told".
pub(super) fn wait_channel(pid: i32) -> Option<String> {
    let channel = fs::read(format!("/proc/{pid}/wchan")).ok()?;
    (!channel.is_empty() && channel != b"0").then(|| printable(channel))
}

/// The word for the letter of a state.
pub(super) fn state_word(letter: u8) -> &'static str {
    match letter {
        b'R' => "running",
        b'S' => "sleeping",
        b'D' => "disk_sleep",
        b'Z' => "zombie",
        b'T' => "stopped",
        b't' => "traced",
        b'I' => "idle",
        b'X' | b'x' => "dead",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "42 (evil) S 1 (x) D 7 42 42 0 -1 4194560 100 5 6 8 70 30 20 10 20 0 3 0 5555 1000000 200 18446744073709551615 1";

    #[test]
    fn a_name_with_a_parenthesis_does_not_shift_the_fields() {
        let stat = Stat::from_text(EVIL).unwrap();
        assert_eq!((stat.state, stat.parent, stat.kernel), (b'D', 7, false));
        assert_eq!((stat.group, stat.session, stat.terminal, stat.foreground), (42, 42, false, -1));
        assert_eq!((stat.ticks, stat.children_ticks, stat.threads), (100, 30, 3));
        assert_eq!((stat.started, stat.resident_pages), (5555, 200));
    }

    #[test]
    fn a_thread_of_the_kernel_is_known_by_its_flag() {
        let text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 7 0 0 20 0 1 0 3 0 0 18446744073709551615 0";
        let stat = Stat::from_text(text).unwrap();
        assert!(stat.kernel && stat.resident_pages == 0);
    }

    #[test]
    fn our_own_is_read() {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        let stat = Stat::from_text(&text).unwrap();
        assert!(stat.resident_pages > 0 && stat.threads > 0 && !stat.kernel && stat.started > 0);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(1 \\(a\\) S )?(-?[0-9]{0,20}[ )]|\\PC){0,60}") {
            let _ = Stat::from_text(&text);
        }
    }
}
