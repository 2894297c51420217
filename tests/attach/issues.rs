//! Comments on GitHub, GitLab and Jira: servers that hold comments and refuse what their interfaces do not publish.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::wire::{Asked, Reply, Server, plain};
use crate::{TOKEN, attach, desk, said};

/// What makes a server one of the three.
struct Manner {
    /// The path of the list, without its query.
    list: &'static str,
    /// The path of one comment, without its id.
    one: &'static str,
    update: &'static str,
    header: (&'static str, &'static str),
    limit: usize,
    wrapped: bool,
    /// Where files are uploaded.
    files: Option<&'static str>,
    query: &'static [&'static str],
}

const GITHUB: Manner = Manner {
    list: "/repos/acme/net.work/issues/7/comments",
    one: "/repos/acme/net.work/issues/comments",
    update: "PATCH",
    header: ("authorization", "Bearer t0ken-xyzzy"),
    limit: 65_536,
    wrapped: false,
    files: None,
    query: &["per_page=100", "page="],
};
const GITLAB: Manner = Manner {
    list: "/api/v4/projects/acme%2Fsub%2Fnet/issues/7/notes",
    one: "/api/v4/projects/acme%2Fsub%2Fnet/issues/7/notes",
    update: "PUT",
    header: ("private-token", "t0ken-xyzzy"),
    limit: 1_000_000,
    wrapped: false,
    files: Some("/api/v4/projects/acme%2Fsub%2Fnet/uploads"),
    query: &["per_page=100", "page=", "sort=asc", "order_by=created_at"],
};
const JIRA: Manner = Manner {
    list: "/rest/api/2/issue/OPS-7/comment",
    one: "/rest/api/2/issue/OPS-7/comment",
    update: "PUT",
    // ann@example.org:t0ken-xyzzy
    header: ("authorization", "Basic YW5uQGV4YW1wbGUub3JnOnQwa2VuLXh5enp5"),
    limit: 32_767,
    wrapped: true,
    files: Some("/rest/api/2/issue/OPS-7/attachments"),
    query: &["startAt=", "maxResults=100", "orderBy=created"],
};

/// How a file is kept among the comments.
const FILE: &str = "file ";

/// The answer to the upload of a file: Jira lists it, GitLab gives a link.
fn upload(manner: &Manner, held: &mut Vec<String>, asked: &Asked) -> Reply {
    let boundary = asked.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = asked.body.strip_prefix(&format!("--{boundary}\r\n")).unwrap();
    let part = part.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let (head, content) = part.split_once("\r\n\r\n").unwrap();
    assert!(casebook::case::Case::from_json(content).is_ok());
    let name = head.split("name=\"file\"; filename=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    if manner.wrapped && asked.header("x-atlassian-token") != Some("no-check") {
        return plain(403, "XSRF check failed");
    }
    if manner.wrapped {
        held.push(format!("{FILE}{name}"));
        return plain(200, json!([{"filename": name}]));
    }
    plain(201, json!({"alt": name, "markdown": format!("[{name}](/uploads/0a1b/{name})")}))
}

/// The answer of a server that holds these comments.
fn answer(manner: &Manner, held: &Mutex<Vec<String>>, asked: &Asked) -> Reply {
    let refused = |why: &str| plain(422, json!({"message": why}));
    let (name, value) = manner.header;
    if asked.header(name) != Some(value) {
        return plain(401, json!({"message": "Bad credentials"}));
    }
    if asked.header("user-agent").is_none_or(|agent| !agent.starts_with("casebook/")) {
        return plain(403, json!({"message": "Request forbidden by administrative rules: no User-Agent"}));
    }
    if name == "authorization" && value.starts_with("Bearer") {
        let right = asked.header("accept") == Some("application/vnd.github+json")
            && asked.header("x-github-api-version") == Some("2022-11-28");
        if !right {
            return refused("headers");
        }
    }
    let mut held = held.lock().unwrap();
    if asked.path == "/rest/api/2/issue/OPS-7?fields=attachment" {
        let names = held.iter().filter_map(|text| text.strip_prefix(FILE));
        let files: Vec<Value> = names.map(|name| json!({"filename": name})).collect();
        return plain(200, json!({"fields": {"attachment": files}}));
    }
    if asked.method == "POST" && Some(asked.path.as_str()) == manner.files {
        return upload(manner, &mut held, asked);
    }
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let shown = |(at, text): (usize, &String)| {
        let id = if manner.wrapped { json!((at + 1).to_string()) } else { json!(at + 1) };
        json!({"id": id, "body": text, "html_url": format!("https://example.org/c{}", at + 1)})
    };
    if asked.method == "GET" {
        if path != manner.list || !manner.query.iter().all(|part| query.contains(part)) {
            return plain(404, json!({"message": "Not Found"}));
        }
        let all: Vec<Value> = held.iter().enumerate().map(shown).collect();
        let number = |key: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(key)).map_or(0, |value| value.parse::<usize>().unwrap())
        };
        let start = if manner.wrapped { number("startAt=") } else { (number("page=") - 1) * 100 };
        let page: Vec<Value> = all.iter().skip(start).take(100).cloned().collect();
        let body = if manner.wrapped { json!({"comments": page, "total": all.len()}) } else { json!(page) };
        return plain(200, body);
    }
    let body = asked.json();
    let Some(text) = body["body"].as_str().filter(|_| body.as_object().unwrap().len() == 1) else {
        return refused("body");
    };
    if asked.header("content-type") != Some("application/json") || text.encode_utf16().count() > manner.limit {
        return refused("body is too long");
    }
    let at = if asked.method == "POST" && path == manner.list {
        held.push(text.to_owned());
        held.len() - 1
    } else if asked.method == manner.update {
        let id = path.strip_prefix(manner.one).and_then(|id| id.strip_prefix('/')?.parse::<usize>().ok());
        let Some(at) = id.map(|id| id - 1).filter(|at| *at < held.len()) else {
            return plain(404, json!({"message": "Not Found"}));
        };
        held[at] = text.to_owned();
        at
    } else {
        return plain(405, "");
    };
    plain(if asked.method == "POST" { 201 } else { 200 }, shown((at, &held[at])))
}

/// A server of that manner that holds these comments, and its requests.
fn server(manner: &'static Manner, held: Vec<String>) -> Server {
    let held = Mutex::new(held);
    Server::http(move |asked| answer(manner, &held, asked))
}

fn variables(server: &Server) -> [(&'static str, String); 7] {
    [
        ("GITHUB_API_URL", server.url()),
        ("CASEBOOK_GITLAB_URL", server.url()),
        ("CASEBOOK_JIRA_URL", server.url()),
        ("GITHUB_TOKEN", TOKEN.into()),
        ("GITLAB_TOKEN", TOKEN.into()),
        ("JIRA_TOKEN", TOKEN.into()),
        ("JIRA_USER", "ann@example.org".into()),
    ]
}

fn run(server: &Server, line: &str) -> crate::command::Answer {
    let variables = variables(server);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    attach(&desk(), line, &variables)
}

const ALL: [(&Manner, &str); 3] =
    [(&GITHUB, "github:acme/net.work#7"), (&GITLAB, "gitlab:acme/sub/net#7"), (&JIRA, "jira:OPS-7")];

#[test]
fn the_first_report_is_a_comment_and_the_second_updates_it() {
    for (manner, target) in ALL {
        let server = server(manner, vec!["another comment".into()]);
        said(run(&server, &format!("--to {target}")).ended(0), "commented");
        said(run(&server, &format!("--to {target}")).ended(0), "comment updated");
        let asked = server.asked();
        let uploads = asked.iter().filter(|asked| Some(asked.path.as_str()) == manner.files).count();
        assert_eq!(uploads, usize::from(manner.files.is_some()), "{target}: the case goes once");
        let written: Vec<&Asked> =
            asked.iter().filter(|asked| asked.method != "GET" && Some(asked.path.as_str()) != manner.files).collect();
        let methods: Vec<&str> = written.iter().map(|asked| asked.method.as_str()).collect();
        assert_eq!(methods, ["POST", manner.update], "{target}");
        let text = written[0].json()["body"].as_str().unwrap().to_owned();
        assert!(text.contains("SYN flood") && text.contains("casebook"), "{text}");
        assert_eq!(written[1].json()["body"], text, "{target}");
        assert_eq!(text.contains("The case: [casebook-"), target.starts_with("gitlab"), "{text}");
    }
}

#[test]
fn a_case_that_is_not_taken_does_not_keep_the_report_back() {
    let held = Mutex::new(Vec::new());
    let server = Server::http(move |asked| match Some(asked.path.as_str()) == GITLAB.files {
        true => plain(413, json!({"error": "too large"})),
        false => answer(&GITLAB, &held, asked),
    });
    let answer = run(&server, "--to gitlab:acme/sub/net#7");
    said(answer.ended(0), "commented");
    said(&answer, "the case was not taken, the report goes alone");
}

#[test]
fn the_own_comment_is_found_behind_hundreds_of_others() {
    for (manner, target) in ALL {
        let server = server(manner, vec!["noise".to_owned(); 250]);
        said(run(&server, &format!("--to {target}")).ended(0), "commented");
        said(run(&server, &format!("--to {target}")).ended(0), "comment updated");
    }
}

#[test]
fn a_comment_that_quotes_the_marker_is_not_overwritten() {
    let server = server(&GITHUB, Vec::new());
    run(&server, "--to github:acme/net.work#7").ended(0);
    let marker = server.asked()[1].json()["body"].as_str().unwrap().lines().next().unwrap().to_owned();
    assert!(marker.starts_with("<!-- casebook:"), "{marker}");
    let other = self::server(&GITHUB, vec![format!("see\n{marker}\n")]);
    said(run(&other, "--to github:acme/net.work#7").ended(0), "commented");
}

#[test]
fn a_wrong_token_and_a_ticket_that_is_not_there_are_said() {
    let server = server(&GITHUB, Vec::new());
    let url = server.url();
    let wrong = [("GITHUB_API_URL", url.as_str()), ("GITHUB_TOKEN", "wrong")];
    said(
        attach(&desk(), "--to github:acme/net.work#7", &wrong).ended(69),
        "does not let the token (from GITHUB_TOKEN) in (401)",
    );
    said(run(&server, "--to github:acme/other#7").ended(69), "no such ticket");
    let none = [("GITHUB_API_URL", url.as_str())];
    attach(&desk(), "--to github:acme/net.work#7", &none).refused(&["GitHub wants a token: set GITHUB_TOKEN"]);
}

#[test]
fn a_dry_run_needs_no_token_and_says_which_one_sending_needs() {
    for (target, who) in [
        ("github:acme/net.work#7", "GitHub wants a token: set GITHUB_TOKEN"),
        ("gitlab:acme/tools/net#7", "GitLab wants a token: set GITLAB_TOKEN"),
        ("jira:OPS-7", "Jira wants a token: set JIRA_TOKEN"),
    ] {
        let none = [("CASEBOOK_JIRA_URL", "https://jira.example")];
        let answer = attach(&desk(), &format!("--to {target} --dry-run"), &none);
        answer.ended(0).printed(&["this would leave", "POST https://", "Not yet to be sent: ", who]);
        assert!(!answer.out.contains("Authorization"), "{}", answer.out);
    }
}

#[test]
fn a_dry_run_shows_all_and_sends_nothing() {
    let server = server(&GITHUB, Vec::new());
    let answer = run(&server, "--to github:acme/net.work#7 --dry-run");
    answer.ended(0).printed(&[
        "GET http://127.0.0.1",
        "POST http://127.0.0.1",
        "Bearer (from GITHUB_TOKEN)",
        "SYN flood",
    ]);
    assert!(server.asked().is_empty());
}

#[test]
fn the_token_may_come_from_a_file_that_others_cannot_read() {
    use std::os::unix::fs::PermissionsExt;
    let server = server(&GITHUB, Vec::new());
    let desk = desk();
    desk.put("token", TOKEN);
    let mode = |mode| std::fs::set_permissions(desk.path("token"), std::fs::Permissions::from_mode(mode)).unwrap();
    let url = server.url();
    let line = "--to github:acme/net.work#7 --token-file token";
    mode(0o644);
    attach(&desk, line, &[("GITHUB_API_URL", &url)]).refused(&["mode 0644", "chmod 600"]);
    mode(0o600);
    attach(&desk, line, &[("GITHUB_API_URL", &url)]).ended(0);
}

#[test]
fn a_report_that_is_too_long_is_cut_and_says_so() {
    let mut case: Value = serde_json::from_str(&crate::recorded("syn-flood")).unwrap();
    let finding = case["findings"][0].clone();
    let many = (0..3000).map(|number| {
        let mut finding = finding.clone();
        finding["step"] = json!(format!("step{number}"));
        finding["verdict"] = json!("warning");
        finding["sentence"] = json!(format!("sentence {number} of a very long report | <b>"));
        finding
    });
    case["findings"] = many.collect();
    for (manner, target) in ALL {
        let server = server(manner, Vec::new());
        let desk = desk();
        desk.put("a.case", case.to_string());
        let variables = variables(&server);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = attach(&desk, &format!("--to {target}"), &variables);
        answer.ended(0);
        // Markdown keeps itself short enough; what Jira takes is shorter.
        if manner.wrapped {
            said(&answer, "the report was cut");
        }
    }
}
