//! What was taken from an output, in a few words.

use super::data::Data;
use crate::units;

/// What was taken from an output, in a few words.
pub(super) fn taken(data: &Data) -> String {
    let named = |names: Vec<&str>| {
        let more = names.len().saturating_sub(6);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.into_iter().take(6).collect::<Vec<_>>().join(", "))
    };
    let plural = |count: usize, word: &str| {
        format!("{} {word}{}", units::count(count as f64), if count == 1 { "" } else { "s" })
    };
    match data {
        Data::Links(links) => {
            let counted = links.iter().any(|link| link.rx.packets.is_some() || link.rx.bytes.is_some());
            format!(
                "{}{}",
                named(links.iter().map(|link| link.name.as_str()).collect()),
                if counted { ": counters since boot" } else { ": state and addresses" }
            )
        }
        Data::Rates(report) => {
            let samples = report.interfaces.values().map(|rates| rates.samples.len()).max().unwrap_or(0);
            match (report.interfaces.is_empty(), report.lost.is_empty()) {
                (false, _) => format!(
                    "{}: {}",
                    named(report.interfaces.keys().map(String::as_str).collect()),
                    if samples == 0 { "the mean".into() } else { plural(samples, "sample") }
                ),
                (true, false) => "packets lost per second".into(),
                (true, true) if !report.softirq.is_empty() => "time that each CPU spends on receiving packets".into(),
                (true, true) if !report.noted.is_empty() => plural(report.noted.len(), "figure"),
                (true, true) if report.cpu.is_some() => "CPU time".into(),
                (true, true) if report.other_tables.is_empty() => "host, kernel and date of its heading".into(),
                (true, true) => format!(
                    "tables that nothing is taken from: {}",
                    named(report.other_tables.iter().map(String::as_str).collect())
                ),
            }
        }
        Data::Sockets(table) => {
            let kinds = match (table.tcp, table.udp) {
                (true, true) => "TCP and UDP",
                (true, false) => "TCP; of UDP it says nothing",
                (false, true) => "UDP; of TCP it says nothing",
                (false, false) => "of another kind",
            };
            let cut = if table.cut > 0 {
                format!("; {} addresses may be cut short (netstat -W, or ss)", table.cut)
            } else {
                String::new()
            };
            format!("{}, {kinds}{cut}", plural(table.rows.len(), "socket"))
        }
        Data::SocketCounts(_) => "connections by state".into(),
        Data::Machine(machine) => {
            let parts = [
                machine.load.as_ref().map(|_| "load"),
                machine.uptime.map(|_| "time since boot"),
                machine.memory.as_ref().map(|_| "memory"),
                machine.busy.map(|_| "CPU time"),
                machine.name.as_ref().map(|_| "host"),
                machine.kernel.as_ref().map(|_| "kernel"),
                machine.cpus.map(|_| "CPUs"),
                (!machine.pressure.is_empty()).then_some("how long programs wait"),
                machine.distribution.as_ref().map(|_| "distribution"),
            ];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            if parts.is_empty() { "nothing that is used".into() } else { parts.join(", ") }
        }
        Data::Counters(counted) => {
            let since = if counted.since_boot { "boot" } else { "nstat was called last, nobody knows when" };
            format!("{} since {since}", plural(counted.counters.len(), "counter"))
        }
        Data::Softnet(rows) => format!("{} since boot", plural(rows.len(), "CPU")),
        Data::Interrupts(rows) => format!("{}, by CPU", plural(rows.len(), "interrupt")),
        Data::Nic(nic) => {
            let name = nic.interface.as_deref().unwrap_or("a card");
            match (nic.counters.len(), nic.ring, &nic.driver) {
                (0, Some(_), _) => format!("{name}: its rings"),
                (0, None, Some(driver)) => format!("{name}: driver {driver}"),
                (0, None, None) if nic.queues.is_some() => format!("{name}: its queues"),
                (0, None, None) if !nic.offloads.is_empty() => format!("{name}: its offloads"),
                (0, None, None) => format!("{name}: its link"),
                (count, ..) => format!("{name}: {} since boot", plural(count, "counter")),
            }
        }
        Data::Conntrack(tracked) => match (tracked.entries, tracked.count, tracked.trouble.is_empty()) {
            (0, Some(count), _) => format!("{} entries", units::count(count as f64)),
            (0, None, false) => "statistics since boot".into(),
            (entries, ..) => plural(entries as usize, "entrie").replace("entrie", "entry").replace("entrys", "entries"),
        },
        Data::Settings(settings) => plural(settings.len(), "setting"),
        Data::Rules(rules) if rules.kind == "ipset" => "sets of addresses".into(),
        Data::Rules(rules) if rules.kind == "cut" => "cut short before its end: nothing is taken".into(),
        Data::Rules(rules) => format!(
            "{}, {}{}",
            plural(rules.rules, "rule"),
            plural(rules.chains.len(), "base chain"),
            if rules.counted { ", counters since they were reset" } else { ", without counters" }
        ),
        Data::Packets(packets) => plural(packets.len(), "packet"),
        Data::Logs(run) => {
            let kind = match run.kind {
                crate::probe::logs::Kind::Syslog => "of a logger",
                crate::probe::logs::Kind::Kernel => "of the kernel",
                crate::probe::logs::Kind::Access => "of requests",
                crate::probe::logs::Kind::Application => "of an application",
            };
            format!("{} {kind}", plural(run.lines, "line"))
        }
        Data::Route(name) => format!("the default route by {name}"),
        Data::Moment(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Data::Disks(rows) => plural(rows.len(), "file system"),
        Data::Devices(devices) => plural(devices.len(), "device"),
        Data::Deleted(files) => plural(files.len(), "deleted file"),
        Data::Folders(folders) => plural(folders.len(), "folder"),
        Data::Told(told) => {
            if told.stands_out.is_empty() && told.states.is_empty() && told.totals.is_none() {
                format!("{}: nothing that stands out", told.tool)
            } else {
                told.tool.to_owned()
            }
        }
    }
}
