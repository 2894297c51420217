//! What the probe `sockets` would have seen, out of `ss` and `netstat`, or else of the files below `/proc/net`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::{Printed, proc_sockets};
use crate::printable::printable;

/// Sockets that are taken from one output.
const MOST: usize = 100_000;
/// Listed of each kind, as the probe does.
const LISTENERS: usize = 4096;
const CONNECTIONS: usize = 100;

/// A row of an output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub udp: bool,
    pub state: &'static str,
    pub queues: (u32, u32),
    pub local: (IpAddr, u16),
    /// It is bound to every address.
    pub any: bool,
    pub remote: Option<(IpAddr, u16)>,
    pub process: Option<(i32, String)>,
}

/// The sockets of the first output that has some; none when no output is of `ss` or `netstat` with its heading, or of `/proc/net`.
pub(super) fn output(outputs: &[Printed]) -> Option<Value> {
    let of_tool = outputs.iter().map(|output| rows(&output.text)).find(|rows| !rows.is_empty());
    let rows = of_tool.or_else(|| proc_sockets::rows(outputs, MOST)).filter(|rows| !rows.is_empty())?;
    let tcp = |state: &str| rows.iter().filter(|row| !row.udp && row.state == state).count();
    let is_listener = |row: &&Row| row.udp || row.state == "listen";
    let (listeners, connections): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(is_listener);
    let mut output = Map::from_iter([("source".to_owned(), json!("outputs"))]);
    // Without listeners the tool was not asked for them, and without connections not for those.
    let mut counts = Map::new();
    if !listeners.is_empty() {
        output.insert("listeners".into(), listeners.iter().take(LISTENERS).map(|row| listener(row)).collect());
        output.insert("listeners_left_out".into(), json!(listeners.len().saturating_sub(LISTENERS)));
        counts.insert("tcp_listen".into(), json!(tcp("listen")));
        // Without UDP the tool was perhaps not asked for it.
        let udp = rows.iter().filter(|row| row.udp).count();
        counts.extend((udp > 0).then(|| ("udp".to_owned(), json!(udp))));
    }
    if !connections.is_empty() {
        let ports: Vec<u16> = listeners.iter().filter(|row| !row.udp).map(|row| row.local.1).collect();
        let shown = connections.iter().filter(|row| !matches!(row.state, "syn_recv" | "time_wait"));
        output
            .insert("connections".into(), shown.clone().take(CONNECTIONS).map(|row| connection(row, &ports)).collect());
        output.insert("connections_left_out".into(), json!(shown.count().saturating_sub(CONNECTIONS)));
        for (name, state) in [
            ("tcp_established", "established"),
            ("tcp_syn_recv", "syn_recv"),
            ("tcp_time_wait", "time_wait"),
            ("tcp_close_wait", "close_wait"),
        ] {
            counts.insert(name.into(), json!(tcp(state)));
        }
        let named = ["established", "syn_recv", "time_wait", "close_wait"];
        counts.insert("tcp_other".into(), json!(connections.iter().filter(|row| !named.contains(&row.state)).count()));
    }
    output.insert("counts".into(), Value::Object(counts));
    Some(Value::Object(output))
}

fn process(row: &Row) -> Option<Value> {
    row.process.as_ref().map(|(pid, name)| json!({"pid": pid, "name": name, "user": null, "unit": null}))
}

fn listener(row: &Row) -> Value {
    let mut shown = json!({
        "protocol": if row.udp { "udp" } else { "tcp" },
        "address": row.local.0,
        "port": row.local.1,
        "any_address": row.any,
        "queue": row.queues.0,
        "connected": row.udp && row.remote.is_some(),
        "remote_address": row.remote.map(|(address, _)| address),
        "remote_port": row.remote.map(|(_, port)| port),
    });
    if let Some(process) = process(row) {
        shown["process"] = process;
        shown["owners"] = json!(1);
    }
    shown
}

fn connection(row: &Row, listening: &[u16]) -> Value {
    let (remote, port) = row.remote.unzip();
    let mut shown = json!({
        "protocol": "tcp",
        "local_address": row.local.0,
        "local_port": row.local.1,
        "remote_address": remote,
        "remote_port": port,
        "state": row.state,
        "rx_queue": row.queues.0,
        "tx_queue": row.queues.1,
    });
    if listening.contains(&row.local.1) {
        shown["opened_by"] = json!("remote");
    }
    if let Some(process) = process(row) {
        shown["process"] = process;
    }
    shown
}

/// All TCP and UDP sockets of an output with a heading. Of one that was cut short none: what listens further down would read
/// as absent.
fn rows(text: &str) -> Vec<Row> {
    if is_cut_short(text) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut tool = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Netid", "State", "Recv-Q", ..] => tool = Some(Tool::Ss),
            ["Proto", "Recv-Q", "Send-Q", "Local", ..] => tool = Some(Tool::Netstat),
            _ => rows.extend(tool.and_then(|tool| row(tool, &words))),
        }
        if rows.len() >= MOST {
            break;
        }
    }
    rows
}

/// Whether it ends within a line: without an end of line, and with fewer words than a socket has or within its process.
fn is_cut_short(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    let opened = |sign: char| last.matches(sign).count();
    !text.ends_with('\n') && (last.split_whitespace().count() < 6 || opened('(') > opened(')'))
}

#[derive(Debug, Clone, Copy)]
enum Tool {
    Ss,
    Netstat,
}

fn row(tool: Tool, words: &[&str]) -> Option<Row> {
    let udp = match words.first()?.trim_end_matches('6') {
        "tcp" => false,
        "udp" => true,
        _ => return None,
    };
    let (state, queues, local, remote, rest) = match (tool, words) {
        (Tool::Ss, [_, state, received, sent, local, remote, rest @ ..]) => {
            (*state, (received, sent), local, remote, rest)
        }
        (Tool::Netstat, [_, received, sent, local, remote, rest @ ..]) => {
            let state = if udp { "" } else { rest.first().copied().unwrap_or_default() };
            (state, (received, sent), local, remote, rest)
        }
        _ => return None,
    };
    let (address, port, any) = end(local)?;
    let remote = end(remote).filter(|(_, port, any)| !any && *port != 0).map(|(address, port, _)| (address, port));
    Some(Row {
        udp,
        state: if udp { "" } else { state_of(state)? },
        queues: (queues.0.parse().ok()?, queues.1.parse().ok()?),
        local: (address, port),
        any,
        remote,
        process: match tool {
            Tool::Ss => ss_process(&rest.join(" ")),
            Tool::Netstat => rest.iter().find_map(|word| netstat_process(word)),
        },
    })
}

/// `192.0.2.1:53`, `*:53`, `[::]:22`, `:::22`, `127.0.0.53%lo:53`.
fn end(text: &str) -> Option<(IpAddr, u16, bool)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    let address = address.trim_matches(['[', ']']);
    let address = address.split('%').next().unwrap_or(address);
    let address = match address {
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "" | "::" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        address => address.parse().ok()?,
    };
    Some((address, port, address.is_unspecified()))
}

fn state_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "LISTEN" => "listen",
        "ESTAB" | "ESTABLISHED" => "established",
        "SYN-SENT" | "SYN_SENT" => "syn_sent",
        "SYN-RECV" | "SYN_RECV" => "syn_recv",
        "FIN-WAIT-1" | "FIN_WAIT1" => "fin_wait1",
        "FIN-WAIT-2" | "FIN_WAIT2" => "fin_wait2",
        "TIME-WAIT" | "TIME_WAIT" => "time_wait",
        "CLOSE" | "UNCONN" => "close",
        "CLOSE-WAIT" | "CLOSE_WAIT" => "close_wait",
        "LAST-ACK" | "LAST_ACK" => "last_ack",
        "CLOSING" => "closing",
        _ => return None,
    })
}

/// `users:(("named",pid=1423,fd=512),…)`, of older ones `users:(("named",1423,512))`.
fn ss_process(text: &str) -> Option<(i32, String)> {
    let (_, rest) = text.split_once("users:((\"")?;
    let (name, rest) = rest.split_once("\",")?;
    let pid = rest.strip_prefix("pid=").unwrap_or(rest).split([',', ')']).next()?.parse().ok()?;
    (name.len() <= 64).then(|| (pid, printable(name)))
}

/// `1423/named`.
fn netstat_process(word: &str) -> Option<(i32, String)> {
    let (pid, name) = word.split_once('/')?;
    let pid = pid.parse().ok()?;
    (!name.is_empty() && name.len() <= 64).then(|| (pid, printable(name.trim_end_matches(':'))))
}
