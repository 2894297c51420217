//! The commands of remedies, carried out on the stage: what hurts must grow less, who is served must stay served, and what
//! takes them back must leave the host as it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casebook::case::{Likelihood, Remedy};
use casebook::runbook::{self, Kind};
use casebook::sys::trust::Trust;

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::Said;
use crate::service::Role;
use crate::stage::{SERVER, Stage};
use crate::traffic::connected;

/// How long counters are watched, before and after.
const WATCHED: Duration = Duration::from_millis(250);
/// How long a remedy may take to show.
const PATIENCE: Duration = Duration::from_secs(4);
/// A client with an address that no generator uses.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 88, 200, 1);
/// Where two services of the test's own wait: people who have nothing to do with the incident.
const BYSTANDER: u16 = 4242;

/// How a command is tested.
#[derive(Debug, Clone, Copy)]
enum How {
    /// A table of its own drops packets, whose counter must count. Of the first of these sums of counters that grew before, at
    /// most this share may be left.
    Drops(&'static [&'static [&'static str]], f64),
    /// A setting; the same for what hurts.
    Sets(&'static [&'static [&'static str]], f64),
    /// A setting for listeners that begin to wait later: they have this queue then.
    Backlog(u32),
    /// It only shows something.
    Shows,
    /// It is not carried out here.
    Not(&'static str),
}

/// A command of a cause.
struct Row {
    cause: &'static str,
    /// What is in it, as it is written and as it is shown.
    marker: &'static str,
    how: How,
    /// An incident in which it must be carried out.
    by: &'static str,
}

const fn row(cause: &'static str, marker: &'static str, how: How, by: &'static str) -> Row {
    Row { cause, marker, how, by }
}

const IP: &[&str] = &["IpInReceives", "Ip6InReceives"];
const CLOSED: &[&str] = &["UdpNoPorts", "Udp6NoPorts"];
const DATAGRAMS: &[&str] = &["UdpInDatagrams", "UdpInErrors", "Udp6InDatagrams", "Udp6InErrors"];
const SEGMENTS: &[&str] = &["TcpInSegs"];
const OF_THE_MACHINE: &str = "it is a setting of the whole machine, which a network namespace may not write";
const NO_ENGINE: &str = "real engines stand on a host of their own, where it is carried out (`tests/engines`)";
const NO_DATABASE: &str = "no database is on the stage";

/// Every command that the runbook has.
const ROWS: &[Row] = &[
    row("dropped-by-firewall", "casebook_early", How::Drops(&[IP], 0.2), "dropped-by-nft"),
    row("dropped-by-rp-filter", "ip route get", How::Shows, "dropped-by-rp-filter"),
    row(
        "dropped-by-rp-filter",
        "rp_filter=2",
        How::Sets(&[&["TcpExtIPReversePathFilter"]], 0.1),
        "dropped-by-rp-filter",
    ),
    row("conntrack-exhaustion", "nf_conntrack_max", How::Not(OF_THE_MACHINE), ""),
    row("syn-flood", "tcp_syncookies=1", How::Sets(&[&["TcpExtTCPReqQFullDrop"]], 0.1), "syn-flood-without-cookies"),
    row("syn-flood", "somaxconn", How::Backlog(4096), "syn-flood-without-cookies"),
    row("syn-flood", "casebook_syn", How::Drops(&[SEGMENTS], 0.2), "syn-flood-closed-port"),
    row("udp-flood-closed-port", "casebook_udp", How::Drops(&[CLOSED, IP], 0.2), "udp-flood-closed-port"),
    row("udp-flood-closed-port", "casebook_sessions", How::Drops(&[CLOSED], 0.2), "pppoe-beside-its-carrier"),
    row("udp-flood-closed-port", "icmp_ratelimit", How::Sets(&[&["IcmpOutDestUnreachs"]], 0.3), "udp-flood-many-ports"),
    row("udp-flood-open-port", "casebook_limit", How::Drops(&[DATAGRAMS], 0.2), "udp-flood-one-sender"),
    row("udp-flood-open-port", "rmem_max", How::Not(OF_THE_MACHINE), ""),
    row("icmp-flood", "casebook_icmp", How::Drops(&[&["IcmpInMsgs", "Icmp6InMsgs"]], 0.2), "icmp-flood"),
    row("ack-flood", "casebook_invalid", How::Drops(&[SEGMENTS], 0.2), "ack-flood-tracked"),
    row("fragment-flood", "casebook_fragments", How::Drops(&[&["IpReasmReqds"]], 0.2), "fragment-flood"),
    row("fragment-flood", "ipfrag_high_thresh", How::Sets(&[&["FragmentMemory"]], 0.5), "fragment-flood"),
    row("port-scan", "casebook_scan", How::Drops(&[SEGMENTS, CLOSED], 0.2), "port-scan"),
    row("tunnel-inbound", "casebook run", How::Not("it runs casebook again"), ""),
    row("tunnel-inbound", "ip -d link show", How::Shows, "tunnel-inbound"),
    row("forwarded", "casebook_forward", How::Drops(&[&["IpOutTransmits"]], 0.85), "forwarded"),
    row("forwarded", "nsenter -t", How::Shows, "published-tcp-port"),
    row("guest-drop", "nsenter -t", How::Shows, "guest-drop"),
    row("guest-drop", "ip netns exec", How::Not("processes live in every guest of the stage"), ""),
    row("guest-listen-overflow", "ss -tlnp", How::Shows, "guest-listen-overflow"),
    row("guest-listen-overflow", "stats --no-stream", How::Not(NO_ENGINE), ""),
    row("guest-listen-overflow", "somaxconn", How::Not("it is a setting of the guest"), ""),
    row("guest-syn-backlog", "tcp_syncookies", How::Not("it is a setting of the guest"), ""),
    row("guest-slow-reader", "ss -uanpm", How::Shows, "guest-slow-reader"),
    row("guest-slow-reader", "stats --no-stream", How::Not(NO_ENGINE), ""),
    row("guest-not-reading", "ss -tnpm", How::Not(NO_ENGINE), ""),
    row("guest-not-reading", "top", How::Not(NO_ENGINE), ""),
    row("guest-unheard", "casebook_published", How::Drops(&[&["IpForwDatagrams"]], 0.2), "published-unheard"),
    row("guest-unheard", "ss -lntup", How::Shows, "published-unheard"),
    row("guest-unheard", "logs --tail", How::Not(NO_ENGINE), ""),
    row("guest-download", "top", How::Not(NO_ENGINE), ""),
    row("guest-download", "tc qdisc", How::Sets(&[&["IpForwDatagrams"]], 0.85), "guest-download"),
    row("listen-overflow", "ss -tlnp", How::Shows, "listen-overflow"),
    row("listen-overflow", "somaxconn", How::Backlog(4096), "accept-queue-of-the-kernels-limit"),
    row("tcp-memory", "ss -Htnp", How::Not("what TCP may take is of the whole machine: no incident uses it up"), ""),
    row("tcp-memory", "tcp_mem", How::Not(OF_THE_MACHINE), ""),
    row("softnet-drop", "netdev_max_backlog", How::Not(OF_THE_MACHINE), ""),
    row("nic-overrun", "ethtool -G", How::Not("no virtual interface has a ring"), ""),
    row("one-cpu-receives", "rps_cpus", How::Not("a recorded host stands in: see `the_mask_of_cpus_comes_back`"), ""),
    row("link-down", "ip -details link show", How::Shows, "link-down"),
    row("local-loopback", "ss -tnp", How::Shows, "loopback-transfer"),
    row("unwanted-broadcasts", "log_martians", How::Sets(&[], 0.0), "martian-broadcasts-in-the-log"),
    row(
        "instance-limit",
        "ethtool -S",
        How::Not("no virtual interface has such a counter, and it waits for ten seconds"),
        "",
    ),
    row("discard-sink", "casebook run", How::Not("it runs casebook again, for more than a minute"), ""),
    row("discard-sink", "ps -o", How::Shows, "discard-sink-tcp"),
    row("discard-sink", "systemctl status", How::Not("it asks the machine's service manager, not the namespace"), ""),
    row("bulk-transfer-in", "casebook run", How::Not("it runs casebook again, for more than a minute"), ""),
    row("reflection-{{ each.service }}", "casebook_reflection", How::Drops(&[CLOSED, IP], 0.2), "reflection-ntp"),
    row("reflection-tcp-synack", "casebook_synack", How::Drops(&[SEGMENTS], 0.2), "reflection-tcp-synack"),
    row("reflection-multi-vector", "casebook_reflection", How::Drops(&[CLOSED, IP], 0.2), "reflection-multi-vector"),
    row("open-resolver-abuse", "casebook_resolver", How::Drops(&[DATAGRAMS], 0.2), "open-resolver-abuse"),
    row("reflector-abuse", "casebook_reflector", How::Drops(&[DATAGRAMS], 0.2), "reflector-abuse"),
    row("http-flood", "casebook_held", How::Drops(&[&["TcpCurrEstab"]], 0.8), "slow-requests"),
    row("http-flood", "casebook_http", How::Drops(&[&["TcpPassiveOpens"]], 0.2), "http-flood"),
    row("open-proxy", "grep -rnE", How::Not("it reads the configuration of the machine's web servers"), ""),
    row("ssh-brute-force", "casebook_ssh", How::Drops(&[SEGMENTS], 0.3), "ssh-brute-force-live"),
    row("outbound-flood", "casebook_outbound", How::Drops(&[&["UdpOutDatagrams"]], 0.2), "outbound-flood"),
    row("outbound-flood", "ls -l /proc/", How::Shows, "outbound-flood"),
    row("outbound-scan", "ls -l /proc/", How::Shows, "outbound-scan"),
    row("outbound-amplified", "ss -unap", How::Shows, "outbound-amplified"),
    row("bulk-transfer-out", "fq_codel", How::Not("the kernel of a test may lack that queueing discipline"), ""),
    row("retransmissions", "ss -tin", How::Shows, "outbound-lossy-path"),
    row(
        "retransmissions",
        "mtr -n",
        How::Not("it sends packets of its own over the path that the next look measures"),
        "",
    ),
    row("retransmissions", "tc -s -d qdisc", How::Shows, "outbound-own-queue"),
    row("retransmissions", "nft list ruleset", How::Not("no incident's rule drops what TCP then sends again"), ""),
    row("retry-loop", "ps -o", How::Shows, "outbound-retry-loop"),
    row("retry-loop", "ss -tuanp", How::Not("every incident shows who calls"), ""),
    row("outbound-port-scan", "ss -tanp", How::Shows, "outbound-port-scan"),
    row("arp-flood-sent", "tcpdump", How::Not("a host need not have tcpdump"), ""),
    row("outbound-answers", "casebook run", How::Not("it runs casebook again"), ""),
    row("guest-sends", "casebook_guest", How::Drops(&[&["IpOutTransmits"]], 0.85), "outbound-guest"),
    row("odd-program", "cp /proc/", How::Not("it keeps a copy in the folder of root"), ""),
    row("odd-program", "kill -STOP", How::Not("it stops a program, which the next look would miss"), ""),
    row("tunnel-out", "casebook run", How::Not("it runs casebook again"), ""),
    row("tunnel-out", "ip -d -s link", How::Shows, "outbound-tunnel"),
    row("replication", "pg_stat_replication", How::Not(NO_DATABASE), ""),
    row("replication", "redis-cli", How::Not(NO_DATABASE), ""),
    row("replication", "mysql -e", How::Not(NO_DATABASE), ""),
    row("replication", "mongosh", How::Not(NO_DATABASE), ""),
    row("replication", "kafka-topics", How::Not(NO_DATABASE), ""),
    row("routing-loop", "tcpdump", How::Not("a host need not have tcpdump"), ""),
    row("spam", "casebook_mail", How::Drops(&[&["IpOutTransmits"]], 0.2), "outbound-spam"),
    row("mining-pool", "ls -l /proc/", How::Not("nobody mines on a stage"), ""),
    row("relay", "ss -tnp", How::Not("no proxy of the stage hands on to many"), ""),
    row("slow-reverse-dns", "sshd -T", How::Not("it asks the machine's own sshd for its configuration"), ""),
];

impl Row {
    fn is_of(&self, cause: &str) -> bool {
        match self.cause.split_once("{{") {
            Some((begin, _)) => cause.starts_with(begin) && ROWS.iter().all(|row| row.cause != cause),
            None => self.cause == cause,
        }
    }

    fn of(cause: &str, run: &str) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.is_of(cause) && run.contains(row.marker))
    }
}

/// Carries out the remedies of all likely causes, one after the other, and takes each back; what went otherwise than it must.
pub fn carried_out(incident: &Incident, stage: &Stage, said: &Said) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let likely = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    let remedies: Vec<(&str, &Remedy)> =
        likely.flat_map(|cause| cause.remedies.iter().map(|remedy| (cause.id.as_str(), remedy))).collect();
    let first = case.diagnosis.causes.first().map(|cause| cause.id.as_str());
    let (mut faults, mut done) = (Vec::new(), Vec::new());
    let mut bystander = None;
    for (cause, remedy) in remedies {
        let Some(run) = remedy.run.as_deref() else { continue };
        let Some(row) = Row::of(cause, run) else {
            faults.push(format!("no test knows this command of {cause}: {run}"));
            continue;
        };
        done.push((row.cause, row.marker));
        if matches!(row.how, How::Not(_)) {
            continue;
        }
        bystander.get_or_insert_with(|| Bystander::waits(stage));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
        let patient = Patient { name: incident.name, stage, services: &incident.services, run_folder: folder.path() };
        faults.extend(
            patient
                .treated(row, Some(cause) == first, run, remedy.undo.as_deref())
                .into_iter()
                .map(|fault| format!("{cause}: {fault}, by\n{run}")),
        );
    }
    for row in ROWS.iter().filter(|row| row.by == incident.name && !done.contains(&(row.cause, row.marker))) {
        faults.push(format!("{} does not advise `{}`", row.cause, row.marker));
    }
    faults
}

/// A host in trouble, under treatment.
struct Patient<'a> {
    name: &'static str,
    stage: &'a Stage,
    services: &'a [Role],
    /// What stands for `/run`, where commands keep what was before.
    run_folder: &'a Path,
}

impl Patient<'_> {
    fn treated(&self, row: &Row, is_first: bool, run: &str, undo: Option<&str>) -> Vec<String> {
        let mut faults = Vec::new();
        let state = self.state();
        let served = self.served();
        let hurts = match row.how {
            How::Drops(sums, left) | How::Sets(sums, left) if !sums.is_empty() => {
                let pains = self.pains(sums);
                match pains.iter().position(|pain| *pain >= 20.0) {
                    Some(place) => Some((sums[place], pains[place], left)),
                    // Who guessed passwords in a log need not do so now.
                    None if row.cause == "ssh-brute-force" && row.by != self.name => None,
                    None => {
                        faults.push(format!("{sums:?} hurt nobody before: {pains:?} a second"));
                        None
                    }
                }
            }
            _ => None,
        };
        if let Err(error) = self.shell(run) {
            faults.push(format!("the command fails: {error}"));
        }
        let changed = self.state();
        if (changed == state) != matches!(row.how, How::Shows) {
            faults.push("it changes what it should not, or nothing at all".to_owned());
        }
        if let Some((sum, before, left)) = hurts {
            // Of several floods at once, the remedy of one that is not the first relieves its own part: what its rules match.
            let relieved = |after: f64, matched: f64| {
                after <= left * before || (!is_first && matched >= 200.0 && before - after >= 0.7 * matched)
            };
            let (began, mut after, mut matched) = (Instant::now(), f64::MAX, 0.0);
            while !relieved(after, matched) && began.elapsed() < PATIENCE {
                let (counted, since) = (self.counted(), Instant::now());
                after = self.pains(&[sum])[0];
                matched = self.counted().saturating_sub(counted) as f64 / since.elapsed().as_secs_f64();
            }
            if !relieved(after, matched) {
                faults.push(format!("{sum:?} hurts as before: {before:.0} a second, and now {after:.0}"));
            }
        }
        if let How::Backlog(queue) = row.how {
            let got = self.queue_of_a_new_listener();
            if got != queue {
                faults.push(format!("a new listener has a queue of {got}, not of {queue}"));
            }
        }
        if matches!(row.how, How::Drops(..)) && hurts.is_some() && self.counted() == 0 {
            faults.push("its rules matched nothing".to_owned());
        }
        for (at, answered) in self.served() {
            // What was not answered before was in trouble itself; it may not be so any more, and need not.
            if !answered && served.get(&at) == Some(&true) {
                faults.push(format!("who is served at {at} is answered no more"));
            }
        }
        match undo {
            Some(undo) => {
                if let Err(error) = self.shell(undo) {
                    faults.push(format!("`{undo}` fails: {error}"));
                }
                for (line, (was, is)) in differences(&state, &self.state()) {
                    faults.push(format!("`{undo}` does not restore {line}: it was `{was}`, and is `{is}`"));
                }
            }
            None if matches!(row.how, How::Shows) => {}
            None => faults.push("nothing takes it back".to_owned()),
        }
        faults
    }

    /// Runs lines as somebody pastes them, but stops at the first that fails.
    fn shell(&self, lines: &str) -> Result<String, String> {
        // `ip netns exec` gives its command a mount namespace of its own.
        let mut command = self.stage.server.command("sh");
        command.args(["-c", r#"mount --bind "$0" /run && exec sh -ec "$1""#]).arg(self.run_folder).arg(lines);
        let output = command.output().expect("ip can be run");
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(told) } else { Err(told) }
    }

    /// What a remedy may change, by the name of each part.
    fn state(&self) -> BTreeMap<String, String> {
        const LOOK: &str = r#"
            nft -s list ruleset | sed 's/^/nft: /'
            for family in ip ip6; do for table in $(cat /proc/net/${family}_tables_names 2>/dev/null); do
                ${family}tables-legacy-save -t $table | grep -v '^#' | sed "s/\[.*//; s/^/$family $table: /"; done; done
            tc qdisc show | sed 's/^/tc: /'
            ip -o address | sed 's/^/ip: /'
            ip route | sed 's/^/route: /'
            sysctl -a 2>/dev/null | grep '^net[.]' | grep -v -e nf_conntrack_count -e stable_secret
            for mask in /sys/class/net/*/queues/rx-*/rps_cpus; do echo "$mask: $(cat $mask)"; done
        "#;
        let output = self.stage.server.command("sh").args(["-c", LOOK]).output().expect("ip can be run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut state: BTreeMap<String, String> = BTreeMap::new();
        for line in text.lines() {
            match line.split_once(" = ") {
                Some((key, value)) => drop(state.insert(key.to_owned(), value.to_owned())),
                None => {
                    let part = line.split(": ").next().unwrap_or_default();
                    let lines = state.entry(part.to_owned()).or_default();
                    lines.push_str(line);
                    lines.push('\n');
                }
            }
        }
        state
    }

    /// How fast each of these sums of counters grows, by the second; of memory, how much there is.
    fn pains(&self, sums: &[&[&str]]) -> Vec<f64> {
        let sum = |counters: &BTreeMap<String, u64>, names: &[&str]| -> u64 {
            names.iter().map(|name| counters.get(*name).copied().unwrap_or(0)).sum()
        };
        let (before, began) = (self.counters(), Instant::now());
        thread::sleep(WATCHED);
        let (after, seconds) = (self.counters(), began.elapsed().as_secs_f64());
        let pain = |names: &&[&str]| {
            // Of these, how much there is hurts, not how it grows.
            if matches!(*names, ["FragmentMemory"] | ["TcpCurrEstab"]) {
                return sum(&after, names) as f64;
            }
            sum(&after, names).saturating_sub(sum(&before, names)) as f64 / seconds
        };
        sums.iter().map(pain).collect()
    }

    /// The kernel's counters of the server's namespace.
    fn counters(&self) -> BTreeMap<String, u64> {
        let read = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
        let texts = self.stage.server.inside(|| ["snmp", "netstat", "snmp6", "sockstat"].map(read));
        let mut counters = BTreeMap::new();
        for text in &texts[..2] {
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.chunks_exact(2) {
                let (Some((group, names)), Some((_, values))) = (pair[0].split_once(": "), pair[1].split_once(": "))
                else {
                    continue;
                };
                let values = values.split_whitespace().map(|value| value.parse().unwrap_or(0));
                counters.extend(names.split_whitespace().map(|name| format!("{group}{name}")).zip(values));
            }
        }
        for line in texts[2].lines() {
            if let Some((name, value)) = line.split_once(char::is_whitespace) {
                counters.insert(name.to_owned(), value.trim().parse().unwrap_or(0));
            }
        }
        let memory =
            texts[3].lines().find_map(|line| line.strip_prefix("FRAG: ")?.split_once("memory ")?.1.parse().ok());
        counters.insert("FragmentMemory".to_owned(), memory.unwrap_or(0));
        counters
    }

    /// What the rules of the remedy's own table have counted.
    fn counted(&self) -> u64 {
        let ruleset = self.stage.server.shell("nft list ruleset");
        let own = ruleset.split("\ntable ").filter(|table| table.contains(" casebook_"));
        let packets = own.flat_map(|table| table.split("counter packets ").skip(1));
        packets.filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).sum()
    }

    fn queue_of_a_new_listener(&self) -> u32 {
        let listener = self.stage.server.inside(|| {
            use nix::sys::socket::{Backlog, listen};
            let listener = TcpListener::bind((SERVER, BYSTANDER + 1)).expect("the port is free");
            listen(&listener, Backlog::new(65_000).unwrap_or(Backlog::MAXCONN)).expect("it listens");
            listener
        });
        let shown = self.stage.server.shell(&format!("ss -Htln 'sport = :{}'", BYSTANDER + 1));
        drop(listener);
        shown.split_whitespace().nth(2).and_then(|queue| queue.parse().ok()).unwrap_or(0)
    }

    /// Whether a client of the world is answered by the bystander and by each service of the incident that answers.
    fn served(&self) -> BTreeMap<String, bool> {
        let bystander = SocketAddr::from((SERVER, BYSTANDER));
        let mut ways = vec![(bystander, true), (bystander, false)];
        for role in self.services {
            match role {
                Role::Web { at } | Role::Daemon(Daemon::Http { at, .. } | Daemon::SlowAccept { at, .. }) => {
                    ways.push((*at, true))
                }
                Role::Game { at }
                | Role::Amplifier { at, .. }
                | Role::Daemon(Daemon::Answerer { at, .. } | Daemon::SlowAnswerer { at, .. }) => {
                    ways.push((*at, false))
                }
                _ => {}
            }
        }
        let world = &self.stage.world;
        let is_answered = |(at, over_tcp): (SocketAddr, bool)| {
            let answered =
                (0..4).any(|_| world.inside(|| if over_tcp { asked_over_tcp(at) } else { asked_by_datagram(at) }));
            (format!("{} {at}", if over_tcp { "tcp" } else { "udp" }), answered)
        };
        ways.into_iter().filter(|(at, _)| at.is_ipv4()).map(is_answered).collect()
    }
}

fn asked_over_tcp(at: SocketAddr) -> bool {
    let Ok(mut stream) = connected(CLIENT, at) else { return false };
    let asked = stream.write_all(b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    asked.is_ok() && stream.read(&mut [0; 256]).is_ok_and(|length| length > 0)
}

fn asked_by_datagram(at: SocketAddr) -> bool {
    let socket = UdpSocket::bind((CLIENT, 0)).expect("the address is the world's");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a read timeout");
    socket.send_to(b"who is there", at).is_ok() && socket.recv(&mut [0; 2048]).is_ok()
}

/// What differs: each name with what it was and is.
fn differences(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> BTreeMap<String, (String, String)> {
    let names = was.keys().chain(is.keys());
    let of = |state: &BTreeMap<String, String>, name: &String| state.get(name).cloned().unwrap_or_default();
    names
        .filter(|name| was.get(*name) != is.get(*name))
        .map(|name| (name.clone(), (of(was, name), of(is, name))))
        .collect()
}

/// Services of the server that the incident does not concern, over TCP and by datagram.
struct Bystander {
    ends: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Bystander {
    fn waits(stage: &Stage) -> Bystander {
        let (listener, socket) = stage.server.inside(|| {
            let listener = TcpListener::bind((SERVER, BYSTANDER)).expect("the port is free");
            (listener, UdpSocket::bind((SERVER, BYSTANDER)).expect("the port is free"))
        });
        listener.set_nonblocking(true).expect("a listener need not wait");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a read timeout");
        let ends = Arc::new(AtomicBool::new(false));
        let (by_tcp, by_datagram) = (Arc::clone(&ends), Arc::clone(&ends));
        let accepting = thread::spawn(move || {
            while !by_tcp.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => drop(stream.write_all(b"here\n")),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        let receiving = thread::spawn(move || {
            while !by_datagram.load(Ordering::Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut [0; 64]) {
                    let _ = socket.send_to(b"here", from);
                }
            }
        });
        Bystander { ends, threads: vec![accepting, receiving] }
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// A command that somebody adds to the runbook is carried out by a test, or a reason is given why it is not.
#[test]
fn every_command_of_a_cause_is_carried_out_by_an_incident_or_says_why_not() {
    let shipped = runbook::embedded(Kind::Runbook);
    // The incidents stage traffic; what the other runbooks advise is for other troubles.
    let of_traffic = shipped.iter().filter(|found| found.name.ends_with("-traffic"));
    let causes = of_traffic.flat_map(|found| runbook::load_found(found, Trust::Required).expect("it is right").causes);
    let situations = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents/situations");
    let read = |path: PathBuf| fs::read_to_string(path).expect("a file of the project can be read");
    let staged: String =
        fs::read_dir(situations).expect("it is there").map(|entry| read(entry.unwrap().path())).collect();
    let mut used = Vec::new();
    for cause in causes {
        for run in cause.remedies.iter().filter_map(|remedy| remedy.run.as_ref()) {
            let row =
                Row::of(&cause.id, &run.text).unwrap_or_else(|| panic!("{} has no row for `{}`", cause.id, run.text));
            used.push((row.cause, row.marker));
        }
    }
    for row in ROWS {
        assert!(used.contains(&(row.cause, row.marker)), "{} has no command with `{}`", row.cause, row.marker);
        match row.how {
            How::Not(reason) => assert!(!reason.is_empty() && row.by.is_empty()),
            _ => assert!(staged.contains(&format!("\"{}\",", row.by)), "{} is not staged", row.by),
        }
    }
}

/// No host of the stage is so large that one CPU receives for many, so a pasted one gives the command.
#[test]
fn the_mask_of_cpus_comes_back() {
    let stage = crate::support::need::require!(Stage::set(crate::stage::Setting::default()));
    let pasted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pastes/10-coreos-softnet-one-cpu");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["read", "--format", "json"])
        .arg(pasted)
        .output()
        .expect("casebook runs");
    let case: casebook::case::Case = serde_json::from_slice(&output.stdout).expect("it is a case");
    let cause = case.diagnosis.causes.iter().find(|cause| cause.id == "one-cpu-receives").expect("it is weighed");
    let remedy = cause.remedies.iter().find(|remedy| remedy.run.is_some()).expect("it has a command");
    let run = remedy.run.clone().unwrap();
    // This machine has fewer CPUs, and the kernel takes no bit of one that it does not have.
    let mask = format!("{:x}", (1u64 << thread::available_parallelism().map_or(1, |count| count.get().min(32))) - 1);
    let at = run.find("do echo ").expect("it writes a mask") + "do echo ".len();
    let end = at + run[at..].find(' ').expect("it writes it somewhere");
    let pasted = u64::from_str_radix(&run[at..end], 16).expect("a mask is hexadecimal");
    assert!(pasted.count_ones() == pasted.trailing_ones() && pasted.count_ones() > 1, "{run}");
    let run = format!("{}{mask}{}", &run[..at], &run[end..]);
    stage.server.shell("echo 1 > /sys/class/net/eth0/queues/rx-0/rps_cpus");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
    let patient = Patient { name: "", stage: &stage, services: &[], run_folder: folder.path() };
    let row = row("one-cpu-receives", "rps_cpus", How::Sets(&[], 0.0), "");
    assert_eq!(patient.treated(&row, true, &run, remedy.undo.as_deref()), [""; 0]);
}
