//! What it costs to read a paste of a megabyte, of every kind, and to judge it.
//!
//! `cargo bench --bench read`; words after `--` choose among them.

use std::fmt::Write as _;
use std::path::PathBuf;

use casebook::engine::{self, Provenance, Record, Request};
use casebook::runbook::{self, Kind, Runbook};
use casebook::script::sandbox::Limits;
use casebook::sys::trust::Trust;
use casebook::tool_output::{self, ToolOutput};
use divan::Bencher;
use divan::counter::BytesCount;
use jiff::Timestamp;
use serde_json::Map;

const SIZE: usize = 1_000_000;

fn main() {
    divan::main();
}

/// Outputs in turn, as a ticket has them.
const MIXED: &str = "\
root@web1:~# uptime
 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11
root@web1:~# ss -lun
State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
UNCONN 0      0            0.0.0.0:53         0.0.0.0:*
It has been like this since Tuesday, and nobody knows why.
root@web1:~# netstat -su
Udp:
    91823123 packets received
    12311 packets to unknown port received
    100000 packet receive errors
root@web1:~# tail /var/log/messages
Nov 28 14:05:11 web1 kernel: nf_conntrack: nf_conntrack: table full, dropping packet
Nov 28 14:05:12 web1 sshd[77]: Failed password for root from 203.0.113.9 port 4022 ssh2
20:24:37.388303 IP 198.51.100.7.45733 > 192.0.2.10.53: UDP, length 1472
";

/// Lines that are nearly those of many tools, and of none.
const HOSTILE: &str = "\
{
[
eth0 Link
tcp 0 0
10:00:01 eth0
Inter-|
-- x --
table inet filter
cpu=0
NIC statistics:
# hostname;interval;timestamp;IFACE
 r  b   swpd
Chain INPUT
";

#[divan::bench(args = ["mixed", "log", "sockets", "packets", "devices", "hostile", "one line", "words"], sample_count = 7, sample_size = 1)]
fn paste(bencher: Bencher<'_, '_>, kind: &str) {
    let text = text(kind);
    let found = runbook::find(Kind::Runbook, "high-inbound-traffic", None, Trust::Waived).expect("it ships");
    let runbook = runbook::load_found(&found, Trust::Waived).unwrap_or_else(|_| panic!("it ships"));
    bencher.counter(BytesCount::new(text.len())).bench(|| judged(&runbook, &text));
}

fn judged(runbook: &Runbook, text: &str) -> bool {
    let now = Timestamp::UNIX_EPOCH;
    let Ok(read) = ToolOutput::read(&[PathBuf::from("-")], &mut text.as_bytes(), None, now) else { return false };
    let record = Record {
        reading: Some(Box::new(|evidence| tool_output::reading(&read, evidence))),
        ..Record::new(read.host(), read.started())
    };
    let params = engine::resolve_params(runbook, &Map::new()).unwrap_or_else(|_| panic!("all have defaults"));
    let provenance = Provenance::Recorded(record);
    let request = Request { runbook, params, provenance, limits: Limits::default(), printed: &|_, _| {} };
    engine::run(&request, &read).is_ok()
}

fn text(kind: &str) -> String {
    let mut text = String::new();
    let mut number = 0_u32;
    while text.len() < SIZE {
        number = number.wrapping_add(1);
        let [_, b, c, d] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
        let _ = match kind {
            "mixed" => writeln!(text, "{MIXED}"),
            "log" => writeln!(
                text,
                "Nov 28 14:{:02}:{:02} web1 sshd[{number}]: Failed password for root from 203.{b}.{c}.{d} port 4022 ssh2",
                number / 600 % 60,
                number / 10 % 60
            ),
            "sockets" => writeln!(
                text,
                "tcp   ESTAB  0      36     192.0.2.10:22     198.{b}.{c}.{d}:{} users:((\"sshd\",pid={number},fd=3))",
                1024 + number % 60_000
            ),
            "packets" => writeln!(
                text,
                "20:{:02}:{:02}.388303 IP 198.{b}.{c}.{d}.45733 > 192.0.2.10.53: UDP, length 1472",
                number / 600 % 60,
                number / 10 % 60
            ),
            "devices" => writeln!(
                text,
                "veth{number}: 3492834266631 3811442658    0 7183    0     0          0         0 4635258443813 3587842070    0    0    0     0       0          0"
            ),
            "hostile" => writeln!(text, "{HOSTILE}"),
            "one line" => write!(text, "tcp 0 0 192.0.2.10:22 198.51.100.7:50122 ESTABLISHED "),
            _ => writeln!(text, "It has been like this since Tuesday, and nobody here knows why it is so slow."),
        };
    }
    text
}
