//! Outputs of tools as they are pasted: what is taken, and that no text makes a reader panic or take half a figure.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn paste(text: &str) -> Result<ToolOutput, NoOutput> {
    let now = "2026-11-28T18:00:00Z".parse().unwrap();
    ToolOutput::read(&[PathBuf::from("-")], &mut text.as_bytes(), None, now)
}

fn read(text: &str) -> ToolOutput {
    paste(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

fn folder(path: &str) -> ToolOutput {
    ToolOutput::read(&[here(path)], &mut std::io::empty(), None, Timestamp::now()).unwrap()
}

#[track_caller]
fn of(output: &ToolOutput, probe: &str) -> Value {
    output
        .output(probe, &json!({"interface": "auto"}))
        .map(|(output, _)| output)
        .unwrap_or_else(|why| panic!("{probe}: {why}"))
}

const OLD: &str = "\
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
const NEW: &str = "\
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
const IP: &str = "\
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

#[test]
fn both_kinds_of_ifconfig_and_ip_say_the_same_also_without_their_indentation() {
    for (tool, text) in [("old", OLD), ("new", NEW), ("ip", IP)] {
        let flat: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
        let quoted: String = text.lines().map(|line| format!("> > {line}\r\n")).collect();
        for text in [text, flat.as_str(), quoted.as_str()] {
            let rates = of(&read(text), "interfaces");
            let link = &rates["watched"];
            assert_eq!(rates["interfaces"].as_array().unwrap().len(), 1, "{tool}: {text}");
            assert_eq!(
                (link["name"].as_str(), link["up"].as_bool(), link["mtu"].as_u64()),
                (Some("eth0"), Some(true), Some(1500)),
                "{tool}"
            );
            assert_eq!(link["mac"], "02:00:00:00:00:01", "{tool}");
            assert_eq!(link["addresses"].as_array().unwrap().len(), 3, "{tool}: {}", link["addresses"]);
            assert_eq!(
                link["since_boot"],
                json!({"rx_bytes": 59_793_427, "rx_packets": 456_082, "rx_dropped": 91, "rx_errors": 1, "tx_bytes": 1_008_283_171_u64, "tx_packets": 821_015}),
                "{tool}"
            );
            assert!(link["rx"].get("bits_per_second").is_none(), "figures since boot are no rate");
        }
    }
}

#[test]
fn ifconfig_is_read_in_languages_that_are_not_known_here() {
    for (language, text) in [
        (
            "es",
            "eth0      Link encap:Ethernet  direcciónHW 02:00:00:00:00:01\n          Direc. inet:192.0.2.10  Difus.:192.0.2.255  Másc:255.255.255.0\n          ACTIVO DIFUSIÓN FUNCIONANDO MULTICAST  MTU:1500  Métrica:1\n          Paquetes RX:456082 errores:1 perdidos:91 overruns:0 frame:0\n          Paquetes TX:821015 errores:2 perdidos:3 overruns:0 carrier:5\n          colisiones:0 long.colaTX:1000\n          Bytes RX:59793427 (59.7 MB)  TX bytes:1008283171 (1.0 GB)\n",
        ),
        (
            "fr",
            "eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01\n          inet adr:192.0.2.10  Bcast:192.0.2.255  Masque:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n          Packets reçus:456082 erreurs:1 :91 overruns:0 frame:0\n          TX packets:821015 errors:2 dropped:3 overruns:0 carrier:0\n          collisions:0 lg file transmission:1000\n          Octets reçus:59793427 (59.7 MB) Octets transmis:1008283171 (1.0 GB)\n",
        ),
        (
            "ru",
            "eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01\n          inet адрес:192.0.2.10 Широковещ:192.0.2.255 Маска:255.255.255.0\n          ВВЕРХ BROADCAST RUNNING MULTICAST  MTU:1500  Метрика:1\n          Получено пакетов:456082 ошибок:1 отброшено:91 переполнений:0 фрагментов:0\n          Отправлено пакетов:821015 ошибок:2 отброшено:3 переполнений:0 неполадок:0\n          Коллизий:0 Длина очереди TX:1000\n          Получено байт:59793427 (59.7 MB) Отправлено байт:1008283171 (1.0 GB)\n",
        ),
        (
            "zh",
            "eth0      Link encap:以太网  硬件地址 02:00:00:00:00:01\n          inet 地址:192.0.2.10  广播:192.0.2.255  掩码:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  跃点数:1\n          接收数据包:456082 错误:1 丢弃:91 过载:0 帧数:0\n          发送数据包:821015 错误:2 丢弃:3 过载:0 载波:0\n          碰撞:0 发送队列长度:1000\n          接收字节:59793427 (59.7 MB)  发送字节:1008283171 (1.0 GB)\n",
        ),
    ] {
        let rates = of(&read(text), "interfaces");
        let link = &rates["watched"];
        assert_eq!(link["since_boot"]["rx_bytes"], 59_793_427, "{language}: {link}");
        assert_eq!(link["since_boot"]["tx_packets"], 821_015, "{language}");
        assert_eq!(link["since_boot"]["rx_dropped"], 91, "{language}");
        assert_eq!(link["up"], true, "{language}");
        assert_eq!(link["addresses"][0], json!({"address": "192.0.2.10", "prefix": 24, "label": null}), "{language}");
    }
}

#[test]
fn memory_is_the_same_from_meminfo_and_from_either_free() {
    let meminfo = "MemTotal: 4014080 kB\nMemFree: 1764352 kB\nBuffers: 105472 kB\nCached: 1085440 kB\nSwapTotal: 1043456 kB\nSwapFree: 1043456 kB\n";
    let old = "$ free -m\n             total       used       free     shared    buffers     cached\nMem:          3920       2197       1723          0        103       1060\n-/+ buffers/cache:       1034       2886\nSwap:         1019          0       1019\n";
    let new = "$ free -k\n              total        used        free      shared  buff/cache   available\nMem:        4014080     1058816     1764352           0     1190912     2955264\nSwap:       1043456           0     1043456\n";
    for text in [meminfo, old, new] {
        let host = of(&read(text), "host");
        assert_eq!(host["memory"]["total_bytes"], 4_014_080_u64 * 1024, "{text}");
        assert_eq!(host["memory"]["available_bytes"], 2_955_264_u64 * 1024, "{text}");
        assert_eq!(host["swap"]["used_bytes"], 0, "{text}");
    }
    // Rounded to two digits, which is enough for a share.
    let human = "$ free -h\n               total        used        free      shared  buff/cache   available\nMem:           3.8Gi       1.0Gi       1.7Gi        0B       1.1Gi       2.8Gi\nSwap:          1.0Gi          0B       1.0Gi\n";
    let memory = of(&read(human), "host")["memory"].clone();
    assert_eq!((memory["used_share"].as_f64().unwrap() * 100.0).round(), 26.0, "{memory}");
    for language in [
        "              gesamt       benutzt     frei      gemns.  Puffer/Cache verfügbar\nSpeicher:      24105        6014        4134           8       14516       18090\nSwap:              0           0           0\n",
        "               razem       użyte       wolne    dzielone   buf/cache    dostępne\nPamięć:        24105        6014        4134           8       14516       18090\nWymiana:           0           0           0\n",
        "               total        used        free      shared  buff/cache   available\n内存：         24105        6014        4134           8       14516       18090\n交换：             0           0           0\n",
    ] {
        assert_eq!(of(&read(language), "host")["memory"]["available_bytes"], 18_090_u64 << 20, "{language}");
    }
}

#[test]
fn how_long_a_host_is_up_and_its_load_are_read_in_every_form() {
    for (up, seconds, load) in [
        (" 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11", 23_400, 0.03),
        (" 10:00:00 up 10 days,  3:02,  1 user,  load average: 1.00, 1.00, 1.00", 874_920, 1.0),
        ("top - 10:00:00 up 5 min,  load average: 0.00, 0.00, 0.00", 300, 0.0),
        (" 10:00:00 up 1 day, 7 min,  0 users,  load average: 0.00, 0.00, 0.00", 86_820, 0.0),
        (" 14:31:10 up 1 day, 56 min,  2 users,  load average: 3,45, 4,28, 3,48", 89_760, 3.45),
        (" 11:51:36 PM up  6:30,  3 users,  load average: 0.03, 0.12, 0.11", 23_400, 0.03),
    ] {
        let host = of(&read(up), "host");
        assert_eq!(host["uptime_seconds"], seconds, "{up}");
        assert_eq!(host["load"]["one"], load, "{up}");
    }
}

const SS: &str = "\
Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
udp   UNCONN 0      0            0.0.0.0:53         0.0.0.0:*     users:((\"named\",pid=1502,fd=512))
tcp   LISTEN 0      128             [::]:22            [::]:*     users:((\"sshd\",pid=900,fd=3))
tcp   ESTAB  0      36     192.0.2.10:22     198.51.100.7:50122 users:((\"sshd\",pid=901,fd=3))
";

#[test]
fn sockets_are_read_from_ss_and_from_netstat_with_and_without_heading() {
    let netstat = "\
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address               Foreign Address             State       PID/Program name
tcp        0      0 :::22                       :::*                        LISTEN      900/sshd
tcp        0     36 192.0.2.10:22               198.51.100.7:50122          ESTABLISHED 901/sshd
udp        0      0 0.0.0.0:53                  0.0.0.0:*                               1502/named
";
    let bare: String = netstat.lines().skip(2).map(|line| format!("{line}\n")).collect();
    let named = netstat.replace(":::22 ", "*:ssh ").replace("0.0.0.0:53", "*:domain");
    for (tool, text) in [("ss", SS), ("netstat", netstat), ("rows alone", bare.as_str()), ("names", named.as_str())] {
        let sockets = of(&read(text), "sockets");
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
    let only_listening = of(&read(SS.rsplit_once("tcp   ESTAB").unwrap().0), "sockets");
    assert!(only_listening["counts"].get("tcp_established").is_none(), "no connection was asked for");
    assert!(only_listening.get("connections").is_none());
}

#[test]
fn what_an_output_does_not_show_of_sockets_is_unknown_and_not_none() {
    let udp = of(
        &read(
            "$ ss -lun\nState  Recv-Q Send-Q Local Address:Port Peer Address:Port\nUNCONN 0      0            0.0.0.0:53        0.0.0.0:*\n",
        ),
        "sockets",
    );
    assert_eq!(udp["counts"], json!({"udp": 1}), "nothing is said of TCP");
    let tcp = of(
        &read(
            "$ ss -lnt\nState  Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0      128          0.0.0.0:22        0.0.0.0:*\n",
        ),
        "sockets",
    );
    assert_eq!(tcp["counts"], json!({"tcp_listen": 1}), "nothing is said of UDP, nor of connections");
    let scoped = of(
        &read(
            "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port\nudp UNCONN 0 0 [fe80::1]%eth0:546 *:*\nudp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\ntcp ESTAB 0 0 [::ffff:192.0.2.10]:80 [::ffff:198.51.100.7]:4711\ntcp LISTEN 0 511 *:7007 *:*\n",
        ),
        "sockets",
    );
    let rows: Vec<String> =
        scoped["listeners"].as_array().unwrap().iter().map(|l| format!("{} {}", l["address"], l["port"])).collect();
    assert_eq!(rows, ["\"fe80::1\" 546", "\"127.0.0.53\" 53", "\"::\" 7007"]);
    assert_eq!(scoped["connections"][0]["remote_address"], "198.51.100.7");
    // netstat without -W cuts addresses of IPv6: another valid one is left.
    let cut = of(
        &read(
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State\ntcp6       0      0 2001:db8::1234:5678:443 2001:db8::1:2:3:50000   ESTABLISHED\n",
        ),
        "sockets",
    );
    assert_eq!(cut["connections"][0].get("local_address"), None, "{cut}");
}

#[test]
fn the_memory_of_sockets_tells_what_they_lost() {
    let sockets = of(
        &read(
            "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nudp   UNCONN 212992 0      0.0.0.0:1900       0.0.0.0:*     users:((\"perl\",pid=7,fd=3))\n\t skmem:(r212992,rb212992,t0,tb212992,f0,w0,o0,bl0,d4711)\n",
        ),
        "sockets",
    );
    let listener = &sockets["listeners"][0];
    assert_eq!(
        (&listener["queue"], &listener["receive_buffer"], &listener["drops_total"]),
        (&json!(212_992), &json!(212_992), &json!(4711))
    );
}

#[test]
fn sockets_are_read_from_proc_net_where_no_tool_printed_them() {
    let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 15823 1 0000000000000000 100 0 0 10 0
   1: 0A0200C0:0016 076433C6:A2F1 01 00000024:00000000 01:00000014 00000000     0        0 15999 4 0000000000000000 20 4 1 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16001 1 0000000000000000 100 0 0 10 0
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  901: 00000000:0035 00000000:0000 07 00000000:00000200 00:00000000 00000000    25        0 1234 2 0000000000000000 7
";
    let output = of(&read(tcp), "sockets");
    let listed = |l: &Value| {
        format!("{} {} {} {}", l["protocol"].as_str().unwrap(), l["address"].as_str().unwrap(), l["port"], l["queue"])
    };
    let listeners: Vec<String> = output["listeners"].as_array().unwrap().iter().map(listed).collect();
    assert_eq!(listeners, ["tcp 0.0.0.0 22 3", "tcp ::1 631 0", "udp 0.0.0.0 53 512"]);
    assert_eq!(output["connections"][0]["remote_port"], 41713);
}

#[test]
fn rules_show_what_stands_and_not_what_was_counted_in_a_window() {
    let saved = "*filter\n:INPUT DROP [1234:56789]\n:FORWARD ACCEPT [0:0]\n:custom - [0:0]\n[10:600] -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n[99:5940] -A INPUT -p udp -m udp --dport 27015 -j DROP\nCOMMIT\n";
    let listed = "Chain INPUT (policy DROP 1234 packets, 56789 bytes)\n pkts bytes target     prot opt in     out     source               destination\n   10   600 ACCEPT     tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:80\n   99  5940 DROP       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:27015\n\nChain FORWARD (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n";
    let nft = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy drop;\n\t\ttcp dport 80 counter packets 10 bytes 600 accept\n\t\tudp dport 27015 counter packets 99 bytes 5940 drop\n\t}\n\tchain FORWARD {\n\t\ttype filter hook forward priority 0; policy accept;\n\t}\n}\n";
    for text in [saved, listed, nft] {
        let output = read(text);
        let firewall = of(&output, "firewall");
        assert_eq!(firewall["backends"][0]["rules"], 2, "{text}");
        assert_eq!(firewall["chains"].as_array().unwrap().len(), 2, "{text}");
        assert_eq!(firewall["chains"][0]["policy"], "drop", "{text}");
        assert!(firewall.get("dropped").is_none(), "{text}");
        let told: Vec<String> = output
            .data()
            .flat_map(|data| if let Data::Rules(rules) = data { rules.stands_out() } else { Vec::new() })
            .collect();
        assert!(told[0].contains("dropped 99 packets, 5.94 kB") && told[0].contains("27015"), "{told:?}");
    }
    let alone = read("iptables -A INPUT -p tcp --dport 80 -j ACCEPT\niptables -A INPUT -j DROP\n");
    assert_eq!(of(&alone, "firewall")["backends"][0]["rules"], 2);
    for cut in [&saved[..saved.find("[99").unwrap()], &nft[..nft.find("udp dport").unwrap()]] {
        assert!(
            paste(cut).map_or(true, |output| output.output("firewall", &Value::Null).is_err()),
            "cut short, it is not all there is: {cut}"
        );
    }
}

#[test]
fn two_outputs_of_one_counter_with_times_between_give_what_grew() {
    let dev = |rx: u64| {
        format!("Inter-|   Receive\n face |bytes\n  eth0: {rx} {} 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n", rx / 100)
    };
    let text = format!(
        "$ date\nSat Nov 28 17:00:00 UTC 2026\n$ cat /proc/net/dev\n{}$ nstat -az\n#kernel\nUdpNoPorts 5 0.0\nUdpInDatagrams 9 0.0\n$ date\nSat Nov 28 17:00:10 UTC 2026\n$ cat /proc/net/dev\n{}$ nstat -az\n#kernel\nUdpNoPorts 80005 0.0\nUdpInDatagrams 9 0.0\n",
        dev(1_000_000),
        dev(126_000_000)
    );
    let output = read(&text);
    let rates = of(&output, "interfaces");
    assert_eq!(rates["watched"]["rx"]["bits_per_second"], 100_000_000.0);
    assert_eq!(rates["watched"]["rx"]["packets_per_second"], 125_000.0);
    let kernel = of(&output, "kernel");
    assert_eq!((&kernel["seconds"], &kernel["udp"]["no_ports"]), (&json!(10.0), &json!(80_000)));
    let once = read(&text[..text.rfind("$ date").unwrap()]);
    assert!(of(&once, "interfaces")["watched"]["rx"].get("bits_per_second").is_none(), "one of them is no rate");
}

#[test]
fn every_line_is_taken_or_told_with_its_place() {
    let output = read(
        "My server is slow, what can I do?\n\n[root@web1 ~]# uptime\n 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n[root@web1 ~]# mystery --all\nfoo=1  bar=2\nfoo=3  bar=4\n\nThanks for any hint.\n",
    );
    assert_eq!(output.host().name, "web1");
    let told = output.not_recognised();
    assert_eq!(told, ["standard input lines 6-7: foo=1  bar=2", "2 lines of words between outputs"], "{told:?}");
    assert_eq!(output.recognised()[0].place, "standard input line 4");
}

#[test]
fn a_text_in_which_nothing_is_known_says_what_is() {
    let why = paste("Lorem ipsum dolor sit amet.\n").err().unwrap().to_string();
    assert!(why.contains("Lorem ipsum") && why.contains("ifconfig, ip link, ip addr"), "{why}");
    assert!(matches!(paste(""), Err(NoOutput::Nothing(_))));
}

#[test]
fn the_moment_is_never_made_up_in_silence() {
    let said = |text: &str| {
        let output = read(text);
        (output.started().to_string(), output.moment.said.clone())
    };
    let (at, how) = said("Nov 28 10:47:40 web1 kernel: nf_conntrack: table full, dropping packet\n");
    assert!(at.ends_with("-11-28T10:47:40Z") && how.contains("names no year"), "{at} {how}");
    let (at, how) = said("[Tue Nov 20 22:30:27 2018] nf_conntrack: table full, dropping packet\n");
    assert!(at == "2018-11-20T22:30:27Z" && how.contains("last line of a log"), "{at} {how}");
    let (at, how) = said("[ 6218.194622@2] nf_conntrack: nf_conntrack: table full, dropping packet\n");
    assert!(
        at == "2026-11-28T18:00:00Z" && how.starts_with("unknown") && how.contains("when it was read"),
        "{at} {how}"
    );
    let (at, _) = said("Fri Feb 14 23:57:00 UTC 2025\nNov 28 10:47:40 web1 sshd[7]: Invalid user a from 192.0.2.7\n");
    assert_eq!(at, "2025-02-14T23:57:00Z", "date says it best");
}

#[test]
fn lines_of_logs_are_found_in_every_form() {
    for line in [
        "[ 6218.194622] nf_conntrack: table full, dropping packet",
        "[ 6218.194622@2] nf_conntrack: nf_conntrack: table full, dropping packet",
        "[Tue Nov 20 22:30:27 2018] nf_conntrack: table full, dropping packet",
        "kern  :warn  : [ 6218.194622] nf_conntrack: nf_conntrack: table full, dropping packet",
        "2018-11-20T22:30:27,123456+00:00 nf_conntrack: nf_conntrack: table full, dropping packet",
        "2018-11-20T22:30:27+0000 web1 kernel: nf_conntrack: nf_conntrack: table full, dropping packet",
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "Nov 20 22:30:27 web1 kernel: [6218.194622] nf_conntrack: nf_conntrack: table full in netns 4026532136, dropping packet",
        r#"{"__REALTIME_TIMESTAMP":"1542753027000000","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"nf_conntrack: table full, dropping packet"}"#,
    ] {
        let output = read(&format!("{line}\n"));
        let texts = output.log_texts();
        let texts: Vec<logs::Text<'_>> = texts
            .iter()
            .map(|(name, kind, text, _)| logs::Text { name, kind: *kind, bytes: text.as_bytes() })
            .collect();
        let found =
            logs::search(&texts, &logs::Params::default(), Timestamp::now(), "2018-11-20T00:00:00Z".parse().unwrap())
                .unwrap()
                .output;
        assert_eq!(found.patterns["conntrack_full"].count, 1, "{line}");
    }
    let wrapped = read(
        "Nov 20 22:30:27 web1 sshd[77]: Failed password for invalid user\nwww from 198.51.100.57 port 47679 ssh2\nNov 20 22:30:28 web1 sshd[77]: x\n",
    );
    assert!(wrapped.log_texts()[0].2.contains("invalid user www from"), "{:?}", wrapped.log_texts());
}

#[test]
fn packets_that_tcpdump_printed_become_a_capture() {
    let text = "\
tcpdump: verbose output suppressed, use -v[v]... for full protocol decode
listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
15:00:23.774628 IP 192.168.50.231.4806 > 192.168.50.118.80: Flags [S], seq 912643938, win 512, length 0
15:00:23.774629 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), length 67: 198.51.100.7.49447 > 192.168.50.118.27016: UDP, length 25
2026-11-20 15:00:23.774630 IP6 2001:db8::1.53 > 2001:db8::2.3333: 1234 2/0/1 A 192.0.2.1 (90)
15:00:23.774631 IP (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto UDP (17), length 53)
    198.51.100.8.49447 > 192.168.50.118.27016: UDP, length 25
15:00:23.774632 IP 198.51.100.9 > 192.168.50.118: ICMP echo request, id 1, seq 1, length 64
15:00:23.774633 ARP, Request who-has 192.168.50.1 tell 192.168.50.9, length 46
15:00:23.774634 IP web1.example.ntp > 198.51.100.80.80: NTPv2, Reserved, length 488
15:00:23.774635 IP 192.0.2.1.80 > 192.168.50.118.4000: S 1:1(0) ack 2 win 512
8 packets captured
";
    let output = read(text);
    let file = output.packets().unwrap();
    assert_eq!(file.packets, 8);
    let capture: Value = capture::of_text(&file.bytes, &file.local, &json!({})).unwrap().output;
    assert_eq!((&capture["tcp"]["syn"], &capture["icmp"]["packets"]), (&json!(1), &json!(1)), "{}", capture["tcp"]);
    assert!(output.not_recognised().is_empty(), "{:?}", output.not_recognised());
}

#[test]
fn real_tools_are_read_in_the_languages_that_they_speak() {
    for entry in std::fs::read_dir(here("tests/pastes/tools")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name == "VERSIONS" || name.starts_with("README") {
            continue;
        }
        let output = ToolOutput::read(&[entry.path()], &mut std::io::empty(), None, Timestamp::now())
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(output.not_recognised().is_empty(), "{name}: {:?}", output.not_recognised());
        let tool = name.split('-').next().unwrap();
        match tool {
            "ifconfig" | "ip_s_s_link" | "ip_j_s_link" | "proc_net_dev" | "netstat_i" => {
                assert!(of(&output, "interfaces")["watched"]["since_boot"]["rx_packets"].is_u64(), "{name}");
            }
            "sar" | "sar_h" => {
                let rates = of(&output, "interfaces");
                assert!(rates["watched"]["rx"]["bits_per_second"].is_f64(), "{name}: {}", rates["watched"]);
                assert_eq!(output.started().to_string().get(..10), Some("2026-11-28"), "{name}");
                assert_eq!(output.host().name, "web1", "{name}");
            }
            "uptime" | "top" => assert!(of(&output, "host")["load"]["one"].as_f64().unwrap() > 10.0, "{name}"),
            "free_m" => {
                assert!(of(&output, "host")["memory"]["total_bytes"].as_u64().unwrap() > 20_000_000_000, "{name}")
            }
            "date" => assert_eq!(output.started().to_string().get(..13), Some("2026-11-28T17"), "{name}"),
            "netstat_s" | "nstat_az" => assert!(
                output.data().any(|data| matches!(data, Data::Counters(counters) if counters.len() > 20)),
                "{name}"
            ),
            "ss_tuanpm" | "netstat_tuln" => assert_eq!(of(&output, "sockets")["listeners"][0]["port"], 2024, "{name}"),
            _ => {}
        }
    }
}

#[test]
fn the_founding_incident_is_read_from_its_files_and_from_one_text() {
    for outputs in [folder("tests/cases/founding-incident"), folder("tests/pastes/founding")] {
        assert_eq!(outputs.host().name, "devel");
        assert_eq!(outputs.started().to_string(), "2011-11-10T23:57:08Z");
        let rates = of(&outputs, "interfaces");
        let watched = &rates["watched"];
        assert_eq!(watched["name"], "eth0");
        assert_eq!(watched["since_boot"]["tx_bytes"], 1_008_283_171_u64);
        assert_eq!(watched["rx"]["packets_per_second"], 10.33);
        assert_eq!(watched["rx"]["bits_per_second"], 3.19 * 1024.0 * 8.0);
        assert_eq!(watched["samples"].as_array().unwrap().len(), 3);
        assert_eq!(rates["seconds"], 3.0);
        assert_eq!(watched["addresses"].as_array().unwrap().len(), 5, "aliases are addresses");
        assert!(watched["rx"].get("dropped").is_none(), "91 since boot say nothing of the window");
        let host = of(&outputs, "host");
        assert_eq!((host["cpus"].as_u64(), host["load"]["one"].as_f64()), (Some(2), Some(0.03)));
        assert_eq!(host["memory"]["used_bytes"].as_u64().map(|bytes| bytes >> 20), Some(1034));
        assert!(outputs.data().any(|data| matches!(data, Data::Logs(run) if run.lines >= 25)));
    }
}

#[test]
fn links_are_not_followed_and_are_told_where_they_hide_something() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, at(name)).unwrap();
    let read = || ToolOutput::read(&[folder.path().to_owned()], &mut std::io::empty(), None, Timestamp::now());
    link("/proc/net/dev", "dev");
    link("/proc/net", "net");
    let refused = read().err().unwrap().to_string();
    assert!(refused.contains("links are not followed: dev, net; put copies"), "{refused}");
    std::fs::write(at("up"), " 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n").unwrap();
    link("up", "uptime");
    std::fs::create_dir(at("etc")).unwrap();
    link("/usr/share/zoneinfo/UTC", "etc/localtime");
    let outputs = read().unwrap();
    let gap = outputs.gap("interfaces", "what", "nothing is there").to_string();
    assert!(gap.contains("nothing is there; links are not followed: dev, net"), "{gap}");
}

#[test]
fn outputs_of_other_network_namespaces_are_not_the_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let dev =
        |name: &str| format!("Inter-|   Receive\n face |bytes\n  {name}: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n");
    std::fs::create_dir_all(folder.path().join("sos_commands/networking/namespaces/red")).unwrap();
    std::fs::write(folder.path().join("sos_commands/networking/ip_netns_exec_red_cat_dev"), dev("veth9")).unwrap();
    std::fs::write(folder.path().join("sos_commands/networking/namespaces/red/dev"), dev("veth8")).unwrap();
    std::fs::write(folder.path().join("sos_commands/networking/dev"), dev("eth0")).unwrap();
    let outputs = ToolOutput::read(&[folder.path().to_owned()], &mut std::io::empty(), None, Timestamp::now()).unwrap();
    let rates = of(&outputs, "interfaces");
    assert_eq!(rates["interfaces"].as_array().unwrap().len(), 1, "{rates}");
    assert!(outputs.not_recognised().iter().any(|told| told.contains("another network namespace")));
}

/// The figures of a text's outputs that are copied and not summed.
fn figures(output: &ToolOutput) -> Vec<String> {
    let mut found = Vec::new();
    for data in output.data() {
        let copied = match data {
            Data::Links(links) => {
                format!("{:?}", links.iter().map(|link| (link.rx, link.tx, link.mtu)).collect::<Vec<_>>())
            }
            Data::Sockets(table) => format!(
                "{:?}",
                table
                    .rows
                    .iter()
                    .map(|row| (
                        row.queues,
                        row.drops,
                        row.buffer,
                        row.local.1,
                        row.process.as_ref().map(|(pid, _)| *pid)
                    ))
                    .collect::<Vec<_>>()
            ),
            Data::Counters(counters) => format!("{:?}", counters.iter().map(|(_, value)| value).collect::<Vec<_>>()),
            Data::Nic(nic) => format!("{:?}", nic.counters.iter().map(|(_, value)| value).collect::<Vec<_>>()),
            Data::Settings(settings) => format!("{:?}", settings.iter().map(|(_, value)| value).collect::<Vec<_>>()),
            Data::Rules(rules) => {
                format!("{:?}", rules.drops.iter().map(|drop| (drop.packets, drop.bytes)).collect::<Vec<_>>())
            }
            Data::Softnet(rows) => format!("{rows:?}"),
            _ => continue,
        };
        found
            .extend(copied.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(str::to_owned));
    }
    found
}

#[test]
fn a_text_that_is_cut_at_any_byte_gives_no_half_a_figure() {
    let settings = "net.core.rmem_default = 8388608\nnet.core.rmem_max = 16777216\n";
    let dev = "Inter-|   Receive\n face |bytes\n  eth0: 3492834266631 3811442658    0 7183    0     0          0         0 4635258443813 3587842070    0    0    0     0       0          0\n";
    let nic = "NIC statistics:\n     rx_packets: 3811442771\n     rx_missed_errors: 4954\n";
    let snmp = "TcpExt:\n    128105 connections reset due to unexpected data\n    TCPTimeWaitOverflow: 27360\n";
    let softnet =
        "4c97f841 00000000 00003124 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n";
    let rules = "Chain INPUT (policy DROP 1234 packets, 56789 bytes)\n pkts bytes target     prot opt in     out     source               destination\n   99  5940 DROP       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:27015\n";
    for text in [OLD, NEW, IP, SS, settings, dev, nic, snmp, softnet, rules] {
        let whole = figures(&read(text));
        for cut in 1..text.len() {
            let Some(part) = text.get(..cut) else { continue };
            let Ok(output) = paste(part) else { continue };
            for figure in figures(&output) {
                assert!(
                    whole.contains(&figure),
                    "{figure} is no figure of the whole, cut at {cut}: …{}",
                    &part[part.len().saturating_sub(80)..]
                );
            }
        }
    }
}

/// Outputs that were mutilated: lines of true ones, in any order, with noise between.
fn mutilated() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> = Vec::new();
    let mut folders = vec![here("tests/pastes")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                lines.extend(text.lines().take(40).map(str::to_owned));
            }
        }
    }
    for line in [
        "*filter",
        ":INPUT DROP [",
        "[0:0] -A",
        " face |bytes",
        "RX: bytes packets",
        "default via 192.0.2.1 dev",
        "up 99999999999999999999:99, load average: nan, 1e999, -1",
        "MemTotal: 18446744073709551615 kB",
        "{\"nftables\": [",
        "[{\"ifname\":1}]",
        "99999999999999999999 ESTABLISHED",
    ] {
        lines.push(line.to_owned());
    }
    let line = prop_oneof![4 => prop::sample::select(lines), 1 => "\\PC{0,60}", 1 => any::<String>()];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in mutilated()) {
        if let Ok(output) = paste(&text) {
            let _ = (output.recognised(), output.not_recognised(), output.seconds());
            for probe in ["host", "interfaces", "sockets", "firewall", "kernel", "conntrack"] {
                if let Ok((mut shown, _)) = output.output(probe, &json!({"interface": "auto"})) {
                    let schema = crate::probe::find(probe).unwrap().output_schema().to_value();
                    let _ = fill::fill(&mut shown, &schema);
                }
            }
            if let Some(file) = output.packets() {
                let _ = capture::of_text(&file.bytes, &file.local, &json!({}));
            }
        }
    }
}
