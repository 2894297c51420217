//! What evidence costs in Lua: by the row, as checks see it, and by the condition, as runbooks judge it.
//!
//! Run it with `cargo bench --bench lua`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casebook::case::Evidence;
use casebook::probe;
use casebook::script::rows::evidence_value;
use casebook::script::{Condition, Scope};
use mlua::serde::ser::Options as SerializeOptions;
use mlua::{Function, Lua, LuaSerdeExt};
use serde_json::{Value, json};

const ROUNDS: usize = 9;
const CONDITIONS: u32 = 20_000;

fn main() {
    println!("{:<44} {:>12} {:>14} {:>14}", "", "10,000 rows", "50,000 rows", "memory at end");
    let few = measure(10_000);
    let many = measure(50_000);
    for ((what, few, _), (_, many, memory)) in few.iter().zip(&many) {
        println!("{what:<44} {:>12} {:>14} {:>14}", per_row(*few, 10_000), per_row(*many, 50_000), per_item(*memory));
    }
    println!("{:<44} {:>12?}", "one condition, `a.b > 1 and c.d < 2`", condition());
}

fn per_row(time: Duration, rows: u32) -> String {
    format!("{:.3} µs/row", time.as_secs_f64() * 1e6 / f64::from(rows))
}

fn per_item(bytes: usize) -> String {
    format!("{} B/row", bytes / 50_000)
}

/// TCP connections as the probe lists them.
fn sockets(rows: u32) -> Evidence {
    let connections: Vec<Value> = (0..rows)
        .map(|row| {
            json!({
                "protocol": "tcp", "local_address": "192.0.2.10", "local_port": 443,
                "remote_address": format!("198.51.{}.{}", row / 256 % 256, row % 256), "remote_port": 1024 + row % 60_000,
                "state": if row % 5 == 0 { "close_wait" } else { "established" }, "opened_by": "remote",
                "process": {"pid": 900 + row % 7, "name": "nginx", "unit": "nginx.service"},
                "rx_bytes": row * 3, "tx_bytes": row, "rx_total": u64::from(row) * 30_000, "tx_total": row * 10,
                "rx_bits_per_second": f64::from(row) * 0.7, "rx_queue": 0, "tx_queue": row % 9, "rtt_ms": 1.25,
                "retransmits": null,
            })
        })
        .collect();
    Evidence {
        probe: "sockets".to_owned(),
        params: json!({}),
        started: jiff::Timestamp::UNIX_EPOCH,
        seconds: 10.0,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: Some(json!({"seconds": 10.0, "source": "sock_diag", "connections": connections})),
        gap: None,
        missing: Vec::new(),
        loss: Vec::new(),
        typed: Default::default(),
    }
}

/// Each way with its median time by the clock (an idle host is wanted), and the Lua memory in use at its end.
fn measure(rows: u32) -> Vec<(&'static str, Duration, usize)> {
    let evidence = Arc::new(sockets(rows));
    let schema = probe::find("sockets").map(|sockets| Arc::new(sockets.output_schema().to_value()));
    let hand_over = |lua: &Lua| evidence_value(lua, "sockets", Arc::clone(&evidence), schema.clone()).expect("a value");
    let scripts = [
        (
            "2 fields of every row, by ipairs",
            "local e = ... local sum = 0 for _, row in ipairs(e.connections) do
                if row.state == 'established' then sum = sum + row.rx_bytes end
            end return sum",
        ),
        (
            "a field of a part of every row, by ipairs",
            "local e = ... local sum = 0 for _, row in ipairs(e.connections) do sum = sum + row.process.pid end return sum",
        ),
        (":where{state = …}:sum(field)", "return (...).connections:where{state = 'established'}:sum('rx_bytes')"),
        (
            ":where(function of 1 field):sum(field)",
            "return (...).connections:where(function(c) return c.state == 'established' end):sum('rx_bytes')",
        ),
        (":top(field, 10)", "return #(...).connections:top('rx_bytes', 10)"),
        (":group(field), as many groups as rows", "return #(...).connections:group('remote_port')"),
        (":map(field)", "return #(...).connections:map('remote_address')"),
    ];
    let mut table = vec![time("handing over", |lua| black_box(hand_over(lua)))];
    for (what, script) in scripts {
        table.push(time(what, |lua| {
            let script: Function = lua.load(script).into_function().expect("a script");
            black_box(script.call::<i64>(hand_over(lua)).expect("a figure"))
        }));
    }
    let options = SerializeOptions::new().serialize_none_to_null(false).serialize_unit_to_null(false);
    table.push(time("converting everything with serde", |lua| {
        black_box(lua.to_value_with(&evidence.output, options).expect("a table"))
    }));
    table
}

fn time<T>(what: &'static str, work: impl Fn(&Lua) -> T) -> (&'static str, Duration, usize) {
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..ROUNDS {
        let lua = Lua::new();
        let before = lua.used_memory();
        let started = Instant::now();
        let value = work(&lua);
        times.push(started.elapsed());
        memory = lua.used_memory().saturating_sub(before);
        drop(value);
    }
    times.sort_unstable();
    (what, times.get(ROUNDS / 2).copied().unwrap_or_default(), memory)
}

/// A condition, judged again and again in one scope, as a runbook's steps and signs are.
fn condition() -> Duration {
    let scope = Scope::new().expect("a scope");
    for name in ["a", "c"] {
        let output = Some(json!({"b": 2, "d": 1}));
        scope.set_evidence(name, Arc::new(Evidence { output, ..sockets(0) }), None);
    }
    let condition = Condition::parse("a.b > 1 and c.d < 2", "bench").expect("a condition");
    let started = Instant::now();
    for _ in 0..CONDITIONS {
        black_box(scope.judge(black_box(&condition)));
    }
    started.elapsed() / CONDITIONS
}
