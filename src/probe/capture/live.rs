//! Packets from the wire.

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::classes::LocalAddresses;
use super::host::{self, Interface};
use super::link::{Link, Way};
use super::output::{Capture, Ring};
use super::packet;
use super::sampling::Sampling;
use super::summary::Source;
use super::tally::{Seen, Tally};
use super::{Burst, Params};
use crate::case::{Gap, Observed, Reason};
use crate::probe::Context;
use crate::probe::hash::KeyedHash;
use crate::sys::packet_ring::{Frame, OpenError, PacketRing};
use crate::sys::usage;
use crate::units::{bitrate, count, percent, span};

/// Bytes of each packet that are looked at, and written: link, network and transport headers with options.
const SNAP_BYTES: u32 = 128;
/// The part of the memory that a run may take which the ring may have.
const RING_PART: u64 = 8;
/// How often the live figure changes.
const LIVE: Duration = Duration::from_millis(500);
/// How long the last packets may take to come out of the ring. The kernel hands over its last block after 16 ms.
const LAST_PACKETS: Duration = Duration::from_millis(250);
/// A wall clock that ran differently by more was set.
const CLOCK_SET: Duration = Duration::from_millis(100);

/// Watches an interface for the window.
pub fn watch(params: &Params, cx: &Context) -> Result<Observed<Capture>, Gap> {
    let interface = host::interface(&params.interface, cx)?;
    let mut ring = PacketRing::open(interface.index, cx.resources().memory_bytes() / RING_PART)
        .map_err(|error| no_ring(&interface, error))?;
    let link = Link::of_interface(ring.interface_type());
    let (local, local_gap) = match host::addresses() {
        Ok(addresses) => (addresses, None),
        Err(gap) => (Vec::new(), Some(gap)),
    };
    let window_nanos = params.window.0.as_nanos().min(u64::MAX.into()) as u64;
    let tally =
        Tally::new(LocalAddresses::new(local).with_networks(host::networks()), window_nanos, KeyedHash::from_kernel());
    let mut burst = Burst::new(tally, params, Some(&interface.name));
    let tried = || format!("capture packets on {}", interface.name);

    let window_began = cx.start_window();
    // The refusing filter let nothing in, but the counters are only then surely at 0.
    ring.statistics().map_err(|error| Gap::io(tried(), &error))?;
    let started = Timestamp::now();
    ring.accept(SNAP_BYTES, 1).map_err(|error| Gap::io(tried(), &error))?;
    let mut watching = Watching {
        link,
        began: Instant::now(),
        started,
        account: Ring::default(),
        sampling: Sampling::new(cx.resources().capture_share()),
        drained: 0,
        live_at: window_began,
        live_bytes: 0,
    };
    cx.live("0 bit/s in");
    let mut loss = watching.until(window_began + params.window.0, &mut ring, &mut burst, &interface, cx);
    let refused = ring.refuse();
    let elapsed = watching.began.elapsed();
    watching.last_packets(&mut ring, &mut burst, &interface, refused.is_ok());
    loss.extend(watching.loss(elapsed));

    let source = Source {
        interface: Some(interface.name.clone()),
        file: None,
        link,
        started: Some(started),
        elapsed_nanos: elapsed.as_nanos() as u64,
        ring: Some(watching.account),
        written: None,
    };
    let mut observed = burst.finish(source, params, cx);
    loss.append(&mut observed.loss);
    observed.loss = loss;
    if let Some(gap) = local_gap {
        observed.miss(&["local_addresses", "classes.to_us", "classes.forwarded", "endpoints", "other_endpoints"], gap);
    }
    Ok(observed)
}

/// The state of one watching.
struct Watching {
    link: Link,
    began: Instant,
    started: Timestamp,
    account: Ring,
    sampling: Sampling,
    drained: u64,
    live_at: Instant,
    live_bytes: u64,
}

impl Watching {
    /// Watches until `end`, or until cancelled, or until the interface is gone; gives what was lost by that.
    fn until(
        &mut self,
        end: Instant,
        ring: &mut PacketRing,
        burst: &mut Burst,
        interface: &Interface,
        cx: &Context,
    ) -> Vec<String> {
        let mut down_at = None;
        let rest = ring.patience();
        loop {
            self.drain(ring, burst, interface);
            let now = Instant::now();
            if ring.pending_error().is_some() {
                down_at.get_or_insert(now - self.began);
            }
            // An interface goes down before it goes away, and says nothing more then.
            if let Some(at) = down_at
                && !interface.exists()
            {
                let at = span(at.as_secs_f64());
                return vec![format!("{} vanished after {at}; nothing was seen after that", interface.name)];
            }
            self.sample(now, ring);
            self.show_live(now, burst, cx);
            if now >= end || !cx.sleep_until(end.min(now + rest)) {
                let down = down_at.map(|at| span(at.as_secs_f64()));
                let down = down.map(|at| format!("{} was down after {at}; nothing arrives then", interface.name));
                return down.into_iter().collect();
            }
        }
    }

    fn drain(&mut self, ring: &mut PacketRing, burst: &mut Burst, interface: &Interface) {
        let (link, began) = (self.link, self.started.as_nanosecond() as u64);
        let sampling = &self.sampling;
        self.drained += ring.drain(|frame| {
            let seen = seen(frame, link, interface, began, sampling.stands_for(frame.timestamp_nanos));
            burst.tally.add(&seen);
            if let Some(writer) = &mut burst.writer {
                writer.live_frame(link, frame, seen.way);
            }
        });
        // The kernel's counters have 32 bits and begin anew at each reading.
        if let Ok(statistics) = ring.statistics() {
            self.account.received += u64::from(statistics.packets);
            self.account.dropped += u64::from(statistics.drops);
            self.account.freezes += u64::from(statistics.freezes);
        }
    }

    /// Has the kernel pass over more packets, or fewer, when reading them takes more CPU time than it may, or much less.
    fn sample(&mut self, now: Instant, ring: &PacketRing) {
        let Some(cpu_seconds) = usage::thread_cpu_seconds() else { return };
        let Some(one_in) = self.sampling.wanted(now, cpu_seconds, self.account.dropped) else { return };
        if ring.accept(SNAP_BYTES, one_in).is_ok() {
            self.sampling.switched(Timestamp::now().as_nanosecond() as u64, one_in);
        }
    }

    /// Takes what the kernel still holds, to the last packet that it counted.
    fn last_packets(&mut self, ring: &mut PacketRing, burst: &mut Burst, interface: &Interface, refusing: bool) {
        let deadline = Instant::now() + LAST_PACKETS;
        loop {
            self.drain(ring, burst, interface);
            let all = self.drained >= self.account.received.saturating_sub(self.account.dropped);
            if all || !refusing || Instant::now() >= deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn loss(&self, elapsed: Duration) -> Vec<String> {
        let mut loss = Vec::new();
        let Ring { received, dropped, freezes } = self.account;
        if dropped > 0 {
            loss.push(format!(
                "the kernel's ring was full {freezes} times: {} of {} packets ({}) were not seen and are in no figure; \
                 shares hold, totals are too low",
                count(dropped as f64),
                count(received as f64),
                percent(dropped as f64 / received.max(1) as f64)
            ));
        }
        if let Some((since, one_in)) = self.sampling.account() {
            let after = (since as f64 / 1e9 - self.started.as_nanosecond() as f64 / 1e9).max(0.0);
            loss.push(format!(
                "capture reached its CPU limit ({}) after {} and sampled up to 1 in {one_in} packets; totals and shares are \
                 close estimates, figures of flows, fragments and completed handshakes are rough",
                percent(self.sampling.share()),
                span(after)
            ));
        }
        let left = received.saturating_sub(dropped).saturating_sub(self.drained);
        if left > 0 {
            loss.push(format!("{} packets did not come out of the ring in time", count(left as f64)));
        }
        let wall = Timestamp::now().duration_since(self.started).as_secs_f64();
        let off = wall - self.began.elapsed().as_secs_f64();
        if off.abs() > CLOCK_SET.as_secs_f64() {
            loss.push(format!(
                "the wall clock was set by {} during {}; the times of samples, flows and endpoints are off by that",
                span(off.abs()),
                span(elapsed.as_secs_f64())
            ));
        }
        loss
    }

    fn show_live(&mut self, now: Instant, burst: &Burst, cx: &Context) {
        let since = now.saturating_duration_since(self.live_at);
        if since >= LIVE {
            let bytes = burst.tally.rx.count.bytes;
            cx.live(format!("{} in", bitrate((bytes - self.live_bytes) as f64 * 8.0 / since.as_secs_f64())));
            (self.live_at, self.live_bytes) = (now, bytes);
        }
    }
}

/// A frame of the ring as the sums want it.
fn seen(frame: &Frame, link: Link, interface: &Interface, began_nanos: u64, stands_for: u32) -> Seen {
    let addresses = link.read(frame.bytes).and_then(|header| header.addresses);
    let mut way = Way::from_kernel(frame.packet_type);
    // The port of a bridge does not know the bridge's own address, nor the card those of the devices on it.
    if way == Way::OtherHost && addresses.is_some_and(|(to, _)| interface.own_links.contains(&to)) {
        way = Way::Host;
    }
    let vlan = frame.stripped_tag.map(|(_, tag)| tag & 0x0fff).filter(|vlan| *vlan != 0 && way != Way::Outgoing);
    let vlan_without_device = vlan.filter(|vlan| interface.vlans.as_ref().is_some_and(|known| !known.contains(vlan)));
    if vlan_without_device.is_some() {
        way = Way::OtherHost;
    }
    let network = frame.bytes.get(frame.network_offset..).unwrap_or_default();
    let link_bytes = (frame.network_offset as u32).min(frame.wire_bytes);
    Seen {
        at_nanos: frame.timestamp_nanos.saturating_sub(began_nanos),
        stands_for,
        way,
        wire_bytes: frame.wire_bytes,
        link_bytes,
        tag_stripped: frame.stripped_tag.is_some(),
        segment_bytes: frame.segment_bytes,
        vlan_without_device,
        link: addresses,
        packet: packet::read(frame.ether_type, network, frame.wire_bytes - link_bytes),
    }
}

fn no_ring(interface: &Interface, OpenError { step, error }: OpenError) -> Gap {
    let tried = format!("capture packets on {}", interface.name);
    match error.kind() {
        io::ErrorKind::PermissionDenied => Gap::denied(tried, "CAP_NET_RAW"),
        _ if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            Gap::new(Reason::Absent, tried, "this kernel has no packet sockets").to_fix("load the module af_packet")
        }
        _ => Gap::io(tried, &io::Error::new(error.kind(), format!("could not {step}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn without_the_capability_the_gap_names_it_and_the_way_out() {
        let interface = Interface { name: "eth0".to_owned(), index: 2, own_links: HashSet::new(), vlans: None };
        let error = OpenError { step: "open a packet socket", error: io::Error::from_raw_os_error(libc::EPERM) };
        let gap = no_ring(&interface, error);
        assert_eq!(gap, Gap::denied("capture packets on eth0", "CAP_NET_RAW"));
        let error = OpenError { step: "ask for TPACKET_V3", error: io::Error::from_raw_os_error(libc::EINVAL) };
        assert!(no_ring(&interface, error).to_string().contains("could not ask for TPACKET_V3"));
    }
}
