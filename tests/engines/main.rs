//! Containers of real engines, in network and mount namespaces of each test's own. No image is pulled: a folder with one static
//! program is all that a container has.

mod docker;
mod host;
mod podman;
mod runtimes;
#[path = "../support/mod.rs"]
mod support;
