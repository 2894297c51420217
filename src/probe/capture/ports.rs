//! What came from each remote port, exactly, and what was sent to it.

use std::collections::HashMap;

use super::count::Count;

/// All ports of a protocol. A flood from random ones touches them all, so each takes four bytes, and all of them a quarter of
/// a megabyte.
#[derive(Debug)]
pub struct Ports {
    /// Packets in the upper 12 bits, bytes in the lower 20.
    recent: Box<[u32]>,
    /// What came before, of ports that had more than that.
    earlier: HashMap<u16, Count>,
    requests: Box<[u64]>,
}

const BYTE_BITS: u32 = 20;
const MOST_BYTES: u64 = (1 << BYTE_BITS) - 1;
const MOST_PACKETS: u64 = (1 << (32 - BYTE_BITS)) - 1;

/// What the four bytes of a port say.
#[inline(always)]
fn unpacked(recent: u32) -> Count {
    Count { packets: (recent >> BYTE_BITS).into(), bytes: u64::from(recent) & MOST_BYTES }
}

impl Ports {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let all = 1 << 16;
        Ports {
            recent: vec![0; all].into_boxed_slice(),
            earlier: HashMap::new(),
            requests: vec![0; all].into_boxed_slice(),
        }
    }

    /// Counts packets that came from a port.
    #[inline(always)]
    pub fn add(&mut self, port: u16, amount: Count) {
        let recent = &mut self.recent[usize::from(port)];
        let mut sum = unpacked(*recent);
        sum.add(amount);
        if sum.packets <= MOST_PACKETS && sum.bytes <= MOST_BYTES {
            *recent = (sum.packets << BYTE_BITS | sum.bytes) as u32;
        } else {
            *recent = 0;
            self.put_away(port, sum);
        }
    }

    #[cold]
    fn put_away(&mut self, port: u16, amount: Count) {
        self.earlier.entry(port).or_default().add(amount);
    }

    /// Counts packets that were sent to a port.
    pub fn ask(&mut self, port: u16, packets: u64) {
        self.requests[usize::from(port)] += packets;
    }

    /// How many packets were sent to a port.
    pub fn requests(&self, port: u16) -> u64 {
        self.requests[usize::from(port)]
    }

    /// Ports that something came from, with what.
    pub fn busy(&self) -> impl Iterator<Item = (u16, Count)> {
        (0..=u16::MAX).zip(&self.recent).filter_map(|(port, recent)| {
            let mut count = self.earlier.get(&port).copied().unwrap_or_default();
            count.add(unpacked(*recent));
            (count.packets > 0).then_some((port, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_four_bytes_do_not_hold_is_counted_all_the_same() {
        let mut ports = Ports::new();
        (0..5).for_each(|_| ports.add(53, Count { packets: 1 << 31, bytes: 3 << 31 }));
        (0..100_000).for_each(|_| ports.add(53, Count { packets: 1, bytes: 60 }));
        (0..100_000).for_each(|_| ports.add(54, Count { packets: 1, bytes: 1514 }));
        ports.add(80, Count { packets: 2, bytes: 120 });
        ports.ask(53, 7);
        let count = |packets, bytes| Count { packets, bytes };
        let whole = count((5 << 31) + 100_000, (15 << 31) + 6_000_000);
        let busy = [(53, whole), (54, count(100_000, 151_400_000)), (80, count(2, 120))];
        assert_eq!(ports.busy().collect::<Vec<_>>(), busy);
        assert_eq!((ports.requests(53), ports.requests(80)), (7, 0));
    }
}
