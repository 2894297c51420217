//! What an interface moved over the window.

use plotters::prelude::{AreaSeries, ChartBuilder, LineSeries};
use plotters::style::Color;

use super::{HEIGHT, Ink, WIDTH, drawable, letters, moment, picture, top};
use crate::report::sections::{Rates, Span};
use crate::units;

/// Inbound as an area, outbound as a line, in steps: a rate is what a span had on average.
pub fn rates(rates: &Rates) -> Option<String> {
    let end = rates.seconds();
    let top = top(rates.spans.iter().flat_map(|span| [span.rx, span.tx]));
    let steps = |rate: fn(&Span) -> f64| {
        rates.spans.iter().flat_map(move |span| [(span.from, drawable(rate(span))), (span.to, drawable(rate(span)))])
    };
    let said = format!(
        "Rates of {} over {}: inbound up to {}",
        rates.interface,
        units::span(end),
        units::bitrate(rates.peak())
    );
    picture((WIDTH, HEIGHT), &said, false, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(8)
            .margin_right(18)
            .x_label_area_size(28)
            .y_label_area_size(94)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(Ink::GRID.light.mix(0.0))
            .bold_line_style(Ink::GRID.light)
            .axis_style(Ink::GRID.light)
            .label_style(letters())
            .x_labels(6)
            .y_labels(5)
            .x_label_formatter(&|at| moment(*at, end))
            .y_label_formatter(&|rate| units::bitrate(*rate))
            .draw()?;
        chart.draw_series(
            AreaSeries::new(steps(|span| span.rx), 0.0, Ink::INBOUND.light.mix(0.18))
                .border_style(Ink::INBOUND.light.stroke_width(2)),
        )?;
        chart.draw_series(LineSeries::new(steps(|span| span.tx), Ink::OUTBOUND.light.stroke_width(2)))?;
        Ok(())
    })
}
