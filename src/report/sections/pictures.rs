//! What a report draws: rates over the window, remotes, packet sizes, log lines by the minute.

use jiff::Timestamp;
use serde_json::Value;

use super::figures::{figure, results};
use super::{name, title_of};
use crate::case::Case;
use crate::units;

/// Spans of a line that are drawn; of more, neighbours are drawn as one.
const MOST_SPANS: usize = 240;
/// Remotes that are drawn.
const MOST_REMOTES: usize = 10;
/// Columns of packet sizes that are drawn.
const MOST_SIZES: usize = 16;
/// Steps whose log lines are drawn.
const MOST_LOGS: usize = 2;
/// The longest time of a picture, in seconds; beyond it something is wrong with the evidence.
const LONGEST: f64 = 1e7;

/// What there is to draw.
pub struct Pictures {
    /// Rates over the window.
    pub rates: Option<Rates>,
    /// The remotes that sent most.
    pub remotes: Option<Remotes>,
    /// Packets by their sizes.
    pub sizes: Option<Sizes>,
    /// Log lines by the minute, of each step that read logs.
    pub logs: Vec<Lines>,
}

/// Rates of one interface.
pub struct Rates {
    /// The interface.
    pub interface: String,
    /// The window, cut into spans.
    pub spans: Vec<Span>,
}

/// What an interface moved between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Seconds after the beginning of the window.
    pub from: f64,
    /// The same of its end.
    pub to: f64,
    /// Bits received in a second.
    pub rx: f64,
    /// Bits sent in a second.
    pub tx: f64,
}

/// The remotes that sent most.
pub struct Remotes {
    /// How many there were.
    pub distinct: Option<f64>,
    /// Address, bytes, share of all inbound bytes.
    pub top: Vec<(String, f64, Option<f64>)>,
}

/// Packets by their sizes.
pub struct Sizes {
    /// The range of sizes, and the packets in it.
    pub columns: Vec<(String, f64)>,
}

/// Log lines by the minute.
pub struct Lines {
    /// The step's title.
    pub title: String,
    /// The first minute.
    pub from: Timestamp,
    /// Minutes after the first, and the lines.
    pub minutes: Vec<(f64, f64)>,
}

impl Pictures {
    pub(super) fn of(case: &Case) -> Self {
        Pictures {
            rates: Rates::of(case),
            remotes: results(case, "capture").find_map(|(_, output)| Remotes::of(output)),
            sizes: results(case, "capture").find_map(|(_, output)| Sizes::of(output)),
            logs: results(case, "logs")
                .filter_map(|(step, output)| Lines::of(case, step, output))
                .take(MOST_LOGS)
                .collect(),
        }
    }
}

impl Rates {
    /// From the interface's own counters, or else from a capture.
    fn of(case: &Case) -> Option<Self> {
        let counted = results(case, "interfaces").find_map(|(_, output)| {
            let watched = output.get("watched")?;
            Rates::drawn(watched.get("name")?, spans_that_end(items(watched, "samples")))
        });
        counted.or_else(|| {
            results(case, "capture").find_map(|(_, output)| {
                let seconds = figure(output.get("seconds"))?;
                Rates::drawn(output.get("interface")?, spans_that_begin(items(output, "samples"), seconds))
            })
        })
    }

    fn drawn(interface: &Value, spans: Vec<Span>) -> Option<Self> {
        (spans.len() > 1).then_some(())?;
        Some(Rates { interface: name(interface.as_str()?), spans: merged(spans) })
    }

    /// The highest inbound rate that is drawn.
    pub fn peak(&self) -> f64 {
        self.spans.iter().map(|span| span.rx).fold(0.0, f64::max)
    }

    /// The seconds that are drawn.
    pub fn seconds(&self) -> f64 {
        self.spans.last().map_or(0.0, |span| span.to)
    }
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The moment and the rates of a sample.
fn sample(value: &Value) -> Option<(f64, f64, f64)> {
    let at = figure(value.get("at")).filter(|at| *at <= LONGEST)?;
    Some((at, figure(value.get("rx_bits_per_second"))?, figure(value.get("tx_bits_per_second")).unwrap_or(0.0)))
}

/// Samples that were taken at the end of what they measure.
fn spans_that_end(samples: &[Value]) -> Vec<Span> {
    let mut from = 0.0;
    let mut spans = Vec::with_capacity(samples.len());
    for (to, rx, tx) in samples.iter().filter_map(sample) {
        if to > from {
            spans.push(Span { from, to, rx, tx });
            from = to;
        }
    }
    spans
}

/// Samples that name the beginning of what they measure.
fn spans_that_begin(samples: &[Value], seconds: f64) -> Vec<Span> {
    let samples: Vec<_> = samples.iter().filter_map(sample).collect();
    let ends = samples.iter().skip(1).map(|(at, ..)| *at).chain([seconds.min(LONGEST)]);
    let spans = samples.iter().zip(ends).map(|(&(from, rx, tx), to)| Span { from, to, rx, tx });
    spans.filter(|span| span.to > span.from).collect()
}

/// No more spans than can be told apart: neighbours become one with their mean rate.
fn merged(spans: Vec<Span>) -> Vec<Span> {
    let together = spans.len().div_ceil(MOST_SPANS).max(1);
    let mean = |spans: &[Span]| {
        let (from, to) = (spans.first()?.from, spans.last()?.to);
        let mean = |rate: fn(&Span) -> f64| spans.iter().map(|s| rate(s) * (s.to - s.from)).sum::<f64>() / (to - from);
        Some(Span { from, to, rx: mean(|span| span.rx), tx: mean(|span| span.tx) })
    };
    if together == 1 { spans } else { spans.chunks(together).filter_map(mean).collect() }
}

impl Remotes {
    fn of(output: &Value) -> Option<Self> {
        let remotes = output.get("remotes")?;
        let top = items(remotes, "top").iter().filter_map(|remote| {
            let address = name(remote.get("address")?.as_str()?);
            Some((address, figure(remote.get("bytes"))?, figure(remote.get("share"))))
        });
        let top: Vec<_> = top.take(MOST_REMOTES).collect();
        (!top.is_empty()).then(|| Remotes { distinct: figure(remotes.get("distinct")), top })
    }
}

impl Sizes {
    fn of(output: &Value) -> Option<Self> {
        let mut above = 0.0;
        let mut columns = Vec::new();
        for size in items(output, "sizes").iter().take(MOST_SIZES) {
            let (up_to, packets) = (figure(size.get("up_to"))?, figure(size.get("packets"))?);
            // The last range has no end that means anything.
            let label = if up_to >= 65_536.0 { format!("> {above:.0}") } else { format!("≤ {up_to:.0}") };
            columns.push((label, packets));
            above = up_to;
        }
        columns.iter().any(|(_, packets)| *packets > 0.0).then_some(Sizes { columns })
    }

    /// The range that most packets are in, as a sentence.
    pub fn commonest(&self) -> String {
        let all: f64 = self.columns.iter().map(|(_, packets)| packets).sum();
        let most = self.columns.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        most.map(|(label, packets)| format!("{} of the packets have {label} bytes", units::percent(packets / all)))
            .unwrap_or_default()
    }
}

impl Lines {
    fn of(case: &Case, step: &str, output: &Value) -> Option<Self> {
        let minutes = items(output, "per_minute").iter().filter_map(|minute| {
            let at: Timestamp = minute.get("at")?.as_str()?.parse().ok()?;
            Some((at, figure(minute.get("lines"))?))
        });
        let mut minutes: Vec<(Timestamp, f64)> = minutes.collect();
        minutes.sort_by_key(|(at, _)| *at);
        let from = minutes.first()?.0;
        let since = |at: Timestamp| (at.as_second() - from.as_second()) as f64 / 60.0;
        let minutes: Vec<(f64, f64)> = minutes.into_iter().map(|(at, lines)| (since(at), lines)).collect();
        (minutes.len() > 1 && minutes.last()?.0 <= LONGEST).then(|| Lines {
            title: title_of(case, step),
            from,
            minutes,
        })
    }

    /// All lines.
    pub fn total(&self) -> f64 {
        self.minutes.iter().map(|(_, lines)| lines).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_at_its_end_and_one_at_its_beginning_give_the_same_spans() {
        let at = |at: f64| json!({"at": at, "rx_bits_per_second": at, "tx_bits_per_second": null});
        let span = |from, to, rx| Span { from, to, rx, tx: 0.0 };
        assert_eq!(spans_that_end(&[at(1.0), at(2.0)]), [span(0.0, 1.0, 1.0), span(1.0, 2.0, 2.0)]);
        assert_eq!(spans_that_begin(&[at(0.0), at(1.0)], 2.0), [span(0.0, 1.0, 0.0), span(1.0, 2.0, 1.0)]);
    }

    #[test]
    fn time_that_stands_still_or_runs_back_gives_no_span() {
        let at = |at: f64| json!({"at": at, "rx_bits_per_second": 1.0});
        assert_eq!(spans_that_end(&[at(1.0), at(1.0), at(0.5), at(1e300)]).len(), 1);
        assert_eq!(spans_that_end(&[json!({"at": 1}), json!("x"), json!({"at": -1, "rx_bits_per_second": 2})]), []);
    }

    #[test]
    fn many_spans_become_few_with_the_same_bytes() {
        let spans = (0..1000).map(|n| Span { from: n.into(), to: f64::from(n) + 1.0, rx: n.into(), tx: 2.0 });
        let merged = merged(spans.collect());
        assert!(merged.len() <= MOST_SPANS);
        let bits: f64 = merged.iter().map(|span| span.rx * (span.to - span.from)).sum();
        assert!((bits - 499_500.0).abs() < 1e-6);
        assert_eq!(merged.last().unwrap().to, 1000.0);
    }
}
