//! What becomes of containers: `kubectl describe` of pods and nodes, events, `docker inspect`.

use std::fmt::Write as _;

use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Lines of one output.
const MOST: usize = 20_000;
/// Sentences of one output.
const TOLD: usize = 4;
/// As often as one event is counted at most.
const TIMES: u64 = 100;
/// Bytes of what is told in the words of a logger.
const LONGEST: usize = 256 * 1024;
/// Lines of JSON before the state of a container: who is described has a name and arguments there, and no more.
const BEFORE_STATE: usize = 200;
/// What a line that is told begins with.
const KUBELET: &str = "2000-01-01T00:00:00+00:00 - kubelet[1]:";
const DOCKERD: &str = "2000-01-01T00:00:00+00:00 - dockerd[1]:";

/// A description, events or the state of a container, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    described(here).or_else(|| events_alone(here)).or_else(|| inspected(here))
}

/// What a container came to, as far as it was read.
#[derive(Default)]
struct Ended {
    container: String,
    /// It is of the last time, or of now.
    reason: String,
    code: Option<i64>,
}

impl Ended {
    /// Tells it.
    fn tell(&self, told: &mut Told, seen: &mut usize) {
        if self.reason.is_empty() && self.code.is_none() {
            return;
        }
        let code = self.code.map(|code| format!(", exit code {code}{}", meaning(code))).unwrap_or_default();
        let name = if self.container.is_empty() { "a container" } else { &self.container };
        if self.reason == "OOMKilled" {
            let _ = writeln!(told.lines, "{KUBELET} container {name} was killed for want of memory (OOMKilled{code})");
        } else if self.code == Some(0) || self.reason == "Completed" {
            return;
        }
        if *seen < TOLD {
            let reason = if self.reason.is_empty() { "ended" } else { &self.reason };
            told.stands_out.push(format!("kubectl: {name} ended: {reason}{code}"));
        }
        *seen += 1;
    }
}

/// What an exit code says by itself.
pub(super) fn meaning(code: i64) -> &'static str {
    match code {
        125 => " (docker could not start it)",
        126 | 127 => " (its command could not be run)",
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        143 => " (SIGTERM)",
        _ => "",
    }
}

/// `kubectl describe`: from its beginning, from `Containers:`, from the state of one, or from its events.
fn described(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let key_of = |at: usize| document.line(at).trim().split_once(':').map(|(key, value)| (key, value.trim()));
    let begins = match key_of(here.at)? {
        ("Name", _) => {
            (1..=3).any(|more| matches!(key_of(here.at + more), Some(("Namespace" | "Roles" | "Priority", _))))
        }
        ("Containers" | "Init Containers" | "Events", "") => true,
        ("Events", value) => value == "<none>",
        ("State" | "Last State", value) => matches!(value, "Running" | "Waiting" | "Terminated"),
        ("Conditions" | "Allocated resources", "") => document.line(here.at + 1).starts_with("  "),
        _ => false,
    };
    if !begins {
        return None;
    }
    let mut told = Told { tool: "kubectl", ..Told::default() };
    let mut place = here.at;
    let (mut ended, mut seen) = (Ended::default(), 0);
    // Of which container, and whether what is read belongs to how it ended.
    let (mut container, mut of_end, mut in_events) = (String::new(), false, false);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let base = indent(document.line(here.at));
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place);
        let trimmed = line.trim();
        if super::prompt::Prompt::of(line).is_some() {
            break;
        }
        let (key, value) = trimmed.split_once(':').map_or((trimmed, ""), |(key, value)| (key, value.trim()));
        let is_key = key.len() <= 32
            && trimmed.contains(':')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || " ()-_./".contains(c))
            && key.starts_with(|c: char| c.is_ascii_uppercase());
        if trimmed.is_empty() {
            // Words of somebody come behind an empty line, not behind blanks.
            let next = document.line(place + 1);
            if next.trim().is_empty() || !(next.starts_with(' ') || next.trim_end().ends_with(':')) {
                break;
            }
            place += 1;
            continue;
        }
        if !(is_key || indent(line) > base || line.starts_with("  ") || trimmed == "...") {
            break;
        }
        let whole = !document.ends_within(place);
        place += 1;
        if !whole {
            continue;
        }
        match (key, value) {
            ("Events", _) => in_events = true,
            _ if in_events => {
                event(trimmed, &mut told, &mut seen);
            }
            (name, "") if indent(line) == 2 && !name.contains(' ') && trimmed.ends_with(':') => {
                container = printable(name.chars().take(64).collect::<String>())
            }
            ("State" | "Last State", state) => {
                ended.tell(&mut told, &mut seen);
                of_end = state == "Terminated";
                ended = Ended { container: container.clone(), ..Ended::default() };
            }
            ("Reason", reason) if of_end => ended.reason = word(reason),
            ("Exit Code", code) if of_end => ended.code = code.parse().ok(),
            ("Reason", "Evicted") if indent(line) == base => {
                let _ = writeln!(told.lines, "{KUBELET} a pod was evicted");
            }
            ("Message", message) => pressure_of(message, &mut told),
            ("Restart Count" | "Ready", _) => {
                ended.tell(&mut told, &mut seen);
                (ended, of_end) = (Ended::default(), false);
            }
            ("MemoryPressure" | "DiskPressure" | "PIDPressure", _) => {}
            _ => condition(trimmed, &mut told),
        }
    }
    ended.tell(&mut told, &mut seen);
    more(&mut told, seen);
    (place > here.at).then(|| (place - here.at, told))
}

/// A word of a reason: no more than what may stand there.
fn word(reason: &str) -> String {
    printable(reason.chars().take_while(|c| c.is_ascii_alphanumeric()).take(40).collect::<String>())
}

/// `DiskPressure   True   …   KubeletHasDiskPressure`: a condition of a node.
fn condition(line: &str, told: &mut Told) {
    let mut words = line.split_whitespace();
    let (Some(kind), Some("True")) = (words.next(), words.next()) else { return };
    match kind {
        "DiskPressure" => {
            let _ = writeln!(told.lines, "{KUBELET} node condition DiskPressure");
        }
        "MemoryPressure" => {
            let _ = writeln!(told.lines, "{KUBELET} node condition MemoryPressure");
        }
        "PIDPressure" => told.stands_out.push("kubectl: the node is short of process numbers (PIDPressure)".to_owned()),
        _ => {}
    }
}

/// `The node was low on resource: ephemeral-storage. …`
fn pressure_of(message: &str, told: &mut Told) {
    if let Some((_, rest)) = message.split_once("low on resource: ") {
        let resource: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let _ = writeln!(told.lines, "{KUBELET} The node was low on resource: {resource}");
    }
}

/// A row of events: `Warning  Unhealthy  21m (x44 over 2d1h)  kubelet  Liveness probe failed: …`.
fn event(line: &str, told: &mut Told, seen: &mut usize) -> bool {
    let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let [kind @ ("Warning" | "Normal"), reason, age, .., message] = cells.as_slice() else {
        return cells.first() == Some(&"Type") || line.starts_with("----");
    };
    if cells.len() < 5 {
        return true;
    }
    let times =
        age.split_once("(x").and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse::<u64>().ok()).unwrap_or(1);
    say_event(kind, reason, message, times.max(1), told, seen);
    true
}

fn say_event(kind: &str, reason: &str, message: &str, times: u64, told: &mut Told, seen: &mut usize) {
    let reason = word(reason);
    let line = match reason.as_str() {
        "SystemOOM" => {
            let victim = message
                .split_once("victim process: ")
                .map_or("", |(_, rest)| rest.split(',').next().unwrap_or_default());
            let victim: String =
                victim.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(32).collect();
            format!("System OOM encountered, victim process: {victim}, pid: 0")
        }
        "OOMKilling" => "container x was killed for want of memory (OOMKilling)".to_owned(),
        "Unhealthy" => {
            // What the probe says stands behind it, and may be the words of anybody.
            let probe = ["Liveness", "Readiness", "Startup"].iter().find(|probe| message.starts_with(**probe));
            let Some(probe) = probe else { return };
            let silent = ["context deadline exceeded", "Client.Timeout", "i/o timeout", "timeout"]
                .iter()
                .any(|sign| message.contains(sign));
            format!("{probe} probe failed: {}", if silent { "no answer in time" } else { "refused or wrong" })
        }
        "EvictionThresholdMet"
        | "Evicted"
        | "FreeDiskSpaceFailed"
        | "ImageGCFailed"
        | "NodeHasDiskPressure"
        | "NodeHasMemoryPressure" => {
            let resource = ["ephemeral-storage", "nodefs", "imagefs", "inodes", "memory", "pids"]
                .iter()
                .find(|resource| message.contains(**resource));
            match (reason.as_str(), resource) {
                ("NodeHasDiskPressure", _) => "node condition DiskPressure".to_owned(),
                ("NodeHasMemoryPressure", _) => "node condition MemoryPressure".to_owned(),
                ("FreeDiskSpaceFailed" | "ImageGCFailed", _) => "The node was low on resource: imagefs".to_owned(),
                (_, Some(resource)) => format!("The node was low on resource: {resource}"),
                (_, None) => return,
            }
        }
        _ => String::new(),
    };
    for _ in 0..if line.is_empty() { 0 } else { times.min(TIMES) } {
        if told.lines.len() >= LONGEST {
            break;
        }
        let _ = writeln!(told.lines, "{KUBELET} {line}");
    }
    if kind != "Warning" {
        return;
    }
    if *seen < TOLD {
        let often = if times == 1 { "once".to_owned() } else { format!("{} times", units::count(times as f64)) };
        let message = printable(message.chars().take(120).collect::<String>());
        told.stands_out.push(format!("kubectl: {reason}, {often}: {message}"));
    }
    *seen += 1;
}

fn more(told: &mut Told, seen: usize) {
    if seen > TOLD {
        told.stands_out.push(format!("kubectl: and {} more of it", units::count((seen - TOLD) as f64)));
    }
}

/// `kubectl get events`: `LAST SEEN  TYPE  REASON  OBJECT  MESSAGE`, old and new.
fn events_alone(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let heading = document.line(here.at);
    if !(heading.contains("LAST SEEN")
        && heading.contains("TYPE")
        && heading.contains("REASON")
        && heading.contains("MESSAGE"))
    {
        return None;
    }
    let mut told = Told { tool: "kubectl", ..Told::default() };
    let (mut place, mut seen) = (here.at + 1, 0);
    while place < document.len() && place - here.at < MOST {
        let cells: Vec<&str> =
            document.line(place).split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let Some(at) = cells.iter().position(|cell| matches!(*cell, "Warning" | "Normal")).filter(|at| *at <= 2) else {
            break;
        };
        if let (Some(reason), Some(message), true) =
            (cells.get(at + 1), cells.last(), !document.ends_within(place) && cells.len() >= at + 3)
        {
            say_event(cells[at], reason, message, 1, &mut told, &mut seen);
        }
        place += 1;
    }
    more(&mut told, seen);
    (place > here.at + 1).then(|| (place - here.at, told))
}

/// `docker inspect`: the state of a container, in the JSON of all of it or a part.
fn inspected(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let line = |at: usize| document.line(at).trim();
    let is_json = |line: &str| line.starts_with(['"', '{', '}', '[', ']']);
    let begins = line(here.at).starts_with("\"State\": {")
        || matches!(line(here.at), "[" | "{") && matches!(line(here.at + 1), "{" | "\"State\": {")
        || line(here.at).starts_with("\"Id\": \"");
    if !begins {
        return None;
    }
    let mut place = here.at;
    let (mut name, mut code, mut killed, mut restarts, mut of_state, mut running) =
        (String::new(), None, None, 0, false, false);
    while place < document.len()
        && place - here.at < MOST
        && is_json(line(place))
        && (of_state || place - here.at < BEFORE_STATE)
        && super::prompt::Prompt::of(document.line(place)).is_none()
    {
        let (key, value) = line(place).split_once(':').unwrap_or((line(place), ""));
        let value = value.trim().trim_end_matches(',');
        if !document.ends_within(place) {
            match key {
                "\"State\"" => of_state = true,
                "\"ExitCode\"" => code = code.or_else(|| value.parse::<i64>().ok()),
                "\"OOMKilled\"" => killed = killed.or_else(|| value.parse::<bool>().ok()),
                "\"Running\"" => running |= value == "true",
                "\"RestartCount\"" => restarts = value.parse::<u64>().unwrap_or(restarts),
                "\"Name\"" if name.is_empty() => {
                    let plain = value.trim_matches('"').trim_start_matches('/');
                    name = printable(
                        plain
                            .chars()
                            .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
                            .take(64)
                            .collect::<String>(),
                    );
                }
                _ => {}
            }
        }
        place += 1;
    }
    if !of_state || killed.is_none() && code.is_none() {
        return None;
    }
    let mut told = Told { tool: "docker", ..Told::default() };
    let named = if name.is_empty() { "a container" } else { &name };
    let again = match restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        _ => format!(", restarted {} times", units::count(restarts as f64)),
    };
    match (killed, code) {
        (Some(true), _) => {
            let _ = writeln!(told.lines, "{DOCKERD} container {named} was killed for want of memory (OOMKilled)");
            told.stands_out.push(format!("docker: {named} was killed for want of memory (OOMKilled){again}"));
        }
        (_, Some(code)) if code != 0 && !running => {
            let how = if code == 137 {
                ": something killed it, and Docker knows of no want of memory in its group; docker stop after its grace, or the kernel for the whole host (dmesg -T | grep -i oom)"
            } else {
                ""
            };
            told.stands_out.push(format!("docker: {named} ended with exit code {code}{}{again}{how}", meaning(code)));
        }
        _ => {}
    }
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<(usize, Told)> {
        crate::tool_output::tests::taken(take, text)
    }

    #[test]
    fn a_pod_that_needs_more_memory_than_it_may_have() {
        let text = "Name:         shop-6f\nNamespace:    default\nNode:         n1/192.0.2.4\nContainers:\n  shop:\n    Image:          registry.example.com/shop\n    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n    Ready:          False\n    Restart Count:  14\nEvents:\n  Type     Reason   Age                  From     Message\n  ----     ------   ----                 ----     -------\n  Warning  BackOff  2m3s (x60 over 12m)  kubelet  Back-off restarting failed container\n\nthanks\n";
        let (lines, told) = taken(text).unwrap();
        assert_eq!(lines, 17);
        assert_eq!(
            told.stands_out,
            [
                "kubectl: shop ended: OOMKilled, exit code 137 (SIGKILL)",
                "kubectl: BackOff, 60 times: Back-off restarting failed container"
            ]
        );
        assert_eq!(
            told.lines,
            format!("{KUBELET} container shop was killed for want of memory (OOMKilled, exit code 137 (SIGKILL))\n")
        );
        let part = "    Last State:     Terminated\n      Reason:       Error\n      Exit Code:    1\n    Ready:          True\n";
        assert_eq!(taken(part).unwrap().1.stands_out, ["kubectl: a container ended: Error, exit code 1"]);
        let well = "    Last State:     Terminated\n      Reason:       Completed\n      Exit Code:    0\n    Ready:          True\n";
        assert!(taken(well).unwrap().1.stands_out.is_empty());
    }

    #[test]
    fn events_count_as_often_as_they_came() {
        let text = "Events:\n  Type     Reason                Age                  From               Message\n  ----     ------                ----                 ----               -------\n  Warning  Unhealthy             21m (x44 over 2d1h)  kubelet            Liveness probe failed: Get \"http://192.0.2.7:80/\": context deadline exceeded\n  Warning  EvictionThresholdMet  4m32s                kubelet, node1     Attempting to reclaim ephemeral-storage\n  Normal   NodeHasDiskPressure   4m23s                kubelet, node1     Node status is now: NodeHasDiskPressure\n";
        let (lines, told) = taken(text).unwrap();
        assert_eq!(lines, 6);
        assert_eq!(told.lines.matches("Liveness probe failed: no answer in time").count(), 44);
        assert_eq!(told.lines.matches("low on resource: ephemeral-storage").count(), 1);
        assert_eq!(told.lines.matches("DiskPressure").count(), 1);
        let alone = "LAST SEEN   TYPE      REASON      KIND   MESSAGE\n14m         Warning   Unhealthy   Pod    Readiness probe failed: x\n4m          Normal    Started     Pod    Started container\n";
        let (lines, told) = taken(alone).unwrap();
        assert_eq!((lines, told.lines.lines().count()), (3, 1));
    }

    #[test]
    fn docker_says_whether_it_was_for_want_of_memory() {
        let text = |killed: bool| {
            format!(
                "[\n    {{\n        \"Id\": \"26e2\",\n        \"State\": {{\n            \"Status\": \"exited\",\n            \"Running\": false,\n            \"OOMKilled\": {killed},\n            \"ExitCode\": 137\n        }},\n        \"RestartCount\": 12,\n        \"Name\": \"/shop\"\n    }}\n]\n"
            )
        };
        let (lines, told) = taken(&text(true)).unwrap();
        assert_eq!(
            (lines, told.stands_out),
            (13, vec!["docker: shop was killed for want of memory (OOMKilled), restarted 12 times".to_owned()])
        );
        let (_, told) = taken(&text(false)).unwrap();
        assert!(
            told.lines.is_empty()
                && told.stands_out[0].starts_with(
                    "docker: shop ended with exit code 137 (SIGKILL), restarted 12 times: something killed it"
                ),
            "{:?}",
            told.stands_out
        );
    }

    #[test]
    fn hostile_descriptions_end_and_forge_no_line() {
        assert!(
            taken("Events:\n  Warning  OOMKilling  1s  kernel-monitor  x")
                .is_some_and(|(_, told)| told.lines.is_empty())
        );
        let forged = "Events:\n  Warning  Unhealthy  1s (x99999999999)  kubelet  Liveness probe failed: x\u{2028}y\n  Warning  SystemOOM  1s (x999999)  kubelet  victim process: a b\\nc, pid\n";
        let (_, told) = taken(forged).unwrap();
        assert!(
            told.lines.lines().all(|line| line.starts_with(KUBELET))
                && told.lines.lines().count() <= 2 * TIMES as usize
        );
        let many = format!("Events:\n{}", "  Warning  Failed  1s  kubelet  x\n".repeat(10_000));
        assert!(taken(&many).is_some_and(|(lines, told)| lines == 10_001 && told.stands_out.len() == TOLD + 1));
        assert!(taken("Name: somebody\nwants this\n").is_none());
        assert!(taken("[\n1,\n2\n]\n").is_none());
        let loud = format!(
            "Events:\n{}",
            "  Warning  Unhealthy  1s (x999)  kubelet  Liveness probe failed: x\n".repeat(10_000)
        );
        assert!(taken(&loud).is_some_and(|(_, told)| told.lines.len() < LONGEST + 1024));
        // One that is looked into from each of its lines must not be gone through to its end each time.
        let nested = "[\n{\n".repeat(50_000);
        assert!(taken(&nested).is_none());
    }
}
