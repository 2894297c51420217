//! Why a file that somebody named is not read, and how to fix it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::printable::{printable, shell_word};
use crate::units;

/// Why a file cannot be had, and how to fix that.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing of that name.
    #[error("there is no such file")]
    Absent,
    /// The kernel refused.
    #[error("this user may not read it; run with sudo, or let this user read it")]
    Denied,
    /// A folder, a pipe or a device.
    #[error("it is {0}, not a regular file; name a file")]
    NotRegular(&'static str),
    /// More than is read.
    #[error("it is larger than {}, more than is read here", units::bytes(*.0 as f64))]
    TooLarge(u64),
    /// Bytes that are not UTF-8.
    #[error("it is not text: byte {0} is not UTF-8")]
    NotText(usize),
    /// Somebody else could have written what casebook is about to act by.
    #[error("{0}")]
    Untrusted(Untrusted),
    /// Others may read or change what only its owner should.
    #[error("it has mode {0:04o}, so others can read or change it; run `chmod 600` on it")]
    Exposed(u32),
    /// A link leads out of the only folder that it may be in.
    #[error("it is a link out of the script's folder; put the file itself there")]
    LeadsOut,
    /// Anything else.
    #[error("{0}")]
    Other(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Absent,
            io::ErrorKind::PermissionDenied => Unreadable::Denied,
            _ => Unreadable::Other(error),
        }
    }
}

/// Who can change what casebook is about to act by. Its text says who, what that would give them, and how to end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted {
    /// What they can change.
    pub what: Changeable,
    /// Where it is.
    pub path: PathBuf,
    /// Who they are.
    pub who: Stranger,
    /// What they would decide about.
    pub at_stake: AtStake,
    /// Whether `--trust` lets it pass.
    pub waivable: bool,
}

/// What somebody can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changeable {
    /// The file itself.
    File,
    /// A folder that the file lies in, so that they can put another file in its place.
    Folder,
    /// A link on the way to the file.
    Link,
}

/// Who can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// Its owner, by user id.
    Owner(u32),
    /// Everybody.
    Everybody,
    /// The members of its group, by group id.
    Group(u32),
    /// A user whom its access control list names.
    AclUser(u32),
    /// The members of a group that its access control list names.
    AclGroup(u32),
    /// Its group, or whoever an access control list names that cannot be read.
    UnreadAcl,
}

/// What a stranger's file would decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtStake {
    /// What root does.
    Root,
    /// What is done with the capabilities, or the set-group-ID, of the program.
    Capabilities,
    /// What a user without privileges does.
    User,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shell_word(&printable(self.path.as_os_str().as_encoded_bytes()));
        match self.what {
            Changeable::File => {}
            Changeable::Folder => write!(f, "it lies in {path}: ")?,
            Changeable::Link => write!(f, "the link {path} leads to it: ")?,
        }
        match self.who {
            Stranger::Owner(user) => match self.what {
                Changeable::File => write!(f, "it belongs to user {user}")?,
                Changeable::Folder => write!(f, "that folder belongs to user {user}")?,
                Changeable::Link => write!(f, "that link belongs to user {user}")?,
            },
            Stranger::Everybody => write!(f, "everybody may write to it")?,
            Stranger::Group(group) => write!(f, "group {group} may write to it")?,
            Stranger::AclUser(user) => write!(f, "its access control list lets user {user} write to it")?,
            Stranger::AclGroup(group) => write!(f, "its access control list lets group {group} write to it")?,
            Stranger::UnreadAcl => write!(f, "others may write to it, and its access control list cannot be read")?,
        }
        f.write_str(match self.at_stake {
            AtStake::Root => ", so somebody else decides what root does here; ",
            AtStake::Capabilities => ", so somebody else decides what this program's capabilities are used for; ",
            AtStake::User => ", so somebody else decides what you run; ",
        })?;
        let own = matches!(self.at_stake, AtStake::Root);
        match self.who {
            Stranger::Owner(_) if !own => write!(f, "take a copy of your own")?,
            Stranger::Owner(_) if self.what == Changeable::Link => write!(f, "`chown -h root {path}`")?,
            Stranger::Owner(_) => write!(f, "`chown root {path}`")?,
            Stranger::Everybody => write!(f, "`chmod o-w {path}`")?,
            Stranger::Group(_) | Stranger::UnreadAcl => write!(f, "`chmod g-w {path}`")?,
            Stranger::AclUser(user) => write!(f, "`setfacl -x u:{user} {path}`")?,
            Stranger::AclGroup(group) => write!(f, "`setfacl -x g:{group} {path}`")?,
        }
        if self.waivable { f.write_str(", or read it and pass --trust") } else { Ok(()) }
    }
}
