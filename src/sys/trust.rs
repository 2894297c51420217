//! Whose a file is: what root runs must not be somebody else's to change.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use super::text_file::Unreadable;

/// Whether a file must be trustworthy before root acts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Only root or the caller may be able to change it.
    #[default]
    Required,
    /// The operator said that it is trusted, or nothing is done by it.
    Waived,
}

/// Write permission of the group and of others.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a folder with this bit only the owner of a file can replace it (`S_ISVTX`).
const STICKY: u32 = 0o1000;

/// Who may own what root acts by: root itself, and who called it by sudo.
struct Owners {
    caller: Option<(u32, Option<u32>)>,
}

impl Owners {
    fn of_this_process() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
        Owners { caller: number("SUDO_UID").map(|user| (user, number("SUDO_GID"))) }
    }

    fn is_owner(&self, user: u32) -> bool {
        user == 0 || self.caller.is_some_and(|(caller, _)| caller == user)
    }

    fn is_group(&self, group: u32) -> bool {
        group == 0 || self.caller.is_some_and(|(_, caller)| caller == Some(group))
    }

    /// Who else can change what has these owners and permissions.
    fn stranger(&self, user: u32, group: u32, mode: u32) -> Option<String> {
        if !self.is_owner(user) {
            return Some(format!("it belongs to user {user}"));
        }
        if mode & OTHERS_WRITE != 0 {
            return Some("everybody may write to it".to_owned());
        }
        if mode & GROUP_WRITES != 0 && !self.is_group(group) {
            return Some(format!("group {group} may write to it"));
        }
        None
    }
}

/// Why root should not act by this open file, if there is a reason: somebody else can change it, or replace it by way of a
/// folder that it is in. None for any other user, who has nothing to lend.
pub fn distrust(file: &File, path: &Path) -> io::Result<Option<String>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let owners = Owners::of_this_process();
    let of = |metadata: &Metadata| (metadata.uid(), metadata.gid(), metadata.mode());
    let (user, group, mode) = of(&file.metadata()?);
    if let Some(why) = owners.stranger(user, group, mode) {
        return Ok(Some(why));
    }
    let real = std::fs::canonicalize(path)?;
    for folder in real.ancestors().skip(1) {
        let (user, group, mode) = of(&std::fs::metadata(folder)?);
        // Where the sticky bit is set, others can add files but not replace this one.
        let mode = if mode & STICKY != 0 { mode & !(GROUP_WRITES | OTHERS_WRITE) } else { mode };
        if let Some(why) = owners.stranger(user, group, mode) {
            return Ok(Some(format!("it lies in {}: {why}", folder.display())));
        }
    }
    Ok(None)
}

/// Refuses an open file that root should not act by.
pub fn vet(file: &File, path: &Path) -> Result<(), Unreadable> {
    match distrust(file, path)? {
        Some(why) => Err(Unreadable::Untrusted(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_acts_by_its_own_files_and_those_of_its_caller() {
        let owners = Owners { caller: Some((1000, Some(1000))) };
        assert_eq!(owners.stranger(0, 0, 0o644), None);
        assert_eq!(owners.stranger(1000, 1000, 0o664), None);
        assert_eq!(owners.stranger(0, 0, 0o660), None);
        assert!(owners.stranger(1001, 1001, 0o600).unwrap().contains("user 1001"));
        assert!(owners.stranger(0, 0, 0o666).unwrap().contains("everybody"));
        assert!(owners.stranger(0, 27, 0o664).unwrap().contains("group 27"));
        assert!(Owners { caller: None }.stranger(1000, 1000, 0o600).is_some());
    }
}
