//! The result of the probe `dns`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long look-ups take, and what resolvers answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dns {
    /// How this host looks names up.
    pub system: System,
    /// The resolvers that were asked, in the order of resolv.conf; null when it could not be read, or when there was nothing
    /// to ask but `as_stranger`.
    pub resolvers: Option<Vec<Resolver>>,
    /// What each question costs a program of this host that looks it up with the C library, estimated from the answers,
    /// the order of the resolvers and the options of resolv.conf; null when a server was named instead, when nothing was
    /// asked, or when programs do not ask the resolvers themselves (nsswitch.conf).
    pub lookups: Option<Vec<Lookup>>,
    /// What a server said to a question that asked for recursion, from each of up to four addresses; null unless
    /// `as_stranger`.
    pub strangers: Option<Vec<Stranger>>,
    /// Questions that were sent, repetitions included, also those over TCP and those for `version.bind`.
    pub questions_sent: u32,
}

/// How this host looks names up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// Whether resolv.conf exists; without it the C library asks 127.0.0.1.
    pub resolv_conf_exists: Option<bool>,
    /// Its name servers in their order, at most 32; the C library uses the first three.
    pub nameservers: Option<Vec<String>>,
    /// Name servers that the C library ignores: those after the third, and those that are no addresses.
    pub ignored_nameservers: Option<Vec<String>>,
    /// Domains that are tried behind a short name (`search`, `domain`).
    pub search: Option<Vec<String>>,
    /// Its `options`, as written.
    pub options: Option<Vec<String>>,
    /// Seconds that the C library waits for a server before it asks the next one (`options timeout`, else 5).
    pub timeout_seconds: Option<u32>,
    /// How often it goes round the servers (`options attempts`, else 2).
    pub attempts: Option<u32>,
    /// Name servers that systemd-resolved asks in turn (/run/systemd/resolve/resolv.conf); none unless resolv.conf names its
    /// stub. They are not asked here: name one as `server` to do so.
    pub upstreams: Option<Vec<String>>,
    /// The sources of host names in their order (`hosts:` of /etc/nsswitch.conf); null when there is no such file or line.
    pub hosts_order: Option<Vec<String>>,
}

/// A resolver and what it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resolver {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether it gave any answer at all, be it a refusal; null when it was not asked.
    pub answers: Option<bool>,
    /// The shortest time to an answer, in seconds; null when there was none.
    pub fastest_seconds: Option<f64>,
    /// The longest time that a question took, in seconds, whether it was answered or given up.
    pub slowest_seconds: Option<f64>,
    /// The questions.
    pub questions: Vec<Question>,
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// The name that was asked for; `.` is the root.
    pub name: String,
    /// The type: `A`, `PTR`.
    pub kind: String,
    /// The address whose name was asked for, if this is a reverse look-up.
    pub address: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether no answer came by the deadline.
    pub timed_out: bool,
    /// Time from the sending to the answer of that sending, in seconds; null when there was no answer.
    pub rtt_seconds: Option<f64>,
    /// Time from the first sending to the end, repetitions and TCP included, in seconds.
    pub seconds: f64,
    /// How often it was sent over UDP.
    pub sent: u32,
    /// The address that it was sent from.
    pub from: Option<String>,
    /// Response code: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`.
    pub rcode: Option<String>,
    /// Whether the server says that it is the authority for the name (AA).
    pub authoritative: Option<bool>,
    /// Whether the server offers recursion to this asker (RA).
    pub recursion_available: Option<bool>,
    /// Whether the answer did not fit (TC).
    pub truncated: Option<bool>,
    /// How the repetition over TCP ended, which a truncated answer asks for; null when there was none.
    pub tcp: Option<Outcome>,
    /// Records of the answer section, the first eight.
    pub answers: Vec<Record>,
    /// Records of the answer section, all of them.
    pub answer_count: Option<u32>,
    /// Size of the question in bytes, as UDP payload.
    pub question_bytes: u32,
    /// Size of the UDP answer in bytes, as UDP payload.
    pub answer_bytes: Option<u32>,
    /// Size of the UDP answer divided by that of the question.
    pub amplification: Option<f64>,
    /// Messages that came from the server's address and answered another question: late or forged ones.
    pub strays: u32,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer came, be it a refusal.
    Answered,
    /// No answer came by the deadline.
    TimedOut,
    /// Nobody listens there (ICMP port unreachable, TCP reset).
    Closed,
    /// There is no way to it (no route, ICMP host or network unreachable).
    Unreachable,
    /// This host itself refused to send it: a firewall rule or policy (`EPERM`).
    Blocked,
    /// What answered cannot be read.
    Malformed,
    /// It ended early: the operator ended the run, or the socket failed.
    Interrupted,
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Its type: `A`, `CNAME`.
    pub kind: String,
    /// Its data as in a zone file, clipped after 256 characters.
    pub data: String,
    /// How long it may be kept, in seconds.
    pub ttl_seconds: u32,
}

/// What a question costs a program of this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lookup {
    /// The name that was asked for.
    pub name: String,
    /// The type.
    pub kind: String,
    /// The address whose name was asked for, if this is a reverse look-up.
    pub address: Option<String>,
    /// Seconds until the C library has an answer or gives up, with no cache and no other family asked beside it. A server
    /// that did not answer within `timeout` counts as one that never does.
    pub seconds: f64,
    /// Whether it gets an answer, be it "no such name".
    pub answered: bool,
    /// The resolver that gives the answer.
    pub resolver: Option<String>,
}

/// What a server said to a question that asked for recursion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stranger {
    /// The address that was asked.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// Whether the question came from an address of this host that is not a loopback one, at a server on this host. Such an
    /// asker is not told from a stranger by servers that know strangers by the address alone (unbound); BIND's `localhost`
    /// and `localnets` and dnsmasq's `--local-service` still take it for one of their own.
    pub stranger_like: bool,
    /// Whether it resolved for this asker: it offers recursion (RA) and answered from elsewhere. False when it refused, does
    /// not offer it, or nobody listens there; null with a gap when that cannot be told.
    pub recursion: Option<bool>,
    /// Which program the server says it is (`version.bind`); null when it does not say.
    pub software: Option<String>,
    /// The question and its answer.
    pub question: Question,
}
