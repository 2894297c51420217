//! The incidents, by what they are about.

mod attacks;
mod calm;
mod diagnosed;
mod ends;
mod everyday;
mod firewalled;
mod floods;
mod guests;
mod link;
mod outbound;
mod outbound_senders;
mod receivers;
mod recorded;
mod reflection;
mod services;
mod strained;
mod taken;
mod without_root;
