//! Shells of logins that wait for a program before they give a prompt.

use std::collections::HashMap;
use std::fs;

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

/// A shell gives each command that a user types a process group of its own. While it reads the files of its profile, and for what makes
/// its prompt, it does not: such a program is in the group of the shell. Those that wait longest come first.
pub(super) fn waiting(all: &[Seen], names: &mut Names, age: impl Fn(u64) -> f64) -> Vec<LoginShell> {
    let by_pid: HashMap<i32, &Seen> = all.iter().map(|seen| (seen.pid, seen)).collect();
    let mut children: HashMap<i32, &Seen> = HashMap::new();
    let in_group = |seen: &&Seen| {
        let stat = seen.now.stat;
        stat.terminal && stat.group == stat.session && seen.pid != stat.session && stat.state != b'Z'
    };
    for seen in all.iter().filter(in_group) {
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
