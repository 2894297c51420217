//! Lint of Lua files: the same form as for YAML, folders, and exit statuses.

use crate::command::Desk;

const CHECK: &str = "return check {\n  name = \"it\", summary = \"It\", needs = { \"host\" },\n  run = function(cx)\n    \
                     return cx.ok(\"load \" .. cx.probe(\"host\").load.one)\n  end,\n}\n";

#[test]
fn a_good_check_is_called_good() {
    let desk = Desk::new();
    let answer = desk.put("it.lua", CHECK).run("lint it.lua");
    assert_eq!((answer.status, answer.err.as_str()), (Some(0), ""));
    assert!(answer.out.starts_with("it.lua: good: a check"), "{}", answer.out);
}

#[test]
fn a_misspelt_field_is_shown_at_its_place() {
    let desk = Desk::new();
    let answer = desk.put("it.lua", CHECK.replace("load.one", "laod.one")).run("lint it.lua");
    answer.refused(&["host has no field `laod`", "it.lua:4:46", "did you mean `load`?"]);
}

#[test]
fn a_warning_leaves_it_good() {
    let desk = Desk::new();
    let text = CHECK.replace("    return", "    seen = cx.now\n    return");
    let answer = desk.put("it.lua", &text).run("lint it.lua");
    assert_eq!(answer.status, Some(0), "{}", answer.err);
    assert!(answer.err.starts_with("warning: `seen` is global"), "{}", answer.err);
}

#[test]
fn folders_are_searched_and_every_file_is_told() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("checks/deep")).unwrap();
    desk.put("checks/it.lua", CHECK);
    desk.put("checks/deep/broken.lua", "return check {");
    desk.put("checks/it.test.lua", "not lua");
    desk.put("checks/notes.txt", "nothing");
    let answer = desk.run("lint checks");
    answer.refused(&["checks/deep/broken.lua:1:15", "`}`, to close `{`, is expected, but the script ends"]);
    assert!(answer.out.contains("checks/it.lua: good"), "{}", answer.out);
}

#[test]
fn a_folder_without_anything_to_lint_is_bad_usage() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.put("empty/notes.txt", "nothing").run("lint empty").refused(&["no runbooks and no Lua files in empty"]);
}

#[test]
fn the_types_for_editors_are_written_where_they_are_wanted() {
    let desk = Desk::new();
    let answer = desk.run("generate --types types");
    assert_eq!(answer.status, Some(0), "{}", answer.err);
    assert!(answer.out.lines().any(|line| line == "types/casebook.lua"), "{}", answer.out);
}
