//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod packet_ring;
