//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod netlink_dump;
pub mod printable;
pub mod rtnetlink;
pub mod sock_diag;
