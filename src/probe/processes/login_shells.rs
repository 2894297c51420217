//! Shells of logins that wait for a program before they give a prompt.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::output::LoginShell;
use super::ranking::Seen;
use super::stat::wait_channel;
use crate::probe::process::Names;

/// Most of them in the list.
const LISTED: usize = 16;
/// Most that are looked into.
const LOOKED_INTO: usize = 256;
/// How far down from the shell the program may be.
const DEPTH: usize = 8;
/// Most programs of a shell, and threads of each, of which is asked whether they wait for what is typed.
const MEMBERS: usize = 32;
const THREADS: usize = 16;
/// Most descriptors of a program that are looked at.
const DESCRIPTORS: usize = 64;

/// A shell gives each command that a user types a process group of its own. While it reads the files of its profile, and for what makes
/// its prompt, it does not: such a program is in the group of the shell. So is what it begins for `$(…)` in a command, or for a key that is
/// set to a program: that may have been typed. Those that wait longest come first.
pub(super) fn waiting(all: &[Seen], names: &mut Names, age: impl Fn(u64) -> f64) -> Vec<LoginShell> {
    let by_pid: HashMap<i32, &Seen> = all.iter().map(|seen| (seen.pid, seen)).collect();
    let mut children: HashMap<i32, &Seen> = HashMap::new();
    let mut members: HashMap<i32, Vec<i32>> = HashMap::new();
    let in_group = |seen: &&Seen| {
        let stat = seen.now.stat;
        stat.terminal && stat.group == stat.session && seen.pid != stat.session && stat.state != b'Z'
    };
    for seen in all.iter().filter(in_group) {
        members.entry(seen.now.stat.session).or_default().push(seen.pid);
        // Those that began before it are in the background: the shell would not have begun another.
        let youngest = children.entry(seen.now.stat.parent).or_insert(seen);
        if (seen.now.stat.started, seen.pid) > (youngest.now.stat.started, youngest.pid) {
            *youngest = seen;
        }
    }
    let mut leaders: Vec<i32> = children.keys().copied().filter(|pid| is_leader(&by_pid, *pid)).collect();
    leaders.sort_unstable();
    leaders.truncate(LOOKED_INTO);
    let mut found: Vec<LoginShell> = Vec::new();
    for pid in leaders {
        let Some(shell) = by_pid.get(&pid) else { continue };
        let Some(begun) = children.get(&pid) else { continue };
        let by_login = names.get(shell.now.stat.parent).is_some_and(|parent| lets_in(&parent.name));
        if !by_login || !is_login_shell(pid) {
            continue;
        }
        // A program that was put into the background is in the group as well, and the shell reads what is typed.
        let waits_in = wait_channel(pid);
        if waits_in.as_deref().is_some_and(|channel| !waits_for_programs(channel)) {
            continue;
        }
        // It asks for a passphrase or shows a menu, and whoever logged in is at it.
        if members.get(&pid).is_some_and(|members| members.iter().take(MEMBERS).any(|member| reads_terminal(*member))) {
            continue;
        }
        let mut program = *begun;
        for _ in 0..DEPTH {
            let Some(next) = children.get(&program.pid) else { break };
            // One of many that a script begins one after another is not what holds it up.
            if age(next.now.stat.started) < 0.5 * age(begun.now.stat.started) {
                break;
            }
            program = next;
        }
        let (Some(process), Some(waits_for)) = (names.get(pid).cloned(), names.get(program.pid).cloned()) else {
            continue;
        };
        found.push(LoginShell {
            process,
            age_seconds: age(shell.now.stat.started),
            waits_for,
            waits_seconds: age(begun.now.stat.started),
            waits_in,
        });
    }
    found.sort_by(|one, other| other.waits_seconds.total_cmp(&one.waits_seconds));
    found.truncate(LISTED);
    found
}

/// Whether it leads a session, and gave the terminal to no command that a user typed.
fn is_leader(by_pid: &HashMap<i32, &Seen>, pid: i32) -> bool {
    by_pid.get(&pid).is_some_and(|seen| seen.now.stat.session == pid && seen.now.stat.foreground == seen.now.stat.group)
}

/// Whether a function of the kernel is one in which a shell waits for a program to end, or for what it writes.
fn waits_for_programs(channel: &str) -> bool {
    channel.contains("do_wait")
        || channel.contains("wait4")
        || channel.contains("pipe_read")
        || channel.contains("pipe_wait")
}

/// Whether a thread of a process waits for what is typed at a terminal.
fn reads_terminal(pid: i32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().take(THREADS).any(|thread| {
        let thread = thread.file_name().to_string_lossy().into_owned();
        let text = |name: &str| fs::read_to_string(format!("/proc/{pid}/task/{thread}/{name}")).ok();
        let is_terminal = |descriptor: u64| {
            fs::read_link(format!("/proc/{pid}/fd/{descriptor}"))
                .is_ok_and(|path| is_terminal(path.as_os_str().as_bytes()))
        };
        let channel = text("wchan").unwrap_or_default();
        waits_for_typing(&channel, text("syscall").as_deref(), is_terminal) || polls(&channel) && only_typing_wakes(pid)
    })
}

/// Whether a function of the kernel is one that waits for any of several descriptors.
fn polls(channel: &str) -> bool {
    ["poll_schedule", "do_select", "do_poll", "do_sys_poll", "ep_poll"].iter().any(|name| channel.contains(name))
}

/// Whether a process has a terminal to read from, and no socket or pipe by which something else could come.
fn only_typing_wakes(pid: i32) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let open: Vec<_> =
        descriptors.flatten().take(DESCRIPTORS).filter_map(|one| fs::read_link(one.path()).ok()).collect();
    let any = |is: fn(&[u8]) -> bool| open.iter().any(|path| is(path.as_os_str().as_bytes()));
    open.len() < DESCRIPTORS
        && any(is_terminal)
        && !any(|path| path.starts_with(b"socket:") || path.starts_with(b"pipe:"))
}

/// Whether a thread waits for what is typed, by where in the kernel it waits, and by which call. Without the right to see the call, who waits for bytes and has a terminal
/// to read from is taken to read from that.
fn waits_for_typing(channel: &str, call: Option<&str>, is_terminal: impl Fn(u64) -> bool) -> bool {
    if channel.contains("n_tty_read") {
        return true;
    }
    let mut words = call.unwrap_or_default().split_ascii_whitespace();
    let number = words.next().and_then(|number| number.parse::<libc::c_long>().ok());
    let first = words.next().and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    match (number, first) {
        (Some(number), Some(descriptor)) => {
            [libc::SYS_read, libc::SYS_readv].contains(&number) && is_terminal(descriptor)
        }
        _ => channel.contains("wait_woken") && is_terminal(0),
    }
}

/// Whether what a descriptor leads to is a terminal.
fn is_terminal(path: &[u8]) -> bool {
    [&b"/dev/pts/"[..], b"/dev/tty", b"/dev/console", b"/dev/hvc"].iter().any(|terminal| path.starts_with(terminal))
}

/// The programs that begin the shell of a login.
fn lets_in(name: &str) -> bool {
    name.starts_with("sshd") || matches!(name, "login" | "dropbear")
}

/// Whether it was begun as the shell of a login: by a name behind a dash.
fn is_login_shell(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.first() == Some(&b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::processes::pass::Sample;
    use crate::probe::processes::stat::Stat;
    use std::time::Instant;

    fn seen(pid: i32, parent: i32, group: i32, foreground: i32, started: u64) -> Seen {
        let text = format!(
            "{pid} (a) S {parent} {group} 40 34816 {foreground} 4194304 1 0 0 0 0 0 0 0 20 0 1 0 {started} 4096 10 0 0"
        );
        let now = Sample { at: Instant::now(), stat: Stat::from_text(&text).unwrap(), io: None, open_files: None };
        Seen { pid, now, grown: None }
    }

    #[test]
    fn the_shell_leads_its_session_and_gave_the_terminal_to_nobody() {
        let leads = |all: &[Seen]| is_leader(&all.iter().map(|seen| (seen.pid, seen)).collect(), 40);
        assert!(leads(&[seen(40, 38, 40, 40, 9), seen(42, 40, 40, 40, 10)]));
        // `make`, which a user typed.
        assert!(!leads(&[seen(40, 38, 40, 50, 9), seen(42, 40, 40, 50, 10), seen(50, 40, 50, 50, 90)]));
        assert!(!leads(&[seen(41, 40, 40, 40, 9)]));
    }

    #[test]
    fn who_asks_for_a_passphrase_waits_for_what_is_typed() {
        let terminals = |descriptor| descriptor == 0 || descriptor == 4;
        let read = |descriptor: u32| format!("{} 0x{descriptor:x} 0x7ffd 0x1 0x0 0x0 0x0 0x7ffd 0x7f", libc::SYS_read);
        for (channel, call, waits) in [
            ("n_tty_read", None, true),
            ("wait_woken", None, true),
            ("wait_woken", Some(read(4)), true),
            // A socket.
            ("wait_woken", Some(read(3)), false),
            ("do_wait", None, false),
            ("do_wait", Some("running\n".to_owned()), false),
            ("hrtimer_nanosleep", Some(format!("{} 0x0 0x0", libc::SYS_nanosleep)), false),
        ] {
            assert_eq!(waits_for_typing(channel, call.as_deref(), terminals), waits, "{channel} {call:?}");
        }
        assert!(!waits_for_typing("wait_woken", None, |_| false));
        assert!(is_terminal(b"/dev/pts/3") && is_terminal(b"/dev/tty") && !is_terminal(b"/dev/null"));
        assert!(!reads_terminal(std::process::id() as i32));
    }

    #[test]
    fn only_who_waits_for_a_program_counts() {
        for (channel, waits) in [
            ("do_wait", true),
            ("anon_pipe_read", true),
            ("wait_woken", false),
            ("do_select", false),
            ("poll_schedule_timeout.constprop.0", false),
        ] {
            assert_eq!(waits_for_programs(channel), waits, "{channel}");
        }
        assert!(lets_in("sshd-session") && !lets_in("bash"));
    }
}
