//! Other network namespaces of this host: the ways into them, whose they are, which are busy, and looks into them.
//!
//! A namespace is entered twice, for a moment each, by a thread that ends afterwards. Nothing holds one between the two looks, but
//! for a capture, which watches in one for the window.

mod container;
mod host_links;
mod names;
mod places;
mod residents;
mod rounds;
mod visit;
mod ways;

pub use container::Container;
pub use host_links::{HostLinks, Traffic, growth, sum};
pub use names::Names;
pub use places::{containers, label};
pub use residents::Residents;
pub use rounds::{Elsewhere, Looks, There, look_into, visit_beside};
pub use visit::{Depth, Look, Round, Way};
pub use ways::{Numbers, links, look_around, look_around_beside, ways};
