//! What a condition, a fresh sandbox, a call and a pattern cost.
//!
//! `cargo bench --bench script` prints nanoseconds per operation.

use std::time::{Duration, Instant};

use casebook::script::sandbox::{self, Caller, Limits, Modules};
use casebook::script::{Condition, Scope};
use serde_json::json;

fn report(name: &str, operations: u32, took: Duration) {
    println!("{name:<44} {:>10.0} ns", took.as_secs_f64() * 1e9 / f64::from(operations));
}

fn main() {
    let scope = Scope::new().expect("a scope");
    scope.set_value("params", Ok(json!({ "high": 4 })));
    scope.set_value("step", Ok(json!({ "seen": 5, "rows": [{ "port": 53 }, { "port": 80 }] })));
    for text in ["step.seen > params.high", "any(step.rows, {port = 80}) and step.seen > 4"] {
        let condition = Condition::parse(text, "bench").expect("a condition");
        scope.judge(&condition);
        let began = Instant::now();
        for _ in 0..100_000 {
            std::hint::black_box(scope.judge(&condition));
        }
        report(&format!("condition `{text}`"), 100_000, began.elapsed());
    }
    let began = Instant::now();
    for _ in 0..2_000 {
        let work = |lua: &mlua::Lua, _: &Caller<(), ()>| lua.load("return 1").eval::<i64>();
        let ran = sandbox::run(&Limits::default(), &Modules::default(), work, |()| ());
        std::hint::black_box(ran.map(|ran| ran.value).unwrap_or_default());
    }
    report("a sandbox, its thread and `return 1`", 2_000, began.elapsed());
    for (name, script) in [
        ("an addition in a loop", "local x = 0 for i = 1, N do x = x + i end"),
        ("a call", "local function f(x) return x end for i = 1, N do f(i) end"),
        ("pcall", "local function f(x) return x end for i = 1, N do pcall(f, i) end"),
        ("table.insert at the end", "local t = {} for i = 1, N do table.insert(t, i) end"),
        ("string.find, short", "local s = 'sshd[12]: Failed' for i = 1, N do s:find('%[%d+%]') end"),
        (
            "string.match, log line, 3 captures",
            "local s = 'sshd[1822]: Failed password for root from 192.0.2.1 port 22' for i = 1, N do s:match('%[(%d+)%].*for (%S+) from (%S+)') end",
        ),
        (
            "re.match, log line, 3 captures",
            "local s = 'sshd[1822]: Failed password for root from 192.0.2.1 port 22' for i = 1, N do re.match(s, [[\\[(\\d+)\\].*for (\\S+) from (\\S+)]]) end",
        ),
        ("ask", "for i = 1, N do ask() end"),
    ] {
        const N: u32 = 100_000;
        let work = move |lua: &mlua::Lua, caller: &Caller<(), ()>| {
            let caller = caller.clone();
            lua.globals().set("ask", lua.create_function(move |_, ()| caller.ask(()))?)?;
            lua.globals().set("N", N)?;
            let function = sandbox::load(lua, script, "bench.lua")?;
            let began = Instant::now();
            function.call::<()>(())?;
            Ok(began.elapsed())
        };
        let limits = Limits { script_time: Duration::from_secs(60), ..Limits::default() };
        match sandbox::run(&limits, &Modules::default(), work, |()| ()) {
            Ok(ran) => report(name, N, ran.value),
            Err(stopped) => println!("{name}: {stopped}"),
        }
    }
}
