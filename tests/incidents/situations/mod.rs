//! The incidents, by what they are about.

mod calm;
mod ends;
mod firewalled;
mod floods;
mod link;
mod receivers;
mod recorded;
mod reflection;
mod services;
mod without_root;
