//! The window in pictures.

use maud::{Markup, PreEscaped, html};

use crate::report::plot;
use crate::report::sections::{Lines, Pictures, Rates, Remotes, Sizes};
use crate::units;

pub(super) fn pictures(pictures: &Pictures) -> Markup {
    let mut figures: Vec<Markup> = Vec::new();
    figures.extend(pictures.rates.as_ref().and_then(rates));
    figures.extend(pictures.remotes.as_ref().and_then(remotes));
    figures.extend(pictures.sizes.as_ref().and_then(sizes));
    figures.extend(pictures.logs.iter().filter_map(lines));
    html! {
        @if !figures.is_empty() {
            section {
                h2 { "The window in pictures" }
                div.pictures { @for figure in &figures { (figure) } }
            }
        }
    }
}

fn figure(svg: String, caption: Markup) -> Markup {
    html! { figure { figcaption { (caption) } (PreEscaped(svg)) } }
}

fn rates(rates: &Rates) -> Option<Markup> {
    let caption = html! {
        b { "Rates of " (rates.interface) }
        span.faint {
            span { i.inbound {} "inbound, peak " (units::bitrate(rates.peak())) } " "
            span { i.outbound {} "outbound" }
        }
    };
    Some(figure(plot::rates(rates)?, caption))
}

fn remotes(remotes: &Remotes) -> Option<Markup> {
    let caption = html! {
        b { "Remotes that sent most" }
        span.faint {
            @if let Some(distinct) = remotes.distinct { "of " (units::count(distinct)) " distinct addresses" }
        }
    };
    Some(figure(plot::ranking(remotes)?, caption))
}

fn sizes(sizes: &Sizes) -> Option<Markup> {
    let caption = html! {
        b { "Packets by size in bytes" }
        span.faint { (sizes.commonest()) }
    };
    Some(figure(plot::columns(sizes)?, caption))
}

fn lines(lines: &Lines) -> Option<Markup> {
    let caption = html! {
        b { "Log lines by the minute" }
        span.faint { (lines.title) ": " (units::count(lines.total())) " lines, times in UTC" }
    };
    Some(figure(plot::minutes(lines)?, caption))
}
