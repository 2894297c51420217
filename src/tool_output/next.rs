//! What to run next: commands whose outputs would tell what is not known, the most telling first.

use indexmap::IndexMap;
use serde_json::Value;

use super::data::Data;
use super::interfaces::Chosen;
use super::outputs::ToolOutput;
use super::pieces::Pieces;
use crate::case::Evidence;

/// Commands that are given at most, without the last one.
const MOST: usize = 6;

/// The commands, ready to paste.
pub(super) fn commands(output: &ToolOutput, chosen: &Chosen<'_>, evidence: &IndexMap<String, Evidence>) -> Vec<String> {
    let missing = missing(evidence);
    // What is judged by interfaces is traffic.
    if !evidence.values().any(|evidence| evidence.probe == "interfaces") {
        let missing = missing.into_iter().map(|(_, command)| command.to_owned()).take(MOST);
        return missing.chain(["casebook diagnose    # where it can be put on the host".to_owned()]).collect();
    }
    let beside = missing.into_iter().filter(|(probe, _)| matches!(*probe, "disk" | "space" | "processes"));
    beside.map(|(_, command)| command.to_owned()).chain(of_network(&output.pieces, chosen)).collect()
}

/// What prints what was asked for and is not there, each with the probe that would see it.
fn missing(evidence: &IndexMap<String, Evidence>) -> Vec<(&'static str, &'static str)> {
    let mut commands: Vec<(&'static str, &'static str)> = Vec::new();
    for asked in evidence.values() {
        let command = match asked.probe.as_str() {
            "host" => ("host", "date; uptime; nproc; free; vmstat 1 5"),
            "disk" => ("disk", "df; df -i; iostat -x 1 5"),
            "processes" => ("processes", "top -b -n 1 | head -40"),
            "sockets" => ("sockets", "ss -tunap; ss -lnt"),
            "logs" => ("logs", "journalctl -n 500 -o short-iso || tail -n 500 /var/log/syslog /var/log/messages"),
            "kernel" => ("kernel", "date; nstat -az; sleep 10; date; nstat -az"),
            "space" => ("space", "lsof -nP +L1; du -xh / | sort -h | tail -30"),
            _ => continue,
        };
        // Of what takes the space a list of file systems says nothing.
        let bare = |output: &Value| {
            command.0 == "space" && output["deleted_files"].is_null() && output["heavy_folders"].is_null()
        };
        let lacks = asked.gap.is_some() || asked.output.as_ref().is_some_and(bare);
        if lacks && !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

fn of_network(output: &Pieces, chosen: &Chosen<'_>) -> Vec<String> {
    let has = |of: fn(&Data) -> bool| output.data().any(of);
    let mut commands: Vec<String> = Vec::new();
    let mut add = |command: &str| {
        if !commands.iter().any(|known| known == command) {
            commands.push(command.to_owned());
        }
    };
    let logs: String = output
        .log_texts()
        .iter()
        .map(|text| text.text.get(..text.text.len().min(65_536)).unwrap_or_default())
        .collect();
    let interface = chosen
        .watched
        .clone()
        .or_else(|| output.shown().iter().find(|link| !link.loopback).map(|link| link.name.clone()));
    let device = interface
        .as_deref()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte)))
        .unwrap_or("any");
    if logs.contains("table full") {
        add("conntrack -C; sysctl net.netfilter.nf_conntrack_max");
        add(
            "conntrack -L 2>/dev/null | awk '{for (i=1;i<=NF;i++) if ($i ~ /^src=/) {print substr($i,5); break}}' | sort | uniq -c | sort -rn | head",
        );
    }
    if has(|data| matches!(data, Data::Counters(_) | Data::Conntrack(_) | Data::Softnet(_))) {
        add("date; nstat -az; sleep 10; date; nstat -az");
    }
    if chosen.watched.is_none() {
        add("LC_ALL=C sar -n DEV 1 10");
    }
    if has(|data| matches!(data, Data::Softnet(_) | Data::Interrupts(_))) {
        add("cat /proc/interrupts; grep . /sys/class/net/*/queues/rx-*/rps_cpus");
    }
    if !has(|data| matches!(data, Data::Sockets(_))) || logs.contains("SYN flooding") {
        add("ss -tunap; ss -s");
    }
    if !has(|data| matches!(data, Data::Packets(packets) if packets.len() >= 1000)) {
        add(&format!(
            "timeout 10 tcpdump -ni {device} -c 5000 -w /tmp/packets.pcap    # then: casebook run high-inbound-traffic --pcap /tmp/packets.pcap"
        ));
    }
    if !has(|data| matches!(data, Data::Rules(rules) if rules.counted)) {
        add("iptables-save -c; nft list ruleset");
    }
    if !has(|data| matches!(data, Data::Links(_))) {
        add("ip -s -s link; ip addr");
    }
    if !has(|data| matches!(data, Data::Machine(machine) if machine.load.is_some())) {
        add("date; uptime; free -m; uname -a");
    }
    if !has(|data| matches!(data, Data::Logs(_))) {
        add("journalctl -k -n 200 -o short-iso");
    }
    commands.truncate(MOST);
    commands.push("casebook run high-inbound-traffic    # where it can be put on the host".to_owned());
    commands
}
