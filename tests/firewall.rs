//! The probe `firewall` against the real kernel: each test makes a network namespace of its own, puts rules there with
//! the tools that people use, and sends a few datagrams over its loopback.

mod support;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use casebook::case::{Gap, Observed, Reason};
use casebook::probe::firewall::{Firewall, FirewallProbe, Params, Rule, Standing};
use casebook::probe::{Cancel, Context, Inputs, Probe as _, StartBarrier};
use casebook::units::Span;
use support::namespace;
use support::need::{ipv6, no_root, require, tool};

/// Bytes of payload in each datagram, which make an IPv4 packet of 128 bytes and an IPv6 packet of 148.
const PAYLOAD: usize = 100;

/// Runs a test in a network namespace of its own, with the tools for rules at hand.
fn in_namespace(test: fn()) {
    for name in ["nft", "iptables-nft", "iptables-legacy"] {
        require!(tool(name));
    }
    namespace::in_namespace(test);
}

/// Runs a tool in the namespace of this thread.
fn run(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Observes while `action` runs, between the two looks.
fn observe_during(action: impl FnOnce()) -> Observed<Firewall> {
    let (ready, is_ready) = mpsc::channel();
    let ready = Mutex::new(ready);
    let cancel = Arc::new(Cancel::default());
    let cx = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), move |_| {
        let _ = ready.lock().unwrap().send(());
    });
    let probe = std::thread::spawn(move || {
        FirewallProbe.observe(Params { window: Span::seconds(30), ..Params::default() }, &cx)
    });
    is_ready.recv_timeout(Duration::from_secs(10)).expect("the probe takes its first look");
    action();
    cancel.cancel();
    probe.join().unwrap().expect("the firewall can be read")
}

fn observe_once() -> Result<Observed<Firewall>, Gap> {
    FirewallProbe.observe(Params { window: Span::default(), ..Params::default() }, &Context::alone())
}

/// Sends datagrams to a port of this host.
fn send(datagrams: usize, to: impl Into<SocketAddr>) {
    let to = to.into();
    let from: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
    let socket = UdpSocket::bind(from).unwrap();
    for _ in 0..datagrams {
        socket.send_to(&[0; PAYLOAD], to).unwrap();
    }
}

fn local(port: u16) -> (Ipv4Addr, u16) {
    (Ipv4Addr::LOCALHOST, port)
}

fn named<'a>(observed: &'a Observed<Firewall>, name: &str) -> &'a Rule {
    let rules = &observed.output.rules;
    rules
        .iter()
        .find(|rule| rule.name == name)
        .unwrap_or_else(|| panic!("no {name} among {:#?}", rules.iter().map(|rule| &rule.name).collect::<Vec<_>>()))
}

fn grew(rule: &Rule) -> (Option<u64>, Option<u64>) {
    (rule.packets, rule.bytes)
}

#[test]
fn an_nft_rule_that_drops_has_counted_exactly_what_was_sent() {
    in_namespace(|| {
        run("nft add table inet filter");
        run("nft 'add chain inet filter input { type filter hook input priority 0; policy accept; }'");
        run("nft add rule inet filter input ct state invalid counter drop");
        run("nft add rule inet filter input udp dport 27015-27020 counter drop comment '\"game floods\"'");
        run("nft add rule inet filter input udp dport 5000 counter accept");
        let seen = observe_during(|| {
            send(37, local(27015));
            send(5, local(5000));
        });
        let name = "nft inet filter input #2 (udp dport 27015-27020 drop comment \"game floods\")";
        let rule = named(&seen, name);
        assert_eq!(grew(rule), (Some(37), Some(37 * 128)));
        assert_eq!((rule.hook.as_deref(), rule.priority, rule.position), (Some("input"), Some(0), 2));
        assert!(rule.drops && rule.counter_exact && rule.matches.complete && !rule.link_header_included);
        assert_eq!(rule.matches.protocols, ["udp"]);
        assert_eq!((rule.matches.local_ports[0].first, rule.matches.local_ports[0].last), (27015, 27020));
        let accepts = named(&seen, "nft inet filter input #3 (udp dport 5000 accept)");
        assert_eq!((accepts.packets, accepts.drops), (Some(5), false));
        assert_eq!(seen.output.dropped.packets, Some(37));
        assert!(seen.output.dropped.complete);
        assert_eq!(seen.output.top_drop.as_ref().unwrap().name, name);
        assert_eq!(seen.output.rules[0].name, name);
        assert!(seen.output.uncounted_drops.is_empty() && seen.missing.is_empty() && seen.loss.is_empty());
        assert!(seen.output.seconds > 0.0);
        let backend = &seen.output.backends[0];
        assert_eq!((backend.family.as_str(), backend.tables, backend.rules), ("inet", 1, 3));
    });
}

#[test]
fn rules_of_iptables_nft_are_read_with_their_matches_and_the_policy_has_a_counter() {
    in_namespace(|| {
        run("iptables-nft -N guard");
        run("iptables-nft -A INPUT -p udp -j guard");
        run("iptables-nft -A guard -s 127.0.0.0/8 -p udp -m multiport --dports 3000,4000:4100 -j DROP");
        run("iptables-nft -A guard -p udp --dport 5000 -m limit --limit 5/min -j LOG --log-prefix 'seen: '");
        run("iptables-nft -P INPUT DROP");
        let seen = observe_during(|| {
            send(11, local(4050));
            send(3, local(9));
        });
        let rule = seen.output.rules.iter().find(|rule| rule.chain == "guard" && rule.drops).unwrap();
        assert_eq!(grew(rule), (Some(11), Some(11 * 128)));
        assert_eq!((rule.hook.as_deref(), rule.priority), (Some("input"), Some(0)), "reached by a jump");
        assert!(rule.text.contains("dports 3000,4000:4100"), "{}", rule.text);
        assert!(rule.matches.complete, "{rule:?}");
        assert_eq!(rule.matches.sources, ["127.0.0.0/8"]);
        assert_eq!(rule.matches.local_ports.len(), 2);
        let policy = named(&seen, "nft ip filter INPUT policy drop");
        assert_eq!((policy.packets, policy.policy), (Some(3), true));
        assert_eq!(seen.output.dropped.packets, Some(14));
        let chain = seen.output.chains.iter().find(|chain| chain.chain == "INPUT").unwrap();
        assert_eq!((chain.policy.as_str(), chain.packets), ("drop", Some(3)));
    });
}

#[test]
fn a_legacy_rule_that_drops_has_counted_exactly_what_was_sent() {
    in_namespace(|| {
        run("iptables-legacy -N guard");
        run("iptables-legacy -A INPUT -i lo -p udp -m comment --comment 'the guard' -j guard");
        run("iptables-legacy -A INPUT -p udp --dport 5000 -j ACCEPT");
        run("iptables-legacy -A guard -s 10.0.0.0/8 -m conntrack --ctstate NEW -j REJECT");
        run("iptables-legacy -A guard -p udp -m udp --dport 27015 -j DROP");
        let seen = observe_during(|| {
            send(21, local(27015));
            send(4, local(5000));
        });
        let rule = named(&seen, "iptables filter guard #2 (-p udp --dport 27015 -j DROP)");
        assert_eq!(grew(rule), (Some(21), Some(21 * 128)));
        assert_eq!((rule.hook.as_deref(), rule.priority), (Some("input"), Some(0)));
        assert!(rule.matches.complete && rule.counter_exact);
        assert_eq!(rule.matches.local_ports[0].first, 27015);
        let jump = named(&seen, "iptables filter INPUT #1 (-i lo -p udp -m comment --comment \"the guard\" -j guard)");
        assert_eq!((jump.packets, jump.verdict.as_str()), (Some(25), "jump"));
        assert_eq!(jump.matches.interface.as_deref(), Some("lo"));
        let accepts = named(&seen, "iptables filter INPUT #2 (-p udp --dport 5000 -j ACCEPT)");
        assert_eq!((accepts.packets, accepts.drops), (Some(4), false));
        let rejects = "iptables filter guard #1 (-s 10.0.0.0/8 -m conntrack --ctstate NEW -j REJECT --reject-with \
                       icmp-port-unreachable)";
        assert_eq!((named(&seen, rejects).packets, named(&seen, rejects).matches.complete), (Some(0), false));
        assert_eq!(seen.output.dropped.packets, Some(21));
        assert!(seen.output.dropped.complete);
        assert_eq!(seen.output.top_drop.as_ref().unwrap().position, 2);
        assert_eq!((seen.output.legacy, seen.output.nftables), (Standing::Read, Standing::Empty));
    });
}

#[test]
fn a_legacy_policy_that_drops_is_a_rule_like_others() {
    in_namespace(|| {
        run("iptables-legacy -P INPUT DROP");
        let seen = observe_during(|| send(9, local(4)));
        let policy = named(&seen, "iptables filter INPUT policy DROP");
        assert_eq!(grew(policy), (Some(9), Some(9 * 128)));
        assert!(policy.policy && policy.drops);
        assert_eq!(seen.output.top_drop.as_ref().unwrap().name, policy.name);
        assert_eq!(seen.output.backends[0].rules, 0);
    });
}

#[test]
fn ip6tables_rules_are_read_too() {
    in_namespace(|| {
        require!(ipv6());
        run("ip6tables-legacy -A INPUT -i l+ -d ::1/128 -p udp --dport 7000:7010 -j DROP");
        let seen = observe_during(|| send(6, (std::net::Ipv6Addr::LOCALHOST, 7005)));
        let rule = named(&seen, "ip6tables filter INPUT #1 (-d ::1/128 -i l+ -p udp --dport 7000:7010 -j DROP)");
        assert_eq!(grew(rule), (Some(6), Some(6 * 148)));
        assert_eq!((rule.matches.family.as_deref(), rule.matches.interface.as_deref()), (Some("ip6"), Some("l*")));
        assert!(rule.matches.complete);
    });
}

#[test]
fn drops_that_no_counter_tells_of_are_named_and_not_summed() {
    in_namespace(|| {
        run("nft add table inet t");
        run("nft 'add chain inet t c { type filter hook input priority 0; policy drop; }'");
        run("nft add rule inet t c udp dport 1 drop");
        run("nft add rule inet t c counter udp dport 2 drop");
        run("nft add rule inet t c udp dport vmap '{ 3 : drop, 4 : accept }'");
        let seen = observe_during(|| send(8, local(2)));
        let mut names = seen.output.uncounted_drops.clone();
        names.sort();
        assert_eq!(
            names,
            [
                "nft inet t c #1 (udp dport 1 drop)",
                "nft inet t c #2 (counter udp dport 2 drop)",
                "nft inet t c #3 (udp dport vmap { 3 : drop, 4 : accept })",
                "nft inet t c policy drop",
            ]
        );
        let before_conditions = named(&seen, "nft inet t c #2 (counter udp dport 2 drop)");
        assert_eq!(before_conditions.packets, Some(8));
        assert!(!before_conditions.counter_exact && !before_conditions.matches.complete);
        // Eight at most, perhaps none: not zero.
        assert_eq!((seen.output.dropped.packets, seen.output.dropped.complete), (None, false));
        assert_eq!(seen.missing[0].fields, ["dropped.packets", "dropped.bytes"]);
        assert_eq!(seen.output.top_drop, None);
    });
}

#[test]
fn named_counters_and_sets_are_resolved() {
    in_namespace(|| {
        run("nft add table ip t");
        run("nft 'add counter ip t bad'");
        run(
            "nft 'add set ip t black { type ipv4_addr; flags interval; elements = { 127.0.0.0/8, 10.1.0.0-10.1.2.255 }; }'",
        );
        run("nft 'add chain ip t c { type filter hook prerouting priority -300; }'");
        run("nft add rule ip t c ip saddr @black udp dport '{ 53, 8000-8010 }' counter name bad drop");
        let seen = observe_during(|| send(12, local(8003)));
        let rule = &seen.output.rules[0];
        assert_eq!(rule.name, "nft ip t c #1 (ip saddr @black udp dport { 53, 8000-8010 } counter name \"bad\" drop)");
        assert_eq!(grew(rule), (Some(12), Some(12 * 128)));
        assert!(rule.counter_exact && rule.matches.complete, "{rule:?}");
        assert_eq!(rule.matches.sources, ["10.1.0.0/23", "10.1.2.0/24", "127.0.0.0/8"]);
        assert_eq!(rule.matches.local_ports.len(), 2);
        assert_eq!((rule.hook.as_deref(), rule.priority), (Some("prerouting"), Some(-300)));
    });
}

#[test]
fn rules_that_came_in_the_window_have_no_growth_and_the_loss_is_said() {
    in_namespace(|| {
        run("nft add table inet t");
        run("nft 'add chain inet t c { type filter hook input priority 0; }'");
        run("nft add rule inet t c udp dport 1 counter drop");
        run("iptables-legacy -A INPUT -p udp --dport 2 -j DROP");
        let seen = observe_during(|| {
            send(2, local(1));
            run("nft insert rule inet t c udp dport 3 counter drop");
            run("iptables-legacy -A INPUT -p udp --dport 4 -j DROP");
            send(3, local(1));
            send(4, local(3));
        });
        assert_eq!(named(&seen, "nft inet t c #2 (udp dport 1 drop)").packets, Some(5));
        let new = named(&seen, "nft inet t c #1 (udp dport 3 drop)");
        assert_eq!((new.packets, new.total_packets), (None, Some(4)));
        assert_eq!(named(&seen, "iptables filter INPUT #1 (-p udp --dport 2 -j DROP)").packets, Some(0));
        assert_eq!(named(&seen, "iptables filter INPUT #2 (-p udp --dport 4 -j DROP)").packets, None);
        assert_eq!((seen.output.dropped.packets, seen.output.dropped.complete), (Some(5), false));
        assert_eq!(seen.loss.len(), 2, "{:?}", seen.loss);
    });
}

#[test]
fn at_the_ingress_of_a_device_bytes_are_without_the_link_header_and_at_the_egress_with_it() {
    in_namespace(|| {
        run("ip link add name va type veth peer name vb address 02:00:00:00:00:0b");
        run("ip addr add 10.9.0.1/24 dev va && ip link set va up && ip link set vb up");
        run("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:0b dev va");
        run("nft add table netdev t");
        run("nft 'add chain netdev t arrives { type filter hook ingress device vb priority 0; }'");
        run("nft 'add chain netdev t leaves { type filter hook egress device va priority 0; }'");
        run("nft add rule netdev t arrives udp dport 9 counter drop");
        run("nft add rule netdev t leaves udp dport 9 counter");
        let seen = observe_during(|| send(7, (Ipv4Addr::new(10, 9, 0, 2), 9)));
        let rule = |chain: &str| seen.output.rules.iter().find(|rule| rule.chain == chain).unwrap();
        assert_eq!(grew(rule("arrives")), (Some(7), Some(7 * 128)));
        assert!(!rule("arrives").link_header_included);
        assert_eq!(grew(rule("leaves")), (Some(7), Some(7 * (128 + 14))));
        assert!(rule("leaves").link_header_included);
        let chain = seen.output.chains.iter().find(|chain| chain.chain == "arrives").unwrap();
        assert_eq!((chain.hook.as_str(), chain.device.as_deref()), ("ingress", Some("vb")));
    });
}

#[test]
fn a_host_without_rules_has_an_empty_firewall_and_no_gap() {
    in_namespace(|| {
        let seen = observe_during(|| {});
        assert!(seen.output.backends.is_empty() && seen.output.rules.is_empty() && seen.missing.is_empty());
        assert_eq!(seen.output.dropped.packets, Some(0));
        assert!(seen.output.dropped.complete);
    });
}

#[test]
fn one_look_gives_totals_and_no_growth() {
    in_namespace(|| {
        run("iptables-legacy -A INPUT -p udp --dport 2 -j DROP");
        send(5, local(2));
        let seen = observe_once().unwrap();
        let rule = named(&seen, "iptables filter INPUT #1 (-p udp --dport 2 -j DROP)");
        assert_eq!((rule.packets, rule.total_packets), (None, Some(5)));
        assert_eq!(seen.output.dropped.packets, None);
    });
}

#[test]
fn without_privileges_the_gap_names_the_capability() {
    in_namespace(|| {
        // In a process of its own: threads share their user. Nobody may not be allowed to reach this executable.
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = place.path().join("test");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let status = Command::new(copy)
            .args(["--exact", "what_nobody_sees", "--ignored"])
            .uid(65534)
            .gid(65534)
            .current_dir("/")
            .status()
            .unwrap();
        assert!(status.success());
    });
}

#[test]
#[ignore = "is run by another test as user nobody"]
fn what_nobody_sees() {
    require!(no_root());
    let gap = observe_once().unwrap_err();
    assert_eq!(gap.reason, Reason::Denied);
    assert!(gap.to_string().contains("CAP_NET_ADMIN"), "{gap}");
    assert_eq!(gap.tried, "read the firewall's rules");
}
