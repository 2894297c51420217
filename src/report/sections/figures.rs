//! Figures out of the evidence, for programs and for pictures. A report knows no probe: it takes from a result what has the
//! name and the form that it looks for, and does without what has not.

use serde_json::Value;

use super::name;
use crate::case::{Case, Evidence};

/// What the watched interface moved. A figure that the host did not say is none.
pub struct Watched {
    /// Its name.
    pub interface: String,
    /// Bits received in a second, on average over the window.
    pub rx_bits_per_second: Option<f64>,
    /// Packets received in a second.
    pub rx_packets_per_second: Option<f64>,
    /// Bits sent in a second.
    pub tx_bits_per_second: Option<f64>,
    /// Packets sent in a second.
    pub tx_packets_per_second: Option<f64>,
    /// Received packets that the interface dropped in the window.
    pub rx_dropped: Option<f64>,
}

impl Watched {
    /// The interface that a step watched with the probe `interfaces`.
    pub fn of(case: &Case) -> Option<Self> {
        let watched =
            results(case, "interfaces").find_map(|(_, output)| output.get("watched").filter(|it| it.is_object()))?;
        let number = |side: &str, field: &str| figure(watched.get(side)?.get(field));
        Some(Watched {
            interface: name(watched.get("name")?.as_str()?),
            rx_bits_per_second: number("rx", "bits_per_second"),
            rx_packets_per_second: number("rx", "packets_per_second"),
            tx_bits_per_second: number("tx", "bits_per_second"),
            tx_packets_per_second: number("tx", "packets_per_second"),
            rx_dropped: number("rx", "dropped"),
        })
    }
}

/// What a probe of that name saw, by the steps that asked it.
pub(super) fn results<'a>(case: &'a Case, probe: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let asked = case
        .evidence
        .iter()
        .filter(move |(_, evidence): &(&String, &Evidence)| evidence.probe == probe && !evidence.is_of_elsewhere());
    asked.filter_map(|(step, evidence)| Some((step.as_str(), evidence.output.as_ref()?)))
}

/// A figure that counts or measures something: finite and not negative.
pub(super) fn figure(value: Option<&Value>) -> Option<f64> {
    value?.as_f64().filter(|figure| figure.is_finite() && *figure >= 0.0)
}
