//! What was dropped at places that the kernel names: for which endpoint, and why.

use super::WindowEvidence;
use super::buckets::{Bucket, End, Entries, Recipient};
use super::rules::{self, Booked};
use crate::case::EntryKind;
use crate::probe::drops::DropPlace;
use crate::probe::firewall::Firewall;

/// Packets that may differ between two counters read at slightly different moments, beside a share of 2 %.
const EDGE: u64 = 50;

/// Reasons that no counter and no socket tells of.
const TOLD_BY_PLACES_ALONE: &[&str] = &[
    "SECURITY_HOOK",
    "XFRM_POLICY",
    "IPV6DISABLED",
    "IP_CSUM",
    "TCP_CSUM",
    "ICMP_CSUM",
    "TCP_MINTTL",
    "TCP_MD5NOTFOUND",
    "TCP_MD5UNEXPECTED",
    "TCP_MD5FAILURE",
    "TCP_AONOTFOUND",
    "TCP_AOUNEXPECTED",
    "TCP_AOKEYNOTFOUND",
    "TCP_AOFAILURE",
];

/// The places of this network namespace by which what came in by some interfaces was dropped.
#[derive(Debug, Clone)]
pub(super) struct Places<'a> {
    /// Each with its packets in the window of the interfaces.
    places: Vec<(&'a DropPlace, u64)>,
}

impl<'a> Places<'a> {
    /// `interfaces` are the watched ones and those that stand on them.
    pub fn of(evidence: &WindowEvidence<'a>, interfaces: &[&str]) -> Self {
        let is_here = |place: &&DropPlace| {
            let by_it = place.interface.as_deref().is_none_or(|name| interfaces.contains(&name));
            place.namespace.as_deref() == Some("this") && place.direction == "in" && by_it
        };
        let places = evidence.drops.and_then(|drops| drops.places.as_ref()).into_iter().flatten();
        Places { places: places.filter(is_here).map(|place| (place, evidence.of_window(place.packets))).collect() }
    }

    /// Packets for the bucket's endpoint that were dropped for one of the reasons.
    fn dropped(&self, bucket: &Bucket<'_>, reasons: &[&str]) -> u64 {
        let Recipient::Endpoint(endpoint) = bucket.recipient else { return 0 };
        // Behind prerouting a packet bears the address that it was translated to.
        let inner = bucket.inner.map(|inner| (inner.inner_address, inner.inner_port));
        let is_it = |(place, _): &&(&DropPlace, u64)| {
            let to = place.address.map(|address| (address, place.port));
            reasons.contains(&place.reason.as_str())
                && place.protocol.as_deref() == Some(endpoint.protocol.as_str())
                && (to == Some((endpoint.address, endpoint.port)) || (to.is_some() && to == inner))
        };
        self.places.iter().filter(is_it).map(|(_, packets)| packets).sum()
    }

    /// Draws up to `packets` of the buckets whose packets were dropped for a reason, from each what was. Gives how many it drew.
    pub fn book(
        &self,
        reason: &str,
        packets: u64,
        label: &str,
        is_met: &dyn Fn(&Bucket<'_>) -> bool,
        buckets: &mut [Bucket<'_>],
        entries: &mut Entries,
    ) -> u64 {
        let mut left = packets;
        for bucket in buckets.iter_mut().filter(|bucket| is_met(bucket)) {
            let dropped = self.dropped(bucket, &[reason]).min(left);
            left -= draw(bucket, dropped, EntryKind::KernelDrop, label.to_owned(), None, entries).min(left);
        }
        packets - left
    }

    /// Books what rules and policies without an exact counter dropped, on the endpoint for which it was: what netfilter dropped
    /// there, without what was drawn from the bucket since it had as many packets as `before` says.
    pub fn book_uncounted(
        &self,
        firewall: &Firewall,
        interfaces: &[&str],
        before: &[u64],
        buckets: &mut [Bucket<'_>],
        entries: &mut Entries,
    ) -> Booked {
        let mut booked = Booked::default();
        for (bucket, before) in buckets.iter_mut().zip(before) {
            let dropped = self.dropped(bucket, &["NETFILTER_DROP"]);
            let hidden = dropped.saturating_sub(before.saturating_sub(bucket.packets));
            // What is sent on to a guest is counted at another hook.
            let sent_on = bucket.inner.is_some_and(|inner| inner.inner_is_local == Some(false));
            let Some(rule) = rules::uncounted(firewall, interfaces, bucket).filter(|_| !sent_on) else { continue };
            let label = format!("dropped by {}", rule.name);
            let drawn = draw(bucket, hidden, EntryKind::FirewallRule, label, Some(&rule.name), entries);
            booked.by_netfilter += drawn;
            if rule.hook.as_deref() == Some("ingress") {
                booked.at_ingress += drawn;
            } else {
                booked.behind_ip += drawn;
            }
        }
        booked
    }

    /// Books what was dropped for reasons that no counter and no socket tells of.
    pub fn book_others(&self, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
        for bucket in buckets {
            let Recipient::Endpoint(endpoint) = bucket.recipient else { continue };
            for reason in TOLD_BY_PLACES_ALONE {
                let dropped = self.dropped(bucket, &[reason]);
                let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
                let meaning =
                    self.places.iter().find(|(place, _)| place.reason == *reason).map(|(place, _)| &place.meaning);
                let Some(meaning) = meaning.filter(|_| dropped > 0) else { continue };
                let protocol = endpoint.protocol.to_uppercase();
                let label = format!("dropped by the kernel, {protocol}{port}: {meaning} ({reason})");
                draw(bucket, dropped, EntryKind::KernelDrop, label, None, entries);
            }
        }
    }
}

/// Books that many packets of a bucket, or all where what is left are those at the edge of the window. A few are none.
fn draw(
    bucket: &mut Bucket<'_>,
    packets: u64,
    kind: EntryKind,
    label: String,
    rule: Option<&str>,
    entries: &mut Entries,
) -> u64 {
    let Recipient::Endpoint(endpoint) = bucket.recipient else { return 0 };
    if packets <= EDGE || bucket.packets == 0 {
        return 0;
    }
    let is_nearly_all = bucket.packets.saturating_sub(packets) <= packets / 50 + EDGE;
    let allocation = bucket.allocate(if is_nearly_all { u64::MAX } else { packets });
    let end = End {
        label,
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        rule: rule.map(str::to_owned),
        ..End::default()
    };
    entries.book(kind, end, allocation);
    allocation.packets
}
