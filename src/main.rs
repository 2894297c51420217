//! The command line of casebook.
fn main() {}
