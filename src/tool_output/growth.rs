//! What two outputs of one counter tell, with times between them: those of `date`, of `uptime`, or of a `sleep` between two
//! commands of one line or of two.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::data::Data;
use super::piece::Piece;
use super::{links, samples};

/// Outputs that are further apart have nothing to do with each other, or the host was started anew between them.
const FURTHEST: f64 = 86_400.0;

/// What grew.
#[derive(Debug, Default)]
pub(super) struct Growth {
    pub rates: Vec<samples::Report>,
    pub counters: BTreeMap<String, u64>,
    /// How long the counters grew.
    pub seconds: Option<f64>,
    /// Counters of cards and of connection tracking, with what they are of, and how long they grew.
    pub others: Vec<(String, String, u64, f64)>,
    /// Packets, drops and squeezes of each CPU, and how long they grew.
    pub softnet: Option<(Vec<[u64; 3]>, f64)>,
    /// The seconds between two command lines, where nothing but a `sleep` tells them.
    pub slept: Option<f64>,
}

/// Fields of the probe `kernel`, with the counters that they are of.
const KERNEL: &[(&str, &str, &[&str])] = &[
    ("ip", "in_receives", &["Ip.InReceives"]),
    ("ip", "forwarded", &["Ip.ForwDatagrams"]),
    ("tcp", "listen_overflows", &["TcpExt.ListenOverflows"]),
    ("tcp", "listen_drops", &["TcpExt.ListenDrops"]),
    ("tcp", "syncookies_sent", &["TcpExt.SyncookiesSent"]),
    ("tcp", "req_q_full_drop", &["TcpExt.TCPReqQFullDrop"]),
    ("tcp", "req_q_full_do_cookies", &["TcpExt.TCPReqQFullDoCookies"]),
    ("tcp", "out_rsts", &["Tcp.OutRsts"]),
    ("udp", "no_ports", &["Udp.NoPorts", "Udp6.NoPorts"]),
    ("udp", "rcvbuf_errors", &["Udp.RcvbufErrors", "Udp6.RcvbufErrors"]),
    ("udp", "in_csum_errors", &["Udp.InCsumErrors", "Udp6.InCsumErrors"]),
    ("icmp", "in_msgs", &["Icmp.InMsgs"]),
    ("icmp", "out_echo_reps", &["Icmp.OutEchoReps"]),
];

/// An output that came before, and when.
struct Before<'p> {
    piece: &'p Piece,
    /// The interface, where it is of one.
    of: Option<&'p str>,
    at: f64,
}

impl Growth {
    /// Goes through the outputs in order: each is of the time that was printed last before it.
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let mut growth = Growth::default();
        let mut now: Option<(f64, Option<Date>)> = None;
        // What was slept from the beginning on, between command lines.
        let mut rested = 0.0;
        let mut earlier: BTreeMap<usize, Vec<Before<'_>>> = BTreeMap::new();
        for piece in pieces {
            rested += piece.rested;
            match &piece.data {
                Data::Moment(at) => {
                    let seconds = at.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
                    now = Some((seconds as f64, Some(at.date())));
                }
                Data::Machine(machine) => {
                    if let Some(time) = machine.time {
                        let midnight = now
                            .and_then(|(_, day)| day?.to_zoned(TimeZone::UTC).ok())
                            .map_or(0, |zoned| zoned.timestamp().as_second());
                        now = Some((midnight as f64 + f64::from(time), now.and_then(|(_, day)| day)));
                    }
                }
                _ => {}
            }
            let Some(kind) = kind(&piece.data) else { continue };
            let of = if let Data::Nic(nic) = &piece.data { nic.interface.as_deref() } else { None };
            let known = earlier.entry(kind).or_default();
            let before = known.iter().find(|before| before.of == of);
            let slept = before.and_then(|before| {
                let slept = piece.slept.filter(|_| before.piece.command == piece.command)?;
                Some((before.at + slept, slept))
            });
            let at = match (now, slept) {
                (Some((now, _)), None) => now,
                // Where the time was printed between them, that counts.
                (Some((now, _)), Some(_)) if before.is_some_and(|before| now > before.at) => now,
                (_, Some((at, _))) => at,
                (None, None) => rested,
            };
            let timed = now.is_some() || slept.is_some() || rested > 0.0;
            let apart = before.filter(|_| timed).map(|before| (before.piece, at - before.at));
            if let Some((before, seconds)) = apart.filter(|(_, seconds)| *seconds > 0.0 && *seconds < FURTHEST) {
                growth.add(&before.data, &piece.data, seconds, now.map(|(_, day)| (at, day)));
                growth.slept = growth.slept.or(Some(seconds).filter(|_| now.is_none() && slept.is_none()));
            }
            known.retain(|before| before.of != of);
            known.push(Before { piece, of, at });
        }
        growth
    }

    fn add(&mut self, before: &Data, after: &Data, seconds: f64, at: Option<(f64, Option<Date>)>) {
        let grown = |before: &[(String, u64)], after: &[(String, u64)]| -> Vec<(String, u64)> {
            let earlier: BTreeMap<&str, u64> = before.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let more =
                |(name, value): &(String, u64)| Some((name.clone(), value.checked_sub(*earlier.get(name.as_str())?)?));
            after.iter().filter_map(more).collect()
        };
        match (before, after) {
            (Data::Links(before), Data::Links(after)) => {
                self.rates.extend(rates_of(before, after, seconds, at));
            }
            (Data::Counters(before), Data::Counters(after)) if before.since_boot && after.since_boot => {
                self.seconds = Some(seconds);
                self.counters.extend(grown(&before.counters, &after.counters));
            }
            (Data::Nic(before), Data::Nic(after)) => {
                let name = after.interface.clone().unwrap_or_else(|| "the card".into());
                let grown = by_place(&before.counters, &after.counters)
                    .unwrap_or_else(|| grown(&before.counters, &after.counters))
                    .into_iter()
                    .filter(|(_, more)| *more > 0);
                self.others.extend(grown.map(|(counter, more)| (name.clone(), counter, more, seconds)));
            }
            (Data::Conntrack(before), Data::Conntrack(after)) => {
                for (counter, value) in &after.trouble {
                    let more = before.trouble.get(counter).and_then(|earlier| value.checked_sub(*earlier));
                    if let Some(more) = more.filter(|more| *more > 0) {
                        self.others.push(("connection tracking".into(), counter.clone(), more, seconds));
                    }
                }
            }
            (Data::Softnet(before), Data::Softnet(after)) if before.len() == after.len() => {
                let more = |(before, after): (&[u64; 3], &[u64; 3])| -> Option<[u64; 3]> {
                    // The columns are counters of 32 bits.
                    let grew = |at: usize| u64::from((after[at] as u32).wrapping_sub(before[at] as u32));
                    (after[0] <= u64::from(u32::MAX)).then(|| [grew(0), grew(1), grew(2)])
                };
                let rows: Option<Vec<[u64; 3]>> = before.iter().zip(after).map(more).collect();
                self.softnet = rows.map(|rows| (rows, seconds)).or(self.softnet.take());
            }
            _ => {}
        }
    }

    /// The part of the probe `kernel` that grew.
    pub(super) fn kernel(&self) -> Map<String, Value> {
        let mut output = Map::new();
        if let Some((rows, seconds)) = &self.softnet {
            let sum = |at: usize| rows.iter().map(|row| row[at]).sum::<u64>();
            let busiest = rows.iter().enumerate().max_by_key(|(_, row)| row[0]).filter(|_| sum(0) > 0);
            let mut softnet =
                json!({"cpus": rows.len(), "processed": sum(0), "dropped": sum(1), "time_squeeze": sum(2)});
            if let Some((cpu, row)) = busiest {
                softnet["busiest_cpu"] = json!(cpu);
                softnet["busiest_cpu_processed_share"] = json!(row[0] as f64 / sum(0) as f64);
            }
            output.insert("softnet".into(), softnet);
            output.insert("seconds".into(), json!(seconds));
        }
        let Some(seconds) = self.seconds else { return output };
        output.insert("seconds".into(), json!(seconds));
        for (group, field, counters) in KERNEL {
            let known: Vec<u64> = counters.iter().filter_map(|name| self.counters.get(*name)).copied().collect();
            if !known.is_empty() {
                let group = output.entry(*group).or_insert_with(|| json!({}));
                group[*field] = json!(known.iter().sum::<u64>());
            }
        }
        let grew: BTreeMap<&String, &u64> = self.counters.iter().filter(|(_, more)| **more > 0).collect();
        output.insert("grew".into(), json!(grew));
        output
    }
}

/// Which outputs are of one kind; none where nothing grows.
fn kind(data: &Data) -> Option<usize> {
    match data {
        Data::Links(_) => Some(0),
        Data::Counters(_) => Some(1),
        Data::Nic(_) => Some(2),
        Data::Conntrack(_) => Some(3),
        Data::Softnet(_) => Some(4),
        _ => None,
    }
}

/// Rates of the interfaces that both outputs show.
fn rates_of(
    before: &[links::Shown],
    after: &[links::Shown],
    seconds: f64,
    at: Option<(f64, Option<Date>)>,
) -> Option<samples::Report> {
    let mut report = samples::Report { date: at.and_then(|(_, day)| day), ..samples::Report::default() };
    for link in after {
        let Some(earlier) = before.iter().find(|earlier| earlier.name == link.name) else { continue };
        let grew = |now: Option<u64>, then: Option<u64>| Some(now?.checked_sub(then?)? as f64 / seconds);
        let (Some(rx_packets), Some(tx_packets)) =
            (grew(link.rx.packets, earlier.rx.packets), grew(link.tx.packets, earlier.tx.packets))
        else {
            continue;
        };
        let sample = samples::Sample {
            at: at.and_then(|(at, _)| u32::try_from((at as i64).rem_euclid(86_400)).ok()),
            rx_packets,
            tx_packets,
            rx_bytes: grew(link.rx.bytes, earlier.rx.bytes),
            tx_bytes: grew(link.tx.bytes, earlier.tx.bytes),
        };
        let lost = |now: Option<u64>, then: Option<u64>| grew(now, then).unwrap_or_default();
        let (errors, dropped) = (lost(link.rx.errors, earlier.rx.errors), lost(link.rx.dropped, earlier.rx.dropped));
        let overruns = lost(link.rx.missed, earlier.rx.missed);
        if errors + dropped + overruns > 0.0 {
            report.lost.insert(link.name.clone(), samples::Lost { errors, dropped, overruns });
        }
        report.interfaces.insert(link.name.clone(), samples::Rates { samples: vec![sample], mean: None });
    }
    (!report.interfaces.is_empty()).then_some(report)
}

/// Growth of counters that are the same at each place: of some drivers each queue has the same names, which are added up. None where
/// one is another, or went backwards.
fn by_place(before: &[(String, u64)], after: &[(String, u64)]) -> Option<Vec<(String, u64)>> {
    if before.len() != after.len() {
        return None;
    }
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for ((name, earlier), (same, now)) in before.iter().zip(after) {
        let sum = sums.entry(name.trim()).or_default();
        *sum = sum.saturating_add(now.checked_sub(*earlier).filter(|_| name == same)?);
    }
    Some(sums.into_iter().map(|(name, more)| (name.to_owned(), more)).collect())
}
