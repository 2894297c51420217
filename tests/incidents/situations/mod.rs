//! The incidents, by what they are about.

mod calm;
mod firewalled;
mod floods;
mod receivers;
mod without_root;
