//! Counts as upright bars: packets by size, log lines by the minute.

use plotters::element::{Rectangle, Text};
use plotters::prelude::ChartBuilder;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{HEIGHT, Ink, WIDTH, drawable, letters, picture, top};
use crate::report::sections::{Lines, Sizes};
use crate::units;

/// Room for the words below the bars.
const BELOW: i32 = 26;
/// Room for the figures above the bars.
const ABOVE: i32 = 20;

/// A bar for each range of sizes, its count above it.
pub fn columns(sizes: &Sizes) -> Option<String> {
    let count = i32::try_from(sizes.columns.len()).ok().filter(|count| *count > 0)?;
    let top = top(sizes.columns.iter().map(|(_, packets)| *packets));
    let (width, height) = (WIDTH as i32, HEIGHT as i32);
    let slot = width / count;
    let words = letters().pos(Pos::new(HPos::Center, VPos::Bottom));
    picture((WIDTH, HEIGHT), &format!("Packet sizes: {}", sizes.commonest()), false, |area| {
        let ground = height - BELOW;
        area.draw(&Rectangle::new([(0, ground), (width, ground + 1)], Ink::GRID.light.filled()))?;
        for (index, (label, packets)) in (0..).zip(&sizes.columns) {
            let (left, middle) = (index * slot + slot / 8, index * slot + slot / 2);
            let tall = (drawable(*packets) / top * f64::from(ground - ABOVE)) as i32;
            // What is there at all shows at least as a sliver.
            let tall = if *packets > 0.0 { tall.max(2) } else { 0 };
            if tall > 0 {
                let bar = [(left, ground - tall), (left + slot * 3 / 4, ground)];
                area.draw(&Rectangle::new(bar, Ink::INBOUND.light.filled()))?;
                area.draw(&Text::new(short(*packets), (middle, ground - tall - 3), words.clone()))?;
            }
            area.draw(&Text::new(label.replace(' ', ""), (middle, height - 4), words.clone()))?;
        }
        Ok(())
    })
}

/// A count in the width of a bar.
fn short(count: f64) -> String {
    match count {
        count if count >= 999_500.0 => format!("{:.1} M", count / 1e6),
        count if count >= 9_999.5 => format!("{:.0} k", count / 1e3),
        count => units::count(count),
    }
}

/// A bar for each minute.
pub fn minutes(lines: &Lines) -> Option<String> {
    let end = lines.minutes.last()?.0 + 1.0;
    let top = top(lines.minutes.iter().map(|(_, lines)| *lines));
    let said = format!("{}: {} log lines in {}", lines.title, units::count(lines.total()), units::span(end * 60.0));
    picture((WIDTH, HEIGHT), &said, false, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(8)
            .margin_right(18)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        let clock = |minute: &f64| {
            let since = jiff::SignedDuration::from_mins(minute.round() as i64);
            lines.from.checked_add(since).map_or(String::new(), |at| at.strftime("%H:%M").to_string())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(Ink::GRID.light.mix(0.0))
            .bold_line_style(Ink::GRID.light)
            .axis_style(Ink::GRID.light)
            .label_style(letters())
            .x_labels(6)
            .y_labels(4)
            .x_label_formatter(&clock)
            .y_label_formatter(&|count| units::count(*count))
            .draw()?;
        let bars = lines.minutes.iter().filter(|(_, lines)| *lines > 0.0);
        chart.draw_series(bars.map(|(minute, lines)| {
            Rectangle::new([(minute + 0.08, 0.0), (minute + 0.92, drawable(*lines))], Ink::INBOUND.light.filled())
        }))?;
        Ok(())
    })
}
