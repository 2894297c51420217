//! The style sheet: what is written by hand, and the colours of the pictures.

use std::fmt::Write;

use crate::report::plot::{Ink, hex};

const BY_HAND: &str = include_str!("style.css");

/// The style sheet without its comments: they are for those who write it.
fn by_hand() -> String {
    let mut pieces = BY_HAND.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.filter_map(|piece| piece.split_once("*/")).fold(first, |sheet, (_, rest)| sheet + rest.trim_start())
}

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
    let by_hand = by_hand();
    format!("{by_hand}:root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{painted}")
}
