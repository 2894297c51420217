//! Scripts that mean harm, each alone in the sandbox: none may outlive its limits, take down the process, reach a file or
//! touch another run.
//!
//! `cargo test --test hostile -- --nocapture` prints what became of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use casebook::case::{Evidence, Gap, Reason};
use casebook::script::sandbox::{self, Attempt, Limits, Modules, ScriptStop};
use casebook::script::{Bounds, Call, CheckFinding, Declared, Given, Script, declare, run_check, to_json};
use casebook::sys::trust::Trust;
use serde_json::{Value, json};

/// What stands in the file that no script may read.
const CANARY: &str = "canary-5f2d1c";
const LIMITS: Limits =
    Limits { memory_bytes: 32 * 1024 * 1024, script_time: Duration::from_millis(300), output_bytes: 64 * 1024 };
/// How much later than its limit a script may be back.
const LATE: Duration = Duration::from_millis(500);
/// A script that was too late on a busy machine gets further chances.
const TRIES: usize = 3;
/// On a machine with several times the work that it can do, a script has its CPU time to be judged by, and this much on the
/// wall at most: four times its limit, then a second to stop in.
const STARVED: Duration = Duration::from_millis(4 * 300 + 1000);
/// Scripts at once.
const WORKERS: usize = 2;

struct Outcome {
    name: String,
    attempt: Attempt<Value>,
    took: Duration,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match &self.attempt.outcome {
            Ok(_) => "ended",
            Err(ScriptStop::Time { .. }) => "time",
            Err(ScriptStop::Hung { .. }) => "left behind",
            Err(ScriptStop::Memory { .. }) => "memory",
            Err(ScriptStop::Output { .. }) => "output",
            Err(ScriptStop::NotKnown { .. }) => "not known",
            Err(ScriptStop::Failed(_)) => "refused",
            Err(ScriptStop::NoThread(_)) => "no thread",
        }
    }

    /// All that the run let out.
    fn text(&self) -> String {
        let outcome = match &self.attempt.outcome {
            Ok(value) => value.to_string(),
            Err(stopped) => format!("{stopped} {stopped:?}"),
        };
        format!("{outcome}\n{}\n{:?}", self.attempt.printed.join("\n"), self.attempt.loaded)
    }
}

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "lua"))
        .collect();
    scripts.sort();
    scripts
}

/// A folder with what the scripts try to reach.
fn stage() -> tempfile::TempDir {
    let stage = tempfile::tempdir().unwrap();
    let inside = stage.path().join("inside");
    fs::create_dir_all(inside.join("folder")).unwrap();
    let secret = format!("return '{CANARY}'");
    fs::write(stage.path().join("secret.lua"), &secret).unwrap();
    fs::write(stage.path().join("secret"), CANARY).unwrap();
    std::os::unix::fs::symlink(stage.path().join("secret.lua"), inside.join("link.lua")).unwrap();
    std::os::unix::fs::symlink(stage.path(), inside.join("up")).unwrap();
    std::os::unix::fs::symlink("loop.lua", inside.join("loop.lua")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", inside.join("endless.lua")).unwrap();
    nix::unistd::mkfifo(&inside.join("pipe.lua"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(inside.join("good.lua"), "return { answer = 42 }").unwrap();
    fs::write(inside.join("cycle.lua"), "return require('cycle')").unwrap();
    fs::write(inside.join("spin.lua"), "while true do end").unwrap();
    fs::write(inside.join("large.lua"), "-".repeat(2 * 1024 * 1024)).unwrap();
    fs::write(inside.join("code.lua"), b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08").unwrap();
    fs::write(inside.join("folder/deep.lua"), "return 'deep'").unwrap();
    stage
}

fn attempt(path: &Path, stage: &Path) -> Outcome {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let modules = Modules { folder: Some(stage.join("inside")), recorded: BTreeMap::new(), trust: Trust::Required };
    let secret = stage.join("secret").to_string_lossy().into_owned();
    let bounds = Bounds { depth: 16, items: 100_000, bytes: LIMITS.output_bytes };
    let began = Instant::now();
    let attempt = sandbox::attempt(
        &LIMITS,
        &modules,
        move |lua, caller: &sandbox::Caller<u64, u64>| {
            let caller = caller.clone();
            lua.globals().set("ask", lua.create_function(move |_, question: u64| caller.ask(question))?)?;
            lua.globals().set("SECRET", secret)?;
            let source = lua.create_function(|lua, text: mlua::LuaString| {
                // What a file with that text would do: a parser's attack does not fit into a file of this folder.
                sandbox::load(lua, &text.to_string_lossy(), "made.lua")?.call::<mlua::Value>(())
            })?;
            lua.globals().set("as_file", source)?;
            let value: mlua::Value = sandbox::load(lua, &text, &file)?.call(())?;
            to_json(&value, bounds)
        },
        |question| question + 1,
    );
    Outcome { name, attempt, took: began.elapsed() }
}

/// How late a script may be on this machine, as busy as it is now.
fn most() -> Duration {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = LIMITS.script_time + LATE;
    if load > 3.0 * cores as f64 { most + STARVED } else { most }
}

/// What a script did that it must not have done.
fn faults(outcome: &Outcome, most: Duration) -> Vec<String> {
    let mut faults = Vec::new();
    if outcome.took > most {
        faults.push(format!("{}: back after {:?}", outcome.name, outcome.took));
    }
    if outcome.attempt.memory_bytes.is_some_and(|bytes| bytes > LIMITS.memory_bytes / 10 * 11) {
        faults.push(format!("{}: {:?} bytes of memory", outcome.name, outcome.attempt.memory_bytes));
    }
    let text = outcome.text();
    if text.contains(CANARY) {
        faults.push(format!("{}: read the canary: {text}", outcome.name));
    }
    if text.contains("ESCAPED") {
        faults.push(format!("{}: {text}", outcome.name));
    }
    if let Err(ScriptStop::NoThread(why)) = &outcome.attempt.outcome {
        faults.push(format!("{}: was not tried: {why}", outcome.name));
    }
    if matches!(&outcome.attempt.outcome, Err(ScriptStop::Failed(error)) if error.file.is_empty()) {
        faults.push(format!("{}: failed without a place: {text}", outcome.name));
    }
    faults
}

/// A script of `tests/hostile/checks`, as `casebook check` runs it: its header first, then the check, which no probe answers.
fn attempt_check(path: &Path, stage: &Path) -> Outcome {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let modules = Modules { folder: Some(stage.join("inside")), recorded: BTreeMap::new(), trust: Trust::Required };
    let origin = path.file_name().unwrap().to_string_lossy().into_owned();
    let script = Script { origin, text: fs::read_to_string(path).unwrap(), modules };
    let began = Instant::now();
    let outcome = declare(&script, &LIMITS);
    let declared = began.elapsed();
    let found = |outcome, printed, loaded| Attempt {
        outcome,
        loaded,
        printed,
        memory_bytes: None,
        script_seconds: began.elapsed().as_secs_f64(),
    };
    let (attempt, began) = match outcome {
        Err(stopped) => (found(Err(stopped), Vec::new(), BTreeMap::new()), began),
        Ok(declaration) => {
            let (Declared::Check(header) | Declared::Runbook(header) | Declared::Test(header)) = declaration.declared;
            let needs = header["needs"].as_array().into_iter().flatten();
            let needs = needs.filter_map(|need| Some(casebook::probe::find(need.as_str()?)?.name())).collect();
            let began = Instant::now();
            let given = Given {
                params: serde_json::Map::from_iter([("port".to_owned(), 53.into())]),
                needs,
                now: "2026-01-01T00:00:00Z".parse().unwrap(),
                window_seconds: 10.0,
            };
            let ran = run_check(&script, given, &LIMITS, |calls| calls.iter().map(nothing_seen).collect());
            let said = |findings: Vec<CheckFinding>| {
                findings.iter().map(|finding| json!([finding.verdict, finding.sentence, finding.data])).collect()
            };
            (found(ran.outcome.map(said), ran.printed, ran.modules), began)
        }
    };
    Outcome { name: format!("checks/{name}"), attempt, took: began.elapsed().max(declared) }
}

/// What a check is told of a probe that cannot look.
fn nothing_seen(call: &Call) -> Evidence {
    Evidence {
        probe: call.probe.to_owned(),
        params: Value::Object(call.params.clone()),
        started: "2026-01-01T00:00:00Z".parse().unwrap(),
        seconds: 0.0,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: None,
        gap: Some(Gap::new(Reason::Denied, "look", "nobody may").to_fix("become root")),
        missing: Vec::new(),
        loss: Vec::new(),
    }
}

#[test]
fn hostile_scripts_are_contained() {
    let scripts = scripts("tests/hostile");
    assert!(scripts.len() >= 70, "{} scripts", scripts.len());
    contained(&scripts, attempt);
}

#[test]
fn hostile_checks_are_contained() {
    let scripts = scripts("tests/hostile/checks");
    assert!(scripts.len() >= 30, "{} scripts", scripts.len());
    contained(&scripts, attempt_check);
}

fn contained(scripts: &[PathBuf], attempt: fn(&Path, &Path) -> Outcome) {
    let stage = stage();
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<(String, Vec<String>)>> = Mutex::default();
    let only = std::env::var("HOSTILE_ONLY").ok();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(path) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if only.as_ref().is_some_and(|only| !path.to_string_lossy().contains(only.as_str())) {
                        continue;
                    }
                    let mut outcome = attempt(path, stage.path());
                    for _ in 1..TRIES {
                        if outcome.took <= LIMITS.script_time + LATE {
                            break;
                        }
                        outcome = attempt(path, stage.path());
                    }
                    let faults = faults(&outcome, most());
                    let memory = outcome
                        .attempt
                        .memory_bytes
                        .map_or("-".into(), |bytes| format!("{:.1}", bytes as f64 / 1048576.0));
                    let said = match &outcome.attempt.outcome {
                        Ok(value) => value.to_string(),
                        Err(stopped) => stopped.to_string(),
                    };
                    let said: String = said.lines().next().unwrap_or_default().chars().take(110).collect();
                    let row = format!(
                        "{:<34} {:<12} {:>6} {:>6}  {said}",
                        outcome.name,
                        outcome.word(),
                        outcome.took.as_millis(),
                        memory
                    );
                    rows.lock().unwrap().push((row, faults));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort();
    println!("{:<34} {:<12} {:>6} {:>6}", "script", "outcome", "ms", "MiB");
    rows.iter().for_each(|(row, _)| println!("{row}"));
    let faults: Vec<&String> = rows.iter().flat_map(|(_, faults)| faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
