//! Kinds of unit.

/// Kinds of unit that are told of. Devices, slices and targets are nothing that runs or fails by itself.
const KINDS: &[&str] = &["service", "scope", "socket", "mount", "automount", "swap", "timer", "path"];

/// Whether units of that name are told of.
pub(super) fn is_kept(name: &str) -> bool {
    kind(name).is_some()
}

/// The kind of a unit, if it is one of them: what its name ends in.
pub(super) fn kind(name: &str) -> Option<&'static str> {
    let (stem, ending) = name.rsplit_once('.')?;
    KINDS.iter().copied().find(|kind| *kind == ending && !stem.is_empty())
}
