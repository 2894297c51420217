//! What opens a door. It is in no report, no message and no `Debug`.

use std::fmt;
use std::path::Path;

use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust;

/// A token, or a user with a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The user, for what wants one.
    pub user: Option<String>,
    secret: Option<String>,
    /// Where it came from: "GITHUB_TOKEN".
    source: String,
}

impl Credential {
    /// A secret, and where it came from.
    pub fn new(secret: Option<String>, source: &str) -> Self {
        Credential { user: None, secret, source: source.to_owned() }
    }

    /// The secret itself, for the one place that sends it.
    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// How a dry run names it.
    pub(super) fn shown(&self) -> String {
        match &self.secret {
            Some(_) => format!("(from {})", self.source),
            None => "(none)".to_owned(),
        }
    }

    /// A text of somebody else without the secret, should they repeat it.
    pub(super) fn hidden(&self, text: &str) -> String {
        match self.secret.as_deref() {
            Some(secret) if !secret.is_empty() => text.replace(secret, "(token)"),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).field("secret", &self.shown()).finish()
    }
}

/// Why a file of a token is not read. The message goes on from the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// It cannot be read, or others can read or change it.
    #[error("cannot be used: {0}")]
    Unreadable(#[from] Unreadable),
    /// It holds no token.
    #[error("holds no token: one line is expected, at most 4096 bytes")]
    Empty,
}

/// The longest token.
const LONGEST: u64 = 4096;

/// Reads a file that only its owner may read, and that the caller or root owns.
pub fn token_file(path: &Path) -> Result<String, BadToken> {
    let text = match text_file::text_of(trust::open_private(path)?, LONGEST) {
        Err(Unreadable::TooLarge(_) | Unreadable::NotText(_)) => return Err(BadToken::Empty),
        text => text?,
    };
    let token = text.trim();
    let one_line = !token.is_empty() && !token.contains(char::is_control);
    if one_line { Ok(token.to_owned()) } else { Err(BadToken::Empty) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "t0ken\n").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(token_file(&path).is_ok(), good, "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(token_file(&path).unwrap(), "t0ken");
        std::fs::write(&path, "a\nb\n").unwrap();
        assert!(matches!(token_file(&path), Err(BadToken::Empty)));
        assert!(matches!(token_file(folder.path()), Err(BadToken::Unreadable(Unreadable::NotRegular(_)))));
    }

    #[test]
    fn it_shows_itself_nowhere() {
        let credential = Credential::new(Some("t0ken".into()), "GITHUB_TOKEN");
        assert!(!format!("{credential:?} {}", credential.shown()).contains("t0ken"));
        assert_eq!(credential.hidden("bad token t0ken"), "bad token (token)");
    }
}
