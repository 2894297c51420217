//! What to run next: commands whose outputs would tell what is not known, the most telling first.

use super::data::Data;
use super::interfaces::Chosen;
use super::pieces::Pieces;

/// Commands that are given at most, without the last one.
const MOST: usize = 6;

/// The commands, ready to paste.
pub(super) fn commands(output: &Pieces, chosen: &Chosen<'_>) -> Vec<String> {
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
