//! Capture files and interfaces that are not what they should be.

use nix::sys::stat::Mode;

use crate::command::{Desk, casebook};
use crate::support::namespace::{in_namespace, ip};

/// A pcap file with one packet of 60 bytes.
pub fn pcap() -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1, 1_700_000_000, 0, 60, 60] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0xff; 12]);
    file.extend([0x08, 0x06]);
    file.extend([0; 46]);
    file
}

#[test]
fn a_capture_file_is_read_instead_of_the_wire() {
    let desk = Desk::new();
    desk.put("one.pcap", pcap());
    desk.run("probe capture file=one.pcap").ended(0).printed(&["one.pcap"]);
    desk.run("run high-inbound-traffic --pcap one.pcap").reported().printed(&["1 of 1 could look"]);
}

/// A pcap file of raw IP in which 192.0.2.1 sends one datagram after the other to 198.51.100.2, port 9.
fn one_way() -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
        file.extend(word.to_le_bytes());
    }
    for second in 0..4u32 {
        for word in [1_700_000_000 + second, 0, 28, 28] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
        file.extend([0x10, 0, 0, 9, 0, 8, 0, 0]);
    }
    file
}

#[test]
fn whose_capture_it_is_can_be_said() {
    let desk = Desk::new();
    desk.put("one-way.pcap", one_way());
    let received = |line: &str| {
        let answer = desk.run(&format!("run high-inbound-traffic --pcap one-way.pcap --format json {line}"));
        let case: serde_json::Value = serde_json::from_str(&answer.reported().out).unwrap();
        let traffic = &case["evidence"]["traffic"]["output"];
        (traffic["local_addresses"].clone(), traffic["rx"]["packets"].as_u64().unwrap())
    };
    assert_eq!(received("--local 198.51.100.2"), (serde_json::json!(["198.51.100.2"]), 4));
    assert_eq!(received("--local 192.0.2.1 --local 2001:db8::1").1, 0, "the sender's own file shows what it sent");
    desk.run("run high-inbound-traffic --pcap one-way.pcap --local 192.0.2.300").refused(&["192.0.2.300", "--local"]);
    desk.run("run high-inbound-traffic --local 192.0.2.1").refused(&["--pcap"]);
    desk.run("probe capture file=one-way.pcap local=192.0.2.x").refused(&["`192.0.2.x` is not an IP address"]);
    desk.run("probe capture file=one-way.pcap local=192.0.2.1,198.51.100.2").ended(0).printed(&["198.51.100.2"]);
}

#[test]
fn a_truncated_capture_gives_what_it_holds_and_says_where_it_ends() {
    let desk = Desk::new();
    let mut cut = pcap();
    cut.extend_from_slice(&pcap()[24..60]);
    desk.put("cut.pcap", cut);
    let answer = desk.run("probe capture file=cut.pcap");
    assert!(answer.ended(0).err.contains("the file ends in the middle of it"), "{}", answer.err);
    desk.run("run high-inbound-traffic --pcap cut.pcap")
        .reported()
        .printed(&["Lost while looking", "the file ends in the middle of it"]);
}

#[test]
fn a_file_that_is_no_capture_is_refused_before_the_run() {
    let desk = Desk::new();
    desk.put("text.pcap", "this is no capture, but it is long enough to be one").put("empty.pcap", "");
    for (name, said) in [("text.pcap", "neither pcap nor pcapng"), ("empty.pcap", "too short")] {
        let answer = desk.run(&format!("probe capture file={name}"));
        answer.refused(&[said, "tcpdump -w"]);
        desk.run(&format!("run high-inbound-traffic --pcap {name}")).refused(&[said, "tcpdump -w"]);
    }
}

#[test]
fn a_capture_file_that_is_not_there_is_refused_before_the_run() {
    let desk = Desk::new();
    nix::unistd::mkfifo(&desk.path("pipe.pcap"), Mode::S_IRWXU).unwrap();
    for (name, said) in [("zzz.pcap", "no such file"), (".", "not a regular file"), ("pipe.pcap", "not a regular file")]
    {
        desk.run(&format!("run high-inbound-traffic --pcap {name}")).refused(&["cannot read packets from", name, said]);
    }
}

#[test]
fn a_pipe_instead_of_a_capture_file_holds_up_nobody() {
    let desk = Desk::new();
    nix::unistd::mkfifo(&desk.path("pipe.pcap"), Mode::S_IRWXU).unwrap();
    let answer = desk.run("probe capture file=pipe.pcap");
    answer.refused(&["it is not a regular file"]);
}

#[test]
fn a_run_on_an_interface_that_does_not_exist_is_refused() {
    casebook("run high-inbound-traffic --set interface=nope0 --window 1s").refused(&["there is no such interface"]);
}

#[test]
fn a_run_on_an_interface_that_vanishes_says_until_when_it_was_seen() {
    in_namespace(|| {
        ip("link add v0 type veth peer name v1");
        ip("link set v0 up");
        ip("link set v1 up");
        let desk = Desk::new();
        let mut command = desk.command("run high-inbound-traffic --set interface=v0 --window 3s".split_whitespace());
        let child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        ip("link delete v0");
        crate::command::finish(child).reported().printed(&["v0 vanished"]);
    });
}
