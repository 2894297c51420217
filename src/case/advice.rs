//! What lets casebook see more: sudo, or a binary with capabilities that only a few may run.

/// What helps where the kernel let only root look.
pub const AS_ROOT: &str = "run with sudo";
/// What stands before the names of the capabilities that would do.
const WITH_CAPABILITIES: &str = "run with sudo, or give a group-restricted binary ";
/// What stands there in cases of casebook 0.1.
const WITH_CAPABILITIES_BEFORE: &str = "run with sudo, or give the binary ";

/// What helps where a capability is missing: `capabilities` names it, or several with commas and "and".
pub fn with_capabilities(capabilities: &str) -> String {
    format!("{WITH_CAPABILITIES}{capabilities}")
}

/// The capabilities that [`with_capabilities`] named, also in an older case.
pub fn capabilities(to_fix: &str) -> Option<&str> {
    [WITH_CAPABILITIES, WITH_CAPABILITIES_BEFORE].iter().find_map(|before| to_fix.strip_prefix(before))
}

/// How a group-restricted binary is made: capabilities of a file are those of everybody who may run it.
pub fn group_restricted(capabilities: &[String]) -> String {
    format!(
        "A group-restricted binary can be run by root and one group alone, because its capabilities are those of everybody who \
         may run it: chgrp casebook-users casebook && chmod 0750 casebook && setcap {}+ep casebook",
        capabilities.join(",").to_lowercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_back_from_new_and_old_advice() {
        assert_eq!(capabilities(&with_capabilities("CAP_NET_RAW")), Some("CAP_NET_RAW"));
        assert_eq!(capabilities("run with sudo, or give the binary CAP_BPF"), Some("CAP_BPF"));
        assert_eq!(capabilities(AS_ROOT), None);
    }
}
