//! The hosts of a merged case: a picture of hosts and causes, and a line for each host.

use maud::{Markup, PreEscaped, html};

use super::badge;
use crate::report::plot::{Cell, Ink, grid};
use crate::report::sections::{FleetSection, Held};

pub(super) fn fleet(fleet: &FleetSection) -> Markup {
    html! {
        section {
            h2 { (fleet.title) }
            @if let Some(picture) = picture(fleet) { (picture) }
            table.hosts {
                tr { th { "" } th { "Host" } th { "Receives" } th { "What it is" } }
                @for row in &fleet.rows {
                    tr { td { (badge(row.verdict)) } td { (row.host) } td { (row.rate) } td { (row.said) } }
                }
            }
            @for note in &fleet.notes { p.faint { (note) } }
        }
    }
}

fn ink(held: Held) -> Ink {
    match held {
        Held::AtWork => Ink::UNEXPLAINED,
        Held::Possible => Ink::OUTBOUND,
        Held::No => Ink::GRID,
        Held::Unknown => Ink::OTHERS,
    }
}

fn picture(fleet: &FleetSection) -> Option<Markup> {
    if fleet.causes.is_empty() || fleet.columns.is_empty() {
        return None;
    }
    let rows: Vec<Vec<Cell>> = (0..fleet.causes.len())
        .map(|cause| {
            fleet.columns.iter().filter_map(|(_, held)| held.get(cause)).map(|held| ink(*held).light).collect()
        })
        .collect();
    let at_work = fleet.columns.iter().filter(|(_, held)| held.contains(&Held::AtWork)).count();
    let said =
        format!("Hosts and causes: of {} hosts, left to right, {at_work} have a cause at work", fleet.columns.len());
    let svg = grid(&said, &rows)?;
    Some(html! {
        figure {
            figcaption {
                b { "Hosts, left to right, and causes" }
                span.faint {
                    span { i class=(Ink::UNEXPLAINED.name) {} "at work" } " "
                    span { i class=(Ink::OUTBOUND.name) {} "possible" } " "
                    span { i class=(Ink::GRID.name) {} "not" } " "
                    span { i class=(Ink::OTHERS.name) {} "no case" }
                }
            }
            (PreEscaped(svg))
            @for (number, cause) in (1..).zip(&fleet.causes) { p { (number) " · " (cause) } }
            p.faint { (fleet.columns.iter().map(|(host, _)| host.as_str()).take(60).collect::<Vec<_>>().join(" · ")) }
        }
    })
}
