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
