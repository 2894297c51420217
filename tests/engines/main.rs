//! Containers of real engines, in network and mount namespaces of each test's own. No image is pulled: a folder with one static
//! program is all that a container has. What no engine of Debian 12 starts by itself, a pod, is staged.

mod docker;
mod host;
mod pod;
mod podman;
mod runtimes;
#[path = "../support/mod.rs"]
mod support;
mod systemd;
