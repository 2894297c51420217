//! A whole and its parts, as one bar.

use plotters::element::Rectangle;
use plotters::style::{Color, RGBColor};

use super::{drawable, picture};

/// The length of the bar in its own units.
const LONG: u32 = 10_000;
/// The least length of a part that is there at all.
const SLIVER: i32 = 20;

/// The parts in their order, each a share of the whole in its colour.
pub fn strip(said: &str, parts: &[(f64, RGBColor)]) -> Option<String> {
    picture((LONG, 100), said, true, |area| {
        let mut from = 0;
        for (share, color) in parts.iter().filter(|(share, _)| drawable(*share) > 0.0) {
            let length = (drawable(share.min(1.0)) * f64::from(LONG)).round() as i32;
            let to = (from + length.max(SLIVER)).min(LONG as i32);
            if to > from {
                area.draw(&Rectangle::new([(from, 0), (to, 100)], color.filled()))?;
            }
            from = to;
        }
        Ok(())
    })
}
