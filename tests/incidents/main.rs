//! Live tests: real traffic in network namespaces, and the real binary judged by its JSON.
//!
//! Each incident sets a stage of two namespaces, lets traffic flow, has casebook look, and compares what it says with what
//! must be said. Traffic stays inside the stage and is bounded in rate and time. `rehearsal` tests the stage itself.

mod accuracy;
mod daemon;
mod dialer;
mod incident;
mod judgement;
mod namespace;
mod programs;
mod rehearsal;
mod remedies;
mod service;
mod situations;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod tracked;
mod traffic;
mod xdp_socket;

/// The entry of the processes that incidents start; in an ordinary run it has nothing to do.
#[test]
fn a_service_plays_its_role() {
    service::play_role_if_given();
}
