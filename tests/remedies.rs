//! A remedy is shown only where it would help and cuts nobody who is served: recorded hosts, changed in what decides it.

mod support;

use casebook::case::{Case, Evidence, Remedy};
use indexmap::IndexMap;
use serde_json::{Value, json};
use support::recorded;

/// A recorded case, judged again with these values at these places of its evidence.
fn judged(name: &str, changes: &[(&str, &str, Value)]) -> Case {
    let (_, case) = recorded::all().into_iter().find(|(found, _)| found == name).expect("it is recorded");
    let mut evidence: IndexMap<String, Evidence> = case.evidence.clone();
    for (step, pointer, value) in changes {
        let output = evidence[*step].output.as_mut().expect("the step looked");
        *output.pointer_mut(pointer).unwrap_or_else(|| panic!("{step} has no {pointer}")) = value.clone();
    }
    recorded::judge(&recorded::shipped(&case.runbook.name), &case, evidence)
}

fn remedies<'a>(case: &'a Case, cause: &str) -> Vec<&'a Remedy> {
    let cause = case.diagnosis.causes.iter().find(|found| found.id == cause).expect("it is weighed");
    cause.remedies.iter().collect()
}

/// What the remedies of a cause say and run.
fn advice(case: &Case, cause: &str) -> String {
    let text = |remedy: &Remedy| format!("{}\n{}\n", remedy.action, remedy.run.as_deref().unwrap_or(""));
    remedies(case, cause).into_iter().map(text).collect()
}

/// The place of the socket that waits at a port, or of the endpoint with it.
fn at_port(name: &str, step: &str, list: &str, port: u16) -> String {
    let (_, case) = recorded::all().into_iter().find(|(found, _)| found == name).expect("it is recorded");
    let rows = case.evidence[step].output.as_ref().expect("the step looked")[list].as_array().expect("a list").clone();
    let place = rows.iter().position(|row| row["port"] == json!(port)).expect("it is there");
    format!("/{list}/{place}")
}

#[test]
fn a_port_is_closed_earlier_only_where_nobody_waits_on_it_or_answers() {
    let name = "dropped-by-nft";
    let closed = advice(&judged(name, &[]), "dropped-by-firewall");
    assert!(closed.contains("casebook_early"), "{closed}");
    assert!(closed.contains("ip daddr 10.77.1.2 udp dport 9987"), "of that address alone: {closed}");

    let endpoint = at_port(name, "traffic", "endpoints", 9987);
    let answered =
        advice(&judged(name, &[("traffic", &format!("{endpoint}/tx_packets"), json!(900))]), "dropped-by-firewall");
    assert!(!answered.contains("casebook_early") && !answered.contains("please drop UDP"), "{answered}");
    assert!(answered.contains("Leave the rule as it is"), "{answered}");

    let (_, case) = recorded::all().into_iter().find(|(found, _)| found == name).expect("it is recorded");
    let mut listeners = case.evidence["sockets"].output.as_ref().expect("it looked")["listeners"].clone();
    let game = json!({
        "protocol": "udp", "address": "0.0.0.0", "port": 9987, "any_address": true, "process": {"pid": 40, "name": "game"},
        "owners": 1, "in_kernel": false, "queue": 0, "backlog": null, "syn_recv": 0, "drops": 0, "drops_total": 0,
        "receive_buffer": 212_992, "connected": false, "remote_address": null, "remote_port": null,
    });
    listeners.as_array_mut().expect("a list").push(game);
    let awaited = advice(&judged(name, &[("sockets", "/listeners", listeners)]), "dropped-by-firewall");
    assert!(!awaited.contains("casebook_early") && !awaited.contains("please drop UDP"), "{awaited}");
}

#[test]
fn a_backlog_is_raised_where_the_kernels_limit_is_what_bounds_it() {
    let name = "syn-flood";
    let listener = at_port(name, "sockets", "listeners", 80);
    let with = |backlog: u32, limit: u32, lost: u32, cookies: u32| {
        let changes = [
            ("sockets", format!("{listener}/backlog"), json!(backlog)),
            ("kernel", "/settings/somaxconn".to_owned(), json!(limit)),
            ("kernel", "/tcp/req_q_full_drop".to_owned(), json!(lost)),
            ("kernel", "/tcp/req_q_full_do_cookies".to_owned(), json!(cookies)),
            ("kernel", "/tcp/syncookies_sent".to_owned(), json!(cookies)),
            ("kernel", "/tcp/listen_overflows".to_owned(), json!(0)),
        ];
        let changes: Vec<_> =
            changes.iter().map(|(step, pointer, value)| (*step, pointer.as_str(), value.clone())).collect();
        judged(name, &changes)
    };
    let bound = with(128, 128, 700, 0);
    assert!(advice(&bound, "syn-flood").contains("sysctl -w net.core.somaxconn=4096"));
    let undo = remedies(&bound, "syn-flood")
        .into_iter()
        .find_map(|remedy| remedy.undo.clone().filter(|u| u.contains("somaxconn")));
    assert_eq!(undo.as_deref(), Some("sysctl -w net.core.somaxconn=128"));

    let own = advice(&with(128, 4096, 700, 0), "syn-flood");
    assert!(!own.contains("sysctl -w net.core.somaxconn"), "{own}");
    assert!(own.contains("asks for a backlog of 128 itself"), "{own}");

    let held = advice(&with(128, 128, 0, 9000), "syn-flood");
    assert!(held.contains("SYN cookies hold it: 9,000 sent, no SYN lost"), "{held}");
    assert!(!held.contains("somaxconn=4096") && !held.contains("SYNPROXY"), "{held}");
}

#[test]
fn a_buffer_is_raised_where_the_kernels_limit_is_what_bounds_it() {
    let name = "udp-flood-slow-owner";
    let listener = at_port(name, "sockets", "listeners", 5514);
    let with = |buffer: u64, limit: u64| {
        let changes = [
            ("sockets", format!("{listener}/receive_buffer"), json!(buffer)),
            ("kernel", "/settings/rmem_max".to_owned(), json!(limit)),
        ];
        let changes: Vec<_> =
            changes.iter().map(|(step, pointer, value)| (*step, pointer.as_str(), value.clone())).collect();
        advice(&judged(name, &changes), "udp-flood-open-port")
    };
    assert!(with(425_984, 212_992).contains("sysctl -w net.core.rmem_max"));
    let own = with(16_384, 212_992);
    assert!(!own.contains("sysctl -w net.core.rmem_max") && own.contains("SO_RCVBUF"), "{own}");
}

#[test]
fn stray_segments_are_dropped_by_state_only_where_connections_are_tracked() {
    let flood = |tracked: Value, open: u64| {
        let changes = [
            ("sockets", "/counts/tcp_established", json!(open)),
            ("traffic", "/rx/packets", json!(25_000)),
            ("traffic", "/tcp/packets", json!(24_000)),
            ("traffic", "/tcp/stray", json!(20_000)),
            ("traffic", "/tcp/data", json!(100)),
            ("kernel", "/conntrack", tracked),
        ];
        let case = judged("quiet", &changes);
        assert_eq!(case.diagnosis.causes[0].id, "ack-flood");
        advice(&case, "ack-flood")
    };
    let table = |count: u64| {
        json!({
            "count": count, "max": 65536, "used_share": 0.01, "insert_failed": 0, "drop": 0, "early_drop": 0, "invalid": 0,
            "search_restart": 0,
        })
    };
    let tracked = flood(table(600), 3);
    let (loose, rule) = (tracked.find("nf_conntrack_tcp_loose=0"), tracked.find("ct state invalid"));
    assert!(loose.is_some() && loose < rule, "the rule matches nothing before the sysctl: {tracked}");
    // Both would cut every connection that is open.
    for nothing in [table(0), Value::Null] {
        assert!(!flood(nothing, 3).contains("casebook_invalid"));
    }
    // A flood of strays leaves no entries behind, for each is answered with a reset: where none is open, none is cut.
    assert!(flood(table(0), 0).contains("casebook_invalid"));
}

#[test]
fn no_remedy_ends_a_process_or_has_blanks_and_its_undo_is_not_what_it_does() {
    for (name, case) in recorded::all() {
        let judged = recorded::judge(&recorded::shipped(&case.runbook.name), &case, case.evidence.clone());
        for remedy in judged.diagnosis.causes.iter().flat_map(|cause| &cause.remedies) {
            let run = remedy.run.as_deref().unwrap_or("");
            assert!(!run.contains("kill "), "{name}: {run}");
            assert!(!remedy.action.contains("not seen"), "{name}: {}", remedy.action);
            assert_ne!(Some(run), remedy.undo.as_deref(), "{name}");
        }
    }
}
