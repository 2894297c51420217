//! Every text of a case, one after the other. Taken apart field by field, so that a new field of the case does not compile
//! until somebody has decided whether it is a text.

use serde_json::{Map, Value};

use crate::case::{
    AbsentHost, Account, Agreed, Agreement, Between, Case, Cause, CheckRef, Choice, Diagnosis, Entry, Evidence,
    Finding, Fleet, FleetCause, FleetHost, Gap, Host, LostOnTheWay, Missing, Outbound, Process, Reading, Recognised,
    Remedy, RunbookRef, Said, Sign, Spread, Vantage,
};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A sentence, a command, a label: written for people.
    Said,
    /// A runbook, a check, a module: it is read again in a replay.
    Source,
    /// What a probe observed, a parameter, a figure of a finding; with the name of its field. Runbooks compare it.
    Field(&'a str),
    /// A user.
    User,
    /// The host's own name.
    HostName,
    /// A text in a list; the first has the number 0. Lines of one key, or a flag and its value, are neighbours.
    Item(&'a str, usize),
}

impl<'a> Place<'a> {
    /// The name of the field, if it is in one.
    fn name(self) -> &'a str {
        match self {
            Place::Field(name) | Place::Item(name, _) => name,
            _ => "",
        }
    }
}

/// What changes texts. It must leave numbers, and words that stand for themselves, alone.
pub trait Visitor {
    /// A text, and what it is.
    fn text(&mut self, place: Place<'_>, text: &mut String);
}

/// Shows every text of the case to the visitor.
pub fn of_case(case: &mut Case, visitor: &mut dyn Visitor) {
    let Case {
        format: _,
        casebook: _,
        runbook,
        foreign_commands: _,
        host: Host { name, kernel: _, root: _, local_time: _, clock: _, vantage },
        started: _,
        window_seconds: _,
        partial: _,
        redacted: _,
        params,
        given,
        verdict: _,
        coverage: _,
        diagnosis: Diagnosis { summary, headlines, causes },
        ledger,
        findings,
        evidence,
        reading,
        fleet,
        limits,
        cost: _,
    } = case;
    visitor.text(Place::HostName, name);
    if let Some(Vantage { container: _, network_namespace: Some(namespace), .. }) = vantage {
        visitor.text(Place::Said, namespace);
    }
    evidence.values_mut().for_each(|evidence| of_evidence(evidence, visitor));
    of_map(params, "", visitor);
    of_map(given, "", visitor);
    of_runbook(runbook, visitor);
    visitor.text(Place::Said, summary);
    headlines.iter_mut().for_each(|headline| visitor.text(Place::Said, headline));
    causes.iter_mut().for_each(|cause| of_cause(cause, visitor));
    ledger.iter_mut().for_each(|ledger| of_ledger(ledger, visitor));
    findings.iter_mut().for_each(|finding| of_finding(finding, visitor));
    reading.iter_mut().for_each(|reading| of_reading(reading, visitor));
    fleet.iter_mut().for_each(|fleet| of_fleet(fleet, visitor));
    limits.iter_mut().for_each(|gap| of_gap(gap, visitor));
}

fn of_fleet(fleet: &mut Fleet, visitor: &mut dyn Visitor) {
    let Fleet { hosts, absent, causes, differences, between, spreads, named: _ } = fleet;
    for host in hosts {
        let FleetHost {
            host,
            kernel,
            casebook,
            root: _,
            watched_from: _,
            watched_seconds: _,
            clock: _,
            partial: _,
            verdict: _,
            summary,
            rx_bits_per_second: _,
            rx_packets_per_second: _,
            tx_bits_per_second: _,
            looked: _,
        } = host;
        visitor.text(Place::HostName, host);
        [kernel, casebook, summary].into_iter().for_each(|text| visitor.text(Place::Said, text));
    }
    for AbsentHost { host, gap } in absent {
        visitor.text(Place::HostName, host);
        of_gap(gap, visitor);
    }
    for FleetCause { id: _, title, subject, severity: _, hosts, sources: _ } in causes {
        visitor.text(Place::Said, title);
        of_map(subject, "", visitor);
        for (mut host, likelihood) in std::mem::take(hosts) {
            visitor.text(Place::HostName, &mut host);
            let shown = hosts.entry(host).or_insert(likelihood);
            *shown = likelihood.max(*shown);
        }
    }
    for Agreement { of, groups } in differences {
        visitor.text(Place::Field("of"), of);
        for Agreed { what, example, hosts } in groups {
            [what, example].into_iter().for_each(|text| visitor.text(Place::Said, text));
            hosts.iter_mut().for_each(|host| visitor.text(Place::HostName, host));
        }
    }
    for Between { from, to, address, received_bytes: _, sent_bytes: _, share: _, floods: _ } in between {
        [from, to].into_iter().for_each(|host| visitor.text(Place::HostName, host));
        visitor.text(Place::Field("address"), address);
    }
    for Spread { figure: _, hosts: _, sum: _, least: (_, least), median: _, most: (_, most) } in spreads {
        [least, most].into_iter().for_each(|host| visitor.text(Place::HostName, host));
    }
}

fn of_reading(reading: &mut Reading, visitor: &mut dyn Visitor) {
    let Reading { moment, recognised, unrecognised, unrecognised_lines: _, stands_out, next } = reading;
    visitor.text(Place::Said, moment);
    for Recognised { tool: _, taken, place } in recognised {
        visitor.text(Place::Said, taken);
        visitor.text(Place::Said, place);
    }
    for texts in [unrecognised, stands_out, next] {
        texts.iter_mut().for_each(|text| visitor.text(Place::Said, text));
    }
}

/// Shows every text of an observation to the visitor.
pub fn of_evidence(evidence: &mut Evidence, visitor: &mut dyn Visitor) {
    let Evidence {
        probe: _,
        params,
        started: _,
        seconds: _,
        cpu_seconds: _,
        peak_memory_bytes: _,
        output,
        gap,
        missing,
        loss,
        typed: _,
    } = evidence;
    of_value(params, Place::Field(""), visitor);
    output.iter_mut().for_each(|output| of_value(output, Place::Field(""), visitor));
    gap.iter_mut().for_each(|gap| of_gap(gap, visitor));
    missing.iter_mut().for_each(|Missing { fields: _, gap }| of_gap(gap, visitor));
    loss.iter_mut().for_each(|loss| visitor.text(Place::Said, loss));
}

/// Shows every text of a value to the visitor, the names of its fields included.
pub fn of_value(value: &mut Value, place: Place<'_>, visitor: &mut dyn Visitor) {
    match value {
        Value::String(text) => visitor.text(place, text),
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                of_value(item, Place::Item(place.name(), number), visitor);
            }
        }
        Value::Object(fields) => of_map(fields, place.name(), visitor),
        _ => {}
    }
}

/// Whether the name of a field was observed: fields of a schema are words, and this has more in it.
pub fn is_observed(name: &str) -> bool {
    name.bytes().any(|byte| matches!(byte, b'.' | b':' | b'@' | b'/' | b' ' | b'-' | b'='))
}

/// The fields of an object that is itself the field `parent`: `user: [{value: ann, count: 3}]`.
fn of_map(fields: &mut Map<String, Value>, parent: &str, visitor: &mut dyn Visitor) {
    if fields.keys().any(|name| is_observed(name)) {
        let shown = |mut name: String| {
            if is_observed(&name) {
                visitor.text(Place::Said, &mut name);
            }
            name
        };
        let names: Vec<String> = fields.keys().cloned().map(shown).collect();
        if !names.iter().eq(fields.keys()) {
            *fields = names.into_iter().zip(std::mem::take(fields).into_iter().map(|(_, field)| field)).collect();
        }
    }
    for (name, field) in fields.iter_mut() {
        of_value(field, Place::Field(if name == "value" { parent } else { name }), visitor);
    }
}

fn of_runbook(runbook: &mut RunbookRef, visitor: &mut dyn Visitor) {
    let RunbookRef { name, title, text, wraps_check, overrides_embedded, choice, checks } = runbook;
    // The name of a shipped one is a word; of another it is the path of its file.
    if name.contains('/') {
        visitor.text(Place::Said, name);
    }
    visitor.text(Place::Said, title);
    visitor.text(Place::Source, text);
    wraps_check.iter_mut().chain(overrides_embedded).for_each(|path| visitor.text(Place::Said, path));
    if let Some(Choice { complaint, unknown: _, picked, left, look: _ }) = choice {
        visitor.text(Place::Said, complaint);
        picked.iter_mut().flat_map(|picked| &mut picked.sign).for_each(|sign| visitor.text(Place::Said, sign));
        left.iter_mut().for_each(|left| visitor.text(Place::Said, &mut left.why));
    }
    for CheckRef { origin, overrides_embedded: _, text, modules } in checks.values_mut() {
        visitor.text(Place::Said, origin);
        visitor.text(Place::Source, text);
        modules.values_mut().for_each(|module| visitor.text(Place::Source, module));
    }
}

fn of_gap(gap: &mut Gap, visitor: &mut dyn Visitor) {
    let Gap { tried, reason: _, why, to_fix } = gap;
    visitor.text(Place::Said, tried);
    visitor.text(Place::Said, why);
    to_fix.iter_mut().for_each(|to_fix| visitor.text(Place::Said, to_fix));
}

fn of_remedy(remedy: &mut Remedy, visitor: &mut dyn Visitor) {
    let Remedy { urgency: _, action, run, undo, risk, unquoted: _ } = remedy;
    visitor.text(Place::Said, action);
    run.iter_mut().chain(undo).chain(risk).for_each(|text| visitor.text(Place::Said, text));
}

fn of_cause(cause: &mut Cause, visitor: &mut dyn Visitor) {
    let Cause { id: _, runbooks: _, title, likelihood: _, severity: _, subject, signs, remedies, withheld: _ } = cause;
    visitor.text(Place::Said, title);
    of_map(subject, "", visitor);
    for Sign { side: _, weight: _, holds: _, say, gaps } in signs {
        visitor.text(Place::Said, say);
        gaps.iter_mut().for_each(|gap| of_gap(gap, visitor));
    }
    remedies.iter_mut().for_each(|remedy| of_remedy(remedy, visitor));
}

fn of_finding(finding: &mut Finding, visitor: &mut dyn Visitor) {
    let Finding { step: _, title, verdict: _, sentence, gaps, remedies, data, besides } = finding;
    visitor.text(Place::Said, title);
    visitor.text(Place::Said, sentence);
    gaps.iter_mut().for_each(|gap| of_gap(gap, visitor));
    remedies.iter_mut().for_each(|remedy| of_remedy(remedy, visitor));
    of_map(data, "", visitor);
    besides.iter_mut().for_each(|Said { verdict: _, sentence }| visitor.text(Place::Said, sentence));
}

fn of_entries(entries: &mut [Entry], visitor: &mut dyn Visitor) {
    for entry in entries {
        let Entry {
            kind: _,
            label,
            bytes: _,
            packets: _,
            share: _,
            protocol: _,
            address,
            port: _,
            process,
            rule,
            container,
        } = entry;
        visitor.text(Place::Said, label);
        address.iter_mut().for_each(|address| visitor.text(Place::Field("address"), address));
        if let Some(Process { pid: _, name, user, unit }) = process {
            visitor.text(Place::Field("name"), name);
            user.iter_mut().for_each(|user| visitor.text(Place::User, user));
            unit.iter_mut().for_each(|unit| visitor.text(Place::Field("unit"), unit));
        }
        rule.iter_mut().for_each(|rule| visitor.text(Place::Said, rule));
        container.iter_mut().for_each(|container| visitor.text(Place::Said, container));
    }
}

fn of_ledger(ledger: &mut Account, visitor: &mut dyn Visitor) {
    let Account {
        interface: _,
        interfaces: _,
        bytes: _,
        packets: _,
        seconds: _,
        entries,
        unexplained_bytes: _,
        unexplained_share: _,
        disagreements,
        outbound,
    } = ledger;
    of_entries(entries, visitor);
    disagreements.iter_mut().for_each(|sentence| visitor.text(Place::Said, sentence));
    let Some(outbound) = outbound else { return };
    let Outbound {
        interfaces: _,
        bytes: _,
        packets: _,
        entries,
        unexplained_bytes: _,
        unexplained_share: _,
        lost,
        ratio: _,
        ratio_since_boot: _,
        since_boot_bytes: _,
        disagreements,
    } = outbound;
    of_entries(entries, visitor);
    for lost in lost {
        let LostOnTheWay { label, kind: _, packets: _, bytes: _, interface: _, rule, reason: _ } = lost;
        visitor.text(Place::Said, label);
        rule.iter_mut().for_each(|rule| visitor.text(Place::Said, rule));
    }
    disagreements.iter_mut().for_each(|sentence| visitor.text(Place::Said, sentence));
}
