//! A grid of cells, as of hosts and causes.

use plotters::element::Rectangle;
use plotters::element::Text;
use plotters::style::{Color, RGBColor};

use super::{letters, picture};

/// The width of the picture in its own units.
const WIDTH: i32 = 960;
/// The height of a row.
const ROW: i32 = 26;
/// Where the cells begin: before them stands the number of the row.
const LEFT: i32 = 40;
/// The widest cell.
const WIDEST: i32 = 40;

/// The colour of a cell.
pub type Cell = RGBColor;

/// The rows from above to below, each of the same number of cells; a number stands before each.
pub fn grid(said: &str, rows: &[Vec<Cell>]) -> Option<String> {
    let columns = i32::try_from(rows.iter().map(Vec::len).max()?).ok().filter(|columns| *columns > 0)?;
    let height = i32::try_from(rows.len()).ok()?.checked_mul(ROW)?;
    let width = ((WIDTH - LEFT) / columns).clamp(1, WIDEST);
    // Between cells that are wide enough to be told apart lies a gap.
    let gap = if width > 4 { 2 } else { 0 };
    picture((WIDTH.unsigned_abs(), height.unsigned_abs()), said, false, |area| {
        for (row, cells) in (0..).zip(rows) {
            let top = row * ROW;
            area.draw(&Text::new(format!("{}", row + 1), (4, top + 4), letters()))?;
            for (column, cell) in (0..).zip(cells) {
                let left = LEFT + column * width;
                let corners = [(left, top + 2), (left + width - gap, top + ROW - 2)];
                area.draw(&Rectangle::new(corners, cell.filled()))?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::{Ink, hex};

    #[test]
    fn each_cell_is_drawn_and_a_thousand_fit() {
        let rows = vec![vec![Ink::GRID.light, Ink::UNEXPLAINED.light], vec![Ink::GRID.light; 2]];
        let svg = grid("two hosts", &rows).unwrap();
        assert_eq!(svg.matches(&hex(Ink::UNEXPLAINED.light)).count(), 1, "{svg}");
        assert_eq!(svg.matches(&hex(Ink::GRID.light)).count(), 3, "{svg}");
        assert!(grid("many", &[vec![Ink::GRID.light; 1000]]).is_some());
        assert!(grid("none", &[]).is_none() && grid("none", &[Vec::new()]).is_none());
    }
}
