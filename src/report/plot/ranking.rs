//! A ranking: names, each with a bar below it.

use plotters::element::{Rectangle, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Ink, WIDTH, drawable, letters, picture, top};
use crate::report::sections::Remotes;
use crate::units;

/// The height of one row.
const ROW: i32 = 31;

/// The remotes that sent most: address and bytes, and a bar that compares them.
pub fn ranking(remotes: &Remotes) -> Option<String> {
    let rows = i32::try_from(remotes.top.len()).ok().filter(|rows| *rows > 0)?;
    let top = top(remotes.top.iter().map(|(_, bytes, _)| *bytes)) / 1.08;
    let width = WIDTH as i32;
    let left = letters().pos(Pos::new(HPos::Left, VPos::Top));
    let right = letters().pos(Pos::new(HPos::Right, VPos::Top));
    let said = format!("The {rows} remotes that sent most, {} first", remotes.top.first()?.0);
    picture((WIDTH, (rows * ROW) as u32), &said, false, |area| {
        for (row, (address, bytes, share)) in (0..).zip(&remotes.top) {
            let y = row * ROW;
            let figure = match share {
                Some(share) => format!("{}, {}", units::bytes(*bytes), units::percent(*share)),
                None => units::bytes(*bytes),
            };
            area.draw(&Text::new(address.clone(), (0, y + 3), left.clone()))?;
            area.draw(&Text::new(figure, (width, y + 3), right.clone()))?;
            let long = (drawable(*bytes) / top * f64::from(width)) as i32;
            area.draw(&Rectangle::new([(0, y + 22), (width, y + 26)], Ink::GRID.light.filled()))?;
            area.draw(&Rectangle::new([(0, y + 22), (long.max(2), y + 26)], Ink::INBOUND.light.filled()))?;
        }
        Ok(())
    })
}
