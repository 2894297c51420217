//! Tests of scopes: what is known, what is not, and what expressions may take.

use serde_json::json;

use super::*;
use crate::case::Evidence;
use crate::script::vocabulary::HELPERS;

fn scope() -> Scope {
    let scope = Scope::new().unwrap();
    let evidence = Evidence {
        probe: "test".into(),
        params: json!({}),
        started: jiff::Timestamp::UNIX_EPOCH,
        seconds: 1.0,
        cpu_seconds: None,
        peak_memory_bytes: None,
        output: Some(
            json!({"seen": 5, "unseen": null, "none": null, "partial": [{"port": 53}], "rows": [{"port": 53, "name": "dns"}, {"port": 80, "name": null}]}),
        ),
        gap: None,
        missing: vec![crate::case::Missing {
            fields: vec!["unseen".into(), "rows.name".into(), "partial".into()],
            gap: Gap::denied("look", "CAP_TEST"),
        }],
        loss: vec![],
        typed: Default::default(),
    };
    scope.set_evidence("step", Arc::new(evidence.clone()), None);
    scope.set_evidence(
        "blind",
        Arc::new(Evidence { output: None, gap: Some(Gap::denied("look at all", "CAP_ALL")), ..evidence }),
        None,
    );
    scope.set_value("params", Ok(json!({"high": 4})));
    scope
}

fn truth(text: &str) -> Truth {
    scope().judge(&Condition::parse(text, "test").unwrap()).truth
}

#[test]
fn what_was_not_seen_is_unknown_and_never_false() {
    assert_eq!(truth("step.seen > params.high"), Truth::Yes);
    assert_eq!(truth("step.unseen > 1"), Truth::Unknown);
    assert_eq!(truth("step.unseen == 1"), Truth::Unknown);
    assert_eq!(truth("not (step.unseen == 1)"), Truth::Unknown);
    assert_eq!(truth("blind.anything.at.all"), Truth::Unknown);
    assert_eq!(truth("any(step.rows, {name = 'ntp'})"), Truth::Unknown);
    for _ in 0..8 {
        assert_eq!(truth("any(take(step.rows, 2), {port = 1, name = 'ntp'})"), Truth::No, "a port that differs");
    }
}

#[test]
fn what_a_name_stands_for_is_worked_out_when_it_is_used_and_once() {
    let scope = scope();
    let expression = |text: &str| Expression::parse(text, "test").unwrap();
    let holds = |text: &str| scope.judge(&Condition::parse(text, "test").unwrap()).truth;
    scope.set_expression("port", &expression("sum(step.rows, 'port')"));
    scope.set_expression("more", &expression("port + 1"));
    scope.set_fact("many", &Condition::parse("more > 100 and step.seen > 1", "test").unwrap());
    scope.set_expression("wrong", &expression("step.sene"));
    scope.set_expression("itself", &expression("itself + 1"));
    assert_eq!(holds("many and more == 134"), Truth::Yes);
    scope.set_value("step", Ok(Value::Null));
    assert_eq!(holds("more == 134"), Truth::Yes, "once");
    assert_eq!(holds("wrong == 1"), Truth::Unknown);
    assert_eq!(holds("itself == 1"), Truth::Unknown);
    // Inside of the function it is another one.
    scope.set_expression("row", &expression("7"));
    assert_eq!(holds("first({1, 2}, function(row) return row == 2 end) + row == 9"), Truth::Yes);
    assert_eq!(holds("any({1, 9}, function(it) return it > row end)"), Truth::Yes);
    // However many hang on each other.
    scope.set_expression("n0", &expression("1"));
    for number in 1..5000 {
        scope.set_expression(&format!("n{number}"), &expression(&format!("n{} + 1", number - 1)));
    }
    assert_eq!(holds("n4999 == 5000"), Truth::Yes);
    scope.set_expression("h0", &expression("1"));
    for number in 1..100 {
        let hidden = format!("h{}", number - 1);
        scope.set_expression(
            &format!("h{number}"),
            &expression(&format!("#where({{}}, function({hidden}) end) + {hidden} + 1")),
        );
    }
    assert_eq!((holds("h20 == 21"), holds("h99 == 100")), (Truth::Yes, Truth::Unknown));
    // A field or a parameter that is called as what uses the expression makes no circle.
    scope.set_expression("worst", &expression("most(where({{to = 3}}, function(to) return to.to > 1 end), 'to')"));
    scope.set_expression("to", &expression("worst.to"));
    assert_eq!(holds("worst.to == 3 and to == 3"), Truth::Yes);
}

#[test]
fn absence_is_an_answer_only_where_no_gap_was_recorded() {
    assert_eq!(truth("value_or(step, 'seen', 0) == 5"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'none', 0) == 0"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'unseen', 0) == 0"), Truth::Unknown);
    assert_eq!(truth("value_or(step.rows[2], 'name', '') == ''"), Truth::Unknown);
    assert_eq!(truth("seen_or(step, 'unseen', 0) == 0"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'unseen', 1, 0) == 0"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'unseen', 1, nil) == nil"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'none', 1, 0) == 1"), Truth::Yes);
    assert_eq!(truth("value_or(step.rows[1], 'name', '') == 'dns'"), Truth::Yes);
    assert_eq!(truth("value_or(nil, 'name', '') == ''"), Truth::Yes);
    assert_eq!(truth("value_or(step, 'sene', 0) == 0"), Truth::Unknown, "a misspelt field is no absence");
    assert_eq!(truth("value_or({a = step}, 'a.seen', 0) == 5"), Truth::Yes);
    assert_eq!(truth("value_or({a = step}, 'a.unseen', 0) == 0"), Truth::Unknown);
    assert_eq!(truth("value_or(step.partial, 9, 0) == 0"), Truth::Unknown);
}

#[test]
fn a_named_condition_means_what_it_means_where_it_stands() {
    let conditions = ["step.unseen > 1", "step.seen > 1", "step.seen < 1", "step.unseen > 1 or step.seen == 5"];
    for condition in conditions {
        for frame in [
            "@",
            "not (@)",
            "@ and step.seen == 5",
            "@ and step.unseen == 1",
            "step.seen == 1 and @",
            "@ or step.seen == 5",
            "known(@)",
        ] {
            let scope = scope();
            scope.set_fact("fact", &Condition::parse(condition, "test").unwrap());
            let written = |with: &str| scope.judge(&Condition::parse(&frame.replace('@', with), "test").unwrap());
            let (named, whole) = (written("fact"), written(&format!("({condition})")));
            assert_eq!((named.truth, named.gaps.len()), (whole.truth, whole.gaps.len()), "{condition} in {frame}");
        }
    }
}

#[test]
fn a_fact_that_is_unknown_says_why_in_facts_that_use_it() {
    let scope = scope();
    scope.set_fact("one", &Condition::parse("step.unseen > 1", "test").unwrap());
    scope.set_fact("two", &Condition::parse("one and step.seen == 5", "test").unwrap());
    let judged = scope.judge(&Condition::parse("two", "test").unwrap());
    assert_eq!((judged.truth, judged.gaps), (Truth::Unknown, vec![Gap::denied("look", "CAP_TEST")]));
}

#[test]
fn an_incomplete_list_shows_what_is_in_it_and_never_what_is_not() {
    assert_eq!(truth("any(step.partial, {port = 53})"), Truth::Yes);
    assert_eq!(truth("any(step.partial, {port = 80})"), Truth::Unknown);
    assert_eq!(truth("first(step.partial, {port = 80}) == nil"), Truth::Unknown);
    assert_eq!(truth("#step.partial == 1"), Truth::Unknown);
    assert_eq!(truth("sum(step.partial, 'port') > 50"), Truth::Unknown);
    assert_eq!(truth("step.partial[1].port == 53"), Truth::Yes);
    assert_eq!(truth("step.partial[2] == nil"), Truth::Unknown);
    assert_eq!(truth("#take(step.partial, 1) == 1"), Truth::Yes);
    assert_eq!(
        scope().judge(&Condition::parse("#step.partial == 1", "test").unwrap()).gaps,
        [Gap::denied("look", "CAP_TEST")]
    );
}

#[test]
fn a_known_operand_can_settle_what_an_unknown_one_cannot() {
    assert_eq!(truth("step.unseen > 1 or step.seen == 5"), Truth::Yes);
    assert_eq!(truth("step.unseen > 1 and step.seen == 4"), Truth::No);
    assert_eq!(truth("step.unseen > 1 and step.seen == 5"), Truth::Unknown);
    assert_eq!(truth("known(step.unseen) or known(step.seen)"), Truth::Yes);
    assert_eq!(truth("known(blind.x)"), Truth::No);
}

#[test]
fn the_gap_of_an_unknown_field_is_the_one_that_the_probe_gave() {
    let scope = scope();
    let judged = scope.judge(&Condition::parse("step.rows[2].name == 'x'", "test").unwrap());
    assert_eq!(judged.gaps, [Gap::denied("look", "CAP_TEST")]);
    let judged = scope.judge(&Condition::parse("blind.x", "test").unwrap());
    assert_eq!(judged.gaps, [Gap::denied("look at all", "CAP_ALL")]);
}

#[test]
fn a_misspelt_field_is_named_with_the_nearest() {
    let judged = scope().judge(&Condition::parse("step.sen > 1", "test").unwrap());
    assert_eq!(judged.truth, Truth::Unknown);
    assert!(judged.gaps[0].why.contains("did you mean `seen`?"), "{:?}", judged.gaps);
}

#[test]
fn an_endless_expression_is_stopped() {
    let judged = scope().judge(&Condition::parse("(function() while true do end end)()", "test").unwrap());
    assert!(judged.gaps[0].why.contains("ran longer"), "{:?}", judged.gaps);
}

#[test]
fn expressions_that_loop_use_up_the_budget_of_the_run_and_what_follows_is_unknown() {
    let scope = Scope { budget: Budget::of(Duration::from_millis(50)), ..scope() };
    let judge = |text: &str| scope.judge(&Condition::parse(text, "test").unwrap());
    assert_eq!(judge("step.seen == 5").truth, Truth::Yes);
    assert_eq!(scope.lacking(), []);
    let looping = judge("(function() while true do end end)()");
    assert!(looping.gaps[0].why.contains("budget for conditions is used up"), "{looping:?}");
    for text in ["step.seen == 5", "known(step.seen)", "not known(step.unseen)", "true"] {
        let after = judge(text);
        assert_eq!((after.truth, after.gaps), (Truth::Unknown, scope.lacking()), "{text}");
    }
    let (text, gaps) = scope.render(&Template::parse("{{ step.seen }}", "test").unwrap());
    assert_eq!((text.as_str(), gaps), ("(not seen)", scope.lacking()));
}

#[test]
fn a_text_that_grows_is_cut_and_all_texts_together_have_an_end() {
    let scope = scope();
    scope.set_value("long", Ok(json!("x".repeat(60_000))));
    let long = Template::parse("{{ long }}{{ long }}{{ long }}", "test").unwrap();
    let (text, gaps) = scope.render(&long);
    assert!(text.ends_with("… (cut: a text has 65.5 kB at most)") && gaps.is_empty(), "{}", text.len());
    assert!(scope.render_command(&long).is_err(), "half a command is none");
    let mut texts = (0..1000).map(|_| scope.render(&long));
    let (text, gaps) = texts.find(|(_, gaps)| !gaps.is_empty()).unwrap();
    assert!(text.len() < 200 && gaps[0].why.contains("budget for texts is used up"), "{text} {gaps:?}");
    assert_eq!(scope.lacking().len(), 1);
}

#[test]
fn the_gaps_of_a_condition_are_told_once_and_not_without_end() {
    let one = vec!["step.unseen > 1"; 500].join(" or ");
    assert_eq!(scope().judge(&Condition::parse(&one, "test").unwrap()).gaps.len(), 1);
    let many = (0..500).map(|number| format!("step.x{number} > 1")).collect::<Vec<_>>().join(" or ");
    assert_eq!(scope().judge(&Condition::parse(&many, "test").unwrap()).gaps.len(), Gap::MOST);
}

#[test]
fn expressions_reach_nothing_of_the_host() {
    for name in ["os", "io", "require", "load", "debug", "print", "setmetatable", "_G"] {
        let judged = scope().judge(&Condition::parse(name, "test").unwrap());
        assert!(judged.gaps.first().is_some_and(|gap| gap.why.contains("nothing is named")), "{name}: {judged:?}");
    }
    assert_eq!(truth("('x').rep == nil and string.find == nil"), Truth::Yes);
}

#[test]
fn every_helper_in_the_list_exists() {
    let scope = scope();
    for helper in HELPERS.iter().filter(|helper| helper.name() != "known") {
        let kind = Expression::parse(&format!("type({})", helper.name()), "test").unwrap();
        assert_eq!(scope.value(&kind).unwrap(), json!("function"), "{}", helper.signature);
    }
}

#[test]
fn commands_quote_what_an_attacker_chose() {
    let scope = scope();
    scope.set_value("name", Ok(json!("x'; rm -rf /; '")));
    let command = Template::parse("kill {{ step.seen }} # {{ name }}", "test").unwrap();
    assert_eq!(scope.render_command(&command).unwrap(), r"kill 5 # 'x'\''; rm -rf /; '\'''");
    let quoted = Template::parse("nft add '{ device {{ name }} }'", "test").unwrap();
    assert!(scope.render_command(&quoted).is_err(), "quotes inside quotes would end them");
    scope.set_value("name", Ok(json!("eth0")));
    assert_eq!(scope.render_command(&quoted).unwrap(), "nft add '{ device eth0 }'");
    let unknown = Template::parse("kill {{ step.unseen }}", "test").unwrap();
    assert!(scope.render_command(&unknown).is_err());
}

#[test]
fn sentences_say_what_was_not_seen() {
    let (text, gaps) = scope().render(&Template::parse("{{ bitrate(step.seen) }}, {{ step.unseen }}", "test").unwrap());
    assert_eq!(text, "5 bit/s, (not seen)");
    assert_eq!(gaps.len(), 1);
}
