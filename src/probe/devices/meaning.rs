//! What a counter of a driver can mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a counter of a driver tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// More than the provider lets this instance send, receive or track.
    Allowance,
    /// A ring between device and host had no place: the host is too slow to empty or to fill it.
    RingFull,
    /// The device's own memory had no room: the way to the host, or the host, is too slow.
    CardFull,
    /// The host had no memory for it.
    NoMemory,
    /// Frames that came damaged: cable, transceiver, or the port at the other end.
    Damaged,
    /// The driver or the device dropped it, for more than one reason.
    Dropped,
    /// The checksum of a packet was wrong.
    Checksum,
    /// An XDP program decided so.
    Xdp,
    /// It was not for this host, or nobody took it.
    Unwanted,
    /// It went by a virtual function of the card, past this device.
    PassedBy,
    /// One end of the link asked the other to wait.
    Paused,
    /// The device or its driver failed.
    Fault,
    /// Nothing that matters, however it sounds.
    Harmless,
}

/// Which way the packets went that a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Towards this host.
    In,
    /// Away from it.
    Out,
    /// Both together.
    Both,
}

/// A name of a statistic, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The name, with `#` for each number in it.
    pub name: &'static str,
    /// Which way.
    pub way: Way,
    /// What it means.
    pub meaning: Meaning,
    /// What is counted, in the singular: `packet`.
    pub unit: &'static str,
    /// What became of it, to be read after "12 packets".
    pub says: &'static str,
}

impl Row {
    /// Whether packets were lost that nobody meant to lose. A transmit ring that is full makes senders wait.
    pub fn is_loss(&self) -> bool {
        use Meaning::{Allowance, CardFull, Damaged, Dropped, NoMemory, RingFull};
        match self.meaning {
            Allowance | CardFull | NoMemory | Damaged | Dropped => true,
            RingFull => self.way == Way::In,
            _ => false,
        }
    }
}
