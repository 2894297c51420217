//! Troubles of several runbooks, found by a complaint.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use casebook::case::{Case, Likelihood};

use crate::daemon::Daemon;
use crate::incident::{DIAGNOSE, Incident};
use crate::judgement::{Expect, Said};
use crate::service::Role;
use crate::stage::{SERVER, Stage};
use crate::support::accuracy::Played;
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl, background_noise};

/// Whether these runbooks were picked, that not, and the report is one: each cause once and of a runbook, the likeliest first.
fn one_report(said: &Said, picked: &[&str], left: &[&str]) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let Some(choice) = &case.runbook.choice else { return vec!["the case does not say what was picked".to_owned()] };
    let mut faults = Vec::new();
    for name in picked.iter().filter(|name| !choice.picked.iter().any(|picked| picked.runbook == **name)) {
        faults.push(format!("{name} was not picked: {choice:?}"));
    }
    for name in left {
        match choice.left.iter().find(|left| left.runbook == *name) {
            Some(left) if left.why.contains("no word of it, and ") => {}
            other => faults.push(format!("{name} was not left with what was seen of it: {other:?}")),
        }
    }
    let causes = &case.diagnosis.causes;
    for (place, cause) in causes.iter().enumerate() {
        if causes[..place].iter().any(|other| other.id == cause.id) || cause.runbooks.is_empty() {
            faults.push(format!("{} is told twice, or by no runbook", cause.id));
        }
    }
    let class = |likelihood: Likelihood| likelihood.min(Likelihood::Likely);
    if !causes.is_sorted_by(|one, other| class(one.likelihood) >= class(other.likelihood)) {
        faults.push("the causes are not in one order".to_owned());
    }
    for probe in ["capture", "sockets", "drops", "firewall", "devices"] {
        let looks = case.evidence.values().filter(|evidence| evidence.probe == probe).count();
        if looks > 1 {
            faults.push(format!("{probe} looked {looks} times"));
        }
    }
    faults
}

/// What a replay of the case that is kept there says otherwise.
fn replayed(said: &Said, kept: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["replay", "--format", "json"])
        .arg(kept)
        .output()
        .expect("casebook can be run");
    let again = String::from_utf8_lossy(&output.stdout);
    let (Ok(case), Ok(again)) = (&said.case, Case::from_json(&again)) else {
        return vec![format!("the case cannot be judged again: {}", String::from_utf8_lossy(&output.stderr))];
    };
    let mut faults = Vec::new();
    if again.diagnosis != case.diagnosis || again.findings != case.findings || again.runbook != case.runbook {
        faults.push(format!("a replay says otherwise: {}", again.diagnosis.summary));
    }
    if again.foreign_commands {
        faults.push("the commands of runbooks that ship are called those of somebody else".to_owned());
    }
    faults
}

fn diagnosed(name: &'static str) -> Incident {
    Incident {
        name,
        runbook: DIAGNOSE,
        window: Duration::from_secs(2),
        expect: Expect { exit: &[1, 2], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
}

/// The complaint of the founding incident, but for its logins: nothing listens for them here.
#[test]
fn a_flood_behind_a_server_that_crawls() {
    const NAME: &str = "diagnosed-flood";
    let incident = diagnosed(NAME);
    Incident {
        ask: &["The server is crawling, the router's graph shows inbound traffic, web sites time out"],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 6000,
        })],
        also: Some(|_: &Stage, said: &Said| {
            let kept = Incident { name: NAME, ..Incident::default() }.folder().join("case.json");
            let mut faults = one_report(said, &["high-inbound-traffic", "host-under-pressure"], &[]);
            faults.extend(replayed(said, &kept));
            faults
        }),
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9987"])],
            not: &["sshd-not-there", "bulk-transfer-in"],
            bytes: 6_000_000,
            ..incident.expect
        },
        ..incident
    }
    .play();
}

#[test]
fn a_provider_that_complains_of_what_leaves() {
    let incident = diagnosed("diagnosed-outbound");
    let to = (std::net::Ipv4Addr::new(203, 0, 113, 50), 9000).into();
    Incident {
        ask: &["the provider says that we send abuse"],
        services: vec![Role::Daemon(Daemon::Sender { to, payload: 600, per_second: 6000 })],
        also: Some(|_: &Stage, said: &Said| one_report(said, &["high-outbound-traffic"], &["slow-ssh-login"])),
        expect: Expect { first: Some("outbound-flood"), not: &["sshd-not-there"], ..incident.expect },
        ..incident
    }
    .play();
}

/// Nothing is complained of and everything is looked at: what the machine itself is short of is all that may be found.
#[test]
fn nothing_is_found_on_a_quiet_host_and_on_a_busy_server() {
    let at: std::net::SocketAddr = (SERVER, 80).into();
    let clients =
        crate::traffic::Clients { to: at, count: 40, per_second: 30, does: crate::traffic::Does::Requests { body: 0 } };
    let busy = (Role::Daemon(Daemon::Http { at, size: 30_000 }), vec![Traffic::Clients(clients)]);
    let quiet = (Role::Web { at }, background_noise());
    for (name, (service, traffic)) in [("diagnosed-quiet", quiet), ("diagnosed-busy", busy)] {
        let stage = crate::support::need::require!(Stage::set(crate::stage::Setting::default()));
        let _service = crate::service::Service::start(&stage.server, &service);
        let _flowing = crate::incident::flow(&stage, &traffic);
        let incident = diagnosed(name);
        let mut played = Played::begin(DIAGNOSE, name, None);
        let said = incident.ask_casebook(&stage);
        let case = said.case.as_ref().unwrap_or_else(|why| panic!("{name}: {why}"));
        let likely = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
        // The resolver of this machine is out of reach from the stage.
        let of_the_machine =
            |id: &str| ["cpu-", "disk-", "full-of-", "resolver-", "lookup-"].iter().any(|begin| id.starts_with(begin));
        let likely: Vec<_> = likely.filter(|cause| !of_the_machine(&cause.id)).collect();
        played.found(case, likely.first().copied());
        let faults = one_report(&said, &["high-inbound-traffic", "slow-ssh-login", "disk-full"], &[]);
        played.judged(likely.is_empty() && faults.is_empty());
        assert!(likely.is_empty(), "{name}: {likely:#?}");
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    }
}
