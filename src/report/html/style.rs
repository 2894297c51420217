//! The style sheet: what is written by hand, and the colours of the pictures.

use std::fmt::Write;

use crate::report::plot::{Ink, hex};

const BY_HAND: &str = include_str!("style.css");

/// The whole style sheet.
pub fn sheet() -> String {
    let (mut light, mut dark, mut painted) = (String::new(), String::new(), String::new());
    for ink in Ink::all() {
        let (name, color) = (ink.name, hex(ink.light));
        // Writing to a text cannot fail.
        let _ = write!(light, "--{name}:{color};");
        let _ = write!(dark, "--{name}:{};", hex(ink.dark));
        let _ = writeln!(
            painted,
            "svg [fill=\"{color}\"]{{fill:var(--{name})}}svg [stroke=\"{color}\"]{{stroke:var(--{name})}}\
             i.{name}{{background:var(--{name})}}"
        );
    }
    format!("{BY_HAND}:root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{painted}")
}
