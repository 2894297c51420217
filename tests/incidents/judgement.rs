//! What casebook said of an incident, and whether it is what must be said.

use std::fmt;
use std::time::Duration;

use casebook::case::{Case, Cause, Finding, Likelihood, Truth, Verdict};

/// From so many bytes on that left, this share of them may stay unexplained at most.
const MUCH: u64 = 100_000;
const MOST_UNEXPLAINED: f64 = 0.01;

/// What casebook must say.
#[derive(Debug)]
pub struct Expect {
    /// The first cause, at least likely. None: no cause is above possible.
    pub first: Option<&'static str>,
    /// Causes that are at least likely, too; `a|b` is satisfied by either.
    pub beside: &'static [&'static str],
    /// Causes that are not above possible.
    pub not: &'static [&'static str],
    /// What the subject of a cause must name: the cause, and what its JSON must contain.
    pub subject: &'static [(&'static str, &'static [&'static str])],
    /// The exit statuses that are right.
    pub exit: &'static [i32],
    /// The share of inbound bytes that may stay unexplained; none where hardly any bytes come in.
    pub unexplained: Option<f64>,
    /// The fewest bytes that the ledger accounts for.
    pub bytes: u64,
    /// The most.
    pub bytes_at_most: u64,
}

impl Default for Expect {
    fn default() -> Self {
        Expect {
            first: None,
            beside: &[],
            not: &[],
            subject: &[],
            exit: &[2],
            unexplained: Some(0.01),
            bytes: 0,
            bytes_at_most: u64::MAX,
        }
    }
}

/// What casebook said.
#[derive(Debug)]
pub struct Said {
    /// The case, or why there is none.
    pub case: Result<Box<Case>, String>,
    /// The exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// How long it took.
    pub took: Duration,
    /// What went to stderr.
    pub stderr: String,
}

impl Said {
    /// Reads the JSON that casebook printed.
    pub fn read(stdout: &[u8], stderr: &[u8], status: Option<i32>, took: Duration) -> Said {
        let case = serde_json::from_slice(stdout).map(Box::new);
        let case = case.map_err(|error| {
            let head: String = String::from_utf8_lossy(stdout).chars().take(400).collect();
            format!("{error}; it begins: `{head}`")
        });
        Said { case, status, took, stderr: String::from_utf8_lossy(stderr).into_owned() }
    }

    /// Whether it is a warning for the load of the machine and for nothing else. The stage is a namespace, but the load is
    /// that of the whole machine, tests that run beside this one included.
    fn is_warned_by_the_machine_alone(&self) -> bool {
        let Ok(case) = &self.case else { return false };
        let grave = |finding: &&Finding| matches!(finding.verdict, Verdict::Warning | Verdict::Critical);
        let mut warned = case.findings.iter().filter(grave).peekable();
        let nothing_likely = case.diagnosis.causes.iter().all(|cause| cause.likelihood <= Likelihood::Possible);
        self.status == Some(1)
            && nothing_likely
            && warned.peek().is_some()
            && warned.all(|finding| finding.step == "host")
    }
}

/// What is not said in the summary, the headlines and the ledger's labels, though it must be.
pub fn unsaid(said: &Said, wanted: &[&str]) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let mut text = case.diagnosis.summary.clone();
    case.diagnosis.headlines.iter().for_each(|headline| text += headline);
    let outbound =
        case.ledger.iter().filter_map(|ledger| ledger.outbound.as_ref()).flat_map(|outbound| &outbound.entries);
    for entry in case.ledger.iter().flat_map(|ledger| &ledger.entries).chain(outbound) {
        text.push('\n');
        text += &entry.label;
    }
    wanted.iter().filter(|word| !text.contains(**word)).map(|word| format!("`{word}` is not said")).collect()
}

/// That the heaviest entry of the ledger says this, and has nearly all packets that came in; else what it says.
pub fn first_entry(said: &Said, wanted: &[&str]) -> Vec<String> {
    let Some(ledger) = said.case.as_ref().ok().and_then(|case| case.ledger.as_ref()) else { return Vec::new() };
    let Some(first) = ledger.entries.first() else { return vec!["the ledger has no entry".to_owned()] };
    let mut faults: Vec<String> = wanted
        .iter()
        .filter(|word| !first.label.contains(**word))
        .map(|word| format!("the first entry of the ledger does not say `{word}`: {first:?}"))
        .collect();
    if first.packets.abs_diff(ledger.packets) > ledger.packets / 50 + 50 {
        faults.push(format!("the first entry has not the packets of {}: {first:?}", ledger.packets));
    }
    faults
}

/// That the ledger says so among its disagreements; else what it says.
pub fn disagreement_unsaid(said: &Said, wanted: &str) -> Option<String> {
    let ledger = said.case.as_ref().ok()?.ledger.as_ref()?;
    let is_said = ledger.disagreements.iter().any(|disagreement| disagreement.contains(wanted));
    (!is_said).then(|| format!("the disagreements do not say `{wanted}`: {:?}", ledger.disagreements))
}

impl Expect {
    /// A flood of more than a megabyte whose first cause is this, and none of those.
    pub fn flood(first: &'static str, not: &'static [&'static str]) -> Expect {
        Expect { first: Some(first), not, bytes: 1_000_000, ..Expect::default() }
    }

    /// What is not as it must be, a sentence each.
    pub fn faults(&self, said: &Said) -> Vec<String> {
        let mut faults = Vec::new();
        let calm_but_busy = self.exit != [2] && said.is_warned_by_the_machine_alone();
        if !said.status.is_some_and(|status| self.exit.contains(&status)) && !calm_but_busy {
            faults.push(format!("the exit status is {:?}, not one of {:?}", said.status, self.exit));
        }
        match &said.case {
            Ok(case) => {
                self.causes(&case.diagnosis.causes, &mut faults);
                self.ledger(case, &mut faults);
            }
            Err(error) => faults.push(format!("stdout is no case: {error}")),
        }
        faults
    }

    /// What is not as it must be among the causes.
    pub fn causes(&self, causes: &[Cause], faults: &mut Vec<String>) {
        let find = |id: &str| causes.iter().find(|cause| cause.id == id);
        let likelihood = |id: &str| find(id).map(|cause| cause.likelihood);
        let told = |id: &str| likelihood(id).map_or("not considered", Likelihood::word);
        match self.first {
            Some(id) => {
                let first = causes.first().map_or("none", |cause| cause.id.as_str());
                if first != id {
                    faults.push(format!("the first cause is {first}, not {id}, which is {}", told(id)));
                }
                if likelihood(id) < Some(Likelihood::Likely) {
                    faults.push(format!("{id} is {}, not likely", told(id)));
                }
            }
            None => {
                for cause in causes.iter().filter(|cause| cause.likelihood > Likelihood::Possible) {
                    faults.push(format!("{} is {}, though nothing is wrong", cause.id, cause.likelihood));
                }
            }
        }
        for choice in self.beside {
            if !choice.split('|').any(|id| likelihood(id) >= Some(Likelihood::Likely)) {
                let told: Vec<String> = choice.split('|').map(|id| format!("{id} is {}", told(id))).collect();
                faults.push(format!("{}: at least likely was expected beside the first", told.join(", ")));
            }
        }
        for id in self.not {
            if likelihood(id) > Some(Likelihood::Possible) {
                faults.push(format!("{id} is {}, at most possible was expected", told(id)));
            }
        }
        for (id, needles) in self.subject {
            let Some(cause) = find(id) else { continue }; // told above
            let subject = serde_json::to_string(&cause.subject).expect("a subject is JSON");
            for needle in needles.iter().filter(|needle| !subject.contains(**needle)) {
                faults.push(format!("the subject of {id} does not name {needle}: {subject}"));
            }
        }
    }

    fn ledger(&self, case: &Case, faults: &mut Vec<String>) {
        let Some(ledger) = &case.ledger else {
            return faults.push("there is no ledger".to_owned());
        };
        // An emulated machine cannot send as much.
        let fewest = if std::env::var_os("CASEBOOK_SLOW_MACHINE").is_some() { self.bytes / 20 } else { self.bytes };
        if !(fewest..=self.bytes_at_most).contains(&ledger.bytes) {
            faults.push(format!(
                "the ledger accounts for {} bytes, {fewest} to {} were expected",
                ledger.bytes, self.bytes_at_most
            ));
        }
        if let Some(most) = self.unexplained {
            match ledger.unexplained_share {
                // One packet at the edge of the window is a large share where hardly any come.
                Some(share) if share <= most || ledger.unexplained_bytes <= 1500 => {}
                Some(share) => faults.push(format!("{:.1} % stay unexplained", share * 100.0)),
                None => faults.push("the share that stays unexplained is not known".to_owned()),
            }
        }
        let entries: u64 = ledger.entries.iter().map(|entry| entry.bytes).sum();
        if let Some(outbound) = &ledger.outbound {
            let entries: u64 = outbound.entries.iter().map(|entry| entry.bytes).sum();
            if entries + outbound.unexplained_bytes != outbound.bytes {
                faults.push(format!(
                    "what left does not add up: {entries} + {} is not {}",
                    outbound.unexplained_bytes, outbound.bytes
                ));
            }
            let share = outbound.unexplained_share.unwrap_or(0.0);
            if outbound.bytes >= MUCH && share > MOST_UNEXPLAINED {
                faults.push(format!("{:.1} % of {} that left stay unexplained", share * 100.0, outbound.bytes));
            }
        }
        if entries + ledger.unexplained_bytes != ledger.bytes {
            faults.push(format!(
                "the ledger does not add up: entries {entries} + unexplained {} is not {}",
                ledger.unexplained_bytes, ledger.bytes
            ));
        }
    }
}

/// All that helps to see why a judgement is wrong.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit status {:?} after {:.2} s", self.status, self.took.as_secs_f64())?;
        if let Ok(case) = &self.case {
            writeln!(f, "verdict {}: {}", case.verdict, case.diagnosis.summary)?;
            for headline in &case.diagnosis.headlines {
                writeln!(f, "  {headline}")?;
            }
            writeln!(f, "causes")?;
            for cause in &case.diagnosis.causes {
                write_cause(cause, f)?;
            }
            if let Some(ledger) = &case.ledger {
                let share = ledger.unexplained_share.map_or("?".to_owned(), |share| format!("{:.2} %", share * 100.0));
                writeln!(
                    f,
                    "ledger of {}: {} packets, {} bytes in {:.2} s",
                    ledger.interface, ledger.packets, ledger.bytes, ledger.seconds
                )?;
                for entry in &ledger.entries {
                    let kind = format!("{:?}", entry.kind);
                    writeln!(f, "  {:>12} {:>9} {kind:<14} {}", entry.bytes, entry.packets, entry.label)?;
                }
                writeln!(f, "  {:>12} {:>9} unexplained    {share}", ledger.unexplained_bytes, "")?;
                if let Some(outbound) = &ledger.outbound {
                    writeln!(f, "what left: {} packets, {} bytes", outbound.packets, outbound.bytes)?;
                    for entry in &outbound.entries {
                        let kind = format!("{:?}", entry.kind);
                        writeln!(f, "  {:>12} {:>9} {kind:<14} {}", entry.bytes, entry.packets, entry.label)?;
                    }
                    writeln!(f, "  {:>12} {:>9} unexplained", outbound.unexplained_bytes, "")?;
                    for disagreement in &outbound.disagreements {
                        writeln!(f, "  disagreement: {disagreement}")?;
                    }
                }
                for disagreement in &ledger.disagreements {
                    writeln!(f, "  disagreement: {disagreement}")?;
                }
            }
            writeln!(f, "findings")?;
            for finding in &case.findings {
                writeln!(f, "  {:<8} {:<16} {}", finding.verdict.word(), finding.step, finding.sentence)?;
                for gap in &finding.gaps {
                    writeln!(f, "           gap: {gap}")?;
                }
            }
        }
        if !self.stderr.is_empty() {
            writeln!(f, "stderr\n{}", self.stderr)?;
        }
        Ok(())
    }
}

fn write_cause(cause: &Cause, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "  {:<9} {}: {}", cause.likelihood.word(), cause.id, cause.title)?;
    if cause.likelihood >= Likelihood::Possible {
        for sign in &cause.signs {
            let holds = match sign.holds {
                Truth::Yes => "holds",
                Truth::Unknown => "unseen",
                Truth::No => continue,
            };
            writeln!(f, "            {holds} {:?} {:?}: {}", sign.side, sign.weight, sign.say)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What casebook says of a million bytes, of which so many thousands are unexplained.
    fn said(status: i32, first: &str, likelihood: &str, unexplained: u64) -> Said {
        let cause = |id: &str, likelihood: &str| {
            json!({
                "id": id, "title": id, "likelihood": likelihood, "severity": "critical", "subject": {"local": "10.77.1.2", "ports": [9]},
                "signs": [], "remedies": [],
            })
        };
        let case = json!({
            "format": 1, "casebook": "0.1.0", "runbook": {"name": "r", "title": "r", "text": ""},
            "host": {"name": "h", "kernel": "6.1", "root": true}, "started": "2026-01-02T03:04:05Z",
            "window_seconds": 3.0, "partial": false, "params": {}, "verdict": "critical",
            "coverage": {"looked": 1, "applicable": 1},
            "diagnosis": {
                "summary": "s", "headlines": [],
                "causes": [cause(first, likelihood), cause("syn-flood", "unlikely")],
            },
            "ledger": {
                "interface": "eth0", "bytes": 1_000_000, "packets": 1000, "seconds": 3.0, "entries": [{
                    "kind": "no_listener", "label": "udp 9", "bytes": 1_000_000 - unexplained * 1000, "packets": 1000, "share": 1.0,
                    "protocol": "udp", "address": null, "port": 9, "process": null, "rule": null,
                }],
                "unexplained_bytes": unexplained * 1000, "unexplained_share": unexplained as f64 / 1000.0, "disagreements": [],
            },
            "findings": [], "evidence": {},
            "cost": {"wall_seconds": 3.0, "cpu_seconds": 0.1, "peak_memory_bytes": 1},
        });
        Said::read(case.to_string().as_bytes(), b"", Some(status), Duration::from_secs(3))
    }

    fn flood() -> Expect {
        Expect {
            first: Some("udp-flood-closed-port"),
            not: &["syn-flood"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9"])],
            bytes: 900_000,
            ..Expect::default()
        }
    }

    #[test]
    fn what_is_expected_has_no_fault() {
        assert_eq!(flood().faults(&said(2, "udp-flood-closed-port", "certain", 9)), [""; 0]);
    }

    #[test]
    fn every_difference_is_a_fault_of_its_own() {
        let faults = |said: &Said| flood().faults(said).join("\n");
        assert!(faults(&said(0, "udp-flood-closed-port", "certain", 0)).contains("exit status"));
        assert!(faults(&said(2, "udp-flood-closed-port", "possible", 0)).contains("is possible, not likely"));
        assert!(faults(&said(2, "icmp-flood", "certain", 0)).contains("the first cause is icmp-flood"));
        assert!(faults(&said(2, "udp-flood-closed-port", "certain", 51)).contains("5.1 % stay unexplained"));
        let more = Expect {
            beside: &["icmp-flood|syn-flood"],
            not: &["udp-flood-closed-port"],
            subject: &[("udp-flood-closed-port", &["10.77.1.3"])],
            bytes: 1_000_001,
            ..flood()
        };
        let faults = more.faults(&said(2, "udp-flood-closed-port", "likely", 0));
        assert_eq!(faults.len(), 4, "{faults:#?}");
    }

    #[test]
    fn a_calm_host_has_no_cause_above_possible() {
        let calm = Expect { exit: &[0], ..Expect::default() };
        assert_eq!(calm.faults(&said(0, "bulk-transfer-in", "possible", 0)), [""; 0]);
        assert_eq!(calm.faults(&said(0, "bulk-transfer-in", "likely", 0)).len(), 1);
    }

    #[test]
    fn a_busy_machine_may_warn_of_itself_but_of_nothing_else() {
        let calm = Expect { exit: &[0], ..Expect::default() };
        let warned_by = |step: &str| {
            let mut said = said(1, "bulk-transfer-in", "possible", 0);
            let finding = json!({"step": step, "title": "t", "verdict": "warning", "sentence": "load 16.4 on 2 CPUs"});
            said.case.as_mut().unwrap().findings.push(serde_json::from_value(finding).unwrap());
            said
        };
        assert_eq!(calm.faults(&warned_by("host")), [""; 0]);
        assert_eq!(calm.faults(&warned_by("drops")).len(), 1);
        assert_eq!(calm.faults(&said(1, "bulk-transfer-in", "possible", 0)).len(), 1, "a warning that nobody explains");
        assert_eq!(flood().faults(&warned_by("host")).len(), 3, "a flood is more than a busy machine");
    }

    #[test]
    fn no_json_is_a_fault_and_not_a_panic() {
        let said = Said::read(b"oops", b"", Some(70), Duration::ZERO);
        assert!(flood().faults(&said).join("\n").contains("it begins: `oops`"));
    }
}
