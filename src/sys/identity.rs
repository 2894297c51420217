//! Which host this is, and as whom we run.

use crate::case::Host;

/// The host's name, its kernel, and whether we are root.
pub fn host() -> Host {
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let (name, kernel) = match nix::sys::utsname::uname() {
        Ok(uname) => (text(uname.nodename()), text(uname.release())),
        Err(_) => ("unknown".into(), "unknown".into()),
    };
    Host { name, kernel, root: nix::unistd::geteuid().is_root() }
}
