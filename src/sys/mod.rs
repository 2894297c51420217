//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod nftables;
pub mod xtables;
