//! What the parts cost by themselves: packets and flows, lines of logs, conditions, evidence in Lua.
//!
//! `cargo bench --bench micro`; words after `--` choose among them.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use casebook::case::Evidence;
use casebook::probe::capture::{CaptureProbe, Params};
use casebook::probe::{self, Context, Probe};
use casebook::script::rows::evidence_value;
use casebook::script::{Condition, Scope};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mlua::{Function, Lua};
use serde_json::{Value, json};

const PACKETS: u32 = 100_000;
const ROWS: u32 = 10_000;
const LINES: u32 = 100_000;

fn main() {
    divan::main();
}

/// Packets of a capture file. With one flow it is their parsing that counts, with as many as packets the flow table.
#[divan::bench(args = [1, 1_000, PACKETS], sample_count = 11, sample_size = 1)]
fn packets(bencher: Bencher<'_, '_>, flows: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("burst.pcap");
    std::fs::write(&path, capture_file(flows)).expect("room for a file");
    let file = path.to_str().map(str::to_owned);
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        let params = Params { file: file.clone(), local: vec![[192, 0, 2, 1].into()], ..Params::default() };
        CaptureProbe.observe(params, &Context::alone()).expect("a burst")
    });
}

/// A pcap file of UDP packets that come in turn from so many sources.
fn capture_file(flows: u32) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 4 << 16 | 2, 0, 0, 65_535, 1] {
        file.extend(word.to_ne_bytes());
    }
    for number in 0..PACKETS {
        let [a, b, c, d] = (number % flows).wrapping_mul(0x9e37_79b1).to_be_bytes();
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 0xb], [2, 0, 0, 0, 0, 0xa])
            .ipv4([20, a, b, c], [192, 0, 2, 1], 64)
            .udp(1024 + u16::from(d), 9)
            .write(&mut frame, &[0; 22])
            .expect("a frame");
        for word in [number / 50_000, number % 50_000 * 20, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_ne_bytes());
        }
        file.extend(frame);
    }
    file
}

/// Lines of a log, one in a hundred of which is a hit.
#[divan::bench(sample_count = 11, sample_size = 1)]
fn log_lines(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut log = String::new();
    for line in 0..LINES {
        let (minute, second) = (line / 6_000 % 60, line / 100 % 60);
        let said = if line % 100 == 50 {
            format!("sshd[{line}]: Failed password for root from 203.0.113.{} port {line} ssh2", line % 251)
        } else {
            format!("CRON[{line}]: session {line} opened, nothing of interest in here")
        };
        let _ = writeln!(log, "2026-11-22T11:{minute:02}:{second:02}+00:00 host {said}");
    }
    std::fs::write(folder.path().join("messages"), &log).expect("room for a log");
    let params = json!({
        "dir": folder.path(), "files": ["messages"], "since": "1h", "until": "2026-11-22T12:00:00Z", "budget": "60s",
    });
    let logs = probe::find("logs").expect("the probe");
    bencher
        .counter(BytesCount::of_str(&log))
        .bench(|| logs.observe_typed(&params, &Context::alone()).expect("a result"));
}

/// A condition over two steps, as a runbook's outcomes and signs are judged.
#[divan::bench]
fn condition(bencher: Bencher<'_, '_>) {
    let scope = Scope::new().expect("a scope");
    for name in ["a", "c"] {
        scope.set_evidence(name, Arc::new(evidence(json!({"b": 2, "d": 1}))), None);
    }
    let condition = Condition::parse("a.b > 1 and c.d < 2", "bench").expect("a condition");
    bencher.bench_local(|| scope.judge(black_box(&condition)));
}

/// Rows of evidence of which a script reads two fields each.
#[divan::bench(sample_count = 31, sample_size = 1)]
fn evidence_in_lua(bencher: Bencher<'_, '_>) {
    let row =
        |row: u32| json!({"state": "established", "local_port": 443, "rx_bytes": row, "process": {"pid": row % 7}});
    let rows: Vec<Value> = (0..ROWS).map(row).collect();
    let evidence = Arc::new(evidence(json!({"seconds": 10.0, "connections": rows})));
    let script = "local e = ... local sum = 0 for _, row in ipairs(e.connections) do
        if row.state == 'established' then sum = sum + row.rx_bytes end
    end return sum";
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let lua = Lua::new();
        let value = evidence_value(&lua, "sockets", Arc::clone(&evidence), None).expect("a value");
        let script: Function = lua.load(script).into_function().expect("a script");
        script.call::<i64>(value).expect("a sum")
    });
}

fn evidence(output: Value) -> Evidence {
    Evidence {
        probe: "sockets".to_owned(),
        params: json!({}),
        started: jiff::Timestamp::UNIX_EPOCH,
        seconds: 10.0,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: Some(output),
        gap: None,
        missing: Vec::new(),
        loss: Vec::new(),
        typed: Default::default(),
    }
}
