//! Packets from the wire.

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::claims::Claims;
use super::classes::LocalAddresses;
use super::host::{self, Interface};
use super::link::{Link, Way};
use super::output::{Capture, Ring, Watched};
use super::packet;
use super::sampling::Sampling;
use super::summary::{Counted, Source};
use super::tally::{Seen, Tally};
use super::{Burst, Params};
use crate::case::{Gap, Observed, Reason};
use crate::probe::Context;
use crate::probe::elsewhere::look_into;
use crate::probe::hash::KeyedHash;
use crate::probe::watched;
use crate::sys::packet_ring::{Frame, OpenError, PacketRing};
use crate::sys::rtnetlink::{LinkCounters, Rtnetlink};
use crate::sys::usage;
use crate::units::{bitrate, count, percent, span};

/// Bytes of each packet that are looked at, and written: link, network and transport headers with options.
const SNAP_BYTES: u32 = 128;
/// The part of the memory that a run may take which the ring may have.
const RING_PART: u64 = 8;
/// How often the live figure changes.
const LIVE: Duration = Duration::from_millis(500);
/// How long the last packets may take to come out of the ring. The kernel hands over its last block after 16 ms, a host without a
/// CPU to spare later.
const LAST_PACKETS: Duration = Duration::from_secs(1);
/// A wall clock that ran differently by more was set.
const CLOCK_SET: Duration = Duration::from_millis(100);

/// Watches an interface for the window, or all by which traffic enters the host, or the namespace that is to be watched instead.
pub fn watch(params: &Params, cx: &Context) -> Result<Observed<Capture>, Gap> {
    let Some(asked) = &params.namespace else { return watch_here(params, cx) };
    let (there, gaps) = look_into(asked, params.window.0, cx, || watch_here(params, cx))?;
    let mut observed = there.seen;
    gaps.into_iter().for_each(|gap| observed.miss(&["namespace"], gap));
    observed.output.namespace =
        Some(Watched { number: there.number, label: there.label, pid: there.pid, ends: there.ends });
    Ok(observed)
}

/// Watches in the network namespace of the calling thread.
fn watch_here(params: &Params, cx: &Context) -> Result<Observed<Capture>, Gap> {
    let found = host::interfaces(&params.interface, params.namespace.is_some(), cx)?;
    let most_bytes = cx.resources().memory_bytes() / RING_PART / found.len().max(1) as u64;
    let mut sources: Vec<Place> = Vec::new();
    let mut unwatched = None;
    for interface in found {
        match PacketRing::open(interface.index, most_bytes) {
            Ok(ring) => {
                let link = Link::of_interface(ring.interface_type());
                sources.push(Place {
                    number: sources.len() as u8,
                    interface,
                    link,
                    ring,
                    counted: None,
                    down_at: None,
                    vanished: false,
                });
            }
            Err(error) => {
                unwatched.get_or_insert(no_ring(&interface, error));
            }
        }
    }
    if sources.is_empty() {
        let nothing = || Gap::new(Reason::Absent, "capture packets", "there is no interface to watch");
        return Err(unwatched.unwrap_or_else(nothing));
    }
    let (local, local_gap) = split(host::addresses());
    let window_nanos = params.window.0.as_nanos().min(u64::MAX.into()) as u64;
    let mut tally =
        Tally::new(LocalAddresses::new(local).with_networks(host::networks()), window_nanos, KeyedHash::from_kernel())
            .with_interfaces(sources.len());
    let watched: Vec<Interface> = sources.iter().map(|source| source.interface.clone()).collect();
    let (on_link, mut links_gap) = split(host::on_link(&watched));
    let own_links = watched.first().map(|interface| interface.own_links.clone()).unwrap_or_default();
    tally.claims = Claims::of_host(own_links, on_link);
    tally.untaken = sources.iter().any(|source| source.interface.taken.is_some()).then(Default::default);
    let names: Vec<String> = sources.iter().map(|source| source.interface.name.clone()).collect();
    let mut burst = Burst::new(tally, params, names.clone());

    let mut door = watched::door()?;

    let window_began = cx.start_window();
    let started = Timestamp::now();
    for source in &mut sources {
        let tried = || format!("capture packets on {}", source.interface.name);
        // The refusing filter let nothing in, but the counters are only then surely at 0.
        source.ring.statistics().map_err(|error| Gap::io(tried(), &error))?;
        source.counted = door.counters_of(source.interface.index).ok().flatten();
        source.ring.accept(SNAP_BYTES, 1).map_err(|error| Gap::io(tried(), &error))?;
    }
    let mut watching = Watching {
        began: Instant::now(),
        started,
        account: Ring::default(),
        sampling: Sampling::new(cx.resources().capture_share()),
        drained: 0,
        live_at: window_began,
        live_bytes: 0,
    };
    cx.live("0 bit/s in");
    let mut loss = watching.until(window_began + params.window.0, &mut sources, &mut burst, cx);
    // Each is asked, also behind one that failed.
    let (mut refused, mut counted) = (true, Vec::new());
    for source in &sources {
        refused &= source.ring.refuse().is_ok();
        counted.push(source.counted_since(&mut door));
    }
    let elapsed = watching.began.elapsed();
    watching.last_packets(&mut sources, &mut burst, refused);
    let (on_link, gap) = split(host::on_link(&watched));
    burst.tally.claims.still_own(&on_link);
    links_gap = links_gap.or(gap);
    loss.extend(watching.loss(elapsed));
    loss.extend(unwatched.map(|gap| format!("not watched: {gap}")));

    let source = Source {
        interfaces: names,
        counted,
        file: None,
        link: sources.first().map_or(Link::Other, |source| source.link),
        started: Some(started),
        elapsed_nanos: elapsed.as_nanos() as u64,
        late_seconds: Some(watching.began.saturating_duration_since(window_began).as_secs_f64()),
        ring: Some(watching.account),
        written: None,
    };
    let mut observed = burst.finish(source, params, cx);
    loss.append(&mut observed.loss);
    observed.loss = loss;
    if let Some(gap) = local_gap {
        observed.miss(&["local_addresses", "classes.to_us", "classes.forwarded", "endpoints", "other_endpoints"], gap);
    }
    if let Some(gap) = links_gap {
        observed.miss(&["disputed"], gap);
    }
    Ok(observed)
}

/// What was seen, or nothing, and why.
fn split<T: Default>(seen: Result<T, Gap>) -> (T, Option<Gap>) {
    seen.map_or_else(|gap| (T::default(), Some(gap)), |seen| (seen, None))
}

/// An interface and the ring that gets its packets.
struct Place {
    number: u8,
    interface: Interface,
    link: Link,
    ring: PacketRing,
    /// Its own counters at the beginning, where they could be read.
    counted: Option<LinkCounters>,
    /// When it was seen to be down, after the beginning.
    down_at: Option<Duration>,
    vanished: bool,
}

impl Place {
    /// An interface goes down before it goes away, and says nothing more then. Gives whether it is still there.
    fn is_there(&mut self, began: Instant) -> bool {
        if self.ring.pending_error().is_some() {
            self.down_at.get_or_insert(began.elapsed());
        }
        self.vanished |= self.down_at.is_some() && !self.interface.exists();
        !self.vanished
    }

    /// What it counted itself from the moment when its packets were let in; none where that is not known.
    fn counted_since(&self, door: &mut Rtnetlink) -> Option<Counted> {
        let (began, now) = (self.counted?, door.counters_of(self.interface.index).ok()??);
        Some(Counted {
            rx_bytes: now.rx_bytes.checked_sub(began.rx_bytes)?,
            tx_bytes: now.tx_bytes.checked_sub(began.tx_bytes)?,
        })
    }

    /// What was not seen because it was down or away.
    fn lost(&self) -> Option<String> {
        let (at, name) = (span(self.down_at?.as_secs_f64()), &self.interface.name);
        Some(match self.vanished {
            true => format!("{name} vanished after {at}; nothing was seen after that"),
            false => format!("{name} was down after {at}; nothing arrives then"),
        })
    }
}

/// The state of one watching.
struct Watching {
    began: Instant,
    started: Timestamp,
    account: Ring,
    sampling: Sampling,
    drained: u64,
    live_at: Instant,
    live_bytes: u64,
}

impl Watching {
    /// Watches until `end`, or until cancelled, or until no interface is left; gives what was lost by that.
    fn until(&mut self, end: Instant, sources: &mut [Place], burst: &mut Burst, cx: &Context) -> Vec<String> {
        let rest = sources.iter().map(|source| source.ring.patience()).min().unwrap_or_default();
        loop {
            self.drain(sources, burst);
            let now = Instant::now();
            let left = sources.iter_mut().map(|source| source.is_there(self.began)).filter(|there| *there).count();
            if left == 0 {
                break;
            }
            self.sample(now, sources);
            self.show_live(now, burst, cx);
            if now >= end || !cx.sleep_until(end.min(now + rest)) {
                break;
            }
        }
        sources.iter().filter_map(Place::lost).collect()
    }

    fn drain(&mut self, sources: &mut [Place], burst: &mut Burst) {
        let began = self.started.as_nanosecond() as u64;
        for source in sources {
            let (link, interface, sampling) = (source.link, &source.interface, &self.sampling);
            let number = source.number;
            self.drained += source.ring.drain(|frame| {
                let stands_for = sampling.stands_for(frame.timestamp_nanos);
                let seen = Seen { interface: number, ..seen(frame, link, interface, began, stands_for) };
                burst.tally.add(&seen);
                if let Some(writer) = &mut burst.writer {
                    writer.live_frame(usize::from(number), link, frame, seen.way);
                }
            });
            // The kernel's counters have 32 bits and begin anew at each reading.
            if let Ok(statistics) = source.ring.statistics() {
                self.account.received += u64::from(statistics.packets);
                self.account.dropped += u64::from(statistics.drops);
                self.account.freezes += u64::from(statistics.freezes);
            }
        }
    }

    /// Has the kernel pass over more packets, or fewer, when reading them takes more CPU time than it may, or much less.
    fn sample(&mut self, now: Instant, sources: &[Place]) {
        let Some(cpu_seconds) = usage::thread_cpu_seconds() else { return };
        let Some(one_in) = self.sampling.wanted(now, cpu_seconds, self.account.dropped) else { return };
        let accepted = sources.iter().filter(|source| source.ring.accept(SNAP_BYTES, one_in).is_ok()).count();
        if accepted > 0 {
            self.sampling.switched(Timestamp::now().as_nanosecond() as u64, one_in);
        }
    }

    /// Takes what the kernel still holds, to the last packet that it counted.
    fn last_packets(&mut self, sources: &mut [Place], burst: &mut Burst, refusing: bool) {
        let deadline = Instant::now() + LAST_PACKETS;
        loop {
            self.drain(sources, burst);
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
                 close estimates, figures of flows, fragments, completed handshakes and requests are rough",
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

/// A VLAN tag.
const TAG_BYTES: u32 = 4;

/// A frame of the ring as the sums want it.
fn seen<'f>(frame: &Frame<'f>, link: Link, interface: &Interface, began_nanos: u64, stands_for: u32) -> Seen<'f> {
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
    // The tag was on the wire, and is so in a file.
    let tag_bytes = if frame.stripped_tag.is_some() { TAG_BYTES } else { 0 };
    Seen {
        at_nanos: frame.timestamp_nanos.saturating_sub(began_nanos),
        stands_for,
        interface: 0,
        way,
        wire_bytes: frame.wire_bytes + tag_bytes,
        link_bytes: link_bytes + tag_bytes,
        tag_stripped: frame.stripped_tag.is_some(),
        segment_bytes: frame.segment_bytes,
        vlan_without_device,
        untaken: interface.taken.as_ref().is_some_and(|taken| !taken.contains(&frame.ether_type)),
        link: addresses,
        packet: packet::read(frame.ether_type, network, frame.wire_bytes - link_bytes),
        bytes: network,
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
        let interface =
            Interface { name: "eth0".to_owned(), index: 2, own_links: HashSet::new(), vlans: None, taken: None };
        let error = OpenError { step: "open a packet socket", error: io::Error::from_raw_os_error(libc::EPERM) };
        let gap = no_ring(&interface, error);
        assert_eq!(gap, Gap::denied("capture packets on eth0", "CAP_NET_RAW"));
        let error = OpenError { step: "ask for TPACKET_V3", error: io::Error::from_raw_os_error(libc::EINVAL) };
        assert!(no_ring(&interface, error).to_string().contains("could not ask for TPACKET_V3"));
    }
}
