//! Packets and their bytes.

/// Packets and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub packets: u64,
    pub bytes: u64,
}

impl Count {
    /// Counts more of them.
    #[inline(always)]
    pub fn add(&mut self, more: Count) {
        self.packets += more.packets;
        self.bytes += more.bytes;
    }

    /// The bytes as a weight: what is heavier than 4 GiB at once weighs that.
    #[inline(always)]
    pub fn weight(self) -> u32 {
        u32::try_from(self.bytes).unwrap_or(u32::MAX)
    }
}

/// What a frame stands for on the wire, before frames were merged.
#[derive(Debug, Clone, Copy)]
pub struct OnWire {
    pub packets: u64,
    pub merged_header_bytes: u64,
}

/// One direction's counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direction {
    pub count: Count,
    pub wire_packets: u64,
    pub merged_header_bytes: u64,
    pub link_header_bytes: u64,
}

impl Direction {
    /// Counts more of it.
    #[inline(always)]
    pub fn add(&mut self, amount: Count, on_wire: OnWire) {
        self.count.add(amount);
        self.wire_packets += on_wire.packets;
        self.merged_header_bytes += on_wire.merged_header_bytes;
    }

    /// Mean size of a packet on the wire.
    pub fn mean_packet_bytes(&self) -> Option<f64> {
        (self.wire_packets > 0).then(|| (self.count.bytes + self.merged_header_bytes) as f64 / self.wire_packets as f64)
    }
}
