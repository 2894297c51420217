//! Defaults from the configuration file of the user.

use std::os::unix::fs::PermissionsExt;

use crate::command::{Answer, Desk, GOOD};

fn desk(config: &str) -> Desk {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path(".config/casebook")).unwrap();
    desk.put("brief.yaml", GOOD).put(".config/casebook/config.toml", config);
    desk
}

fn params(answer: &Answer) -> serde_json::Value {
    let case: serde_json::Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    serde_json::json!({"params": case["params"], "given": case["given"]})
}

#[test]
fn parameters_have_defaults_for_all_and_for_one_runbook() {
    let desk =
        desk("[params]\nhigh = \"5Gbit/s\"\nwindow = \"2s\"\n[params.brief]\nwindow = 1\n[params.other]\nx = 1\n");
    let found = params(&desk.run("run ./brief.yaml --no-keep --format json"));
    assert_eq!((found["params"]["high"].as_f64(), found["params"]["window"].as_f64()), (Some(5e9), Some(1.0)));
    // They stand in the case as if they had been typed, so that the run can be repeated.
    assert_eq!(found["given"]["high"], "5Gbit/s");
    let found = params(&desk.run("run ./brief.yaml --no-keep --format json --set high=7Gbit/s"));
    assert_eq!(found["params"]["high"], 7e9);
    desk.run("show ./brief.yaml").ended(0).printed(&["5Gbit/s by", "config.toml:2", "1 by", "config.toml:5"]);
}

#[test]
fn reports_have_defaults_and_flags_go_before_them() {
    let desk = desk("[report]\nformat = \"markdown\"\nverbose = true\nredact = [\"hosts\"]\n");
    let answer = desk.run("run ./brief.yaml --no-keep");
    answer.reported().printed(&["# Brief on host"]);
    let answer = desk.run("run ./brief.yaml --no-keep --format json");
    assert!(answer.reported().out.starts_with('{'), "{}", answer.out);
}

#[test]
fn what_is_wrong_is_refused_with_file_and_line() {
    for (config, said) in [
        ("[report]\nformt = \"text\"\n", "config.toml:2: there is no key `formt` in [report]; did you mean `format`?"),
        ("[params.brief]\nhihg = \"1Gbit/s\"\n", "config.toml:2: brief has no parameter `hihg`; did you mean `high`?"),
        ("[params]\nhigh = 20\n", "config.toml:2: high is a rate: say 20Mbit/s"),
        ("[params]\nhigh = \"5kg\"\n", "config.toml:2: parameter `high`"),
        ("[mail]\npassword = \"x\"\n", "a secret has no place in this file; write password_file or password_env"),
        ("[report\n", "config.toml:1"),
    ] {
        desk(config).run("run ./brief.yaml").refused(&[said]);
    }
    // What needs no defaults works all the same, and says what is wrong.
    desk("[report\n").run("list").ended(0);
    desk("[report\n").run("doctor").ended(0).printed(&["Defaults (casebook config)", "config.toml:1"]);
    desk("[report\n").run("config").refused(&["config.toml:1"]);
}

#[test]
fn a_secret_of_a_runbook_has_no_place_there() {
    let desk = desk("[params]\nword = \"x\"\n");
    desk.put("brief.yaml", GOOD.replace("params:\n", "params:\n  word: {type: string, secret: true, help: Word.}\n"));
    desk.run("run ./brief.yaml").refused(&["config.toml:2: `word` is a secret", "--set word=..."]);
}

#[test]
fn a_file_that_others_can_change_is_refused() {
    let desk = desk("[report]\nformat = \"markdown\"\n");
    let path = desk.path(".config/casebook/config.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    desk.run("run ./brief.yaml").refused(&["the configuration", "config.toml", "everybody may write"]);
    // Nothing waives it.
    desk.run("run ./brief.yaml --trust").refused(&["everybody may write"]);
}

#[test]
fn config_shows_each_default_with_its_place() {
    let desk = desk("[report]\nformat = \"markdown\"\n\n[tracker.github]\ntoken_file = \"github.token\"\n");
    desk.run("config").ended(0).printed(&["report.format \"markdown\"", "config.toml:2", "config.toml read"]);
    let elsewhere = desk.run_with("config", |command| {
        command.env("XDG_CONFIG_HOME", desk.path("none"));
    });
    elsewhere.ended(0).printed(&["No defaults are set.", "none/casebook/config.toml not there"]);
    desk.run("doctor").ended(0).printed(&["2 defaults from"]);
}

#[test]
fn tickets_go_by_it_where_neither_flag_nor_variable_says() {
    let desk = desk(
        "[mail]\nserver = \"mail.example.org\"\nfrom = \"ops@example.org\"\n\
         [tracker.github]\nurl = \"https://git.example.org/api/v3\"\ntoken_file = \"github.token\"\n\
         [tracker.jira]\nurl = \"https://jira.example.org\"\ntoken_env = \"OUR_JIRA\"\n",
    );
    desk.put(".config/casebook/github.token", "abc\n");
    let token = desk.path(".config/casebook/github.token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    desk.run("run ./brief.yaml --no-keep --save a.case").reported();
    let mail = desk.run("attach a.case --to mailto:noc@example.org --dry-run");
    mail.ended(0).printed(&["mail.example.org", "ops@example.org"]);
    desk.run("attach a.case --to mailto:noc@example.org --dry-run --from me@example.org")
        .ended(0)
        .printed(&["me@example.org"]);
    let github = desk.run("attach a.case --to github:acme/net#1 --dry-run");
    github.ended(0).printed(&["https://git.example.org/api/v3", "github.token"]);
    assert!(!github.out.contains("abc"), "{}", github.out);
    // The variable that everybody knows goes before the file.
    let github = desk.run_with("attach a.case --to github:acme/net#1 --dry-run", |command| {
        command.env("GITHUB_TOKEN", "xyz").env("GITHUB_API_URL", "https://other.example.org");
    });
    github.ended(0).printed(&["https://other.example.org", "GITHUB_TOKEN"]);
    let jira = desk.run_with("attach a.case --to jira:OPS-1 --dry-run", |command| {
        command.env("OUR_JIRA", "x");
    });
    jira.ended(0).printed(&["https://jira.example.org", "OUR_JIRA"]);
}

#[test]
fn a_home_that_is_no_folder_has_no_defaults() {
    let desk = desk("[report]\nformat = \"markdown\"\n");
    let answer = desk.run_with("run ./brief.yaml --no-keep --format json", |command| {
        command.env("HOME", "/dev/null");
    });
    assert_eq!(params(&answer)["given"], serde_json::Value::Null);
}
