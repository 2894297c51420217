//! Runbooks in several files: what they include, where mistakes are shown, what a case keeps.

use crate::command::Desk;

const FIRST: &str = "\
name: floods
title: What floods this host
include: [shared.yaml, causes/udp.yaml]
live_when: not params.pcap
params:
  pcap: {type: path, help: a capture file}
steps:
  - id: host
    title: Is it healthy
    probe: host
    live_only: true
    outcomes:
      - when: busy
        warning: it is busy
      - ok: it is calm
";
const SHARED: &str = "\
facts:
  # A name may use one that is written later, in another file or not.
  busy: much and host.cpus > 0
  much: load > 1000000
let:
  load: host.load.one
";
const CAUSES: &str = "\
causes:
  - each: [{service: dns, port: 53}, {service: ntp, port: 123}]
    id: flood-of-{{ each.service }}
    title: \"too much comes from port {{ each.port }}\"
    signs:
      - against: decisive when not busy
        say: \"little comes from port {{ each.port }}\"
      - for: strong when busy
        live_only: true
";

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("runbooks/floods/causes")).unwrap();
    desk.put("runbooks/floods/floods.yaml", FIRST)
        .put("runbooks/floods/shared.yaml", SHARED)
        .put("runbooks/floods/causes/udp.yaml", CAUSES);
    desk
}

#[test]
fn a_runbook_in_a_folder_is_found_by_name_and_by_path() {
    let desk = desk();
    desk.run("list").ended(0).printed(&["floods"]);
    for name in ["floods", "runbooks/floods", "runbooks/floods/floods.yaml"] {
        desk.run(&format!("show {name}")).ended(0).printed(&["flood-of-… 2 like it", "dns, ntp"]);
    }
    desk.run("lint runbooks").ended(0).printed(&["runbooks/floods/floods.yaml: good: 1 step, 2 causes"]);
    desk.run("lint runbooks/floods/shared.yaml").ended(0).printed(&["runbooks/floods/floods.yaml: good"]);
}

#[test]
fn a_case_holds_all_that_a_replay_needs() {
    let desk = desk();
    let first = desk.run("run floods --save case.json --format json");
    std::fs::remove_dir_all(desk.path("runbooks")).unwrap();
    let again = desk.run("replay case.json --format json");
    let causes = |text: &str| {
        let case: serde_json::Value = serde_json::from_str(text).unwrap();
        (case["verdict"].clone(), case["diagnosis"].clone())
    };
    assert_eq!(causes(&first.out), causes(&again.out));
    again.printed(&["flood-of-dns", "little comes from port 53", "little comes from port 123"]);
}

#[test]
fn a_mistake_is_shown_in_the_file_that_it_was_written_in() {
    let desk = desk();
    desk.put("runbooks/floods/shared.yaml", SHARED.replace("host.load.one", "host.lod.one"));
    desk.run("lint runbooks/floods").refused(&["runbooks/floods/shared.yaml:6:14", "did you mean `load`?"]);
    desk.put("runbooks/floods/shared.yaml", SHARED.replace("facts:", "fakts:"));
    desk.run("lint runbooks/floods").refused(&["runbooks/floods/shared.yaml:1:1", "did you mean `facts`?"]);
    desk.put("runbooks/floods/shared.yaml", SHARED);
    desk.put(
        "runbooks/floods/causes/udp.yaml",
        CAUSES.replace("each.port }}\"\n    signs", "each.prt }}\"\n    signs"),
    );
    desk.run("lint runbooks/floods").refused(&["runbooks/floods/causes/udp.yaml:4", "did you mean `port`?"]);
    desk.put("runbooks/floods/causes/udp.yaml", CAUSES.replace("decisive when", "decisve when"));
    desk.run("lint runbooks/floods").refused(&["udp.yaml:6:18", "did you mean `decisive`?"]);
}

#[test]
fn names_that_use_one_another_are_an_error() {
    let desk = desk();
    desk.put("runbooks/floods/shared.yaml", SHARED.replace("load > 1000000", "not busy"));
    desk.run("lint runbooks/floods").refused(&["names use one another: busy uses much uses busy", "shared.yaml:3:3"]);
}

#[test]
fn nothing_outside_the_runbooks_folder_is_included() {
    let desk = desk();
    desk.put("runbooks/outside.yaml", "facts: {busy: host.cpus > 0}\n");
    for path in ["../outside.yaml", "/etc/passwd", "causes/../../outside.yaml", "shared.lua"] {
        desk.put("runbooks/floods/floods.yaml", FIRST.replace("causes/udp.yaml", path));
        desk.run("lint runbooks/floods").refused(&[path, "no path below the runbook's own folder", "floods.yaml:3"]);
    }
    desk.put("runbooks/floods/floods.yaml", FIRST.replace("causes/udp.yaml", "none.yaml"));
    desk.run("lint runbooks/floods").refused(&["cannot include none.yaml: there is no such file"]);
    desk.put("runbooks/floods/floods.yaml", FIRST.replace("causes/udp.yaml", "shared.yaml"));
    desk.run("lint runbooks/floods").refused(&["`shared.yaml` is included twice"]);
}

#[test]
fn a_file_of_a_runbook_beside_is_included_however_the_first_is_named() {
    let desk = desk();
    for folder in ["runbooks/calm", "runbooks/steps"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.put(
        "runbooks/calm/calm.yaml",
        "name: calm\ntitle: Calm\ninclude: ['@floods/shared.yaml', '@steps/steps.part.yaml']\n",
    );
    let steps = "steps:\n  - {id: host, title: H, probe: host, with: {window: 100ms}, outcomes: [{ok: fine}]}\n";
    desk.put("runbooks/steps/steps.part.yaml", steps);
    desk.put("runbooks/steps/steps.yaml", format!("name: steps\ntitle: Steps\n{steps}"));
    for named in ["calm", "./runbooks/calm", "runbooks/calm/calm.yaml"] {
        desk.run(&format!("lint {named}")).ended(0).printed(&["good"]);
    }
    desk.run("run ./runbooks/calm/calm.yaml --no-keep").ended(0).printed(&["fine"]);
    desk.put("runbooks/calm/calm.yaml", "name: calm\ntitle: Calm\ninclude: ['@none/steps.yaml']\n");
    let refused = desk.run("lint runbooks/calm");
    refused.refused(&["cannot include @none/steps.yaml: no runbook `none` lies beside this one, and none ships"]);
    assert!(!refused.err.contains("no steps"), "what cannot be included may hold them: {}", refused.err);
}

#[test]
fn old_names_still_work_and_lint_tells_the_new_ones() {
    let desk = Desk::new();
    desk.put(
        "old.yaml",
        "name: old\ntitle: Old\ncalm: it is calm\nsteps:\n  - id: host\n    title: H\n    probe: host\n    when: 1 == 2\n    otherwise: nothing to see\n    stop: seen_or(host, 'cpus', 0) == 0\n    outcomes: [{verdict: ok, say: fine}]\n",
    );
    let linted = desk.run("lint old.yaml");
    linted.ended(0).printed(&["good"]);
    for said in [
        "`calm` is the old name of `all_clear`",
        "`otherwise` is the old name of `skip_message`",
        "`seen_or` is the old name of `value_or(item, field, default, default)`",
    ] {
        assert!(linted.err.contains(said), "{}", linted.err);
    }
    desk.run("run ./old.yaml").printed(&["nothing to see"]);
}

#[test]
fn what_is_for_a_live_host_only_wants_to_know_when_that_is() {
    let desk = desk();
    desk.put("runbooks/floods/floods.yaml", FIRST.replace("live_when: not params.pcap\n", ""));
    desk.run("lint runbooks/floods")
        .refused(&["does not say when it looks at a live host", "live_when: not params.pcap"]);
    desk.put("runbooks/floods/floods.yaml", FIRST)
        .put("some.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0");
    let skipped = desk.run("run floods --set pcap=some.pcap --format json");
    let case: serde_json::Value = serde_json::from_str(&skipped.out).unwrap();
    assert_eq!(case["findings"][0]["verdict"], "skipped", "{}", case["findings"]);
}

#[test]
fn a_list_for_each_is_bounded_and_its_ids_must_be_names() {
    let desk = desk();
    let many: Vec<String> = (0..300).map(|port| format!("{{service: s{port}, port: {port}}}")).collect();
    let list = "[{service: dns, port: 53}, {service: ntp, port: 123}]";
    desk.put("runbooks/floods/causes/udp.yaml", CAUSES.replace(list, &format!("[{}]", many.join(", "))));
    desk.run("lint runbooks/floods").refused(&["`each` has 300 entries, more than the 256 there can be"]);
    desk.put("runbooks/floods/causes/udp.yaml", CAUSES.replace("service: ntp", "service: N T P"));
    desk.run("lint runbooks/floods").refused(&["`flood-of-N T P` cannot be the name of a cause"]);
    desk.put("runbooks/floods/causes/udp.yaml", CAUSES.replace(list, "reflectors"));
    desk.run("lint runbooks/floods").refused(&["there is no list `reflectors` for `each`"]);
}
