//! Who wrote what TCP connections carried that no list has.

use super::holders::Holders;
use super::sent::{CLOSE, MADE_BY_SOCKETS, Sent, either, end, share};
use super::unlisted::{UnheldTcp, Unlisted};
use crate::case::{EntryKind, Process};
use crate::probe::capture::output::{SentEndpoint, SentOthers};
use crate::probe::ledger::buckets::{End, Entries};

impl<'a> Holders<'a> {
    /// Books what left over connections that no list has: on each process what no other can have written.
    pub(super) fn book_unheld_tcp(&mut self, entries: &mut Entries) {
        let unheld = std::mem::take(&mut self.unheld);
        let payload: f64 = unheld.iter().map(|of| of.payload).sum();
        let elsewhere = self.elsewhere_by_tcp();
        let wrote = |of: &Unlisted<'_>| (of.bytes as f64 - elsewhere).max(0.0);
        let known: f64 = self.unlisted.iter().map(wrote).sum();
        let all_counted = self.unlisted.iter().all(|of| of.counted);
        let part_of = |wrote: f64| match known / payload {
            _ if wrote <= 0.0 || payload <= 0.0 => 0.0,
            // Two looks at slightly different moments.
            nearly if (MADE_BY_SOCKETS..=1.0 + CLOSE).contains(&nearly) => wrote / known,
            part if part < MADE_BY_SOCKETS && all_counted => wrote / payload,
            part if part > 1.0 && all_counted => ((payload - (known - wrote)) / payload).clamp(0.0, 1.0),
            _ => 0.0,
        };
        let parts: Vec<(&'a Process, f64)> =
            self.unlisted.iter().map(|of| (of.process, part_of(wrote(of)))).filter(|(_, part)| *part > 0.0).collect();
        let rest = 1.0 - parts.iter().map(|(_, part)| part).sum::<f64>();
        // What little a process wrote elsewhere makes it no candidate for the rest.
        let may_be = |of: &&Unlisted<'_>| of.more || of.bytes as f64 >= payload * CLOSE;
        let candidates: Vec<&Process> = self.unlisted.iter().filter(may_be).map(|of| of.process).collect();
        let left_out = self.evidence.sockets.is_some_and(|sockets| sockets.connections_left_out > 0);
        let what = match left_out {
            true => "connections that closed within the window or are too many to be listed",
            false => "connections that closed within the window",
        };
        let label = match candidates[..] {
            [] => format!("{what}, whose process was not seen"),
            _ => format!("{what}, possibly of {}", either(&candidates)),
        };
        for UnheldTcp { endpoint, others, left, again, .. } in unheld {
            let begin = self.sent.len();
            for (process, part) in &parts {
                let named = End { label: process.to_string(), process: Some((*process).clone()), ..End::default() };
                let end = endpoint.map_or(named, |endpoint| end(endpoint, Some(process), None));
                let end = End { protocol: Some("tcp".to_owned()), ..end };
                self.put(EntryKind::Process, end, false, endpoint, share(left, *part), again * part, entries);
            }
            if rest > 1e-9 {
                let (kind, end) = self
                    .opened_by(endpoint, others, &candidates)
                    .unwrap_or((EntryKind::UnseenOwner, End { label: label.clone(), ..End::default() }));
                let end = End { protocol: Some("tcp".to_owned()), ..end };
                self.put(kind, end, false, endpoint, share(left, rest), again * rest, entries);
            }
            // What is known of them as a whole is of who has most of it.
            let most = |one: &&mut Sent<'a>, other: &&mut Sent<'a>| one.bytes.total_cmp(&other.bytes);
            if let Some(sent) = self.sent[begin..].iter_mut().max_by(most) {
                sent.others = others;
            }
        }
    }

    /// Who opened what was opened here, where nobody else can have written to it: what writes without calls that are counted
    /// (splice) is known by that.
    fn opened_by(
        &self,
        endpoint: Option<&SentEndpoint>,
        others: Option<&SentOthers>,
        candidates: &[&Process],
    ) -> Option<(EntryKind, End)> {
        let port = match (endpoint, others) {
            (Some(endpoint), _) if endpoint.syn > 0 => endpoint.top_remote_port,
            (None, Some(others)) if others.syn > 0 && others.syn_ack.packets == 0 => {
                self.evidence.capture.and_then(|capture| capture.sent.as_ref()?.syn_port)
            }
            _ => return None,
        };
        let (kind, end) = self.opener(port, false);
        let process = end.process.as_ref()?;
        candidates.iter().all(|candidate| *candidate == process).then_some((kind, end))
    }

    /// Bytes that went elsewhere by connections that are not listed, at most.
    fn elsewhere_by_tcp(&self) -> f64 {
        let interfaces = &self.evidence.interfaces.interfaces;
        let own = |address: std::net::IpAddr| {
            let mut addresses = interfaces.iter().flat_map(|of| &of.addresses);
            address.is_loopback() || addresses.any(|of| of.address == address.to_canonical())
        };
        let connections = self.evidence.sockets.iter().flat_map(|sockets| &sockets.connections);
        let listed = connections.filter(|of| own(of.remote_address)).filter_map(|of| of.tx_bytes);
        (self.elsewhere() - listed.fold(0, u64::saturating_add) as f64).max(0.0)
    }
}
