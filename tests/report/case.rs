//! Cases to report on. The figures are invented.

use casebook::case::{
    Account, CASE_FORMAT, Case, Cause, Cost, Coverage, Diagnosis, Entry, EntryKind, Evidence, Finding, Gap, Host,
    Likelihood, Missing, Reason, Remedy, RunbookRef, Said, Sign, SignSide, Truth, Urgency, Verdict, Weight,
};
use serde_json::{Map, Value, json};

/// A case in which nothing happened yet.
pub fn empty() -> Case {
    Case {
        format: CASE_FORMAT,
        casebook: "0.1.0".into(),
        runbook: RunbookRef {
            name: "empty".into(),
            title: "Nothing at all".into(),
            text: String::new(),
            wraps_check: None,
            overrides_embedded: None,
            choice: None,
            checks: Default::default(),
        },
        host: Host {
            name: "web01".into(),
            kernel: "6.1.0-13-amd64".into(),
            root: true,
            local_time: None,
            clock: None,
            vantage: None,
        },
        started: "2026-11-22T15:04:10Z".parse().unwrap(),
        window_seconds: 0.0,
        partial: false,
        params: Map::new(),
        given: Map::new(),
        verdict: Verdict::Unknown,
        coverage: Coverage { looked: 0, applicable: 0 },
        diagnosis: Diagnosis { summary: String::new(), headlines: vec![], causes: vec![] },
        ledger: None,
        findings: vec![],
        evidence: Default::default(),
        fleet: None,
        reading: None,
        limits: vec![],
        redacted: Default::default(),
        cost: Cost { wall_seconds: 0.1, cpu_seconds: 0.01, peak_memory_bytes: 9_000_000 },
        foreign_commands: false,
    }
}

/// A case of the main runbook, with its verdict and coverage counted from the findings.
fn inbound(findings: Vec<Finding>) -> Case {
    Case {
        runbook: RunbookRef {
            name: "high-inbound-traffic".into(),
            title: "High inbound traffic".into(),
            text: "name: high-inbound-traffic\n".into(),
            wraps_check: None,
            overrides_embedded: None,
            choice: None,
            checks: Default::default(),
        },
        window_seconds: 10.0,
        params: params(&[("interface", json!("auto")), ("window", json!(10.0)), ("high", json!(20_000_000.0))]),
        given: params(&[("high", json!("20Mbit/s"))]),
        verdict: Verdict::gravest(findings.iter().map(|finding| finding.verdict)),
        coverage: Coverage::of(&findings),
        findings,
        limits: vec![],
        cost: Cost { wall_seconds: 10.21, cpu_seconds: 0.31, peak_memory_bytes: 31_000_000 },
        foreign_commands: false,
        ..empty()
    }
}

pub fn params(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

pub fn finding(verdict: Verdict, step: &str, title: &str, sentence: &str) -> Finding {
    Finding {
        step: step.into(),
        title: title.into(),
        verdict,
        sentence: sentence.into(),
        gaps: vec![],
        remedies: vec![],
        data: Default::default(),
        besides: vec![],
    }
}

pub fn blind(step: &str, title: &str, gap: Gap) -> Finding {
    Finding { gaps: vec![gap.clone()], ..finding(Verdict::Unknown, step, title, &gap.to_string()) }
}

pub fn cause(id: &str, title: &str, likelihood: Likelihood, signs: Vec<Sign>) -> Cause {
    Cause {
        runbooks: Vec::new(),
        id: id.into(),
        title: title.into(),
        likelihood,
        severity: Verdict::Critical,
        subject: Map::new(),
        signs,
        remedies: vec![],
        withheld: 0,
    }
}

pub fn sign(side: SignSide, weight: Weight, holds: Truth, say: &str) -> Sign {
    Sign { side, weight, holds, say: say.into(), gaps: vec![] }
}

pub fn remedy(urgency: Urgency, action: &str, run: Option<&str>, undo: Option<&str>, risk: &str) -> Remedy {
    Remedy {
        urgency,
        action: action.into(),
        run: run.map(str::to_owned),
        undo: undo.map(str::to_owned),
        risk: (!risk.is_empty()).then(|| risk.to_owned()),
        unquoted: false,
    }
}

pub fn entry(kind: EntryKind, label: &str, bytes: u64, packets: u64, of: u64) -> Entry {
    Entry {
        kind,
        label: label.into(),
        bytes,
        packets,
        share: bytes as f64 / of as f64,
        protocol: None,
        address: None,
        port: None,
        process: None,
        rule: None,
        container: None,
    }
}

pub fn account(bytes: u64, packets: u64, entries: Vec<Entry>) -> Account {
    let explained: u64 = entries.iter().map(|entry| entry.bytes).sum();
    Account {
        interface: "eth0".into(),
        interfaces: vec![],
        bytes,
        packets,
        seconds: 10.0,
        entries,
        unexplained_bytes: bytes - explained,
        unexplained_share: (bytes > 0).then(|| (bytes - explained) as f64 / bytes as f64),
        disagreements: vec![],
        outbound: None,
    }
}

pub fn evidence(probe: &str, params: Value) -> Evidence {
    Evidence {
        probe: probe.into(),
        params,
        started: "2026-11-22T15:04:10.112Z".parse().unwrap(),
        seconds: 10.002,
        cpu_seconds: Some(0.021),
        peak_memory_bytes: None,
        output: Some(json!({"seen": 1})),
        gap: None,
        missing: vec![],
        loss: vec![],
        typed: Default::default(),
    }
}

pub fn no_resolver() -> Gap {
    Gap::new(Reason::Absent, "ask the resolver", "no resolver is configured").to_fix("name one in /etc/resolv.conf")
}

/// The flood of the design's example.
pub fn flood() -> Case {
    use Verdict::*;
    let mut case = inbound(vec![
        finding(Ok, "host", "Host is healthy", "load 0.12 on 2 CPUs, memory 27 %, no pressure"),
        finding(
            Critical,
            "rates",
            "How much arrives",
            "eth0 45.1 Mbit/s in (peak 46.0), 0.3 out; 25.1 Mbit/s over what counts as high (20.0 Mbit/s)",
        ),
        finding(
            Critical,
            "traffic",
            "What it is",
            "99.4 % UDP to port 27015, 540-byte packets, 1,773 sources, one TTL; nothing fragmented",
        ),
        finding(Ok, "sockets", "Who receives it", "no socket on 27015; the busiest receiver is sshd with 0.2 Mbit/s"),
        finding(
            Warning,
            "firewall",
            "What the firewall does",
            "rule inet filter input #4 dropped 99,550 packets in the window, as many as the flood has",
        ),
        finding(Ok, "drops", "What the kernel drops", "nothing but that rule's NETFILTER_DROP"),
        finding(Ok, "logs", "Logs", "no new kinds of message in the last 15 minutes"),
        finding(Ok, "conntrack", "Connection tracking", "4,120 of 262,144 entries"),
        finding(Ok, "kernel", "Kernel counters", "no counter that means trouble grew"),
        blind("resolver", "Is the resolver slow", no_resolver()),
        finding(Skipped, "strangers", "Does our resolver answer strangers", "nothing listens on port 53"),
    ]);
    case.ledger = Some(account(
        56_400_000,
        99_570,
        vec![
            entry(
                EntryKind::FirewallRule,
                "dropped by nft inet filter input #4 (udp dport 27015 drop)",
                56_061_600,
                99_550,
                56_400_000,
            ),
            entry(EntryKind::Process, "sshd (pid 1822, ssh.service)", 225_600, 600, 56_400_000),
            entry(EntryKind::NonIp, "ARP and other non-IP", 56_000, 20, 56_400_000),
        ],
    ));
    case.diagnosis = Diagnosis {
        summary:
            "Very likely: a UDP flood on 203.0.113.10:27015, dropped by your own firewall before any process sees it."
                .into(),
        headlines: vec![
            "eth0 receives 45.1 Mbit/s (9,957 packets/s); 99.4 % of it is this flood. The link still pays for it."
                .into(),
        ],
        causes: flood_causes(),
    };
    case.findings[0].remedies.clear();
    for (step, probe, given) in [
        ("host", "host", json!({})),
        ("rates", "interfaces", json!({"interface": "eth0", "window": 10.0})),
        ("traffic", "capture", json!({"interface": "eth0", "window": 10.0, "ports": null})),
        ("sockets", "sockets", json!({"window": 10.0})),
        ("firewall", "firewall", json!({"window": 10.0})),
        ("drops", "drops", json!({"window": 10.0})),
    ] {
        case.evidence.insert(step.into(), evidence(probe, given));
    }
    case.evidence["traffic"].loss.push("the ring dropped 312 of 99,882 packets (0.3 %)".into());
    let resolver = Evidence { output: None, gap: Some(no_resolver()), ..evidence("dns", json!({"timeout": 2.0})) };
    case.evidence.insert("resolver".into(), resolver);
    case
}

fn flood_causes() -> Vec<Cause> {
    use Likelihood::*;
    use SignSide::*;
    use Weight::*;
    let netdev = "nft add table netdev casebook\n\
        nft add chain netdev casebook in '{ type filter hook ingress device eth0 priority -500; }'\n\
        nft add rule netdev casebook in ip daddr 203.0.113.10 udp dport 27015 counter drop comment \"casebook: flood of 2026-11-22\"";
    let mut flood = cause(
        "udp-flood-closed-port",
        "UDP flood on 203.0.113.10:27015, where nothing listens",
        Certain,
        vec![
            sign(For, Moderate, Truth::Yes, "1,773 sources send with one TTL: they are spoofed"),
            sign(For, Strong, Truth::Yes, "99.4 % of the inbound bytes are UDP to port 27015"),
            sign(For, Strong, Truth::Yes, "no socket is bound to port 27015"),
            sign(For, Weak, Truth::Yes, "all packets are of one size"),
            sign(For, Strong, Truth::No, "Udp NoPorts grows as fast as the packets come"),
            sign(Against, Weak, Truth::Yes, "the port belongs to a game that may be served elsewhere"),
            Sign { gaps: vec![no_resolver()], ..sign(For, Weak, Truth::Unknown, "the sources have no names") },
        ],
    );
    flood.remedies = vec![
        remedy(
            Urgency::Upstream,
            "No rule on this host relieves the link. Send this to your provider: Please drop UDP to 203.0.113.10 port \
             27015 at your edge. 9,957 packets/s, 45.1 Mbit/s, since 2026-11-22 15:03 UTC or earlier, from 1,773 \
             addresses, one TTL: sources are spoofed, so blocking them would hurt others.",
            None,
            None,
            "",
        ),
        remedy(
            Urgency::Now,
            "Drop it before the IP stack, where it costs a third of the CPU.",
            Some(netdev),
            Some("nft delete table netdev casebook"),
            "low",
        ),
    ];
    let mut dropped = cause(
        "dropped-by-firewall",
        "Rule inet filter input #4 drops it",
        Likely,
        vec![sign(For, Decisive, Truth::Yes, "the rule's counter grows as fast as the flood")],
    );
    dropped.remedies = vec![
        // The same commands in other words: said once.
        remedy(Urgency::Now, "Move the drop to the ingress hook.", Some(netdev), None, "low"),
        remedy(
            Urgency::Lasting,
            "Keep the rule over a reboot.",
            Some("nft list ruleset > /etc/nftables.conf\nsystemctl enable nftables"),
            Some("systemctl disable nftables\nrm /etc/nftables.conf"),
            "medium: it replaces what that file says now, so look at it first",
        ),
    ];
    vec![
        flood,
        dropped,
        cause(
            "icmp-flood",
            "ICMP flood",
            Possible,
            vec![sign(For, Strong, Truth::Unknown, "the kernel answers each packet with an ICMP error")],
        ),
        cause("syn-flood", "SYN flood", Unlikely, vec![sign(For, Strong, Truth::No, "most inbound packets are SYNs")]),
        cause(
            "reflection-dns",
            "DNS reflection",
            RuledOut,
            vec![
                sign(Against, Weak, Truth::Yes, "packets are small"),
                sign(Against, Decisive, Truth::Yes, "source ports are random"),
            ],
        ),
        cause(
            "bulk-transfer-in",
            "A process downloads",
            RuledOut,
            vec![sign(Against, Decisive, Truth::Yes, "no connection carries it")],
        ),
        cause("local-loopback", "Two local processes", RuledOut, vec![]),
    ]
}

/// A host on which all is well.
pub fn calm() -> Case {
    use Verdict::Ok;
    let mut case = inbound(vec![
        finding(Ok, "host", "Host is healthy", "load 0.03 on 2 CPUs, memory 31 %, no pressure"),
        finding(Ok, "rates", "How much arrives", "eth0 is calm: 26.4 kbit/s in, 8.1 kbit/s out"),
        finding(Ok, "traffic", "What it is", "mostly TCP to port 22 from 198.51.100.7"),
    ]);
    case.diagnosis.summary = "Nothing stands out: eth0 is calm, and the host is healthy.".into();
    case.diagnosis.headlines = vec!["eth0 receives 26.4 kbit/s (13 packets/s).".into()];
    case.diagnosis.causes = vec![
        cause(
            "not-reaching-host",
            "The spike does not reach this host",
            Likelihood::Possible,
            vec![sign(SignSide::For, Weight::Moderate, Truth::Yes, "all rates are calm")],
        ),
        cause(
            "syn-flood",
            "SYN flood",
            Likelihood::RuledOut,
            vec![sign(SignSide::Against, Weight::Decisive, Truth::Yes, "2 SYNs in 10 s")],
        ),
    ];
    case.ledger = Some(account(
        33_000,
        130,
        vec![
            entry(EntryKind::Process, "sshd (pid 1822, ssh.service)", 31_000, 110, 33_000),
            entry(EntryKind::NonIp, "ARP and other non-IP", 2_000, 20, 33_000),
        ],
    ));
    case
}

/// The same host, seen by somebody who may see little.
pub fn without_root() -> Case {
    use Verdict::*;
    let packets = Gap::denied("open a packet socket", "CAP_NET_RAW");
    let rules = Gap::denied("read the nftables ruleset", "CAP_NET_ADMIN");
    let perf = Gap::denied("open a perf event", "CAP_PERFMON");
    let journal = Gap::new(Reason::Denied, "read /var/log/syslog", "permission denied").to_fix("run with sudo");
    let owners = Gap::new(Reason::Denied, "read /proc/812/fd", "permission denied").to_fix("run with sudo");
    let tracefs = Gap::new(Reason::Absent, "read the tracepoint's id", "tracefs is not mounted")
        .to_fix("mount -t tracefs nodev /sys/kernel/tracing");
    let mut case = inbound(vec![
        finding(Ok, "host", "Host is healthy", "load 0.03 on 2 CPUs, memory 31 %, no pressure"),
        finding(Ok, "rates", "How much arrives", "eth0 is calm: 26.4 kbit/s in, 8.1 kbit/s out"),
        blind("traffic", "What it is", packets.clone()),
        blind("sockets", "Who receives it", packets.clone()),
        blind("firewall", "What the firewall does", rules.clone()),
        blind("drops", "What the kernel drops", perf.clone()),
        blind("logs", "Logs", journal.clone()),
        finding(Unknown, "resolver", "Is the resolver slow", "no outcome of this step holds"),
    ]);
    case.host.root = false;
    case.diagnosis.summary = "Too little could be seen to name a cause; eth0 is calm.".into();
    for (step, probe, gap) in [
        ("traffic", "capture", packets),
        ("firewall", "firewall", rules),
        ("drops", "drops", perf),
        ("logs", "logs", journal),
    ] {
        let gone = Evidence { output: None, gap: Some(gap), ..evidence(probe, json!({"window": 10.0})) };
        case.evidence.insert(step.into(), gone);
    }
    let mut sockets = evidence("sockets", json!({"window": 10.0}));
    sockets.missing = vec![
        Missing { fields: vec!["owners".into(), "processes".into()], gap: owners },
        Missing { fields: ["a", "b", "c", "d", "e"].map(|field| format!("tcp.{field}")).into(), gap: tracefs },
    ];
    sockets.loss = vec!["3 processes ended while they were looked at".into()];
    case.evidence.insert("sockets".into(), sockets);
    case
}

/// A run that was ended after three seconds.
pub fn partial() -> Case {
    let mut case = calm();
    case.partial = true;
    case.window_seconds = 3.2;
    let gap = Gap::new(Reason::Cancelled, "watch for the whole window", "the operator ended the run");
    case.findings.push(blind("drops", "What the kernel drops", gap.clone()));
    case.evidence.insert("drops".into(), Evidence { output: None, gap: Some(gap), ..evidence("drops", json!({})) });
    case.verdict = Verdict::Unknown;
    case.coverage = Coverage::of(&case.findings);
    case
}

/// What strangers write into names, comments and log lines.
pub const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}|`x` ``` </details><script>alert(1)</script> [a](http://evil.example) \
    ![i](x) *b* _c_ @root #4 www.evil.example \u{202e}gnp.exe\u{2066}\u{200b}\u{9b}31m\u{7f}\r\n# heading\n- item\t~~s~~ $x$ &lt; \\";

/// A case in which every string is hostile.
pub fn hostile() -> Case {
    with_every_string(HOSTILE)
}

/// The flood, with this in place of every string.
pub fn with_every_string(text: &str) -> Case {
    let mut case = flood();
    let bad = || text.to_owned();
    case.casebook = bad();
    case.runbook.name = bad();
    case.runbook.title = bad();
    case.host.name = bad();
    case.host.kernel = bad();
    case.params = params(&[(text, json!(text)), ("list", json!([text, {text: 1}]))]);
    case.diagnosis.summary = bad();
    case.diagnosis.headlines = vec![bad()];
    for cause in &mut case.diagnosis.causes {
        cause.id = bad();
        cause.title = bad();
        for sign in &mut cause.signs {
            sign.say = bad();
            sign.gaps = vec![Gap::new(Reason::Failed, text, text)];
        }
        for (index, remedy) in cause.remedies.iter_mut().enumerate() {
            remedy.action = bad();
            remedy.run = Some(format!("echo {index} {text}"));
            remedy.undo = Some(bad());
            remedy.risk = Some(bad());
        }
    }
    let ledger = case.ledger.as_mut().unwrap();
    ledger.interface = bad();
    ledger.entries.iter_mut().for_each(|entry| entry.label = bad());
    ledger.disagreements = vec![bad()];
    for finding in &mut case.findings {
        finding.title = bad();
        finding.sentence = bad();
        finding.gaps = vec![Gap::new(Reason::Failed, text, text).to_fix(text)];
    }
    for evidence in case.evidence.values_mut() {
        evidence.probe = bad();
        evidence.params = json!({text: text});
        evidence.loss = vec![bad()];
        let gap = Gap::new(Reason::Failed, text, text).to_fix(format!("run with sudo, or give the binary {text}"));
        evidence.missing = vec![Missing { fields: vec![bad()], gap }];
    }
    case
}

/// A case as large as an attacker can make it.
pub fn huge(text: &str) -> Case {
    let mut case = with_every_string(text);
    let many = 10_000;
    let entries: Vec<Entry> =
        (0..many).map(|n| entry(EntryKind::Process, &format!("{n} {text}"), 10, 1, 10 * many)).collect();
    case.ledger = Some(account(10 * many, many, entries));
    case.ledger.as_mut().unwrap().disagreements = vec![text.repeat(5); 99];
    case.diagnosis.headlines = vec![text.repeat(5); 99];
    let cause = case.diagnosis.causes[0].clone();
    case.diagnosis.causes = vec![cause; 100];
    for n in 0..100 {
        let cause = &mut case.diagnosis.causes[n];
        cause.remedies[0].run = Some(format!("echo {n}"));
        cause.remedies[1].run = Some(format!("echo -n {n}"));
    }
    for n in 0..300 {
        let mut finding = case.findings[0].clone();
        finding.step = format!("step-{n}");
        finding.sentence = format!("{n} {}", text.repeat(3));
        finding.gaps = vec![Gap::new(Reason::Failed, format!("{n}"), text).to_fix(format!("{n} {text}"))];
        case.findings.push(finding);
    }
    for n in 0..100 {
        let mut evidence = case.evidence["traffic"].clone();
        evidence.loss = vec![format!("{n} {text}")];
        case.evidence.insert(format!("evidence-{n}"), evidence);
        case.params.insert(format!("param-{n}"), json!(text));
    }
    case
}

/// The flood with all that a page can draw and unfold: samples, remotes, sizes, log lines, a check's figures, a gap.
pub fn pictured() -> Case {
    let mut case = flood();
    let rates = [3.1, 12.4, 44.2, 46.0, 45.3, 45.8, 44.9, 45.5, 45.1, 45.6];
    let samples: Vec<Value> = rates
        .iter()
        .zip(1..)
        .map(|(rate, at)| {
            let rx = rate * 1e6;
            json!({"at": at, "rx_bits_per_second": rx, "rx_packets_per_second": rx / 4530.0, "tx_bits_per_second": 3.1e5})
        })
        .collect();
    let watched = json!({
        "name": "eth0",
        "rx": {"bits_per_second": 45_100_000.0, "packets_per_second": 9957.0, "dropped": 0},
        "tx": {"bits_per_second": 310_000.0, "packets_per_second": 120.5},
        "samples": samples
    });
    let seen =
        |probe: &str, output: Value| Evidence { output: Some(output), ..evidence(probe, json!({"window": 10.0})) };
    case.evidence.insert("rates".into(), seen("interfaces", json!({"seconds": 10.0, "watched": watched})));
    let remotes: Vec<Value> = (1..=8)
        .map(|n| json!({"address": format!("198.51.100.{n}"), "bytes": 900_000 / n, "share": 0.016 / f64::from(n)}))
        .collect();
    let sizes =
        [(64, 12), (128, 40), (256, 310), (512, 95), (1024, 98_700), (1518, 130), (9018, 0), (4_294_967_295_u64, 0)];
    let sizes: Vec<Value> = sizes.iter().map(|(up_to, packets)| json!({"up_to": up_to, "packets": packets})).collect();
    let capture = json!({"remotes": {"distinct": 1773, "top": remotes}, "sizes": sizes});
    case.evidence.insert("traffic".into(), seen("capture", capture));
    let lines = [3, 4, 2, 5, 3, 4, 6, 3, 2, 41, 380, 512, 490, 505];
    let minutes: Vec<Value> = lines
        .iter()
        .zip(50..)
        .map(|(lines, minute): (_, i64)| {
            let at = format!("2026-11-22T{}:{:02}:00Z", 14 + minute / 60, minute % 60);
            json!({"at": at, "lines": lines})
        })
        .collect();
    case.evidence.insert("logs".into(), seen("logs", json!({"lines": 1960, "per_minute": minutes})));
    let mut check = finding(
        Verdict::Warning,
        "exposure",
        "What listens to the world",
        "redis-server (pid 911) listens on every address, and no rule keeps strangers from it",
    );
    check.data = params(&[
        ("listeners", json!(14)),
        ("open_to_all", json!(["0.0.0.0:6379", "[::]:22"])),
        ("checked_seconds", json!(0.42)),
    ]);
    check.besides = vec![
        Said { verdict: Verdict::Warning, sentence: "memcached (pid 912) listens on every address".into() },
        Said {
            verdict: Verdict::Ok,
            sentence: "sshd (pid 1822) is kept to 198.51.100.0/24 by rule inet filter input #2".into(),
        },
    ];
    case.findings.push(check);
    case.coverage = Coverage::of(&case.findings);
    case
}
