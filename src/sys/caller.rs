//! Who called this process, and what it may do that its caller may not.

#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::OnceLock;

use nix::unistd::{Gid, Uid, geteuid, getgid, getppid, getuid, setfsgid, setfsuid};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use super::unreadable::AtStake;

/// Ancestors that are looked at.
const MOST_ANCESTORS: usize = 64;
/// The most that is read of a file of accounts or of a process.
const MOST_BYTES: u64 = 4 << 20;
/// The login user id of a process that nobody logged in for.
const NO_LOGIN: u32 = u32::MAX;

/// Whose files a process may act by, and what they would decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Users whose files are as good as the process's own: root, and whoever called.
    pub users: Vec<u32>,
    /// What somebody else's files would decide about.
    pub at_stake: AtStake,
}

impl Caller {
    /// Of this process, as it was when this was first asked: what it gives up later makes nobody more trustworthy.
    pub fn of_this_process() -> &'static Self {
        static CALLER: OnceLock<Caller> = OnceLock::new();
        CALLER.get_or_init(|| {
            let named = std::env::var("SUDO_UID").ok().and_then(|user| user.parse().ok());
            let (real, effective) = (getuid().as_raw(), geteuid().as_raw());
            let sudo = named.filter(|_| real == 0).and_then(|named| sudo_user(named, login(), ancestor));
            Caller::new(real, effective, exceeds_its_caller(), sudo)
        })
    }

    fn new(real: u32, effective: u32, exceeds: bool, sudo: Option<u32>) -> Self {
        match (effective, exceeds) {
            // A set-user-ID program of root's: whoever calls it is a stranger.
            (0, _) if real != 0 => Caller { users: vec![0], at_stake: AtStake::Root },
            (0, _) => Caller { users: [0].into_iter().chain(sudo).collect(), at_stake: AtStake::Root },
            (_, true) => Caller { users: vec![0, real], at_stake: AtStake::Capabilities },
            (_, false) => Caller { users: vec![0, effective], at_stake: AtStake::User },
        }
    }

    /// Whether it may do what its caller may not, so that a file which it acts by could make use of that.
    pub fn lends_rights(&self) -> bool {
        self.at_stake != AtStake::User
    }

    /// Whether only the caller and root are in a group, as far as the files of accounts say. A user's private group is such.
    pub fn has_alone(&self, group: u32) -> bool {
        group == 0 || is_private(group, &self.users, &text("/etc/passwd"), &text("/etc/group"))
    }
}

/// Whether this process has rights that whoever started it has not by himself: capabilities of the file or of the service
/// manager, or a set-user-ID or set-group-ID program.
fn exceeds_its_caller() -> bool {
    let held = capabilities(None).map_or(true, |held| !(held.effective | held.permitted).is_empty());
    // SAFETY: no pointers; the call only looks a number up.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    held || secure
}

/// The user who called `sudo`, if what the environment says of it is so. Anybody can write an environment, and services pass
/// on what they were given. The kernel knows who logged in; where it does not, the nearest process above that is not root's
/// must be that user's.
fn sudo_user(named: u32, login: Option<u32>, ancestor: impl FnOnce() -> Option<u32>) -> Option<u32> {
    let known = login.or_else(ancestor);
    known.filter(|known| *known == named)
}

/// The user who logged in to the session that this process belongs to (`/proc/self/loginuid`), if there is one.
fn login() -> Option<u32> {
    text("/proc/self/loginuid").trim().parse().ok().filter(|user| *user != NO_LOGIN)
}

/// The real user of the nearest process above this one that is not root's.
fn ancestor() -> Option<u32> {
    let mut process = getppid().as_raw();
    for _ in 0..MOST_ANCESTORS {
        if process <= 0 {
            return None;
        }
        let status = text(&format!("/proc/{process}/status"));
        let number = |key: &str| -> Option<u32> {
            status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
        };
        match number("Uid:")? {
            0 => process = i32::try_from(number("PPid:")?).ok()?,
            user => return Some(user),
        }
    }
    None
}

/// Whether all members of a group are among these users, and the group and its members are known.
fn is_private(group: u32, users: &[u32], passwd: &str, groups: &str) -> bool {
    let accounts = || {
        passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let (user, primary) = (fields.nth(1)?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
            Some((name, user, primary))
        })
    };
    let mut entries = groups.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(2);
        (fields.next()?.parse() == Ok(group)).then(|| fields.next().unwrap_or_default())
    });
    let Some(named) = entries.next() else { return false };
    let named = named.split(',').filter(|name| !name.is_empty());
    let mut members = named.map(|name| accounts().find(|account| account.0 == name).map(|account| account.1));
    members.all(|member| member.is_some_and(|user| users.contains(&user)))
        && accounts().filter(|account| account.2 == group).all(|account| users.contains(&account.1))
        && entries.next().is_none()
}

/// The beginning of a file that the system keeps; nothing, where it cannot be read: that makes nobody more trustworthy.
fn text(path: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// Whether files that the caller names are opened with the caller's rights, and not with all that this process has.
pub fn reads_as_its_caller() -> bool {
    match Caller::of_this_process().at_stake {
        AtStake::Root => !getuid().is_root(),
        AtStake::Capabilities => true,
        AtStake::User => false,
    }
}

/// Does something on this thread with the rights of whoever called the process: without the program's capabilities, and as the
/// real user and group. What the caller could not open by himself is refused by the kernel here, too. Nothing changes for root,
/// for `sudo` and for a program without capabilities.
///
/// # Errors
/// When the kernel does not let the thread give its rights up; nothing is done then.
pub fn as_caller<T, E: From<io::Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    if !reads_as_its_caller() {
        return work();
    }
    let _given_back_at_the_end = Lowered::new()?;
    work()
}

/// The rights of this thread while they are lowered. They come back when this is dropped.
struct Lowered {
    user: Uid,
    group: Gid,
    capabilities: CapabilitySets,
}

impl Lowered {
    fn new() -> io::Result<Self> {
        let capabilities = capabilities(None)?;
        // These are of the calling thread alone, unlike the user and group ids. Each says which id was in force before.
        let lowered = Lowered { group: setfsgid(getgid()), user: setfsuid(getuid()), capabilities };
        set_capabilities(None, CapabilitySets { effective: CapabilitySet::empty(), ..capabilities })?;
        // An id that there is not changes nothing, and shows what the two calls came to.
        let now = (setfsgid(Gid::from_raw(u32::MAX)), setfsuid(Uid::from_raw(u32::MAX)));
        if now == (getgid(), getuid()) { Ok(lowered) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        setfsgid(self.group);
        setfsuid(self.user);
        // What stays lowered shows as a gap, not as a fault.
        let _ = set_capabilities(None, self.capabilities);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_alone_makes_nobody_the_caller() {
        assert_eq!(sudo_user(1000, Some(1000), || None), Some(1000));
        assert_eq!(sudo_user(1000, Some(1001), || Some(1000)), None, "the kernel knows better");
        assert_eq!(sudo_user(1000, None, || Some(1000)), Some(1000));
        assert_eq!(sudo_user(1000, None, || Some(1001)), None);
        assert_eq!(sudo_user(1000, None, || None), None, "a service with an inherited environment");
    }

    #[test]
    fn rights_beyond_the_callers_are_at_stake_like_roots() {
        let caller = |real, effective, exceeds, sudo| {
            let caller = Caller::new(real, effective, exceeds, sudo);
            (caller.users.clone(), caller.at_stake, caller.lends_rights())
        };
        assert_eq!(caller(0, 0, true, Some(1000)), (vec![0, 1000], AtStake::Root, true));
        assert_eq!(caller(0, 0, false, None), (vec![0], AtStake::Root, true), "a root without capabilities");
        assert_eq!(caller(1000, 0, true, None), (vec![0], AtStake::Root, true), "set-user-ID");
        assert_eq!(caller(1000, 1000, true, None), (vec![0, 1000], AtStake::Capabilities, true));
        assert_eq!(caller(1000, 1000, false, None), (vec![0, 1000], AtStake::User, false));
    }

    #[test]
    fn a_private_group_has_no_other_members_by_either_file() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\nbob:x:1001:1001::/:\neve:x:1002:27::/:\n";
        let groups = "root:x:0:\nann:x:1000:\nbob:x:1001:ann,eve\nsudo:x:27:\nops:x:28:ann\nlost:x:29:gone\n";
        let private = |group| is_private(group, &[0, 1000], passwd, groups);
        assert!(private(1000), "a user's own group");
        assert!(private(28), "a group of the user alone");
        assert!(!private(1001), "others are named");
        assert!(!private(27), "the group of somebody's account");
        assert!(!private(29), "a member that is not known here");
        assert!(!private(4000), "a group that is not known here");
        assert!(!is_private(1000, &[0, 1000], "", ""));
    }

    #[test]
    fn nothing_changes_for_a_process_that_has_what_its_caller_has() {
        assert_eq!(as_caller(|| Ok::<_, io::Error>(7)).unwrap(), 7);
    }
}
