//! What a thread gives up before it works on what strangers wrote: capabilities, files that nobody named, sockets, programs.
//!
//! Capabilities, Landlock and seccomp belong to a thread, and a thread that it starts inherits them. Who confines the first
//! thread before there is another confines the process. A kernel that lacks one of them is no error: [`Confinement`] says
//! what holds, and `casebook doctor` prints it.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sys::signal::{SigHandler, Signal, signal};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};

use super::caller::Caller;
use super::capability;
use super::syscalls;

/// The Landlock rights that are asked for; an older kernel enforces those that it knows.
const KNOWN: ABI = ABI::V7;

/// What a thread still needs to reach once it is confined.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Files, and folders with all below, that are read. What is not there is nothing to read.
    pub read: Vec<PathBuf>,
    /// Folders whose files may belong to other users, down to the last: a capability that reads them stays where the folder
    /// is not this user's own.
    pub trees: Vec<PathBuf>,
    /// Files that are written: each itself where it is a device or a pipe, else its folder, where it is made and renamed.
    pub write: Vec<PathBuf>,
    /// Folders in which files and folders are read, made and removed.
    pub keep: Vec<PathBuf>,
    /// The TCP ports that may be connected to; none: no sockets at all.
    pub connect: Vec<u16>,
}

/// What a thread has given up, and what it could not.
#[derive(Debug)]
pub struct Confinement {
    /// Capabilities that stay, because a named file belongs to somebody else: `CAP_DAC_OVERRIDE` and the like.
    pub capabilities: Vec<String>,
    /// Whether only named files can be opened (Landlock).
    pub files: Enforced,
    /// Whether only named ports can be connected to (Landlock since Linux 6.7).
    pub ports: Enforced,
    /// Whether the filter of system calls holds: no programs, no sockets (seccomp).
    pub calls: Enforced,
}

/// Whether a mechanism of the kernel holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforced {
    /// All that was asked for.
    Fully,
    /// As much as this kernel knows.
    Partly,
    /// Not at all, with the reason.
    No(String),
}

/// Gives up for the whole process, before it has a second thread, what casebook never needs: new privileges and other
/// programs. A file that outgrows the limit of the session (`ulimit -f`) becomes an error of the write instead of the end
/// (`SIGXFSZ`).
pub fn process() {
    // Asked while the process still has all that it was started with, and may still look into /proc.
    Caller::of_this_process();
    capability::held();
    // SAFETY: the signal gets no handler of ours; it is ignored.
    let ignored = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    debug_assert!(ignored.is_ok());
    // A kernel that refuses has said so when `confine` reports.
    let _ = nix::sys::prctl::set_no_new_privs();
    let _ = syscalls::forbid_programs();
}

/// Confines the calling thread, and all that it starts from now on, to the profile.
pub fn confine(profile: &Profile) -> Confinement {
    let _ = nix::sys::prctl::set_no_new_privs();
    let capabilities = give_up_capabilities(profile);
    let (files, ports) = match restrict(profile) {
        Ok(RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. }) => {
            let absent = "this kernel has no Landlock, or was booted without it (`lsm=` in its command line)";
            (Enforced::No(absent.to_owned()), Enforced::No(absent.to_owned()))
        }
        Ok(RestrictionStatus { ruleset, landlock, .. }) => {
            let knows =
                |abi| matches!(landlock, LandlockStatus::Available { effective_abi, .. } if effective_abi >= abi);
            let ports = if knows(ABI::V4) {
                Enforced::Fully
            } else {
                Enforced::No("Landlock knows no ports before Linux 6.7".to_owned())
            };
            (if ruleset == RulesetStatus::FullyEnforced { Enforced::Fully } else { Enforced::Partly }, ports)
        }
        Err(error) => (Enforced::No(error.clone()), Enforced::No(error)),
    };
    let calls = syscalls::allow_work(!profile.connect.is_empty());
    let calls = calls.map_or_else(Enforced::No, |()| Enforced::Fully);
    Confinement { capabilities, files, ports, calls }
}

/// Gives up all capabilities but those without which a named file could not be reached. Returns their names.
fn give_up_capabilities(profile: &Profile) -> Vec<String> {
    let Ok(CapabilitySets { permitted, .. }) = capabilities(None) else { return Vec::new() };
    if permitted.is_empty() {
        return Vec::new();
    }
    for number in 0..u64::BITS {
        // The kernel refuses the first number that it does not know, and all behind it. Without CAP_SETPCAP the set stays, and
        // means nothing: no program is started.
        if remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)).is_err() {
            break;
        }
    }
    // It fails only where the set is not there.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    let _ = set_capabilities(None, CapabilitySets { effective: none, permitted, inheritable: none });
    let kept = needed(profile) & permitted;
    let _ = set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none });
    let mut names: Vec<String> = kept.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    names.sort();
    names
}

/// The capabilities without which this user could not reach what the profile names: root with `sudo` in somebody's home.
/// Called while none is effective.
fn needed(profile: &Profile) -> CapabilitySet {
    let (read, write) = (libc::R_OK, libc::W_OK | libc::X_OK);
    let is_foreign = |path: &Path| fs::metadata(path).is_ok_and(|of| of.uid() != nix::unistd::geteuid().as_raw());
    let reads = profile.read.iter().chain(&profile.trees).any(|path| is_refused(path, read))
        || profile.trees.iter().any(|path| is_foreign(path));
    let writes = profile.write.iter().any(|path| {
        let folder = folder_of(path);
        is_refused(path, libc::W_OK) || (!is_special(path) && is_refused(folder, write))
    }) || profile.keep.iter().any(|path| is_refused(existing(path), read | write));
    let mut kept = CapabilitySet::empty();
    kept.set(CapabilitySet::DAC_READ_SEARCH, reads);
    kept.set(CapabilitySet::DAC_OVERRIDE, writes);
    kept
}

/// Whether the effective rights of this thread do not suffice for a path. Before Linux 5.8 the kernel cannot be asked, and
/// they are taken not to.
fn is_refused(path: &Path, wanted: libc::c_int) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path ends in a zero byte and lives until the call returns; the other arguments are numbers.
    let answer =
        unsafe { libc::syscall(libc::SYS_faccessat2, libc::AT_FDCWD, path.as_ptr(), wanted, libc::AT_EACCESS) };
    answer != 0 && matches!(io::Error::last_os_error().raw_os_error(), Some(libc::EACCES | libc::EPERM | libc::ENOSYS))
}

/// Opens nothing from now on but what the profile names.
fn restrict(profile: &Profile) -> Result<RestrictionStatus, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(KNOWN)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(KNOWN)))
        .and_then(Ruleset::create);
    let mut ruleset = ruleset.map_err(|error| said(&error))?;
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = AccessFs::WriteFile | AccessFs::Truncate;
    let replacing = writing | AccessFs::ReadDir | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Refer;
    for path in profile.read.iter().chain(&profile.trees) {
        ruleset = allow(ruleset, path, reading)?;
    }
    for path in &profile.write {
        let (path, access) = if is_special(path) { (path.as_path(), writing) } else { (folder_of(path), replacing) };
        ruleset = allow(ruleset, path, access)?;
    }
    for path in &profile.keep {
        ruleset = allow(ruleset, existing(path), reading | replacing | AccessFs::MakeDir)?;
    }
    for port in &profile.connect {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(|error| said(&error))?;
    }
    ruleset.restrict_self().map_err(|error| said(&error))
}

/// Adds what may be done with a path and all below. A path that is not there allows nothing; a pipe or a socket that is
/// open already needs no rule, and the kernel takes none.
fn allow(ruleset: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, String> {
    let Ok(open) = PathFd::new(path) else { return Ok(ruleset) };
    let is_folder = fs::metadata(path).is_ok_and(|of| of.is_dir());
    let access = if is_folder { access } else { access & AccessFs::from_file(KNOWN) };
    let copy = ruleset.try_clone().map_err(|error| error.to_string())?;
    Ok(ruleset.add_rule(PathBeneath::new(open, access)).unwrap_or(copy))
}

/// A device or a pipe: written as it stands.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|of| !of.is_dir() && !of.is_file())
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path, or the nearest folder above it that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|above| above.exists())
        .filter(|above| !above.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;

    /// Does something on a thread that is confined to the profile.
    fn confined<T: Send + 'static>(profile: Profile, work: impl FnOnce(&Confinement) -> T + Send + 'static) -> T {
        std::thread::spawn(move || work(&confine(&profile))).join().unwrap()
    }

    /// Whether this kernel can confine files; where it cannot, the test says so.
    fn has_landlock(confinement: &Confinement) -> bool {
        let has = !matches!(confinement.files, Enforced::No(_));
        if !has {
            println!("skipped: {:?}", confinement.files);
        }
        has
    }

    #[test]
    fn a_confined_thread_reads_what_was_named_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (named, other, below) =
            (folder.path().join("named"), folder.path().join("other"), folder.path().join("below"));
        fs::create_dir(&below).unwrap();
        for path in [&named, &other, &below.join("file")] {
            fs::write(path, "text").unwrap();
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&other, &link).unwrap();
        let profile = Profile { read: vec![named.clone(), below.clone(), "missing".into()], ..Profile::default() };
        confined(profile, move |confinement| {
            if has_landlock(confinement) {
                assert_eq!(fs::read_to_string(&named).unwrap(), "text");
                assert_eq!(fs::read_to_string(below.join("file")).unwrap(), "text");
                for path in [other.as_path(), link.as_path(), Path::new("/etc/passwd")] {
                    assert_eq!(fs::read(path).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{path:?}");
                }
                assert!(fs::write(&named, "changed").is_err());
                assert!(fs::read_dir("/").is_err());
            }
        });
    }

    #[test]
    fn a_file_is_replaced_in_its_folder_and_none_is_written_elsewhere() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let report = folder.path().join("report.md");
        let profile = Profile { write: vec![report.clone(), "/dev/null".into()], ..Profile::default() };
        let kept = (folder, elsewhere);
        confined(profile, move |confinement| {
            if has_landlock(confinement) {
                let part = report.with_extension("part");
                fs::write(&part, "new").unwrap();
                fs::rename(&part, &report).unwrap();
                fs::write("/dev/null", "gone").unwrap();
                assert!(fs::read(&report).is_err());
                assert!(fs::write(kept.1.path().join("other"), "new").is_err());
                assert!(std::os::unix::fs::symlink("/etc", kept.0.path().join("link")).is_err());
            }
        });
    }

    #[test]
    fn a_confined_thread_and_those_it_starts_make_no_sockets_and_start_no_programs() {
        confined(Profile::default(), |confinement| {
            assert_eq!(confinement.calls, Enforced::Fully);
            let inner = std::thread::spawn(|| {
                assert!(UdpSocket::bind("127.0.0.1:0").is_err());
                assert!(TcpListener::bind("127.0.0.1:0").is_err());
                assert!(std::os::unix::net::UnixDatagram::unbound().is_err());
                assert!(Command::new("/bin/true").status().is_err());
            });
            inner.join().unwrap();
        });
    }

    #[test]
    fn a_thread_that_connects_reaches_the_named_port_alone() {
        let (named, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (to, not_to) = (named.local_addr().unwrap(), other.local_addr().unwrap());
        confined(Profile { connect: vec![to.port()], ..Profile::default() }, move |confinement| {
            TcpStream::connect(to).unwrap();
            if confinement.ports == Enforced::Fully {
                assert_eq!(TcpStream::connect(not_to).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            } else {
                println!("skipped: {:?}", confinement.ports);
            }
            assert!(
                nix::sys::socket::socket(
                    nix::sys::socket::AddressFamily::Packet,
                    nix::sys::socket::SockType::Raw,
                    nix::sys::socket::SockFlag::empty(),
                    None
                )
                .is_err()
            );
            assert!(Command::new("/bin/true").status().is_err());
        });
    }

    #[test]
    fn what_a_thread_gave_up_shows_in_its_status_and_not_in_that_of_others() {
        let (named, wait) = std::sync::mpsc::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let confinement = confine(&Profile::default());
            named.send((nix::unistd::gettid(), confinement.capabilities)).unwrap();
            let _ = finished.recv();
        });
        let (id, kept) = wait.recv().unwrap();
        let status = |id| fs::read_to_string(format!("/proc/self/task/{id}/status")).unwrap();
        let field = |status: &str, name: &str| {
            status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned())).unwrap()
        };
        let (there, here) = (status(id), status(nix::unistd::gettid()));
        drop(finish);
        thread.join().unwrap();
        assert_eq!(kept, Vec::<String>::new());
        for (name, wanted) in [("NoNewPrivs:", "1"), ("Seccomp:", "2"), ("CapEff:", "0000000000000000")] {
            assert_eq!(field(&there, name), wanted, "{name}");
        }
        assert_eq!(field(&there, "CapPrm:"), "0000000000000000");
        assert_eq!(field(&here, "NoNewPrivs:"), "0");
        assert_eq!(field(&here, "Seccomp:"), "0");
    }

    #[test]
    fn root_keeps_the_right_to_a_named_file_of_somebody_else_and_no_other() {
        use std::os::unix::fs::PermissionsExt;
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root has rights to give up");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let (file, report) = (home.path().join("a.case"), home.path().join("report.md"));
        fs::write(&file, "text").unwrap();
        let user = nix::unistd::Uid::from_raw(65534);
        for (path, mode) in [(file.as_path(), 0o600), (home.path(), 0o700)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            nix::unistd::chown(path, Some(user), None).unwrap();
        }
        let reads = Profile { read: vec![file.clone()], ..Profile::default() };
        let writes = Profile { write: vec![report.clone()], ..Profile::default() };
        confined(reads, move |confinement| {
            assert_eq!(confinement.capabilities, ["CAP_DAC_READ_SEARCH"]);
            assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        });
        confined(writes, move |confinement| {
            assert_eq!(confinement.capabilities, ["CAP_DAC_OVERRIDE"]);
            fs::write(&report, "text").unwrap();
        });
    }
}
