//! What the kernel refused to somebody who has the rights for it.

use crate::case::{Gap, Reason, advice};
use crate::sys::capability::{self, Held};

/// What root holds that has lost nothing of what matters here.
const ALL_OF_ROOT: &str = "CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN and CAP_DAC_READ_SEARCH";

/// The gap as it is for this process: whoever has what it asks for is told what else refuses.
pub(super) fn for_this_process(gap: Gap) -> Gap {
    told(gap, capability::held())
}

fn told(mut gap: Gap, held: &Held) -> Gap {
    let Some(to_fix) = gap.to_fix.as_deref().filter(|_| gap.reason == Reason::Denied) else { return gap };
    let as_root = to_fix == advice::AS_ROOT;
    let needs = advice::capabilities(to_fix).or_else(|| as_root.then_some(ALL_OF_ROOT));
    let Some(needs) = needs.filter(|needs| held.has(needs)) else { return gap };
    if !held.of_the_host() {
        gap.why = format!("casebook has {needs} only within its user namespace, as in a container without root");
        return gap.to_fix("run it as root on the host, outside of the container");
    }
    if as_root {
        gap.why = format!("{}, although casebook has {needs}", gap.why);
        return gap.to_fix(
            "run it outside of the container, or of the profile of AppArmor or SELinux, that forbids it; a file on a mount that \
             refuses root (NFS with root_squash, FUSE) is read by its owner",
        );
    }
    gap.why = format!(
        "casebook has {needs}, and the kernel refuses all the same: a security module (AppArmor, SELinux), a seccomp filter or \
         lockdown forbids it"
    );
    gap.to_fix("run it on the host, outside of the container, the service or the profile that forbids it")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn nobody_is_told_to_get_what_he_has() {
        let own = capability::held();
        let root = nix::unistd::geteuid().is_root();
        let unreadable = Gap::io("read /mnt/x", &io::ErrorKind::PermissionDenied.into());
        for (gap, needs) in
            [(unreadable, ALL_OF_ROOT), (Gap::denied("read /proc/1/fd", "CAP_SYS_PTRACE"), "CAP_SYS_PTRACE")]
        {
            let told = told(gap.clone(), own);
            assert_eq!(told == gap, !own.has(needs), "{told:?}");
            if root && own.has(needs) {
                assert!(!told.to_fix.as_deref().unwrap().starts_with("run with sudo"), "{told:?}");
                assert!(told.why.contains(needs), "{told:?}");
            }
        }
        let other = Gap::denied("look", "CAP_OF_TOMORROW");
        assert_eq!(told(other.clone(), own), other);
        let absent = Gap::new(Reason::Absent, "look", "it is not there").to_fix(advice::AS_ROOT);
        assert_eq!(told(absent.clone(), own), absent);
    }
}
