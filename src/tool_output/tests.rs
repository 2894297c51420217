//! Outputs of tools as they are pasted: what is taken, and that no text makes a reader panic or take half a figure.

mod each;

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use each::{IP, NEW, OLD, SAMPLES, SS};

use super::data::Data;
use super::here::Here;
use super::text::{Document, words_of};
use super::*;
use crate::probe::{capture, logs};

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
            "fr, of net-tools 1.60",
            "eth0      Lien encap:Ethernet  HWaddr 02:00:00:00:00:01\n          inet adr:192.0.2.10  Bcast:192.0.2.255  Masque:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n          Packets reçus:456082 erreurs:1 :91 overruns:0 frame:0\n          TX packets:821015 errors:2 dropped:3 overruns:0 carrier:0\n          collisions:0 lg file transmission:1000\n          Octets reçus:59793427 (59.7 MB) Octets transmis:1008283171 (1.0 GB)\n",
        ),
        (
            "de, of net-tools 1.60",
            "eth0      Protokoll:Ethernet  Hardware Adresse 02:00:00:00:00:01\n          inet Adresse:192.0.2.10  Bcast:192.0.2.255  Maske:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n          RX packets:456082 errors:1 dropped:91 overruns:0 frame:0\n          TX packets:821015 errors:2 dropped:3 overruns:0 carrier:0\n          Kollisionen:0 Sendewarteschlangenlänge:1000\n          RX bytes:59793427 (57.0 MiB)  TX bytes:1008283171 (961.5 MiB)\n",
        ),
        (
            "pt",
            "eth0      Encapsulamento do Link: Ethernet  Endereço de HW 02:00:00:00:00:01\n          inet end.: 192.0.2.10  Bcast:192.0.2.255  Masc:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Métrica:1\n          pacotes RX:456082 erros:1 descartados:91 excesso:0 quadro:0\n          Pacotes TX:821015 erros:2 descartados:3 excesso:0 portadora:0\n          colisões:0 txqueuelen:1000\n          RX bytes:59793427 (57.0 MB) TX bytes:1008283171 (961.5 MB)\n",
        ),
        (
            "ja",
            "eth0      リンク方法:イーサネット  ハードウェアアドレス 02:00:00:00:00:01\n          inetアドレス:192.0.2.10 ブロードキャスト:192.0.2.255  マスク:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  メトリック:1\n          RXパケット:456082 エラー:1 損失:91 オーバラン:0 フレーム:0\n          TXパケット:821015 エラー:2 損失:3 オーバラン:0 キャリア:0\n          衝突(Collisions):0 TXキュー長:1000\n          RXバイト:59793427 (57.0 MB)  TXバイト:1008283171 (961.5 MB)\n",
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
            .pieces
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
        "kern: warning: [2018-11-20T22:30:27.123456789Z]: nf_conntrack: nf_conntrack: table full, dropping packet",
        "192.0.2.5: kern:    warning: [2018-11-20T22:30:27.123Z]: nf_conntrack: nf_conntrack: table full, dropping packet",
        "2018-11-20T22:30:27,123456+00:00 nf_conntrack: nf_conntrack: table full, dropping packet",
        "2018-11-20T22:30:27+0000 web1 kernel: nf_conntrack: nf_conntrack: table full, dropping packet",
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "Nov 20 22:30:27 web1 kernel: [6218.194622] nf_conntrack: nf_conntrack: table full in netns 4026532136, dropping packet",
        r#"{"__REALTIME_TIMESTAMP":"1542753027000000","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"nf_conntrack: table full, dropping packet"}"#,
    ] {
        let output = read(&format!("{line}\n"));
        let texts = output.pieces.log_texts();
        let texts: Vec<logs::Text<'_>> = texts
            .iter()
            .map(|text| logs::Text {
                name: &text.place,
                kind: text.kind,
                keeper: text.keeper,
                bytes: text.text.as_bytes(),
                of_journal: false,
                dated: true,
            })
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
    assert!(wrapped.pieces.log_texts()[0].text.contains("invalid user www from"), "{:?}", wrapped.pieces.log_texts());
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
        let mut lost = output.not_recognised();
        lost.retain(|lines| !lines.ends_with("of words between outputs"));
        assert!(lost.is_empty(), "{name}: {lost:?}");
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
            "uptime" => assert!(of(&output, "host")["load"]["one"].as_f64().unwrap() > 5.0, "{name}"),
            "top" => {
                let host = of(&output, "host");
                assert!(host["load"]["one"].as_f64().unwrap() > 5.0, "{name}");
                assert!(host["cpu"]["busy_share"].is_f64() && host["memory"]["total_bytes"].is_u64(), "{name}: {host}");
            }
            "free_m" => {
                assert!(of(&output, "host")["memory"]["total_bytes"].as_u64().unwrap() > 20_000_000_000, "{name}")
            }
            "date" => assert_eq!(
                output.started().to_string().get(..13),
                Some(if name.contains("it_IT") || name.contains("ja_JP") || name.contains("pl_PL") {
                    "2026-11-28T20"
                } else {
                    "2026-11-28T17"
                }),
                "{name}"
            ),
            "netstat_s" | "nstat_az" => assert!(
                output.pieces.data().any(|data| matches!(data, Data::Counters(counted) if counted.counters.len() > 20)),
                "{name}"
            ),
            "ip_o_s_link" | "ip_j_p_link" => {
                let rates = of(&output, "interfaces");
                let eth0 = rates["interfaces"].as_array().unwrap().iter().find(|link| link["name"] == "eth0").unwrap();
                assert_eq!(eth0["since_boot"]["rx_bytes"], 516, "{name}");
            }
            "ip_br_addr" | "ip_o_addr" => {
                let rates = of(&output, "interfaces");
                let eth0 = rates["interfaces"].as_array().unwrap().iter().find(|link| link["name"] == "eth0").unwrap();
                assert_eq!(eth0["addresses"][0]["address"], "192.0.2.10", "{name}");
            }
            "sadf_d" | "sadf_p" | "sadf_j" => {
                let rates = of(&output, "interfaces");
                assert!(rates["watched"]["rx"]["bits_per_second"].is_f64(), "{name}: {}", rates["watched"]);
                assert_eq!(
                    (rates["watched"]["name"].as_str(), output.host().name.as_str()),
                    (Some("eth0"), "web1"),
                    "{name}"
                );
            }
            "vmstat" | "mpstat" | "iostat" => assert!(of(&output, "host")["cpu"]["busy_share"].is_f64(), "{name}"),
            "vmstat_s" | "free_h" => assert!(of(&output, "host")["memory"]["used_share"].is_f64(), "{name}"),
            "df_h" => assert!(of(&output, "disk")["fullest_share"].is_f64(), "{name}"),
            "lsof_L1" => {
                let told = reading(&output, &IndexMap::new()).stands_out;
                assert_eq!(told, ["app (pid 989) holds 3.00 MB of the deleted file /var/log/app.log open"], "{name}");
            }
            "du_h" => assert_eq!(output.recognised()[0].taken, "2 folders", "{name}"),
            "loadavg" => assert_eq!(of(&output, "host")["load"]["one"], 5.55, "{name}"),
            "route_n" | "ip_route" => assert_eq!(output.pieces.route(), Some("eth0"), "{name}"),
            "conntrack_L" | "nf_conntrack" => {
                assert_eq!(of(&output, "conntrack")["entries_read"], 8, "{name}");
            }
            "conntrack_C" => assert_eq!(of(&output, "kernel")["conntrack"]["count"], 8, "{name}"),
            "nft_list_ruleset" | "nft_a_list_ruleset" | "nft_j_list_ruleset" => {
                let shown = of(&output, "firewall");
                assert_eq!(
                    (shown["backends"][0]["rules"].as_u64(), shown["chains"][0]["policy"].as_str()),
                    (Some(4), Some("accept")),
                    "{name}"
                );
            }
            tcpdump if tcpdump.starts_with("tcpdump_") => {
                assert_eq!(output.packets().unwrap().packets, 12, "{name}");
            }
            "vnstat_tr" => {
                let rates = of(&output, "interfaces");
                assert_eq!(
                    (rates["watched"]["name"].as_str(), rates["watched"]["rx"]["packets_per_second"].as_f64()),
                    (Some("lo"), Some(0.0))
                );
            }
            "vnstat_l" => {
                let rates = of(&output, "interfaces");
                let link = &rates["watched"];
                assert_eq!(
                    (link["name"].as_str(), link["rx"]["bits_per_second"].as_f64()),
                    (Some("lo"), Some(15.33e6))
                );
                assert_eq!(link["tx"]["packets_per_second"].as_f64(), Some(190.0));
            }
            "sadf_x" => {
                assert!(of(&output, "interfaces")["watched"]["rx"]["bits_per_second"].is_f64(), "{name}");
                assert_eq!(output.started().to_string(), "2026-11-29T08:53:08Z", "{name}");
                assert_eq!(output.host().name, "web1", "{name}");
            }
            "iftop_t" | "iftop" | "ifstat" | "dstat" | "lastb" | "ping" | "mtr_rn" | "fail2ban_client" => {
                let told = reading(&output, &IndexMap::new()).stands_out.join("\n");
                let expected = match tool {
                    "iftop_t" => "iftop: 15.5 Mbit/s sent in the last seconds",
                    "iftop" => "iftop: 590 kbit/s received in the last seconds\niftop: 590 kbit/s from 192.0.2.1",
                    "fail2ban_client" => "fail2ban, jail sshd: 2 addresses are shut out, 2 were since it started",
                    "ping" => "ping: each of 4 packets to 192.0.2.1 was answered",
                    "mtr_rn" => "mtr: nothing is lost on the way to 198.51.100.7",
                    "ifstat" => "ifstat: lo 14.6 Mbit/s in (peak 15.6 Mbit/s), 14.6 Mbit/s out",
                    "dstat" => "dstat: 0 bit/s in",
                    _ => "5 failed logins from 127.0.0.1 since Sun Nov 29 00:43:10 2026, as x from 1",
                };
                assert!(told.contains(expected), "{name}: {told}");
            }
            vnstat if vnstat.starts_with("vnstat") => {
                let told =
                    output.pieces.data().find_map(|data| if let Data::Told(told) = data { Some(told) } else { None });
                let told = told.unwrap().stands_out.join("; ");
                assert!(told.contains("eth0"), "{name}: {told}");
                assert!(!told.contains("estimated"), "{name}: {told}");
            }
            "ss_tuanpm" | "netstat_tuln" | "netstat_tulpn" => {
                assert_eq!(of(&output, "sockets")["listeners"][0]["port"], 2024, "{name}")
            }
            _ => {}
        }
    }
}

/// What a reader takes that begins in the first line of a text.
pub(super) fn taken<T>(take: fn(&Here<'_>) -> Option<T>, text: &str) -> Option<T> {
    let document = Document::new("-", text.as_bytes().to_vec(), None);
    let words = words_of(document.line(0));
    take(&Here { document: &document, at: 0, command: Vec::new(), by_name: false, words: &words })
}

/// What is told of a text besides its causes, each by itself.
pub(super) fn stands_out(text: &str) -> Vec<String> {
    reading(&read(text), &IndexMap::new()).stands_out
}

/// The same in one text.
fn told(text: &str) -> String {
    stands_out(text).join("\n")
}

#[test]
fn interfaces_are_read_where_mail_flowed_the_lines_anew() {
    for text in [
        "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST> mtu 1500 inet 192.0.2.10 netmask\n255.255.255.0 broadcast 192.0.2.255 ether 02:00:00:00:00:01 txqueuelen 1000 (Ethernet)\nRX packets 456082 bytes 59793427 (57.0 MiB) RX errors 1 dropped 91 overruns 0\nframe 0 TX packets 821015 bytes 1008283171 (961.5 MiB) TX errors 2 dropped 3 overruns 0\ncarrier 0 collisions 0\n",
        "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\ninet 192.0.2.10/24 brd 192.0.2.255 scope global eth0 RX: bytes packets errors dropped missed mcast\n59793427 456082 1 91 0 0 TX: bytes packets errors dropped carrier collsns 1008283171 821015 2 3 0 0\n",
        "eth0 Link encap:Ethernet HWaddr 02:00:00:00:00:01 inet addr:192.0.2.10 Bcast:192.0.2.255\nMask:255.255.255.0 UP BROADCAST RUNNING MULTICAST MTU:1500 Metric:1 RX packets:456082\nerrors:1 dropped:91 overruns:0 frame:0 TX packets:821015 errors:2 dropped:3 overruns:0\ncarrier:0 collisions:0 txqueuelen:1000 RX bytes:59793427 (57.0 MiB) TX bytes:1008283171 (961.5 MiB)\n",
    ] {
        let rates = of(&read(text), "interfaces");
        let link = &rates["watched"];
        assert_eq!(
            link["since_boot"],
            json!({"rx_bytes": 59_793_427, "rx_packets": 456_082, "rx_dropped": 91, "rx_errors": 1, "tx_bytes": 1_008_283_171_u64, "tx_packets": 821_015}),
            "{text}"
        );
        assert_eq!(link["addresses"][0]["address"], "192.0.2.10", "{text}");
        assert_eq!(rates["interfaces"].as_array().unwrap().len(), 1, "{text}");
    }
}

#[test]
fn a_sleep_between_two_outputs_of_one_counter_gives_a_rate() {
    let dev = |bytes: u64, packets: u64| {
        format!("Inter-|   Receive\n face |bytes\n  eth0: {bytes} {packets} 0 0 0 0 0 0 500000 6000 0 0 0 0 0 0\n")
    };
    let text = format!(
        "root@web1:~# cat /proc/net/dev; sleep 10; cat /proc/net/dev\n{}{}",
        dev(1_000_000_000, 1_000_000),
        dev(1_125_000_000, 1_900_000)
    );
    let rates = of(&read(&text), "interfaces");
    assert_eq!(rates["watched"]["rx"]["bits_per_second"], 1e8);
    assert_eq!(rates["watched"]["rx"]["packets_per_second"], 90_000.0);
    // Typed one after the other: no sooner than the sleep says.
    for between in ["root@web1:~# sleep 10; cat /proc/net/dev", "root@web1:~# sleep 10\nroot@web1:~# cat /proc/net/dev"]
    {
        let (first, second) = (dev(1_000_000_000, 1_000_000), dev(1_125_000_000, 1_900_000));
        let text = format!("root@web1:~# cat /proc/net/dev\n{first}{between}\n{second}");
        assert_eq!(of(&read(&text), "interfaces")["watched"]["rx"]["bits_per_second"], 1e8, "{between}");
        assert!(told(&text).contains("taken to be 10 s apart"), "{}", told(&text));
    }
    let card = |missed: u64| format!("     rx_dropped: 1000\n     rx_missed_errors: {missed}\n");
    let text = format!(
        "# ethtool -S eth0 | grep -E 'drop|miss'; sleep 10; ethtool -S eth0 | grep -E 'drop|miss'\n{}\n{}",
        card(55_000),
        card(95_000)
    );
    assert!(told(&text).contains("in 10 s: rx_missed_errors of eth0 grew by 40,000, 4,000/s"), "{}", told(&text));
    let softnet = |packets: &str, dropped: &str| {
        format!("{packets} {dropped} 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n")
    };
    let text = format!(
        "$ date; cat /proc/net/softnet_stat\nSat Nov 28 14:02:11 UTC 2026\n{}$ date; cat /proc/net/softnet_stat\nSat Nov 28 14:02:21 UTC 2026\n{}",
        softnet("fffffff0", "00000001"),
        softnet("00000010", "000003e9")
    );
    let kernel = of(&read(&text), "kernel");
    assert_eq!(
        (kernel["seconds"].as_f64(), kernel["softnet"]["dropped"].as_u64(), kernel["softnet"]["processed"].as_u64()),
        (Some(10.0), Some(1000), Some(32))
    );
}

#[test]
fn cards_are_told_and_judged_by_the_names_of_their_drivers() {
    let rows = "     bw_in_allowance_exceeded: 0\n     pps_allowance_exceeded: 12400\n     queue_0_rx_empty_rx_ring: 1000\n     queue_1_rx_empty_rx_ring: 2000\n     queue_0_tx_cnt: 9\n";
    let text = format!(
        "# ethtool -i eth0\ndriver: ena\nversion: 6.1.0\nfirmware-version: \nbus-info: 0000:00:05.0\n# ethtool -S eth0\nNIC statistics:\n{rows}"
    );
    let said = told(&text);
    assert!(
        said.contains("eth0 (ena): since boot 12,400 packets over the instance's allowance of packets per second"),
        "{said}"
    );
    assert!(said.contains("3,000 times a receive ring had no buffer left"), "{said}");
    let devices = of(&read(&text), "devices");
    let card = &devices["devices"][0];
    assert_eq!((&card["name"], &card["driver"], &card["bus"]), (&json!("eth0"), &json!("ena"), &json!("0000:00:05.0")));
    let losses: Vec<(&str, u64)> = card["losses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|loss| (loss["name"].as_str().unwrap(), loss["ever"].as_u64().unwrap()))
        .collect();
    assert_eq!(losses, [("pps_allowance_exceeded", 12_400), ("queue_*_rx_empty_rx_ring", 3_000)]);
    assert_eq!((&devices["from_text"], &card["losses"][0]["grew"]), (&json!(true), &Value::Null));
    // The names of each queue are the same: they are added up, and what grew is told by place.
    let queues = |lost: u64| {
        format!(
            "NIC statistics:\n     Rx Queue#: 0\n       pkts rx OOB: 632\n     Rx Queue#: 1\n       pkts rx OOB: {lost}\n       drv dropped rx total: 0\n"
        )
    };
    let said = told(&format!("# ethtool -S ens192; sleep 10; ethtool -S ens192\n{}{}", queues(100), queues(200)));
    assert!(said.contains("832 packets lost at a full receive ring"), "{said}");
    let settings = "# ethtool -l eth0\nChannel parameters for eth0:\nPre-set maximums:\nRX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\nCombined:\t8\nCurrent hardware settings:\nRX:\t\tn/a\nTX:\t\tn/a\nOther:\t\tn/a\nCombined:\t1\n# ethtool -k eth0\nFeatures for eth0:\nrx-checksumming: on [fixed]\ngeneric-receive-offload: on\nlarge-receive-offload: off [fixed]\nntuple-filters: off\n";
    let said = told(settings);
    assert!(said.contains("eth0: it has 1 receive queue of 8"), "{said}");
    let devices = of(&read(settings), "devices");
    let card = &devices["devices"][0];
    assert_eq!((&card["queues"]["rx"], &card["queues"]["rx_most"]), (&json!(1), &json!(8)));
    assert_eq!((&card["offloads"]["gro"], &card["offloads"]["lro"]), (&json!(true), &json!(false)));
    let said = told(
        "qdisc tbf 8001: dev eth0 root refcnt 2 rate 8Mbit burst 15Kb lat 50ms\n Sent 81234567 bytes 61234 pkt (dropped 4321, overlimits 70123 requeues 0)\n backlog 0b 0p requeues 0\n",
    );
    assert!(
        said.contains("eth0: its queue (tbf) dropped 4,321 packets that were to be sent and sent 61,234"),
        "{said}"
    );
}

#[test]
fn what_stands_out_of_tables_is_told_and_what_is_usual_is_not() {
    let softnet = "00d4c9a1 00000000 0000012c 00000000 00000000 00000000 00000000 00000000 00000000\n00d4c9a2 00000000 0000012d 00000000 00000000 00000000 00000000 00000000 00000000\n";
    assert!(!told(softnet).contains("one CPU receives for all"), "two CPUs that share the work: {}", told(softnet));
    let neighbours: String = (30..60).map(|host| format!("192.0.2.{host} dev eth0  FAILED\n")).collect();
    assert!(told(&neighbours).contains("30 of 30 neighbours do not answer"), "{}", told(&neighbours));
    for (text, expected) in [
        (
            "Filesystem      Size  Used Avail Use% Mounted on\n/dev/mapper/vg-var\n                200G  190G   10G  95% /var\n",
            "/var is 95 % full",
        ),
        ("文件系统        容量  已用  可用 已用% 挂载点\n/dev/sda1        50G   49G  512M   99% /\n", "/ is 99 % full"),
        ("   1 192.0.2.10   =>     1.00Mb     1.21Mb     1.21Mb      310KB\n", ""),
        (
            "$ ss -tan | awk '{print $4}' | awk -F: '{print $NF}' | sort | uniq -c\n   2311 443\n     42 80\n",
            "port 443: 2,311 of 2,353 counted",
        ),
        (
            "Tcp:\n    1230 conexiones abiertas activas\n    17 segmentos malos\nUdp:\n    812 paquetes perdidos\n",
            "in a language that is not known here",
        ),
        (
            "# nstat\nTcpExtListenOverflows           50123              0.0\n",
            "since nstat was called last (or boot): 50,123 handshakes",
        ),
        ("Nov 28 14:05:11 web1 kernel: e1000e 0000:00:19.0 eth0: NIC Link is Up 1000 Mbps Full Duplex\n", ""),
        (
            "# ss -s\nTotal: 61221\nTCP:   60912 (estab 812, closed 59811, orphaned 12, timewait 59790)\n# cat /proc/sys/net/ipv4/ip_local_port_range\n32768\t60999\n",
            "59,790 connections in TIME_WAIT, and 28,232 local ports for new ones",
        ),
    ] {
        let Ok(_) = paste(text) else {
            assert_eq!(expected, "", "{text}");
            continue;
        };
        let told = told(text);
        assert!(told.contains(expected) && (!expected.is_empty() || told.is_empty()), "{text}: {told}");
    }
}

#[test]
fn a_top_with_a_line_for_each_cpu_is_not_one_of_the_first_cpu() {
    let text = "top - 21:44:01 up 12 days,  3:11,  1 user,  load average: 42.18, 40.02, 33.91\nTasks: 412 total,  39 running, 373 sleeping,   0 stopped,   0 zombie\n%Cpu0  :  2.0 us,  2.0 sy,  0.0 ni,  0.0 id,  0.0 wa,  0.0 hi, 96.0 si,  0.0 st\n%Cpu1  :  1.0 us,  1.0 sy,  0.0 ni, 98.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\nKiB Mem :  8009728 total,   121312 free,  7112312 used,   776104 buff/cache\nKiB Swap:  2097148 total,        0 free,  2097148 used.   412312 avail Mem\n\n  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND\n    3 root      20   0       0      0      0 R  61.0  0.0  12:12.31 ksoftirqd/0\n";
    let output = read(text);
    assert!(output.not_recognised().is_empty(), "{:?}", output.not_recognised());
    let host = of(&output, "host");
    assert!((host["cpu"]["busy_share"].as_f64().unwrap() - 0.51).abs() < 1e-9, "{host}");
    assert_eq!(
        (host["cpu"]["busiest_cpu"].as_u64(), host["cpu"]["busiest_softirq_share"].as_f64()),
        (Some(0), Some(0.96))
    );
    assert!(told(text).contains("CPU 0 spends 96 % of its time on receiving packets, the other 0 %"), "{}", told(text));
}

#[test]
fn figures_that_a_poster_marked_or_took_out_of_their_output_are_read() {
    let counters = |text: &str| {
        let output = read(text);
        let found = output
            .pieces
            .data()
            .find_map(|data| if let Data::Counters(counted) = data { Some(counted.counters.clone()) } else { None });
        found.unwrap_or_default()
    };
    let marked = counters(
        "Udp:\n    559933412 packets received\n    33861296 packet receive errors    <---- HERE\n    **812 receive buffer errors**\n",
    );
    let expected = [("Udp.InDatagrams", 559_933_412), ("Udp.InErrors", 33_861_296), ("Udp.RcvbufErrors", 812)];
    assert_eq!(marked, expected.map(|(name, count)| (name.to_owned(), count)));
    let grepped = counters(
        "$ netstat -s | egrep -i 'listen|retrans'\n    1292312 segments retransmited\n    53291 times the listen queue of a socket overflowed\n    53291 SYNs to LISTEN sockets dropped\n    TCPLostRetransmit: 28\n",
    );
    assert_eq!(grepped.len(), 4, "{grepped:?}");
    assert!(grepped.contains(&("TcpExt.ListenOverflows".to_owned(), 53_291)), "{grepped:?}");
    let row = "$ ifconfig eth2 | grep 'RX.*drop'\n          RX packets:2059646370 errors:0 dropped:7142467 overruns:0 frame:0\n$ cat /sys/class/net/eth2/statistics/rx_missed_errors\n7142467\n";
    assert!(told(row).contains("eth2: 2,059,646,370 packets received since boot, 7,142,467 dropped (0.35 %): worth a look, 7,142,467 missed by the card"), "{}", told(row));
    let alone = told("/sys/class/net/eth0/statistics/rx_missed_errors:1231231\n");
    assert!(alone.contains("eth0: 1,231,231 missed by the card since boot"), "{alone}");
}

#[test]
fn packets_without_addresses_are_told_and_their_bytes_give_them_back() {
    let syns = "15:27:10.203993 IP > Flags [S], seq 3395115767, win 29200, length 0\n15:27:10.204050 IP > Flags [S], seq 3158122291, win 8192, length 0\n15:27:10.204060 IP > Flags [.], ack 1, win 8192, length 0\n";
    assert!(
        told(syns).contains("3 packets from which somebody took the addresses: 1 TCP, 2 TCP SYN"),
        "{}",
        told(syns)
    );
    let bytes = "23:46:50.431999 IP (tos 0x0, ttl 52, id 36935, offset 0, flags [DF], proto UDP (17), length 53) Attacker IP > Server IP: UDP, payload 25\n\t0x0000:  4500 0035 9047 4000 3411 e10f cb00 7109  E..5.G@.4.......\n\t0x0010:  c000 020a df3b 6987 0021 22ce ffff ffff  .....;i..!......\n\t0x0020:  5453 6f75 7263 6520 456e 6769 6e65 2051  TSource.Engine.Q\n";
    assert!(
        told(bytes).contains("1 UDP packet to 192.0.2.10 port 27015 from 203.0.113.9, 25 bytes"),
        "{}",
        told(bytes)
    );
}

#[test]
fn answers_that_were_printed_in_part_count_and_have_at_least_their_records() {
    let text = "11:03:00.123456 IP 203.0.113.66.5353 > 192.0.2.10.53: 1234+ [1au] ANY? example.org. (36)\n11:03:00.123556 IP 192.0.2.10.53 > 203.0.113.66.5353: 1234 27/4/13 SOA, RRSIG[|domain]\n";
    let output = read(text);
    assert_eq!(output.packets().unwrap().packets, 2);
    assert!(told(text).contains("from port 53 to 203.0.113.66, at least 501 bytes of payload each"), "{}", told(text));
}

#[test]
fn a_question_for_all_records_from_port_53_is_a_question() {
    let text = "11:03:00.123456 IP 203.0.113.66.53 > 192.0.2.10.53: 1234+ [1au] ANY? example.org. (36)\n11:03:00.123556 IP 192.0.2.10.53 > 203.0.113.66.53: 1234 27/4/13 SOA, RRSIG[|domain]\n";
    let file = read(text).packets().unwrap();
    assert_eq!(file.local, ["192.0.2.10".parse::<std::net::IpAddr>().unwrap()]);
    let params = json!({"interface": "auto"});
    let seen = capture::of_text(&file.bytes, &file.local, &params).unwrap().output;
    assert_eq!(
        (seen["dns"]["queries"].as_u64(), seen["dns"]["answers"].as_u64()),
        (Some(1), Some(0)),
        "{}",
        seen["dns"]
    );
}

#[test]
fn lines_of_logs_have_months_in_any_language() {
    for month in ["Mär", "mars", "mar", "мар", "3月"] {
        let output = read(&format!(
            "{month} 04 10:11:12 web1 sshd[12]: Failed password for root from 203.0.113.9 port 22 ssh2\n{month} 04 10:11:13 web1 sshd[12]: Failed password for root from 203.0.113.9 port 22 ssh2\n"
        ));
        assert!(output.not_recognised().is_empty(), "{month}: {:?}", output.not_recognised());
        assert!(output.started().to_string().ends_with("-03-04T10:11:13Z"), "{month}: {}", output.started());
        assert_eq!(output.host().name, "web1", "{month}");
    }
    let kernel = read(
        "[Mi Mär  4 10:11:12 2020] vmbr0: port 2(tap100i0) entered blocking state\n[Mi Mär  4 10:11:13 2020] TCP: time wait bucket table overflow\n",
    );
    assert_eq!(kernel.started().to_string(), "2020-03-04T10:11:13Z");
    let full =
        read("Mi 2020-03-04 10:11:12 CET web1 sshd[12]: Failed password for root from 203.0.113.9 port 22 ssh2\n");
    assert_eq!((full.started().to_string().get(..10), full.host().name.as_str()), (Some("2020-03-04"), "web1"));
    assert!(paste("server 04 10:11:12 was the time\n").is_err());
}

#[test]
fn waiting_for_disks_is_no_work_and_what_is_scarce_is_told() {
    let top = "top - 03:12:44 up 12 days,  4:02,  1 user,  load average: 38.20, 30.11, 18.03\nTasks: 312 total,   1 running, 311 sleeping,   0 stopped,   0 zombie\n%Cpu(s):  1.2 us,  2.1 sy,  0.0 ni,  3.0 id, 93.5 wa,  0.0 hi,  0.2 si,  0.0 st\nMiB Mem :   7976.5 total,    120.1 free,   7400.3 used,    456.1 buff/cache\nMiB Swap:   2048.0 total,      0.0 free,   2048.0 used.    160.2 avail Mem\n";
    let said = told(top);
    assert!(said.contains("top: 94 % of the CPU time was waited for disks (iowait)"), "{said}");
    assert!(said.contains("top: 168 MB of 8.36 GB of memory are available"), "{said}");
    assert!(said.contains("top: 100 % of the swap is in use (2.15 GB)"), "{said}");
    let host = of(&read(top), "host");
    let busy = host["cpu"]["busy_share"].as_f64().unwrap();
    assert!((busy - 0.035).abs() < 0.0001, "{busy}");
    let iostat = "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n           1.00    0.00    2.00   60.00    0.00   37.00\n";
    assert!(told(iostat).contains("iostat: 60 % of the CPU time was waited for disks"), "{}", told(iostat));
    let free = "              total        used        free      shared  buff/cache   available\nMem:        8167936     7900000      100000        1000      167936       90000\nSwap:       2097148      100000     1997148\n";
    assert!(told(free).contains("free: 92.2 MB of 8.36 GB of memory are available"), "{}", told(free));
    assert!(!told(free).contains("swap"), "{}", told(free));
}

#[test]
fn what_other_guests_took_and_connections_that_fail_are_told() {
    let top = "top - 21:44:01 up 12 days,  3:11,  1 user,  load average: 2.18, 1.02, 1.91\nTasks: 112 total,   1 running, 111 sleeping,   0 stopped,   0 zombie\n%Cpu(s):  1.0 us,  2.0 sy,  0.0 ni, 36.0 id,  0.0 wa,  0.0 hi,  0.0 si, 61.0 st\n";
    assert!(told(top).contains("top: 61 % of the CPU time went to other guests"), "{}", told(top));
    let sar = "11:03:01 PM  active/s passive/s    iseg/s    oseg/s\n11:03:02 PM      1.00  81231.00 181231.00 181200.00\n\n11:03:01 PM  atmptf/s  estres/s retrans/s isegerr/s   orsts/s\n11:03:02 PM  41231.00      1.00      0.50      0.00      0.00\n";
    let told = told(sar);
    assert!(told.contains("sar: 81,231 TCP connections/s are opened by others"), "{told}");
    assert!(
        told.contains("sar: 41,231 TCP connections/s fail before they are open") && !told.contains("sent again"),
        "{told}"
    );
}

#[test]
fn the_statistics_of_cards_are_read_with_queues_and_words_in_their_names() {
    let bnx2x = "NIC statistics:\n     [0]: rx_bytes: 812312\n     [0]: rx_discards: 4711\n     [1]: rx_discards: 12\n     rx_phy_ip_err_discards: 0\n";
    let vmxnet3 = "NIC statistics:\n     Tx Queue#: 0\n       TSO pkts tx: 123123\n     Rx Queue#: 0\n       pkts rx OOB: 812\n       drv dropped rx total: 3\n       rx buf alloc fail: 0\n";
    for (text, expected) in [
        (bnx2x, "[0]: rx_discards 4,711, [1]: rx_discards 12"),
        (
            vmxnet3,
            "812 packets lost at a full receive ring: the host empties it too slowly (pkts rx OOB), 3 packets dropped by the driver",
        ),
    ] {
        assert!(read(text).not_recognised().is_empty(), "{:?}", read(text).not_recognised());
        assert!(told(text).contains(expected), "{}", told(text));
    }
}

#[test]
fn queues_of_a_card_that_each_have_a_cpu_are_not_one_cpu() {
    let of = |second: &str| {
        format!(
            "           CPU0       CPU1\n 27:  812312312          0   PCI-MSI 1-edge      ens5-Tx-Rx-0\n 28:  {second}   PCI-MSI 2-edge      ens5-Tx-Rx-1\n"
        )
    };
    assert_eq!(told(&of("0  798123123")), "");
    assert!(told(&of("798123123  0")).contains("812,312,312 of 812,312,312 of ens5-Tx-Rx-0 came to CPU 0 of 2"));
}

#[test]
fn what_stands_behind_an_iftop_is_read_and_its_own_end_is_known() {
    let text = "# iftop -t -s 2\ninterface: eth1\nListening on eth1\n   # Host name (port/service if enabled)            last 2s   last 10s   last 40s cumulative\n--------\n   1 192.0.2.10                               =>     1.21Kb     1.31Kb     1.31Kb     1.31KB\n     203.0.113.7                              <=     92.1Mb     90.2Mb     90.2Mb      112MB\n--------\nTotal receive rate:                                  96.2Mb     94.2Mb     94.2Mb\n========\n\n# netstat -n | awk '/^tcp/ {++S[$NF]} END {for(a in S) print a, S[a]}'\nTIME_WAIT 8123\nSYN_RECV 812\n";
    let output = read(text);
    let tools: Vec<String> = output.recognised().iter().map(|taken| taken.tool.clone()).collect();
    assert_eq!(tools, ["ps, iftop -t, nethogs -t, dropwatch, docker ps", "sort | uniq -c"]);
    assert!(told(text).contains("iftop: 101 Mbit/s received"), "{}", told(text));
}

#[test]
fn containers_that_do_not_run_are_told_and_those_that_ended_well_are_not() {
    let text = "CONTAINER ID   IMAGE         COMMAND                  CREATED        STATUS                          PORTS     NAMES\n1a2b3c4d5e6f   shop:latest   \"/app/run\"               2 hours ago    Restarting (1) 5 seconds ago              shop_web_1\n0f1e2d3c4b5a   postgres:16   \"docker-entrypoint.s…\"   2 hours ago    Exited (137) 10 minutes ago               shop_db_1\n2f1e2d3c4b5a   job:1         \"/bin/job\"               2 hours ago    Exited (0) 10 minutes ago                 shop_job_1\n3f1e2d3c4b5a   api:1         \"Exited (1) 3 hours a…\"   2 hours ago    Up 2 hours (unhealthy)                    shop_api_1\n4f1e2d3c4b5a   ok:1          \"/bin/ok\"                2 hours ago    Up 2 hours (healthy)                      shop_ok_1\n";
    assert_eq!(
        stands_out(text),
        [
            "docker: shop_web_1 is restarted again and again; it ended 5 seconds ago with exit code 1",
            "docker: shop_db_1 ended 10 minutes ago with exit code 137 (SIGKILL)",
            "docker: shop_api_1 is unhealthy, by its own check",
        ]
    );
}

#[test]
fn meters_of_bytes_tell_them_and_are_no_rate_of_packets() {
    for (text, expected) in [
        (
            "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O           BLOCK I/O         PIDS\nb95a83497c91   cache   0.28%     5.629MiB / 1.952GiB   0.28%     916GB / 3.1GB     147kB / 0B        9\n67b2525d8ad1   web             187.00%     1.727MiB / 1.952GiB   0.09%     2.48kB / 0B       4.11MB / 0B       2\n",
            "container web takes 187 % of a CPU\ncontainer cache: 916 GB in, 3.10 GB out since it was started\ncontainer web: 2.48 kB in, 0 B out",
        ),
        (
            "----total-cpu-usage---- -dsk/total- -net/total- ---paging-- ---system--\nusr sys idl wai hiq siq| read  writ| recv  send|  in   out | int   csw \n  3   2  94   1   0   0|  12k   40k|   0     0 |   0     0 | 412  1231 \n  2   8  60   0   0  30|   0     0 |  94M  312k|   0     0 |  81k   12k\n  1   9  58   0   0  32|   0    12k|  96M  300k|   0     0 |  82k   11k\n",
            "dstat: 797 Mbit/s in (peak 805 Mbit/s), 2.51 Mbit/s out\ndstat: 31 % of the CPU time goes to receiving packets (siq)",
        ),
        (
            "       eth0                eth1       \n KB/s in  KB/s out   KB/s in  KB/s out\n97123.12    312.11      1.21      0.33\n",
            "ifstat: eth0 796 Mbit/s in, 2.56 Mbit/s out\nifstat: eth1 9.91 kbit/s in, 2.70 kbit/s out",
        ),
        (
            "Device eth0 [192.0.2.10] (1/2):\n=====\nIncoming:\n      Curr: 93.12 MBit/s\n #### Avg: 91.20 MBit/s\n      Min: 80.11 MBit/s\n      Max: 95.02 MBit/s\n      Ttl: 812.31 GByte\nOutgoing:\n      Curr: 102.12 kBit/s\n      Avg: 99.20 kBit/s\n      Ttl: 12.31 GByte\n",
            "nload: eth0 97.6 Mbit/s in now, 95.6 Mbit/s on average, at most 99.6 Mbit/s\nnload: eth0 105 kbit/s out now, 102 kbit/s on average",
        ),
        (
            "NetHogs version 0.8.5\n\n    PID USER     PROGRAM                    DEV        SENT      RECEIVED       \n      ? root     192.0.2.10:80-198.51.100.9:51123        0.000   11321.123 KB/sec\n   1712 www-data /usr/sbin/apache2          eth0       12.123      41.123 KB/sec\n\n  TOTAL                                               12.123   11362.246 KB/sec\n",
            "nethogs: 192.0.2.10:80-198.51.100.9:51123: 92.7 Mbit/s in, 0 bit/s out\nnethogs: /usr/sbin/apache2: 337 kbit/s in, 99.3 kbit/s out",
        ),
    ] {
        assert!(told(text).contains(expected), "{}", told(text));
        assert!(read(text).output("interfaces", &json!({})).is_err(), "{text}");
    }
}

#[test]
fn failed_logins_are_counted_by_address_whatever_the_user_is_called() {
    let text = "root     pts/0        198.51.100.9     Thu Mar  9 10:30   still logged in\nadmin    ssh:notty    203.0.113.55     Thu Mar  9 10:21 - 10:21  (00:00)\nx Mon Jan  1 00:00 ssh:notty    203.0.113.55     Thu Mar  9 10:21 - 10:21  (00:00)\nadmin    ssh:notty    203.0.113.7      Thu Mar  9 10:20 - 10:20  (00:00)\nroot     tty1                          Thu Mar  9 10:20 - 10:20  (00:00)\n\nbtmp begins Wed Mar  1 03:11:01 2017\n";
    let output = read(text);
    assert!(output.not_recognised().is_empty(), "{:?}", output.not_recognised());
    let expected = "3 failed logins from 2 addresses, most (2) from 203.0.113.55 since Wed Mar  1 03:11:01 2017, as admin, x Mon Jan  1 00:00";
    assert!(told(text).contains(expected), "{}", told(text));
    assert!(!told("root     pts/0        198.51.100.9     Thu Mar  9 10:30   still logged in\n").contains("failed"));
}

#[test]
fn the_link_and_the_queues_that_are_at_their_end_are_told() {
    let link = "Settings for eth0:\n\tSupported ports: [ TP ]\n\tSupported link modes:   10baseT/Half 10baseT/Full\n\t                        100baseT/Half 100baseT/Full\n\t                        1000baseT/Full\n\tAdvertised link modes:  10baseT/Half\n\tSpeed: 100Mb/s\n\tDuplex: Half\n\tLink detected: yes\n";
    let told_of_link = told(link);
    assert!(
        told_of_link.contains("eth0: its link runs at 100 Mbit/s, though the card can 1.00 Gbit/s"),
        "{told_of_link}"
    );
    assert!(told_of_link.contains("eth0: its link is half duplex"), "{told_of_link}");
    let queue = "State      Recv-Q Send-Q        Local Address:Port          Peer Address:Port\nLISTEN     0      128                       *:22                       *:*\nLISTEN     101    100                      :::8080                    :::*\n";
    assert!(told(queue).contains("on port 8080; its queue takes 100: it is full"), "{}", told(queue));
    assert_eq!(of(&read(queue), "sockets")["listeners"][1]["backlog"], 100);
    let open = "udp   UNCONN 0      0      0.0.0.0:11211      0.0.0.0:*    users:((\"memcached\",pid=1012,fd=27))\nudp   UNCONN 0      0      127.0.0.1:389      0.0.0.0:*    users:((\"slapd\",pid=9,fd=27))\n";
    assert!(
        told(open).contains("memcached (pid 1012) takes UDP port 11211 on every address (memcached): strangers"),
        "{}",
        told(open)
    );
    assert!(!told(open).contains("389"), "{}", told(open));
    let scan: String = (1..30)
        .map(|host| {
            format!(
                "tcp        0      1 192.0.2.10:{}          203.0.113.{host}:22         SYN_SENT    2212/x\n",
                40000 + host
            )
        })
        .collect();
    assert!(
        told(&scan).contains("29 connections are being opened to others (SYN_SENT), most to port 22, by x (pid 2212)"),
        "{}",
        told(&scan)
    );
}

#[test]
fn a_year_that_a_line_does_not_have_is_that_of_its_neighbours_and_a_day_comes_first_where_figures_have_commas() {
    let text = "Mar  4 03:12:12 web1 kernel: Out of memory: Kill process 18190 (httpd) score 8 or sacrifice child\n\n198.51.100.4 - - [04/Mar/2016:03:11:58 +0000] \"POST /wp-login.php HTTP/1.0\" 200 3201 \"-\" \"-\"\n";
    assert_eq!(read(text).started().to_string(), "2016-03-04T03:12:12Z");
    let sar = |point: &str, figure: &str| {
        format!(
            "Linux 4.9.0-8-amd64 (gw)   03/12/2018   _x86_64_   (2 CPU)\n\n21:10:44     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle\n21:10:45     all    0{point}25    0{point}00    0{point}75    0{point}00    0{point}00   25{point}06    0{point}00    0{point}00    0{point}00   {figure}\n"
        )
    };
    assert_eq!(read(&sar(",", "73,94")).started().to_string(), "2018-12-03T21:10:45Z");
    assert_eq!(read(&sar(".", "73.94")).started().to_string(), "2018-03-12T21:10:45Z");
}

#[test]
fn the_logs_of_daemons_are_known_by_their_lines() {
    for (text, pattern) in [
        ("2026/11/28 10:11:02 [alert] 1423#0: 768 worker_connections are not enough\n", "web_full"),
        (
            "[Sat Nov 28 10:11:02 2026] [error] server reached MaxClients setting, consider raising the MaxClients setting\n",
            "web_full",
        ),
        (
            "[28-Nov-2026 10:11:01] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it\n",
            "web_full",
        ),
        (
            "2026-11-28 04:06:01,855 fail2ban.actions        [229214]: NOTICE  [sshd] Ban 203.0.113.9\n",
            "address_banned",
        ),
        (
            "[2026-11-28 10:11:12] NOTICE[1260] chan_sip.c: Registration from '\"1\" <sip:1@192.0.2.1>' failed for '203.0.113.9:5071' - Wrong password\n",
            "sip_login_failed",
        ),
        ("28-Nov-2026 10:11:12.123 client 203.0.113.9#3074 (sl): query: sl IN ANY +E(0) (192.0.2.1)\n", "dns_any"),
        (
            "203.0.113.9 - - [28/Nov/2026:21:00:01 +0000] \"POST /xmlrpc.php HTTP/1.1\" 200 403\n",
            "http_wordpress_login",
        ),
    ] {
        let output = read(text);
        let texts = output.pieces.log_texts();
        let texts: Vec<logs::Text<'_>> = texts
            .iter()
            .map(|text| logs::Text {
                name: "-",
                kind: text.kind,
                keeper: text.keeper,
                bytes: text.text.as_bytes(),
                of_journal: false,
                dated: true,
            })
            .collect();
        let at = "2026-11-28T18:00:00Z".parse().unwrap();
        let found = logs::search(&texts, &logs::Params::default(), at, at).unwrap().output;
        assert_eq!(found.patterns[pattern].count, 1, "{text}");
    }
}

#[test]
fn counts_of_states_are_read_with_the_words_of_headings_in_any_language() {
    let text = "$ netstat -ant | awk '{print $6}' | sort | uniq -c | sort -n\n      1 établies)\n      1 Etat\n     14 LISTEN\n   1022 SYN_RECV\n";
    let output = read(text);
    assert!(output.not_recognised().is_empty(), "{:?}", output.not_recognised());
    assert_eq!(of(&output, "sockets")["counts"]["tcp_syn_recv"], 1022);
    assert!(paste("there are\n3 servers\n").is_err());
    for (text, count) in [
        ("$ netstat -an | grep SYN_RECV | wc -l\n1022\n", 1022),
        ("$ ss -ant state syn-recv | wc -l\n1023\n", 1022),
        ("$ netstat -an | grep -c SYN_RECV\n1022\n", 1022),
    ] {
        assert_eq!(of(&read(text), "sockets")["counts"]["tcp_syn_recv"], count, "{text}");
    }
    assert_eq!(told("$ netstat -an | grep :80 | wc -l\n812\n"), "812 lines of netstat -an | grep :80 | wc -l");
    assert!(paste("$ netstat -an | grep :80 | wc -l\n81").is_err(), "half a number may be");
}

#[test]
fn requests_and_entries_of_the_journal_are_read_in_every_form_of_json() {
    let entry = "{\n  \"_HOSTNAME\" : \"web1\",\n  \"MESSAGE\" : \"nf_conntrack: nf_conntrack: table full, dropping packet\",\n  \"SYSLOG_IDENTIFIER\" : \"kernel\",\n  \"__REALTIME_TIMESTAMP\" : \"1795874531000000\"\n}\n";
    let older = "{\"ts\":\"2026-11-28T14:02:13.123Z\",\"request\":{\"remote_addr\":\"198.51.100.7:51234\",\"method\":\"GET\",\"uri\":\"/b\",\"headers\":{}},\"size\":12,\"status\":200}\n";
    for (text, lines) in [(entry.repeat(3), 3), (older.repeat(2), 2)] {
        let output = read(&text);
        assert!(output.not_recognised().is_empty(), "{:?}", output.not_recognised());
        assert!(output.pieces.data().any(|data| matches!(data, Data::Logs(run) if run.lines == lines)), "{text}");
    }
}

#[test]
fn a_heading_of_ss_with_nothing_below_says_that_nothing_of_what_was_asked_for_is_there() {
    let shown =
        of(&read("$ ss -lun\nState  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n$ date\n"), "sockets");
    assert_eq!((shown["counts"]["udp"].as_u64(), shown["counts"].get("tcp_listen")), (Some(0), None));
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
        assert!(outputs.pieces.data().any(|data| matches!(data, Data::Logs(run) if run.lines >= 25)));
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
    for data in output.pieces.data() {
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
            Data::Counters(counted) => {
                format!("{:?}", counted.counters.iter().map(|(_, value)| value).collect::<Vec<_>>())
            }
            Data::Nic(nic) => format!("{:?}", nic.counters.iter().map(|(_, value)| value).collect::<Vec<_>>()),
            Data::Settings(settings) => format!("{:?}", settings.iter().map(|(_, value)| value).collect::<Vec<_>>()),
            Data::Rules(rules) => {
                format!("{:?}", rules.drops.iter().map(|drop| (drop.packets, drop.bytes)).collect::<Vec<_>>())
            }
            Data::Disks(rows) => format!("{rows:?}"),
            Data::Devices(devices) => format!("{devices:?}"),
            Data::Deleted(files) => format!("{files:?}"),
            Data::Folders(folders) => format!("{folders:?}"),
            Data::Softnet(rows) => format!("{rows:?}"),
            Data::Rates(report) => {
                let samples = report.interfaces.values().flat_map(|rates| rates.samples.iter().chain(&rates.mean));
                let samples: Vec<_> =
                    samples.map(|s| (s.rx_packets, s.tx_packets, s.rx_bytes, s.tx_bytes, s.at)).collect();
                format!("{samples:?} {:?} {:?} {:?} {:?}", report.lost, report.cpu, report.noted, report.date)
            }
            Data::Machine(machine) => format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                machine.load, machine.uptime, machine.memory, machine.cpus, machine.busy, machine.busiest, machine.swap
            ),
            Data::Interrupts(rows) => format!("{:?}", rows.iter().map(|row| &row.by_cpu).collect::<Vec<_>>()),
            Data::Conntrack(tracked) => {
                format!("{:?} {:?} {:?}", tracked.count, tracked.trouble, tracked.sources.keys())
            }
            Data::Packets(packets) => {
                format!("{:?}", packets.iter().map(|packet| (packet.at, packet.payload)).collect::<Vec<_>>())
            }
            Data::Moment(at) => format!("{at:?}"),
            Data::SocketCounts(counts) => format!("{counts:?}"),
            Data::Told(told) => format!("{:?} {:?} {:?}", told.stands_out, told.states, told.totals),
            Data::Route(name) => name.clone(),
            Data::Logs(_) => continue,
        };
        found
            .extend(copied.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(str::to_owned));
    }
    found
}

#[test]
fn what_a_stranger_sent_is_no_output_and_no_prompt_where_payloads_are_printed_as_text() {
    let packet = |at: u32| {
        format!(
            "10:00:0{at}.000001 IP 203.0.113.9.40000 > 192.0.2.10.80: Flags [P.], seq 1:120, ack 1, win 502, length 119: HTTP: GET / HTTP/1.1\nE..q..@.@...........P.......P...\n"
        )
    };
    let sent = "GET / HTTP/1.1\nroot@evil:~# uptime\n 10:00:01 up 1 day, 1:00,  1 user,  load average: 99.00, 98.00, 97.00\n\n";
    let text = format!("{}{sent}{}", packet(1), packet(2));
    for text in [
        text.clone(),
        format!(
            "[root@web1 ~]# tcpdump -nnA -c 2\n{text}[root@web1 ~]# ss -s\nTotal: 212\nTCP:   1234 (estab 634, closed 123, orphaned 0, timewait 814)\n"
        ),
    ] {
        let output = read(&text);
        let tools: Vec<&str> = output.recognised().iter().map(|taken| taken.tool.as_str()).collect();
        assert!(!tools.iter().any(|tool| tool.contains("uptime")), "{tools:?}");
        assert_eq!(tools.contains(&"ss -s"), text.contains("ss -s"), "{tools:?}");
        assert_ne!(output.host.name, "evil");
        assert_eq!(tools.iter().filter(|tool| **tool == "tcpdump").count(), 2);
    }
}

#[test]
fn no_output_takes_the_prompt_behind_it_for_its_own() {
    let prompts =
        ["ubuntu@lb1:~$ sleep 10; ip -s link show eth0", "[root@web1 ~]# ss -s", "web1:~ # netstat -s", "# uptime"];
    for (name, text) in SAMPLES.iter().filter(|(_, text)| text.ends_with('\n')) {
        for prompt in prompts {
            let output = read(&format!("{text}{prompt}\n"));
            let taken = output.pieces.all.iter().map(|piece| piece.after).max();
            let lines = text.lines().count();
            assert!(taken.is_some_and(|taken| taken <= lines), "{name} takes `{prompt}`: {taken:?} of {lines}: {text}");
        }
    }
}

#[test]
fn every_recogniser_has_a_sample_and_a_recorded_or_pasted_output() {
    for recogniser in RECOGNISERS {
        let samples: Vec<&str> =
            SAMPLES.iter().filter(|(name, _)| *name == recogniser.name).map(|(_, text)| *text).collect();
        assert!(!samples.is_empty(), "{} has no sample", recogniser.name);
        for text in samples {
            let taken = read(text).recognised().to_vec();
            assert!(taken.iter().any(|taken| taken.tool == recogniser.name), "{}: {taken:?}: {text}", recogniser.name);
        }
    }
    for (name, _) in SAMPLES {
        assert!(RECOGNISERS.iter().any(|recogniser| recogniser.name == *name), "{name} is no recogniser");
    }
}

#[test]
fn a_text_that_is_cut_at_any_byte_gives_no_half_a_figure() {
    for (name, text) in SAMPLES {
        let whole = figures(&read(text));
        for cut in 1..text.len() {
            let Some(part) = text.get(..cut) else { continue };
            let Ok(output) = paste(part) else { continue };
            for figure in figures(&output) {
                assert!(
                    whole.contains(&figure),
                    "{name}: {figure} is no figure of the whole, cut at {cut}: …{}",
                    &part[part.len().saturating_sub(80)..]
                );
            }
        }
    }
}

#[test]
fn the_last_line_of_a_log_that_is_cut_gives_no_half_an_address_or_port() {
    let text = "Nov 28 14:05:11 web1 kernel: UDP: bad checksum. From 203.0.113.9:19 to 192.0.2.10:21143 ulen 1042\n";
    for cut in 1..text.len() {
        let Ok(output) = paste(&text[..cut]) else { continue };
        for text in output.pieces.log_texts() {
            let (kind, bytes) = (text.kind, text.text.as_bytes());
            let texts = [logs::Text { name: "-", kind, keeper: None, bytes, of_journal: false, dated: true }];
            let at = "2026-11-28T18:00:00Z".parse().unwrap();
            let seen = logs::search(&texts, &logs::Params::default(), at, at).unwrap().output;
            let seen = serde_json::to_value(&seen.patterns["udp_bad_checksum"]).unwrap();
            for port in seen["captures"]["port"].as_array().into_iter().flatten() {
                assert_eq!(port["value"], "21143", "cut at {cut}");
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
