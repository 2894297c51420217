//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod beneath;
pub mod bpf;
pub mod bpf_links;
pub mod caller;
pub mod clock;
pub mod config_home;
pub mod confine;
pub mod conntrack;
pub mod identity;
pub mod lua_hook;
pub mod memory;
pub mod netlink_dump;
pub mod nftables;
pub mod outlet;
pub mod packet_ring;
pub mod perf;
pub mod rtnetlink;
pub mod sock_diag;
mod syscalls;
pub mod text_file;
pub mod thread;
pub mod time_zone;
pub mod tracefs;
pub mod trust;
pub mod unreadable;
pub mod usage;
pub mod xtables;
