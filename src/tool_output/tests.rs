//! True outputs of each tool, and mutilated ones.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::tool_output::links::Counters;

fn printed(path: &str, text: &str) -> Printed {
    Printed { path: path.to_owned(), text: text.to_owned() }
}

fn incident() -> Printouts {
    Printouts::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/founding-incident")).unwrap()
}

#[test]
fn both_kinds_of_ifconfig_and_both_kinds_of_ip_say_the_same() {
    let old = "\
eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01
          inet addr:192.0.2.10  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: 2001:db8::1/64 Scope:Global
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1
          RX packets:456082 errors:1 dropped:91 overruns:0 frame:0
          TX packets:821015 errors:2 dropped:3 overruns:0 carrier:0
          RX bytes:59793427 (57.0 MiB)  TX bytes:1008283171 (961.5 MiB)

eth0:0    Link encap:Ethernet  HWaddr 02:00:00:00:00:01
          inet addr:192.0.2.11  Bcast:192.0.2.255  Mask:255.255.255.0
";
    let new = "\
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.10  netmask 255.255.255.0  broadcast 192.0.2.255
        inet6 2001:db8::1  prefixlen 64  scopeid 0x0<global>
        ether 02:00:00:00:00:01  txqueuelen 1000  (Ethernet)
        RX packets 456082  bytes 59793427 (57.0 MiB)
        RX errors 1  dropped 91  overruns 0  frame 0
        TX packets 821015  bytes 1008283171 (961.5 MiB)
        TX errors 2  dropped 3 overruns 0  carrier 0  collisions 0

eth0:0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.11  netmask 255.255.255.0  broadcast 192.0.2.255
";
    let ip = "\
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0
       valid_lft forever preferred_lft forever
    inet6 2001:db8::1/64 scope global
    inet 192.0.2.11/24 brd 192.0.2.255 scope global secondary eth0:0
    RX: bytes  packets  errors  dropped overrun mcast
    59793427   456082   1       91      0       0
    TX: bytes  packets  errors  dropped carrier collsns
    1008283171 821015   2       3       0       0
";
    for (tool, text) in [("old", old), ("new", new), ("ip", ip)] {
        let links = links::read(text);
        assert_eq!(links.len(), 1, "{tool}: {links:?}");
        let link = &links[0];
        assert_eq!(
            (link.name.as_str(), link.mtu, link.up, link.ethernet),
            ("eth0", Some(1500), Some(true), true),
            "{tool}"
        );
        assert_eq!(link.mac.as_deref(), Some("02:00:00:00:00:01"), "{tool}");
        let all = |bytes, packets, errors, dropped| Counters {
            bytes: Some(bytes),
            packets: Some(packets),
            errors: Some(errors),
            dropped: Some(dropped),
        };
        assert_eq!(link.rx, all(59_793_427, 456_082, 1, 91), "{tool}");
        assert_eq!(link.tx, all(1_008_283_171, 821_015, 2, 3), "{tool}");
        let alias: (IpAddr, u8, Option<String>) = ("192.0.2.11".parse().unwrap(), 24, Some("eth0:0".into()));
        assert!(link.addresses.contains(&alias), "{tool}: {:?}", link.addresses);
        assert_eq!(link.addresses.len(), 3, "{tool}");
    }
}

#[test]
fn proc_net_dev_is_read_also_where_a_figure_touches_the_name() {
    let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:172646550  169675    0    0    0     0          0         0 172646550  169675    0    0    0     0       0          0
  eth0: 59793427  456082    1   91    0     0          0         0 1008283171  821015    2    3    0     0       0          0
";
    let links = links::read(text);
    assert_eq!(links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["lo", "eth0"]);
    assert!(links[0].loopback);
    assert_eq!((links[1].rx.dropped, links[1].tx.bytes), (Some(91), Some(1_008_283_171)));
}

#[test]
fn rates_are_those_of_sar_with_and_without_its_mean() {
    let with = "\
Linux 6.1.0 (web1)  2026-11-22  _x86_64_  (4 CPU)

10:00:01        IFACE   rxpck/s   txpck/s    rxkB/s    txkB/s
10:00:03         eth0     13.00      8.00      1.00      5.00
10:00:05         eth0      7.00      9.00      3.00      1.00

Average:        IFACE   rxpck/s   txpck/s    rxkB/s    txkB/s
Average:         eth0     10.00      8.50      2.00      3.00
";
    let read = samples::read(with);
    let without = samples::read(with.split("\n\nAverage").next().unwrap());
    for (rates, tool) in [(&read, "with"), (&without, "without")] {
        let rates = &rates["eth0"];
        let mean = rates.mean().unwrap();
        assert_eq!((mean.rx_packets, mean.rx_bytes, mean.tx_bytes), (10.0, 2048.0, 3072.0), "{tool}");
        assert_eq!((rates.samples.len(), rates.interval()), (2, Some(2.0)), "{tool}");
    }
    assert_eq!(moment::of(&[printed("sar", with)]).unwrap().to_string(), "2026-11-22T10:00:05");
}

#[test]
fn memory_is_the_same_from_meminfo_and_from_either_free() {
    let meminfo = "MemTotal: 4014080 kB\nMemFree: 1764352 kB\nBuffers: 105472 kB\nCached: 1085440 kB\nSwapTotal: 1043456 kB\nSwapFree: 1043456 kB\n";
    let old = "             total       used       free     shared    buffers     cached\nMem:          3920       2197       1723          0        103       1060\n-/+ buffers/cache:       1034       2886\nSwap:         1019          0       1019\n";
    let new = "$ free -k\n              total        used        free      shared  buff/cache   available\nMem:        4014080     1058816     1764352           0     1190912     2955264\nSwap:       1043456           0     1043456\n";
    for (path, text) in [("proc/meminfo", meminfo), ("free-m", old), ("outputs.txt", new)] {
        let host = machine::host(&[printed(path, text)]).unwrap();
        assert_eq!(host["memory"]["total_bytes"], 4014080_u64 * 1024, "{path}");
        assert_eq!(host["memory"]["available_bytes"], 2955264_u64 * 1024, "{path}");
        assert_eq!(host["swap"]["used_bytes"], 0, "{path}");
    }
    let human = "       total used free\nMem:   3.8Gi 2.1Gi 1.7Gi\nSwap: 1Gi 0B 1Gi\n";
    assert_eq!(machine::host(&[printed("free-h", human)]), None, "rounded figures of unknown units are not guessed at");
}

#[test]
fn how_long_a_host_is_up_is_read_in_every_form() {
    for (up, seconds) in [
        (" 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11", 23_400),
        (" 10:00:00 up 10 days,  3:02,  1 user,  load average: 1.00, 1.00, 1.00", 874_920),
        ("top - 10:00:00 up 5 min,  load average: 0.00, 0.00, 0.00", 300),
        (" 10:00:00 up 1 day, 7 min,  0 users,  load average: 0.00, 0.00, 0.00", 86_820),
    ] {
        assert_eq!(machine::host(&[printed("uptime", up)]).unwrap()["uptime_seconds"], seconds, "{up}");
    }
}

#[test]
fn sockets_are_read_from_ss_and_from_netstat() {
    let ss = "\
Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
udp   UNCONN 0      0            0.0.0.0:53         0.0.0.0:*     users:((\"named\",pid=1502,fd=512))
tcp   LISTEN 0      128             [::]:22            [::]:*     users:((\"sshd\",pid=900,fd=3))
tcp   ESTAB  0      36     192.0.2.10:22     198.51.100.7:50122 users:((\"sshd\",pid=901,fd=3))
";
    let netstat = "\
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address               Foreign Address             State       PID/Program name
tcp        0      0 :::22                       :::*                        LISTEN      900/sshd
tcp        0     36 192.0.2.10:22               198.51.100.7:50122          ESTABLISHED 901/sshd
udp        0      0 0.0.0.0:53                  0.0.0.0:*                               1502/named
";
    for (tool, text) in [("ss", ss), ("netstat", netstat)] {
        let sockets = sockets::output(&[printed(tool, text)]).unwrap();
        let listeners = sockets["listeners"].as_array().unwrap();
        let named = listeners.iter().find(|listener| listener["port"] == 53).unwrap();
        assert_eq!(
            (named["any_address"].as_bool(), named["process"]["pid"].as_i64()),
            (Some(true), Some(1502)),
            "{tool}"
        );
        assert_eq!(sockets["connections"][0]["tx_queue"], 36, "{tool}");
        assert_eq!(sockets["connections"][0]["opened_by"], "remote", "{tool}");
        assert_eq!(sockets["counts"]["tcp_established"], 1, "{tool}");
    }
    let only_listening = sockets::output(&[printed("ss", ss.rsplit_once("tcp   ESTAB").unwrap().0)]).unwrap();
    assert!(only_listening["counts"].get("tcp_established").is_none(), "no connection was asked for");
    assert!(only_listening.get("connections").is_none());
}

#[test]
fn saved_rules_show_what_stands_and_not_what_was_counted_in_a_window() {
    let text = "\
# Generated by iptables-save v1.4.7
*filter
:INPUT DROP [1234:56789]
:FORWARD ACCEPT [0:0]
:custom - [0:0]
[10:600] -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
";
    let firewall = filter::output(&[printed("iptables-save-c", text)]).unwrap();
    assert_eq!(firewall["backends"][0]["rules"], 2);
    assert_eq!(firewall["chains"].as_array().unwrap().len(), 2);
    assert_eq!(firewall["chains"][0]["policy"], "drop");
    assert!(firewall.get("dropped").is_none());
}

#[test]
fn sockets_are_read_from_proc_net_where_no_tool_printed_them() {
    let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 15823 1 0000000000000000 100 0 0 10 0
   1: 0A0200C0:0016 076433C6:A2F1 01 00000024:00000000 01:00000014 00000000     0        0 15999 4 0000000000000000 20 4 1 10 -1
";
    let tcp6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16001 1 0000000000000000 100 0 0 10 0
";
    let udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  901: 00000000:0035 00000000:0000 07 00000000:00000200 00:00000000 00000000    25        0 1234 2 0000000000000000 7
";
    let files = [printed("net/tcp", tcp), printed("net/tcp6", tcp6), printed("net/udp", udp), printed("net/raw", udp)];
    let output = sockets::output(&files).unwrap();
    let listeners: Vec<String> = output["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            format!(
                "{} {} {} {}",
                l["protocol"].as_str().unwrap(),
                l["address"].as_str().unwrap(),
                l["port"],
                l["queue"]
            )
        })
        .collect();
    assert_eq!(listeners, ["tcp 0.0.0.0 22 3", "tcp ::1 631 0", "udp 0.0.0.0 53 512"]);
    let connection = &output["connections"][0];
    assert_eq!(
        (&connection["local_address"], &connection["remote_address"]),
        (&json!("192.0.2.10"), &json!("198.51.100.7"))
    );
    assert_eq!((&connection["remote_port"], &connection["tx_queue"]), (&json!(41713), &json!(36)));
    assert_eq!(
        output["counts"],
        json!({"tcp_listen": 2, "udp": 1, "tcp_established": 1, "tcp_syn_recv": 0,
        "tcp_time_wait": 0, "tcp_close_wait": 0, "tcp_other": 0})
    );
    // TCP alone, or a file that was cut short, is not all there is.
    assert_eq!(sockets::output(&files[..2]), None);
    let cut = printed("net/udp", &udp[..udp.find("1234").unwrap()]);
    assert_eq!(sockets::output(&[printed("net/tcp", tcp), cut]), None);
}

#[test]
fn an_output_that_was_cut_short_does_not_read_as_all_there_is() {
    let whole = "\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*     users:((\"sshd\",pid=812,fd=3))
udp   UNCONN 0      0            0.0.0.0:53        0.0.0.0:*     users:((\"named\",pid=1423,fd=512))
";
    assert!(sockets::output(&[printed("ss", whole)]).is_some());
    assert!(sockets::output(&[printed("ss", whole.trim_end())]).is_some(), "pasted without the last end of line");
    for cut in [whole.len() - 5, whole.find("udp").unwrap() + 3, whole.find("812").unwrap()] {
        assert_eq!(sockets::output(&[printed("ss", &whole[..cut])]), None, "{}", &whole[..cut]);
    }
    let tcp_alone = &whole[..whole.find("udp").unwrap()];
    let output = sockets::output(&[printed("ss", tcp_alone)]).unwrap();
    assert_eq!(output["counts"].get("udp"), None, "not asked for is not 0");

    let rules =
        "*filter\n:INPUT ACCEPT [1:60]\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n";
    assert!(filter::output(&[printed("iptables-save", rules)]).is_some());
    let cut = &rules[..rules.find("-A INPUT -j").unwrap()];
    assert_eq!(filter::output(&[printed("iptables-save", cut)]), None);
}

#[test]
fn the_founding_incident_is_read_as_it_was_recorded() {
    let outputs = incident();
    assert_eq!(outputs.shows(), ["host", "interfaces", "logs"]);
    assert_eq!(outputs.host().name, "devel");
    assert_eq!(outputs.started().to_string(), "2011-11-10T23:57:08Z");
    let rates = outputs.output("interfaces", &json!({"interface": "auto"})).unwrap();
    let watched = &rates["watched"];
    assert_eq!(watched["name"], "eth0");
    assert_eq!(watched["since_boot"]["tx_bytes"], 1_008_283_171_u64);
    assert_eq!(watched["rx"]["packets_per_second"], 10.33);
    assert_eq!(watched["rx"]["bits_per_second"], 3.19 * 1024.0 * 8.0);
    assert_eq!(watched["samples"].as_array().unwrap().len(), 3);
    assert_eq!(rates["seconds"], 3.0);
    assert_eq!(watched["addresses"].as_array().unwrap().len(), 5, "aliases are addresses");
    assert!(watched["rx"].get("dropped").is_none(), "91 since boot say nothing of the window");
    let host = outputs.output("host", &Value::Null).unwrap();
    assert_eq!((host["cpus"].as_u64(), host["load"]["one"].as_f64()), (Some(2), Some(0.03)));
}

#[test]
fn what_is_not_shown_is_null_with_its_path() {
    let outputs = incident();
    let mut rates = outputs.output("interfaces", &json!({"interface": "auto"})).unwrap();
    let schema = crate::probe::find("interfaces").unwrap().output_schema().to_value();
    let missing = fill::fill(&mut rates, &schema);
    assert!(missing.contains(&"watched.rx.missed".to_owned()), "{missing:?}");
    assert!(rates["watched"]["rx"]["missed"].is_null());
    assert!(!missing.contains(&"watched.rx.bits_per_second".to_owned()), "{missing:?}");
}

#[test]
fn links_are_not_followed_and_are_told_where_they_hide_something() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, at(name)).unwrap();
    link("/proc/net/dev", "dev");
    link("/proc/net", "net");
    let refused = Printouts::read(folder.path()).err().unwrap().to_string();
    assert!(refused.contains("links are not followed: dev, net; put copies"), "{refused}");
    assert!(matches!(Printouts::read(&at("none")), Err(NoPrintouts::Unreadable(_))));
    std::fs::write(at("up"), " 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n").unwrap();
    link("up", "uptime");
    link("nowhere", "dangling");
    std::fs::create_dir(at("etc")).unwrap();
    link("/usr/share/zoneinfo/UTC", "etc/localtime");
    let outputs = Printouts::read(folder.path()).unwrap();
    assert_eq!(outputs.shows(), ["host"]);
    assert!(outputs.links().unwrap().contains("dangling, dev, net; put"), "{:?}", outputs.links());
    let gap = outputs.gap("interfaces", "what", "nothing is there").to_string();
    assert!(gap.contains("nothing is there; links are not followed: dangling, dev, net"), "{gap}");
}

#[test]
fn a_folder_without_outputs_and_links_says_what_would_help() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("noise"), [0xff; 1000]).unwrap();
    assert!(matches!(Printouts::read(folder.path()), Err(NoPrintouts::Nothing)));
}

#[test]
fn logs_are_found_in_the_folder_and_never_behind_a_link_out_of_it() {
    let around = tempfile::tempdir().unwrap();
    let at = |name: &str| around.path().join(name);
    std::fs::create_dir_all(at("in/var")).unwrap();
    std::fs::create_dir_all(at("in/kept")).unwrap();
    std::fs::create_dir(at("out")).unwrap();
    std::fs::write(at("out/messages"), "").unwrap();
    let found = || folder::logs(&Folder::open(&at("in")).unwrap());
    assert_eq!(found(), Logs::Nowhere);
    std::os::unix::fs::symlink("../../out", at("in/var/log")).unwrap();
    assert_eq!(found(), Logs::Behind("var/log".into()));
    std::fs::remove_file(at("in/var/log")).unwrap();
    std::os::unix::fs::symlink("../kept", at("in/var/log")).unwrap();
    std::fs::write(at("in/kept/messages"), "").unwrap();
    assert_eq!(found(), Logs::In("kept".into()));
    std::fs::rename(at("in/var"), at("var")).unwrap();
    std::os::unix::fs::symlink("../var", at("in/var")).unwrap();
    assert_eq!(found(), Logs::Behind("var".into()));
    std::os::unix::fs::symlink("/etc/hostname", at("in/syslog")).unwrap();
    assert_eq!(found(), Logs::In(".".into()), "the probe says what it could not read");
}

/// Outputs that were mutilated: pieces of true ones, in any order, with noise between.
fn mutilated() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> =
        incident().outputs.iter().flat_map(|output| output.text.lines()).map(str::to_owned).collect();
    for line in [
        "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port",
        "tcp ESTAB 0 0 [::1]:22 *:99999 users:((\"a\",pid=1))",
        "Proto Recv-Q Send-Q Local Address Foreign Address State",
        "udp 0 0 :::53 :::* 1/a",
        "*filter",
        ":INPUT DROP [",
        "[0:0] -A",
        " face |bytes",
        "eth0: 1 2 3 4 5 6 7 8 9 10 11 12",
        "2: eth0: <UP> mtu 99999999999",
        "RX: bytes packets",
        "default via 192.0.2.1 dev",
        "up 99999999999999999999:99, load average: nan, 1e999, -1",
        "MemTotal: 18446744073709551615 kB",
    ] {
        lines.push(line.to_owned());
    }
    let line = prop_oneof![prop::sample::select(lines), "\\PC{0,60}", any::<String>()];
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_output_makes_a_reader_panic_and_every_figure_is_a_number(text in mutilated()) {
        let outputs = [printed("free-m", &text)];
        let _ = moment::of(&outputs);
        let _ = machine::identity(&outputs);
        let all = [
            machine::host(&outputs),
            interfaces::output(&outputs, "auto").ok(),
            interfaces::output(&outputs, "eth0:1").ok(),
            sockets::output(&outputs),
            filter::output(&outputs),
        ];
        for (mut output, probe) in all.into_iter().flatten().zip(["host", "interfaces", "interfaces", "sockets", "firewall"]) {
            let schema = crate::probe::find(probe).unwrap().output_schema().to_value();
            let _ = fill::fill(&mut output, &schema);
        }
    }
}
