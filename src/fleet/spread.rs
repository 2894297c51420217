//! How figures are spread over the hosts.

use super::said::{median, plural};
use super::summary::Summary;
use crate::case::{FleetHost, Spread};
use crate::units;

/// A figure: its name, its words, and where it stands.
type Figure = (&'static str, &'static str, fn(&FleetHost) -> Option<f64>);

/// Figures that differ by less are the same to a reader.
const ALIKE: f64 = 0.01;
/// The figures that are compared, with their words.
const FIGURES: &[Figure] = &[
    ("rx_bits_per_second", "Received", |host| host.rx_bits_per_second),
    ("rx_packets_per_second", "Packets received", |host| host.rx_packets_per_second),
    ("tx_bits_per_second", "Sent", |host| host.tx_bits_per_second),
];

/// The spread of each figure that a host knows at least.
pub(super) fn spreads(members: &[Summary]) -> Vec<Spread> {
    let spread = |(figure, _, of): &Figure| {
        let known = || {
            let known = members.iter().filter_map(|member| Some((of(&member.host)?, member.host.host.clone())));
            known.filter(|(figure, _)| figure.is_finite())
        };
        let by_figure = |a: &(f64, String), b: &(f64, String)| a.0.total_cmp(&b.0);
        Some(Spread {
            figure: (*figure).to_owned(),
            hosts: known().count(),
            sum: known().map(|(figure, _)| figure).sum(),
            least: known().min_by(by_figure)?,
            median: median(known().map(|(figure, _)| figure))?,
            most: known().max_by(by_figure)?,
        })
    };
    FIGURES.iter().filter_map(spread).collect()
}

/// A sentence for each.
pub(super) fn headlines(spreads: &[Spread], hosts: usize) -> Vec<String> {
    let said = |spread: &Spread| {
        let (_, words, _) = FIGURES.iter().find(|(figure, ..)| *figure == spread.figure)?;
        let shown = |figure: f64| match spread.figure.ends_with("bits_per_second") {
            true => units::bitrate(figure),
            false => format!("{} packets/s", units::count(figure)),
        };
        let known = match hosts - spread.hosts.min(hosts) {
            0 => String::new(),
            unknown => format!(" at least ({} did not say)", plural(unknown, "host")),
        };
        let (least, most) = (&spread.least, &spread.most);
        // What is the same everywhere has no least and no most.
        let is_alike = most.0 - least.0 <= most.0.abs() * ALIKE;
        Some(match spread.hosts {
            1 => format!("{words}: {}{known}", shown(spread.sum)),
            hosts if is_alike => format!(
                "{words}: {} together{known}; {} on each of {}",
                shown(spread.sum),
                shown(spread.median),
                plural(hosts, "host")
            ),
            _ => format!(
                "{words}: {} together{known}; median {}, least {} ({}), most {} ({})",
                shown(spread.sum),
                shown(spread.median),
                shown(least.0),
                least.1,
                shown(most.0),
                most.1
            ),
        })
    };
    spreads.iter().filter_map(said).collect()
}
