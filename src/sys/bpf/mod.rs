//! Programs that run inside the kernel (eBPF), written as listings that can be read, without a compiler or a library.
//!
//! [`listing`] turns named instructions into the kernel's words, [`btf`] knows where the fields of the running kernel's
//! structures stand (BTF), and [`kernel`] makes maps and runs programs at tracepoints and over all things of a kind. All of it
//! lives in descriptors of this process: nothing is pinned, and nothing stays when the process is gone, however it ended.

pub mod btf;
pub mod kernel;
pub mod listing;
mod text;
