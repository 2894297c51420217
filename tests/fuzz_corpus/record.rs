//! Makes the corpora of `fuzz/corpus`: what the kernel and tools say in a network namespace of the test's own, and files that
//! casebook writes.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;

use casebook::archive::{self, CaseFile};
use casebook::case::Case;
use casebook::sys::xtables::{Family, XTables};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use crate::support::command::{Desk, GOOD};
use crate::support::namespace::in_namespace;
use crate::support::need::{require, tool};
use crate::{packets, project};

fn keep(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = project("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn run(line: &str) -> Vec<u8> {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The messages of a dump.
fn dump(family: SockProtocol, kind: u16, request: &[u8]) -> Vec<u8> {
    const REQUEST_AND_DUMP: u16 = 0x301;
    const DONE: u16 = 3;
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, family).unwrap();
    let mut message = (16 + request.len() as u32).to_ne_bytes().to_vec();
    message.extend([kind, REQUEST_AND_DUMP].iter().flat_map(|word| word.to_ne_bytes()));
    message.extend([1_u32, 0].iter().flat_map(|word| word.to_ne_bytes()));
    message.extend(request);
    send(netlink.as_raw_fd(), &message, MsgFlags::empty()).unwrap();
    let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let length = recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        let kind = u16::from_ne_bytes([buffer[4], buffer[5]]);
        assert_ne!(kind, 2, "the kernel refuses");
        // DONE may stand at the end of other messages, where it does no harm.
        if kind == DONE {
            return all;
        }
        all.extend(&buffer[..length]);
        if casebook::sys::netlink_dump::messages(&buffer[..length]).any(|message| message.kind == DONE) {
            return all;
        }
    }
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = [4 + value.len() as u16, kind].iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const RULES: &[&str] = &[
    "nft add table inet t",
    "nft 'add set inet t bad { type ipv4_addr; flags interval; elements = { 198.51.100.0/24, 203.0.113.7 } }'",
    "nft 'add map inet t doors { type inet_service : verdict; elements = { 22 : accept, 23 : drop } }'",
    "nft add counter inet t named",
    "nft 'add chain inet t in { type filter hook input priority 0; policy drop; }'",
    "nft 'add chain inet t more'",
    "nft add rule inet t in ct state established,related accept",
    "nft 'add rule inet t in iifname lo tcp dport >= 1024 accept'",
    "nft add rule inet t in udp dport 9987 counter drop comment '\"a flood\"'",
    "nft add rule inet t in ip saddr @bad counter name named drop",
    "nft add rule inet t in tcp dport vmap @doors",
    "nft add rule inet t in iifname lo meta l4proto { icmp, ipv6-icmp } limit rate 5/second accept",
    "nft add rule inet t in ip6 saddr 2001:db8::/32 jump more",
    "nft add rule inet t more tcp flags syn / fin,syn,rst,ack reject with tcp reset",
    "iptables-legacy -N MORE",
    "iptables-legacy -P FORWARD DROP",
    "iptables-legacy -A INPUT -p udp --dport 7000:7010 -j DROP",
    "iptables-legacy -A INPUT -s 198.51.100.0/24 -p tcp -m multiport --dports 80,443 -j MORE",
    "iptables-legacy -A MORE -m conntrack --ctstate NEW -m limit --limit 5/s -m comment --comment few -j REJECT",
];

/// Run it after a change of what is read, and look at what changed: `cargo test --test fuzz_corpus -- --ignored`.
#[test]
#[ignore = "writes fuzz/corpus"]
fn the_corpora_are_recorded_anew() {
    for name in ["nft", "iptables-legacy", "ss"] {
        require!(tool(name));
    }
    in_namespace(the_kernel_and_tools);
    for (number, seed) in packets::seeds(Path::new("")).into_iter().enumerate() {
        // The long ones repeat the short ones.
        if seed.bytes.len() > 20_000 {
            continue;
        }
        keep("capture_files", &number.to_string(), &seed.bytes);
        if let Some((head, mut records)) = seed.bytes.split_at_checked(24).filter(|(head, _)| head[0] != 0x0a) {
            let mut frames = head[20..].to_vec();
            while let Some((record, rest)) = records.split_at_checked(16) {
                let length = u32::from_le_bytes(record[8..12].try_into().unwrap()) as usize;
                frames.extend((length as u16).to_le_bytes());
                frames.extend(&rest[..length]);
                records = &rest[length..];
            }
            keep("packets", &number.to_string(), frames);
        }
    }
    keep("runbooks", "brief.yaml", GOOD);
    keep("runbooks", "small.yaml", fs::read(project("docs/examples/small.yaml")).unwrap());
    for name in ["date", "free-m", "ifconfig-a", "sar-n-DEV", "uname", "uptime"] {
        keep("tool_output", name, fs::read(project("tests/cases/founding-incident").join(name)).unwrap());
    }
}

fn the_kernel_and_tools() {
    RULES.iter().for_each(|line| drop(run(line)));
    run("ip link add eth0 type veth peer name far && ip addr add 192.0.2.10/24 dev eth0 label eth0:1");
    run("ip addr add 2001:db8::10/64 dev eth0 nodad && ip link set eth0 up && ip link set far up");
    run("ip route add default via 192.0.2.1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    let route = |kind, request: &[u8]| dump(SockProtocol::NetlinkRoute, kind, request);
    let counters = [&[0; 8][..], &1_u32.to_ne_bytes()].concat();
    keep(
        "netlink",
        "links",
        [
            route(18, &[0; 16]),
            route(22, &[0; 8]),
            route(26, &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            route(94, &counters),
        ]
        .concat(),
    );
    let mut sockets = [0; 56];
    sockets[..8].copy_from_slice(&[2, 6, 2, 0, 0xff, 0xff, 0xff, 0xff]);
    keep("netlink", "sockets", dump(SockProtocol::NetlinkSockDiag, 20, &sockets));
    let netfilter = |kind, request: &[u8]| dump(SockProtocol::NetlinkNetFilter, kind, request);
    keep("netlink", "connections", netfilter(1 << 8 | 1, &[0; 4]));

    let ask = |kind: u16| netfilter(10 << 8 | kind, &[0; 4]);
    let elements = |set: &[u8]| {
        const INET: u8 = 1;
        let request = [&[INET, 0, 0, 0][..], &attribute(1, b"t\0"), &attribute(2, set)].concat();
        netfilter(10 << 8 | 13, &request)
    };
    keep("nftables", "rules", [ask(1), ask(4), ask(7), ask(19), elements(b"bad\0"), elements(b"doors\0")].concat());

    let table = XTables::open(Family::V4).unwrap().table("filter").unwrap();
    let words = [table.valid_hooks].into_iter().chain(table.hook_entries).chain(table.underflows);
    let head = [4].into_iter().chain(words.flat_map(u32::to_ne_bytes));
    keep("xtables", "filter", head.chain(table.entries().iter().copied()).collect::<Vec<u8>>());

    keep("tool_output", "ss", run("ss -tunap"));
    keep("tool_output", "iptables-save", run("iptables-legacy-save -c"));
    keep("tool_output", "ip-s-addr", run("ip -s addr"));

    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --no-keep --save brief.json").reported();
    let mut case = Case::from_json(&desk.text("brief.json")).unwrap();
    case.host.name = "web1".into();
    case.host.kernel = "6.1.0".into();
    keep("cases", "brief.json", serde_json::to_string(&case).unwrap());
    keep("cases", "brief.case", archive::pack(CaseFile::from(case)).unwrap());
}
