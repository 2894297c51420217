//! What scripts see of evidence, and what they do not.

use std::sync::Arc;

use mlua::{Lua, Value as LuaValue};
use serde_json::{Value, json};

use super::{Outside, evidence_value, gap_of, handle_json, install};
use crate::case::{Evidence, Gap, Missing, Reason};

fn denied(what: &str) -> Gap {
    Gap::denied(format!("see {what}"), "CAP_TEST")
}

fn evidence(output: Value, missing: &[&str]) -> Evidence {
    let missing = missing.iter().map(|field| Missing { fields: vec![(*field).to_owned()], gap: denied(field) });
    Evidence {
        probe: "sockets".into(),
        params: json!({"limit": 5, "state": null}),
        started: jiff::Timestamp::from_millisecond(1_500).unwrap(),
        seconds: 2.5,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: Some(output),
        gap: None,
        missing: missing.collect(),
        loss: vec!["two processes vanished".into()],
        typed: Default::default(),
    }
}

/// Two of three rows have a process; one is the kernel's own, without a gap.
fn sockets() -> Value {
    json!({
        "seconds": 2.5,
        "source": "sock_diag",
        "rows": [
            {"port": 53, "state": "open", "rx_bytes": 700, "process": {"name": "dns", "pid": 3, "unit": null}, "tags": []},
            {"port": 80, "state": "open", "rx_bytes": 900, "process": {"name": "web", "pid": 4, "unit": null}, "tags": ["a", "b"]},
            {"port": 22, "state": "shut", "rx_bytes": null, "process": null, "tags": ["c"]},
        ],
        "none": [],
        "closed": null,
        "by_device": {"eth0": 1, "eth0.100": 2, "53": 3},
        "large": [9_007_199_254_740_993_i64, 18_446_744_073_709_551_615_u64, 1.5],
    })
}

fn schema() -> Value {
    let process =
        json!({"anyOf": [{"type": "object", "properties": {"name": {}, "pid": {}, "unit": {}}}, {"type": "null"}]});
    let row = json!({"type": "object", "properties": {
        "port": {}, "state": {}, "rx_bytes": {}, "process": process, "tags": {"type": "array", "items": {}}, "added_later": {},
    }});
    json!({"type": "object", "properties": {
        "seconds": {}, "source": {}, "rows": {"type": "array", "items": row}, "none": {"type": "array", "items": row},
        "closed": {"anyOf": [{"type": "object", "properties": {"bytes": {}}}, {"type": "null"}]},
        "by_device": {"type": "object", "additionalProperties": {"type": "integer"}}, "large": {"type": "array", "items": {}},
    }})
}

fn host(evidence: Evidence) -> Lua {
    let lua = Lua::new();
    lua.set_memory_limit(64 << 20).unwrap();
    let e = evidence_value(&lua, "sockets", Arc::new(evidence), Some(Arc::new(schema()))).unwrap();
    lua.globals().raw_set("e", e).unwrap();
    install(&lua, &lua.globals()).unwrap();
    lua
}

fn run(evidence: Evidence, script: &str) -> mlua::Result<Value> {
    let lua = host(evidence);
    let value: LuaValue = lua.load(script).eval()?;
    Ok(match &value {
        LuaValue::UserData(handle) => handle_json(handle).expect("a part of evidence"),
        value => serde_json::to_value(value).expect("a plain value"),
    })
}

/// What a script gives over evidence in which nothing is missing.
#[track_caller]
fn gives(script: &str, wanted: Value) {
    gives_with(&[], script, wanted);
}

#[track_caller]
fn gives_with(missing: &[&str], script: &str, wanted: Value) {
    match run(evidence(sockets(), missing), script) {
        Ok(value) => assert_eq!(value, wanted, "{script}"),
        Err(error) => panic!("{script}: {error}"),
    }
}

/// The script ends with the gap of the path.
#[track_caller]
fn unknown(missing: &str, script: &str) {
    match run(evidence(sockets(), &[missing]), script) {
        Ok(value) => panic!("{script}: {value}"),
        Err(error) => assert_eq!(gap_of(&error), Some(denied(missing)), "{script}: {error}"),
    }
}

/// The script fails, not for lack of evidence, with a message that has `wanted` in it.
#[track_caller]
fn fails(script: &str, wanted: &str) {
    match run(evidence(sockets(), &[]), script) {
        Ok(value) => panic!("{script}: {value}"),
        Err(error) => {
            assert_eq!(gap_of(&error), None, "{script}");
            assert!(error.to_string().contains(wanted), "{script}: {error}");
        }
    }
}

#[test]
fn fields_are_read_as_those_of_a_table() {
    gives("return e.source", json!("sock_diag"));
    gives("return e.seconds", json!(2.5));
    gives("return e.rows[2].process.name", json!("web"));
    gives("return e.rows[3].tags[1]", json!("c"));
    gives("return math.type(e.rows[1].port)", json!("integer"));
    gives("return e['rows'][1].process", json!({"name": "dns", "pid": 3, "unit": null}));
}

#[test]
fn large_integers_stay_exact_and_larger_ones_become_floats() {
    gives("return e.large[1] == 9007199254740993 and math.type(e.large[1])", json!("integer"));
    gives("return e.large[2] == 2.0^64 and math.type(e.large[2])", json!("float"));
    gives("return e.large[3]", json!(1.5));
}

#[test]
fn a_misspelt_field_is_an_error_that_names_the_nearest() {
    fails("return e.sorce", "sockets has no field `sorce`; did you mean `source`?");
    fails("return e.rows[1].prot", "sockets.rows[1] has no field `prot`; did you mean `port`?");
    fails("return e.rows[1].added_latr", "did you mean `added_later`?");
    fails("return e.rows[1].xyz", "sockets.rows[1] has no field `xyz`");
    fails("return e.rows:where{prot = 1}", "sockets.rows[1] has no field `prot`; did you mean `port`?");
    fails("return e.rows:sum('process.pdi')", "sockets.rows[1].process has no field `pdi`; did you mean `pid`?");
    fails("return e.rows.port", "sockets.rows is a list and has no `port`; its items have: sockets.rows[1].port");
    fails("return e.rows:wher{}", "did you mean `:where(…)`?");
    fails("return e.rows[1][1]", "sockets.rows[1] has no field `1`");
}

#[test]
fn whether_a_field_of_all_items_could_be_seen_can_be_asked() {
    gives("return known(e, 'rows.process')", json!(true));
    gives("return known(e, 'none.process.pid')", json!(true));
    gives_with(&["rows.process"], "return known(e, 'rows.process.pid')", json!(false));
    gives_with(&["rows.process"], "return known(e, 'rows.port')", json!(true));
    gives_with(&["rows"], "return known(e, 'rows.port')", json!(false));
    fails("return known(e, 'rows.prot')", "did you mean `port`?");
}

#[test]
fn a_misspelt_field_is_an_error_even_where_there_is_no_item() {
    fails("return e.none:where{prot = 1}", "did you mean `port`?");
    fails("return e.none:sum('process.pdi')", "did you mean `pid`?");
    fails("return known(e, 'closed.byts')", "did you mean `bytes`?");
    gives("return e.none:sum('rx_bytes')", json!(0));
}

#[test]
fn without_a_schema_the_data_itself_says_which_fields_there_are() {
    let lua = Lua::new();
    let e = evidence_value(&lua, "e", Arc::new(evidence(sockets(), &[])), None).unwrap();
    lua.globals().raw_set("e", e).unwrap();
    let error = lua.load("return e.sorce").exec().unwrap_err();
    assert!(error.to_string().contains("did you mean `source`?"), "{error}");
    assert!(lua.load("return e.closed == nil").eval::<bool>().unwrap());
}

#[test]
fn a_null_without_a_gap_is_nil() {
    gives("return e.closed == nil and e.rows[3].process == nil", json!(true));
    gives_with(&["rows.state"], "return e.closed == nil and e.rows[3].process == nil", json!(true));
}

#[test]
fn a_field_that_an_old_case_lacks_is_like_a_null() {
    gives("return e.rows[1].added_later == nil", json!(true));
    gives("return e.rows:where{added_later = 1}", json!([]));
    unknown("rows.added_later", "return e.rows[1].added_later");
}

#[test]
fn a_null_with_a_gap_raises_the_gap() {
    unknown("closed", "return e.closed");
    unknown("closed", "return e.closed.bytes");
    unknown("rows.process", "return e.rows[3].process");
    gives_with(&["rows.process"], "return e.rows[2].process.name", json!("web"));
    unknown("rows.process", "return e.rows[2].process.unit");
}

#[test]
fn the_message_of_what_is_not_known_says_why_and_the_way_out() {
    let error = run(evidence(sockets(), &["rows.process"]), "return e.rows[3].process").unwrap_err();
    assert!(
        error.to_string().contains(
            "sockets.rows[3].process is not known: could not see rows.process: it needs CAP_TEST; \
             run with sudo, or give a group-restricted binary CAP_TEST"
        ),
        "{error}"
    );
}

#[test]
fn the_gap_survives_that_a_script_catches_and_raises_it_again() {
    unknown("closed", "local ok, err = pcall(function() return e.closed end) error(err)");
    unknown("closed", "local ok, err = pcall(function() return e.closed end) error(err, 0)");
    unknown(
        "closed",
        "local function again(f) local ok, err = pcall(f) error(err) end
         again(function() again(function() return e.rows:first(function() return e.closed end) end) end)",
    );
    unknown("closed", "local f = coroutine.wrap(function() return e.closed end) return f()");
    assert_eq!(gap_of(&mlua::Error::runtime("x is not known: could not see x: no")), None);
}

#[test]
fn evidence_that_is_none_says_so_and_raises_its_gap_for_anything_else() {
    let blind = Evidence { output: None, gap: Some(denied("at all")), ..evidence(json!(null), &[]) };
    let ask = |script: &str| run(blind.clone(), script);
    assert_eq!(ask("return e.available").unwrap(), json!(false));
    assert_eq!(ask("return e.gap.tried .. '|' .. e.gap.reason").unwrap(), json!("see at all|denied"));
    assert_eq!(ask("return tostring(e.gap)").unwrap(), json!(denied("at all").to_string()));
    for script in
        ["return e.rows", "return e.rows[1].port", "for _ in pairs(e) do end", "return value_or(e, 'rows', 1)"]
    {
        assert_eq!(gap_of(&ask(script).unwrap_err()), Some(denied("at all")), "{script}");
    }
    assert_eq!(ask("return known(e, 'rows')").unwrap(), json!(false));
    assert_eq!(ask("return seen_or(e, 'rows', 7)").unwrap(), json!(7));
    assert!(ask("return tostring(e)").unwrap().to_string().contains("is not known"));
    assert_eq!(ask("return about(e).probe").unwrap(), json!("sockets"));
}

#[test]
fn evidence_that_is_there_has_no_gap() {
    gives("return e.available and e.gap == nil", json!(true));
    gives_with(&["rows"], "return e.available and e.gap == nil", json!(true));
}

#[test]
fn neither_output_nor_gap_is_not_known_either() {
    let empty = Evidence { output: None, ..evidence(json!(null), &[]) };
    assert_eq!(gap_of(&run(empty, "return e.rows").unwrap_err()).map(|gap| gap.reason), Some(Reason::Absent));
}

#[test]
fn lists_are_walked_and_measured_as_tables_are() {
    gives("local ports = {} for i, row in ipairs(e.rows) do ports[i] = row.port end return ports", json!([53, 80, 22]));
    gives("local ports = {} for i, row in pairs(e.rows) do ports[i] = row.port end return ports", json!([53, 80, 22]));
    gives("return #e.rows", json!(3));
    gives("return e.rows[4] == nil and e.rows[0] == nil and e.rows[-1] == nil", json!(true));
    gives("return e.rows[2.0].port", json!(80));
}

#[test]
fn an_incomplete_list_shows_what_is_in_it_and_never_what_is_not() {
    gives_with(&["rows"], "return e.rows[1].port", json!(53));
    gives_with(&["rows"], "return e.rows:first{port = 80}.port", json!(80));
    gives_with(&["rows"], "return e.rows:any{port = 80}", json!(true));
    gives_with(&["rows"], "return e.rows:all{port = 80}", json!(false));
    gives_with(&["rows"], "return e.rows:where{port = 80}[1].port", json!(80));
    gives_with(&["rows"], "return #e.rows:take(2)", json!(2));
    for script in [
        "return #e.rows",
        "return e.rows[4]",
        "for _ in ipairs(e.rows) do end",
        "for _ in pairs(e.rows) do end",
        "return e.rows:first{port = 1}",
        "return e.rows:any{port = 1}",
        "return e.rows:all(function(row) return row.port > 1 end)",
        "return e.rows:count()",
        "return e.rows:count{port = 80}",
        "return e.rows:sum('port')",
        "return e.rows:map('port')",
        "return e.rows:top('port', 1)",
        "return e.rows:sort('port')",
        "return e.rows:group('port')",
        "return e.rows:totable()",
        "return #e.rows:where{port = 80}",
        "return #e.rows:where{port = 80}:take(2)",
        "return #e.rows:take(4)",
    ] {
        unknown("rows", script);
    }
    gives_with(&["rows"], "return e.rows:seen():sum('port')", json!(155));
}

#[test]
fn items_are_found_by_fields_paths_and_functions() {
    gives("return e.rows:first{state = 'open'}.port", json!(53));
    gives("return e.rows:first{['process.name'] = 'web'}.port", json!(80));
    gives("return e.rows:first(function(row) return row.port < 50 end).port", json!(22));
    gives("return e.rows:first().port", json!(53));
    gives("return e.rows:first{port = 1} == nil", json!(true));
    gives("return #e.rows:where{state = 'open', port = 80.0}", json!(1));
    gives("return e.rows:any{port = 22, state = 'shut'}", json!(true));
    gives("return e.rows:any{port = '22'}", json!(false));
    gives("return e.rows:all{state = 'open'}", json!(false));
    gives("return e.none:all{state = 'open'}", json!(true));
    gives("return e.rows:count{state = 'open'}", json!(2));
    gives("return e.rows[2].tags:any('b')", json!(true));
}

#[test]
fn an_item_of_which_not_enough_is_known_is_neither_in_nor_out() {
    unknown("rows.process", "return e.rows:first{['process.name'] = 'ssh'}");
    unknown("rows.process", "return e.rows:where{['process.name'] = 'web'}");
    unknown("rows.process", "return e.rows:where(function(row) return row.process.name == 'web' end)");
    unknown("rows.process", "return e.rows:count{['process.name'] = 'web'}");
    unknown("rows.process", "return e.rows:any{['process.name'] = 'ssh'}");
    unknown("rows.rx_bytes", "return e.rows:sum('rx_bytes')");
    unknown("rows.rx_bytes", "return e.rows:top('rx_bytes', 1)");
    unknown("rows.process", "return e.rows:group('process.name')");
    unknown("rows.process", "return e.rows:map('process')");
}

#[test]
fn what_is_known_settles_what_the_unknown_cannot_change() {
    gives_with(&["rows.process"], "return e.rows:where{['process.name'] = 'web', state = 'open'}[1].port", json!(80));
    gives_with(&["rows.process"], "return #e.rows:where{['process.name'] = 'web', state = 'open'}", json!(1));
    gives_with(&["rows.process"], "return e.rows:sort('port', 'desc'):any{['process.name'] = 'dns'}", json!(true));
    gives_with(
        &["rows.process"],
        "return e.rows:sort('port'):all(function(row) return row.process.name == 'dns' end)",
        json!(false),
    );
}

#[test]
fn a_function_that_fails_for_another_reason_ends_the_search_at_once() {
    fails("return e.rows:any(function(row) error('broken') end)", "broken");
    fails("return e.rows:any(function(row) return row.prot end)", "did you mean `port`?");
}

#[test]
fn methods_can_be_chained() {
    gives("return e.rows:where{state = 'open'}:top('rx_bytes', 1)[1].port", json!(80));
    gives("return e.rows:where{state = 'open'}:sort('port', 'desc'):map('port')", json!([80, 53]));
    gives("return e.rows:sort('port'):take(2):where{state = 'shut'}:sum('port')", json!(22));
    gives("return e.rows:sort('port')", {
        let rows = &sockets()["rows"];
        json!([rows[2], rows[0], rows[1]])
    });
}

#[test]
fn sorting_puts_items_that_have_none_last_and_top_leaves_them_out() {
    gives("return e.rows:sort('rx_bytes'):map('port')", json!([53, 80, 22]));
    gives("return e.rows:sort('rx_bytes', 'desc'):map('port')", json!([80, 53, 22]));
    gives("return e.rows:top('rx_bytes', 5):map('port')", json!([80, 53]));
    gives("return e.rows:sort('process.name', 'desc'):map('port')", json!([80, 53, 22]));
    gives("return e.rows:sort(function(row) return -row.port end):map('port')", json!([80, 53, 22]));
    gives("return e.large:sort()[1]", json!(1.5));
    fails("return e.rows:sort('process')", "sockets.rows[1].process is an object, not a number, a text or a boolean");
    fails("return e.rows:sort()", "sockets.rows[1] is an object");
    fails("return e.rows:sort('port', 'down')", "takes \"asc\" or \"desc\"");
    fails("return e.rows:top('port')", "takes a count");
}

#[test]
fn numbers_of_both_kinds_have_one_order() {
    let output = json!({"rows": [], "large": [9_007_199_254_740_993_i64, 9_007_199_254_740_992.0, 9_007_199_254_740_992_i64, -0.0, 0, 1e300, -1e300]});
    let sorted = run(evidence(output, &[]), "return e.large:sort()").unwrap();
    let wanted =
        json!([-1e300, -0.0, 0, 9_007_199_254_740_992.0, 9_007_199_254_740_992_i64, 9_007_199_254_740_993_i64, 1e300]);
    assert_eq!(sorted, wanted);
}

#[test]
fn sums_add_what_is_there_and_do_not_wrap() {
    gives("return e.rows:sum('rx_bytes')", json!(1600));
    gives("return e.rows:sum(function(row) return row.port + 0.5 end)", json!(156.5));
    gives("return e.large:take(1):sum()", json!(9_007_199_254_740_993_i64));
    let output = json!({"large": [i64::MAX, i64::MAX]});
    assert_eq!(run(evidence(output, &[]), "return e.large:sum()").unwrap(), json!(i64::MAX as f64 * 2.0));
    fails("return e.rows:sum('state')", "sockets.rows[1].state is a text, not a number to add");
}

#[test]
fn groups_are_lists_by_their_value_in_the_order_of_the_data() {
    gives("return e.rows:group('state').open:sum('rx_bytes')", json!(1600));
    gives("return #e.rows:group('state').open", json!(2));
    gives("return e.rows:group('state').gone == nil", json!(true));
    gives("return #e.rows:group('state')", json!(2));
    gives("return e.rows:group('port')[22][1].state", json!("shut"));
    gives("return e.rows:group(function(row) return row.port // 1 > 50 end)[false][1].port", json!(22));
    gives(
        "local seen = {} for port in pairs(e.rows:group('port')) do seen[#seen + 1] = port end return seen",
        json!([53, 80, 22]),
    );
    gives("local n = 0 for name, rows in pairs(e.rows:group('process.name')) do n = n + #rows end return n", json!(2));
    gives("return e.rows:sort('port'):group('state').open:map('port')", json!([53, 80]));
    fails("e.rows:group('state').x = 1", "read-only");
}

#[test]
fn map_and_totable_give_plain_tables() {
    gives("return table.concat(e.rows:map('port'), ' ')", json!("53 80 22"));
    gives("return e.rows:map('process')[2].name", json!("web"));
    gives("return e.rows:map(function(row) return row.port * 2 end)", json!([106, 160, 44]));
    gives(
        "local rows = e.rows:totable() table.sort(rows, function(a, b) return a.port < b.port end) return rows[1].port",
        json!(22),
    );
    gives("return type(e.rows:totable()) .. #e.rows:totable()", json!("table3"));
}

#[test]
fn patterns_that_cannot_be_meant_are_errors() {
    fails("return e.rows:where(nil)", "where takes a pattern");
    fails("return e.rows:where(no_such_pattern)", "got a nil");
    fails("return e.rows:where{53}", "takes a table of fields");
    fails("return e.rows:where{port = {53}}", "compares `port` with texts, numbers and booleans, not with a table");
    fails("return e.rows:sum(nil)", "sum takes a field's name or a function");
    fails("return e.rows:take(-1)", "takes a count");
}

#[test]
fn a_function_that_a_list_calls_cannot_yield_and_is_told_so() {
    let script = "return coroutine.wrap(function()
        return e.rows:where(function(row) coroutine.yield(row) return true end)
    end)()";
    fails(script, "a function that a list calls cannot yield");
    fails("return e.rows:sum(function() coroutine.yield() end)", "a function that a list calls cannot yield");
    fails("return e.rows:sort(coroutine.yield)", "a function that a list calls cannot yield");
}

#[test]
fn pairs_goes_through_an_object_in_the_order_of_the_data() {
    let names = "local names = {} for name in pairs(e) do names[#names + 1] = name end return names";
    gives(names, json!(["seconds", "source", "rows", "none", "by_device", "large"]));
    unknown("closed", names);
    gives("local sum = 0 for _, value in pairs(e.by_device) do sum = sum + value end return sum", json!(6));
    unknown("by_device", "for _ in pairs(e.by_device) do end");
}

#[test]
fn the_keys_of_a_map_are_data() {
    gives("return e.by_device.eth0 + e.by_device['eth0.100'] + e.by_device[53]", json!(6));
    gives("return known(e, 'by_device.eth0.100')", json!(true));
    gives("return e.by_device.eth9 == nil", json!(true));
    gives_with(&["by_device"], "return e.by_device.eth0", json!(1));
    unknown("by_device", "return e.by_device.eth9");
}

#[test]
fn nothing_can_be_written() {
    for script in ["e.source = 1", "e.rows[1] = 1", "e.rows[1].port = 2", "e.rows.x = 1", "e.rows[1].process.name = ''"]
    {
        fails(script, "evidence is read-only");
    }
    fails("setmetatable(e, {})", "table expected");
    gives("return getmetatable(e) == false and getmetatable(e.rows) == false", json!(true));
}

#[test]
fn the_same_place_is_equal_to_itself_only() {
    gives(
        "return e.rows[1] == e.rows[1] and e.rows == e.rows and e.rows[2].process == e.rows:first{port = 80}.process",
        json!(true),
    );
    gives(
        "return e.rows[1] == e.rows[2] or e.rows == e.none or e.rows == e.rows:take(1) or e.rows[1] == 1",
        json!(false),
    );
    gives("return e.rows:where{state = 'open'} == e.rows:take(2)", json!(true));
}

#[test]
fn a_part_as_a_text_is_a_line_of_json() {
    gives("return tostring(e.rows[1].process)", json!(r#"{"name":"dns","pid":3,"unit":null}"#));
    gives("return tostring(e.large:take(0))", json!("[]"));
    gives("return #tostring(e) < 210 and tostring(e):sub(-3) == '…'", json!(true));
    let many = evidence(json!({"large": (0..100).collect::<Vec<_>>()}), &[]);
    assert_eq!(run(many, "return tostring(e.large)").unwrap(), json!("[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15…"));
    let text = evidence(json!({"large": ["ü".repeat(300)]}), &[]);
    assert!(run(text, "return tostring(e.large)").unwrap().as_str().unwrap().ends_with("ü…"));
}

#[test]
fn known_asks_without_raising() {
    gives_with(&["rows.process"], "return known(e.rows[3], 'process')", json!(false));
    gives_with(&["rows.process"], "return known(e.rows[3], 'process.name')", json!(false));
    gives_with(&["rows.process"], "return known(e.rows[1], 'process.name')", json!(true));
    gives("return known(e, 'closed')", json!(false));
    gives("return known(e.closed, 'bytes')", json!(false));
    gives("return known({a = {b = 1}}, 'a.b') and not known({a = 1}, 'c')", json!(true));
    fails("return known(e, 'sorce')", "did you mean `source`?");
    fails("return known(1, 'x')", "an item of evidence is wanted here, not a number");
}

#[test]
fn a_default_stands_in_where_absence_is_an_answer() {
    gives("return value_or(e.rows[3], 'rx_bytes', 0)", json!(0));
    gives("return value_or(e.rows[1], 'rx_bytes', 0)", json!(700));
    gives("return value_or(e.rows[3], 'process.name', 'nobody')", json!("nobody"));
    gives("return value_or(e.rows[3].process, 'name', 'nobody')", json!("nobody"));
    gives("return value_or(e.rows[1], 'process.name', 'nobody')", json!("dns"));
    gives("return value_or({x = 1}, 'y', 2)", json!(2));
    gives("return value_or(e.rows, 9, 2)", json!(2));
    unknown("rows.process", "return value_or(e.rows[3], 'process.name', 'nobody')");
    fails("return value_or(e, 'sorce', 0)", "did you mean `source`?");
}

#[test]
fn for_words_a_default_stands_in_for_whatever_reason() {
    gives_with(&["rows.process"], "return seen_or(e.rows[3], 'process.name', 'somebody')", json!("somebody"));
    gives("return seen_or(e.rows[1], 'process.name', 'somebody')", json!("dns"));
    fails("return seen_or(e, 'sorce', 0)", "did you mean `source`?");
}

#[test]
fn about_says_where_evidence_came_from() {
    gives(
        "return about(e).probe .. about(e).params.limit .. about(e.rows[1]).loss[1]",
        json!("sockets5two processes vanished"),
    );
    gives("return about(e).started", json!(1.5));
    gives("return about(e.rows).seconds", json!(2.5));
    gives_with(&["rows.process"], "return about(e).missing[1].fields[1]", json!("rows.process"));
    gives_with(&["rows.process"], "return about(e).missing[1].gap.why", json!("it needs CAP_TEST"));
    fails("return about(1)", "evidence is wanted here");
}

#[test]
fn an_item_that_is_null_is_not_the_end_of_its_list() {
    let holes = evidence(json!({"large": [1, null, 3]}), &[]);
    assert!(gap_of(&run(holes.clone(), "for _ in ipairs(e.large) do end").unwrap_err()).is_some());
    assert!(gap_of(&run(holes, "return e.large:sum()").unwrap_err()).is_some());
}

#[test]
fn depths_beyond_what_is_kept_near_are_reached_too() {
    let deep = json!({"source": {"a": [{"b": {"c": [{"d": {"e": [{"f": 7, "g": null}]}}]}}]}});
    let lua = Lua::new();
    let e = evidence_value(&lua, "e", Arc::new(evidence(deep, &["source.a.b.c.d.e.g"])), None).unwrap();
    lua.globals().raw_set("e", e).unwrap();
    assert_eq!(lua.load("return e.source.a[1].b.c[1].d.e[1].f").eval::<i64>().unwrap(), 7);
    let error = lua.load("return e.source.a[1].b.c[1].d.e[1].g").exec().unwrap_err();
    assert!(error.to_string().contains("e.source.a[1].b.c[1].d.e[1].g is not known"), "{error}");
    assert!(gap_of(&error).is_some());
}

#[test]
fn lists_held_outside_lua_are_bounded_and_those_forgotten_are_not_counted() {
    let many = evidence(json!({"large": (0..50_000).collect::<Vec<_>>()}), &[]);
    let lua = host(many);
    let before = Outside::of(&lua).bytes();
    lua.load("for _ = 1, 60 do assert(#e.large:where() == 50000) end")
        .exec()
        .unwrap_or_else(|error| panic!("forgotten lists are collected: {error}"));
    let error = lua.load("kept = {} for i = 1, 1000 do kept[i] = e.large:sort() end").exec().unwrap_err();
    assert!(error.to_string().contains("not enough memory"), "{error}");
    assert!(lua.load("return #kept > 15").eval::<bool>().unwrap());
    lua.load("kept = nil collectgarbage()").exec().unwrap();
    assert_eq!(Outside::of(&lua).bytes(), before);
    let error = lua.load("kept = {} for i = 1, 1e7 do kept[i] = e.large end").exec().unwrap_err();
    assert!(error.to_string().contains("not enough memory"), "{error}");
    assert!(lua.used_memory() + Outside::of(&lua).bytes() < 70 << 20);
}

#[test]
fn methods_that_call_one_another_without_end_are_stopped() {
    let many = evidence(json!({"large": (0..20_000).collect::<Vec<_>>()}), &[]);
    let lua = host(many);
    let script = "local key; key = function(n) if n == 19999 then return #e.large:sort(key) end return n end return #e.large:sort(key)";
    let error = lua.load(script).exec().unwrap_err().to_string();
    assert!(error.contains("not enough memory") || error.contains("stack overflow"), "{error}");
    assert_eq!(lua.load("return #e.large:sort()").eval::<i64>().unwrap(), 20_000);
}

#[test]
fn a_group_for_every_one_of_many_rows_is_within_bounds() {
    let rows: Vec<Value> = (0..50_000).map(|n| json!({"address": format!("192.0.{}.{}", n / 256, n % 256)})).collect();
    let lua = Lua::new();
    lua.set_memory_limit(64 * 1024 * 1024).unwrap();
    let e = evidence_value(&lua, "e", Arc::new(evidence(json!({"rows": rows}), &[])), None).unwrap();
    lua.globals().raw_set("e", e).unwrap();
    let count = "local n = 0 for address, rows in pairs(e.rows:group('address')) do n = n + #rows end return n";
    assert_eq!(lua.load(count).eval::<i64>().unwrap(), 50_000);
    assert!(lua.load("return #e.rows:map(function(row) return row end)").eval::<i64>().unwrap() == 50_000);
}

#[test]
fn every_method_that_a_misspelt_one_may_mean_exists() {
    for method in crate::script::api::LIST.iter().map(crate::script::api::Entry::name) {
        gives(&format!("return type(e.rows.{method})"), json!("function"));
    }
}
