//! Who of the hosts sends to whom: the remote of one is the address of another.

use std::collections::BTreeMap;
use std::net::IpAddr;

use indexmap::IndexMap;
use serde_json::Map;

use super::said::{hosts_of, plural};
use super::summary::Summary;
use crate::case::{Between, Finding, Gap, Reason, Verdict};
use crate::units;

/// The step of a merged case that tells of it.
const BETWEEN: &str = "between";
/// Pairs of hosts that are listed.
const MOST_PAIRS: usize = 256;
/// The share of what a host receives from which on another floods it.
const FLOODS: f64 = 0.5;

/// An address of the sender, what the receiver counted from there, and what the sender counted.
type Sides = (String, Option<u64>, Option<u64>);

/// Whether an address stands for one host, wherever it is named.
fn is_telling(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(of)) => {
            !(of.is_loopback() || of.is_link_local() || of.is_unspecified() || of.is_multicast() || of.is_broadcast())
        }
        Ok(IpAddr::V6(of)) => {
            !(of.is_loopback() || of.is_unspecified() || of.is_multicast() || of.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// The pairs of which one names the other, most bytes first. An address that several hosts have (a shared one, that of a bridge which
/// is the same everywhere) tells of none.
pub(super) fn between(members: &[Summary]) -> Vec<Between> {
    let comparable = |member: &&Summary| !member.has_pseudonyms;
    let mut owners: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, member) in members.iter().enumerate().filter(|(_, member)| comparable(member)) {
        for address in member.addresses.iter().filter(|address| is_telling(address)) {
            owners.entry(address).or_default().push(index);
        }
    }
    let owner = |address: &str| match owners.get(address).map(Vec::as_slice) {
        Some([one]) => Some(*one),
        _ => None,
    };
    let mut pairs: BTreeMap<(usize, usize), Sides> = BTreeMap::new();
    let add = |to: &mut Option<u64>, bytes: u64| *to = Some(to.unwrap_or_default().saturating_add(bytes));
    for (receiver, member) in members.iter().enumerate().filter(|(_, member)| comparable(member)) {
        for (address, bytes) in &member.received {
            if let Some(sender) = owner(address).filter(|sender| *sender != receiver) {
                let pair = pairs.entry((sender, receiver)).or_insert_with(|| (address.clone(), None, None));
                add(&mut pair.1, *bytes);
            }
        }
    }
    for (sender, member) in members.iter().enumerate().filter(|(_, member)| comparable(member)) {
        for (address, bytes) in &member.sent {
            if let Some(receiver) = owner(address).filter(|receiver| *receiver != sender) {
                // By which of its addresses it sent is not known: one of its own stands for it.
                let own = || member.addresses.iter().find(|own| is_telling(own)).cloned().unwrap_or_default();
                let pair = pairs.entry((sender, receiver)).or_insert_with(|| (own(), None, None));
                add(&mut pair.2, *bytes);
            }
        }
    }
    // Answers to a flood may be most of what the host receives that sends it.
    let is_answered_by_more = |sender: usize, receiver: usize, bytes: u64| {
        let back = pairs.get(&(receiver, sender));
        back.is_some_and(|(_, received, sent)| received.max(sent).is_some_and(|back| back > bytes))
    };
    let mut all: Vec<Between> = pairs
        .iter()
        .map(|(&(sender, receiver), (address, received_bytes, sent_bytes))| {
            let (address, received_bytes, sent_bytes) = (address.clone(), *received_bytes, *sent_bytes);
            let to = &members[receiver];
            let share = received_bytes.zip(to.received_bytes.filter(|all| *all > 0));
            let share = share.map(|(bytes, all)| (bytes as f64 / all as f64).min(1.0));
            Between {
                from: members[sender].host.host.clone(),
                to: to.host.host.clone(),
                address,
                received_bytes,
                sent_bytes,
                share,
                floods: share.is_some_and(|share| share >= FLOODS)
                    && to.is_hit()
                    && !received_bytes.is_some_and(|bytes| is_answered_by_more(sender, receiver, bytes)),
            }
        })
        .collect();
    all.sort_by_key(|pair| {
        (!pair.floods, std::cmp::Reverse(pair.received_bytes.max(pair.sent_bytes)), pair.from.clone(), pair.to.clone())
    });
    all.truncate(MOST_PAIRS);
    all
}

/// A sentence for each host that floods others, with the figures of both sides.
pub(super) fn floods(between: &[Between]) -> Vec<String> {
    let mut by: IndexMap<&str, Vec<&Between>> = IndexMap::new();
    between.iter().filter(|pair| pair.floods).for_each(|pair| by.entry(&pair.from).or_default().push(pair));
    by.into_iter()
        .map(|(from, mut pairs)| {
            pairs.sort_by(|a, b| a.to.cmp(&b.to));
            let sum = |of: fn(&Between) -> Option<u64>| -> Option<u64> {
                let known: Vec<u64> = pairs.iter().filter_map(|pair| of(pair)).collect();
                (!known.is_empty()).then(|| known.iter().fold(0, |sum, bytes| u64::saturating_add(sum, *bytes)))
            };
            let received = sum(|pair| pair.received_bytes).unwrap_or_default() as f64;
            let own = match sum(|pair| pair.sent_bytes) {
                Some(sent) => format!("and {} by its own count", units::bytes(sent as f64)),
                None => format!("though {from} itself lists no such traffic: the address may be forged"),
            };
            let share = pairs.iter().filter_map(|pair| pair.share).fold(1.0, f64::min);
            let each = if pairs.len() == 1 { "" } else { " each, at least" };
            format!(
                "{from} floods {}: {} arrived from {} ({} of what came in there{each}), {own}",
                hosts_of(pairs.iter().map(|pair| pair.to.as_str())),
                units::bytes(received),
                pairs.first().map_or("", |pair| pair.address.as_str()),
                units::percent(share)
            )
        })
        .collect()
}

/// What the hosts send each other, as a step of the merged case.
pub(super) fn finding(members: &[Summary], between: &[Between]) -> Finding {
    let floods = floods(between);
    let hidden: Vec<&str> =
        members.iter().filter(|member| member.has_pseudonyms).map(|member| member.host.host.as_str()).collect();
    let blind: Vec<&str> = members
        .iter()
        .filter(|member| !member.has_pseudonyms && member.received_bytes.is_none())
        .map(|member| member.host.host.as_str())
        .collect();
    let mut gaps = Vec::new();
    if !hidden.is_empty() {
        let tried = format!("hold the addresses of {} against those of others", hosts_of(hidden.iter().copied()));
        let why = "they have pseudonyms, which on another host may stand for another address";
        gaps.push(Gap::new(Reason::Absent, tried, why).to_fix("merge the cases first, with --redact"));
    }
    if !blind.is_empty() {
        let tried = format!("see who sent to {}", hosts_of(blind.iter().copied()));
        gaps.push(Gap::new(Reason::Absent, tried, "its case holds no packets"));
    }
    let (verdict, sentence) = match (floods.as_slice(), between) {
        // Convicted by both sides; by the word of the receiver alone, which anybody can forge, it is only suspected.
        ([_, ..], _) => {
            let is_sure = between.iter().any(|pair| pair.floods && pair.sent_bytes.is_some());
            (if is_sure { Verdict::Critical } else { Verdict::Warning }, floods.join("; "))
        }
        ([], _) if !gaps.is_empty() => (Verdict::Unknown, "not all hosts can be held against each other".to_owned()),
        ([], []) => (Verdict::Ok, "none of them is a remote that another lists".to_owned()),
        ([], [most, ..]) => {
            let bytes = most.received_bytes.max(most.sent_bytes).unwrap_or_default();
            let pairs = plural(between.len(), "pair");
            let said = format!("{pairs} talk, most {} to {}: {}", most.from, most.to, units::bytes(bytes as f64));
            (Verdict::Ok, said)
        }
    };
    Finding {
        step: BETWEEN.to_owned(),
        title: "What they send each other".to_owned(),
        verdict,
        sentence,
        gaps,
        remedies: Vec::new(),
        data: Map::new(),
        besides: Vec::new(),
    }
}
