//! The result of the probe `service`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How fast services answer those who connect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Services {
    /// The services, in the order in which they were named.
    pub services: Vec<Service>,
}

/// One service and how it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// The address that was connected to.
    pub address: String,
    /// Its TCP port.
    pub port: u16,
    /// The address that the connection came from; null when there was none. A service may look its name up.
    pub from: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the connection came about.
    pub connected: bool,
    /// Whether nobody listens there (TCP reset to the SYN).
    pub refused: bool,
    /// Whether the connection did not come about in time: SYNs are dropped, or the accept queue is full.
    pub timed_out: bool,
    /// Whether the connection came about and no byte followed in time. Many services wait for the client to speak first.
    pub silent: bool,
    /// Time until the connection stood, in seconds; null when it never did. The kernel accepts before the service does.
    pub connect_seconds: Option<f64>,
    /// Time from the connection to the first byte of the service, in seconds; null when none came.
    pub first_byte_seconds: Option<f64>,
    /// All the time that it took, in seconds.
    pub seconds: f64,
    /// The first line that the service sent, at most 512 bytes; null when none came.
    pub banner: Option<String>,
    /// What the banner speaks: `ssh`, `http`, `smtp`, `ftp`, `pop3`, `imap`; null when that is not plain.
    pub protocol: Option<String>,
    /// The status of an HTTP answer: 200.
    pub http_status: Option<u16>,
}

/// How the conversation with a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It sent something.
    Answered,
    /// The connection stood, and nothing came in time.
    Silent,
    /// It closed the connection without a word.
    Closed,
    /// Nobody listens there.
    Refused,
    /// The connection did not come about in time.
    TimedOut,
    /// There is no way to it.
    Unreachable,
    /// This host itself refused to connect: a firewall rule or policy (`EPERM`).
    Blocked,
    /// The run was ended before.
    Interrupted,
}
