//! Probes by hand.

use crate::command::casebook;

/// Every probe, with whether it watches over a window.
const PROBES: &[(&str, bool)] = &[
    ("host", true),
    ("interfaces", true),
    ("sockets", true),
    ("namespaces", true),
    ("capture", true),
    ("firewall", true),
    ("kernel", true),
    ("drops", true),
    ("logs", false),
];

#[test]
fn each_gives_a_result_or_a_gap_with_its_reason() {
    for (probe, watches) in PROBES {
        let window = if *watches { "window=200ms" } else { "since=1s" };
        let answer = casebook(&format!("probe {probe} {window} --format json"));
        let evidence: serde_json::Value = serde_json::from_str(&answer.reported().out).unwrap();
        assert_eq!(evidence["probe"], *probe);
        assert_eq!(evidence["gap"].is_null(), answer.status == Some(0), "{answer:#?}");
    }
}

#[test]
fn results_come_as_a_table_or_as_yaml() {
    casebook("probe host window=200ms").ended(0).printed(&["hostname", "kernel"]);
    casebook("probe host window=200ms --format yaml").ended(0).printed(&["probe: host"]);
    casebook("probe host --format xml").refused(&["[possible values: table, json, yaml]"]);
}

#[test]
fn each_explains_its_parameters() {
    for (probe, _) in PROBES {
        casebook(&format!("probe {probe} --help-params")).ended(0).printed(&[probe]);
    }
}

#[test]
fn an_unknown_probe_is_named_with_the_nearest_or_with_all() {
    casebook("probe sockts").refused(&["no probe `sockts`", "did you mean `sockets`?"]);
    casebook("probe zzz").refused(&["no probe `zzz`", "there are: host, interfaces"]);
}

#[test]
fn a_wrong_parameter_is_refused_with_the_way_out() {
    for (probe, _) in PROBES {
        casebook(&format!("probe {probe} nothing_like_it=1")).refused(&[&format!("probe {probe} has no parameter")]);
    }
    casebook("probe capture interfac=lo").refused(&["did you mean `interface`?"]);
    casebook("probe host window=abc").refused(&["`abc` is not a span of time", "--help-params"]);
    casebook("probe host window").refused(&["`window` does not set anything"]);
    casebook("probe capture top=many").refused(&["`top` cannot be `many`"]);
    casebook("probe ledger window=1s").refused(&["no parameter `window`; it takes none"]);
}

#[test]
fn a_window_beyond_all_clocks_is_refused() {
    casebook("probe capture window=99999999999999999s").refused(&["longer than 100 years"]);
}

#[test]
fn an_interface_that_does_not_exist_is_refused_with_those_there_are() {
    for probe in ["interfaces", "capture"] {
        let answer = casebook(&format!("probe {probe} interface=nope0 window=200ms"));
        answer.refused(&["cannot watch interface `nope0`", "there are lo"]);
    }
}
