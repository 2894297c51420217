//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod conntrack;
pub mod identity;
pub mod netlink_dump;
pub mod nftables;
pub mod packet_ring;
pub mod perf;
pub mod rtnetlink;
pub mod sock_diag;
pub mod tally;
pub mod text_file;
pub mod tracefs;
pub mod usage;
pub mod xtables;
