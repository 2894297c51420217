//! Servers that are busy, slow, gone, or send elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::wire::{Reply, Server, plain};
use crate::{attach, desk, said};

/// A server that gives these answers one after the other, the last one for ever.
fn answers(of: Vec<Reply>) -> Server {
    let next = AtomicUsize::new(0);
    Server::http(move |_| of[next.fetch_add(1, Ordering::SeqCst).min(of.len() - 1)].clone())
}

fn run(server: &Server, more: &str) -> crate::command::Answer {
    attach(&desk(), &format!("--to {}/ {more}", server.url()), &[])
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let server = answers(vec![plain(500, ""), (429, vec![("Retry-After", "1".into())], String::new()), plain(200, "")]);
    run(&server, "").ended(0);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn patience_has_an_end() {
    let server = answers(vec![plain(503, "down")]);
    said(run(&server, "").ended(69), "answered 503: down; gave up after 4 attempts");
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn a_server_that_wants_an_hour_is_not_waited_for() {
    let server = answers(vec![(429, vec![("Retry-After", "3600".into())], String::new())]);
    let began = Instant::now();
    said(run(&server, "").ended(69), "asks to wait 3600 s");
    assert!(began.elapsed().as_secs() < 60 && server.asked().len() == 1);
}

#[test]
fn silence_is_not_waited_for_for_ever() {
    let server = answers(vec![plain(0, ""), plain(200, "")]);
    run(&server, "--timeout 2s").ended(0);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_server_that_is_gone_is_said() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    said(attach(&desk(), &format!("--to http://{gone}/"), &[]).ended(69), "cannot reach http://127.0.0.1");
}

#[test]
fn a_redirect_is_followed_on_the_same_host_only() {
    let elsewhere = Server::http(|_| plain(200, ""));
    let url = elsewhere.url();
    let server = Server::http(move |_| (307, vec![("Location", format!("{url}/steal"))], String::new()));
    said(run(&server, "").ended(69), "a report goes only where it was sent");
    assert!(elsewhere.asked().is_empty());
    let server = Server::http(|asked| match asked.path.as_str() {
        "/" => (307, vec![("Location", "/moved".into())], String::new()),
        _ => plain(200, ""),
    });
    run(&server, "").ended(0);
    let asked = server.asked();
    assert_eq!((asked[1].path.as_str(), asked[1].method.as_str()), ("/moved", "POST"));
    assert_eq!(asked[0].body, asked[1].body);
    let circle = Server::http(|_| (302, vec![("Location", "/".into())], String::new()));
    said(run(&circle, "").ended(69), "in circles");
}

#[test]
fn an_answer_cannot_write_to_the_terminal() {
    let server = answers(vec![plain(400, "\u{1b}[31mred\u{7}")]);
    let answer = run(&server, "");
    assert!(!answer.ended(69).err.contains('\u{1b}'), "{:?}", answer.err);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    for (target, why) in [
        ("http://example.org/hook", "in the clear"),
        ("https://a:b@example.org/", "password in a URL"),
        ("ops", "write it like"),
        ("github:o/r", "number of the issue"),
    ] {
        attach(&desk(), &format!("--to {target}"), &[]).refused(&[why]);
    }
    attach(&desk(), "--to jira:OPS-7", &[("JIRA_TOKEN", "x")]).refused(&["CASEBOOK_JIRA_URL"]);
    desk().run("attach nothing.case --to mailto:a@b").refused(&["there is no such file"]);
}
