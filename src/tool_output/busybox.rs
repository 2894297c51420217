//! `top` of BusyBox, as routers and other small hosts print it.

use serde_json::{Value, json};

use super::here::Here;
use super::machine::{Machine, human, memory, scarce, share_of, state_of, waited};
use crate::printable::printable;

/// Processes that are kept, and those of which sentences tell.
const PROCESSES: usize = 100;
const BUSIEST: usize = 5;

/// `Mem: 113432K used, 142268K free, 0K shrd, 1004K buff, 9416K cached`, the line of the CPUs, the load, and the processes.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let of_memory = document.line(here.at).trim().strip_prefix("Mem:")?;
    let of = |name: &str| {
        let part = of_memory.split(',').find_map(|part| part.trim().strip_suffix(name))?;
        human(part.trim()).map(|bytes| bytes as u64)
    };
    let (used, free) = (of(" used")?, of(" free")?);
    let (buffers, cached) = (of(" buff"), of(" cached"));
    let mut place = here.at + 1;
    let of_cpus = document.line(place).trim().strip_prefix("CPU:").filter(|rest| rest.contains("% idle"))?;
    if document.ends_within(place) {
        return None;
    }
    let mut machine = Machine::default();
    let total = used.saturating_add(free);
    let available = [buffers, cached].into_iter().flatten().fold(free, u64::saturating_add);
    machine.memory = Some(memory(total, available.min(total), buffers, cached));
    let share = |name: &str| {
        let (before, _) = of_cpus.split_once(&format!("% {name}"))?;
        before.rsplit([' ', '%']).next()?.parse::<f64>().ok().and_then(share_of)
    };
    let (idle, waiting) = (share("idle"), share("io"));
    // While it waits for disks a CPU does nothing.
    machine.busy = idle.map(|idle| (1.0 - idle - waiting.unwrap_or(0.0)).clamp(0.0, 1.0));
    machine.softirq = share("sirq");
    machine.waiting = waiting;
    machine.told.extend(waited("top", waiting.map(|share| share * 100.0)));
    place += 1;
    if let Some(rest) =
        document.line(place).trim().strip_prefix("Load average:").filter(|_| !document.ends_within(place))
    {
        let mut figures = rest.split_whitespace();
        let mut next =
            || figures.next().and_then(|word| word.parse::<f64>().ok()).filter(|load| load.is_finite() && *load >= 0.0);
        if let (Some(one), Some(five), Some(fifteen)) = (next(), next(), next()) {
            machine.load = Some(json!({"one": one, "five": five, "fifteen": fifteen}));
        }
        place += 1;
    }
    let heading = here.words(place);
    let column = |name: &str| heading.iter().position(|word| *word == name);
    if let (Some(0), Some(user), Some(state), Some(cpu), Some(name)) =
        (column("PID"), column("USER"), column("STAT"), column("%CPU"), column("COMMAND"))
    {
        place += 1;
        while place < document.len() && !document.ends_within(place) && place < here.at + 400 {
            let row = here.words(place);
            // `S<` and `S N` are one state; where the second stands alone, all that follows is moved by one.
            let moved = usize::from(row.get(state + 1).is_some_and(|word| matches!(*word, "<" | "N" | "L")));
            let cell = |at: usize| row.get(at + if at > state { moved } else { 0 }).copied();
            let (Some(pid), Some(share)) = (
                row.first().and_then(|pid| pid.parse::<i32>().ok()),
                cell(cpu).and_then(|share| share.trim_end_matches('%').parse::<f64>().ok()).and_then(share_of),
            ) else {
                break;
            };
            let command = row.get(name + moved..).unwrap_or_default().join(" ");
            // `[kworker/0:1]` is a thread of the kernel, `{web} python3 x` a program that goes by another name than its file's.
            let named = command.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
            let plain = named.unwrap_or(command.trim_start_matches('[').trim_end_matches(']'));
            if machine.processes.len() < PROCESSES {
                machine.processes.push(process(
                    pid,
                    cell(user).unwrap_or_default(),
                    cell(state).unwrap_or_default(),
                    share,
                    plain,
                    &command,
                ));
            }
            if machine.busiest.len() < BUSIEST {
                machine.busiest.push((printable(plain.chars().take(64).collect::<String>()), share));
            }
            place += 1;
        }
    }
    machine.told.extend(scarce("top", machine.memory.as_ref(), None));
    Some((place - here.at, machine))
}

/// A process as the probe of that name tells it. What it holds of memory is not printed: VSZ is what it may address.
fn process(pid: i32, user: &str, state: &str, share: f64, name: &str, command: &str) -> Value {
    let name = name.split(' ').next().unwrap_or_default();
    let name = if command.starts_with('[') { name } else { name.rsplit('/').next().unwrap_or(name) };
    json!({
        "process": {"pid": pid, "name": printable(name), "user": printable(user), "unit": null},
        "cpu_share": share,
        "state": state_of(state),
        "kernel": command.starts_with('['),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<(usize, Machine)> {
        crate::tool_output::tests::taken(take, text)
    }

    const HEAD: &str = "Mem: 60188K used, 1016K free, 80K shrd, 1004K buff, 416K cached\nCPU:   3% usr  12% sys   0% nic   1% idle   0% io   0% irq  84% sirq\nLoad average: 2.40 2.29 2.01 3/62 3441\n";

    #[test]
    fn a_router_without_memory_that_does_nothing_but_receive() {
        let rows = "  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\n    3     2 root     RW       0   0%  71% [ksoftirqd/0]\n 1822     1 root     S <   1820   3%   4% /usr/sbin/dnsmasq -C /etc/x.conf\n";
        let (lines, machine) = taken(&format!("{HEAD}{rows}")).unwrap();
        assert_eq!(lines, 6);
        assert_eq!((machine.busy, machine.softirq), (Some(0.99), Some(0.84)));
        assert_eq!(machine.memory.unwrap()["available_bytes"], 2436 * 1024);
        assert_eq!(machine.load.unwrap()["one"], 2.4);
        assert_eq!(machine.busiest[0], ("ksoftirqd/0".to_owned(), 0.71));
        assert_eq!(machine.processes[1]["process"]["name"], "dnsmasq");
        assert_eq!(machine.processes[1]["cpu_share"], 0.04);
        assert_eq!(machine.told, ["top: 2.49 MB of 62.7 MB of memory are available"]);
    }

    #[test]
    fn what_is_cut_or_huge_gives_no_figure() {
        assert!(taken("Mem: 60188K used, 1016K free").is_none());
        assert!(taken("Mem:        7976        7800\n").is_none());
        assert!(
            taken("Mem: 99999999999999999999999E used, 1K free\nCPU: 1% usr 999999% idle\n")
                .is_some_and(|(_, machine)| machine.busy.is_none())
        );
        let many = format!(
            "{HEAD}  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\n{}",
            "    3     2 root     RW       0   0%  71% [x]\n".repeat(10_000)
        );
        assert!(taken(&many).is_some_and(|(lines, machine)| lines < 500 && machine.processes.len() == PROCESSES));
    }
}
