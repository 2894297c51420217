//! The `service` probe against services that this test plays itself, on loopback.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use casebook::case::Reason;
use casebook::probe::service::{Outcome, Params, Request, Service, ServiceProbe};
use casebook::probe::{Cancel, Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use support::namespace::{in_namespace, ip};
use support::need::{require, tool};

/// A service on a thread, which ends with the process.
fn service(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    at
}

fn params(at: SocketAddr, milliseconds: u64) -> Params {
    Params {
        address: at.ip().to_string(),
        port: at.port(),
        timeout: Span(Duration::from_millis(milliseconds)),
        ..Params::default()
    }
}

fn observe(params: Params) -> Service {
    let observed = ServiceProbe.observe(params, &Context::alone()).unwrap();
    assert!(observed.missing.is_empty(), "{:?}", observed.missing);
    observed.output.services.into_iter().next().unwrap()
}

#[test]
fn a_banner_comes_with_its_times() {
    let at = service(|mut stream| stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap());
    let seen = observe(params(at, 5000));
    assert_eq!((seen.outcome, seen.banner.as_deref()), (Outcome::Answered, Some("SSH-2.0-OpenSSH_9.6")));
    assert_eq!(seen.protocol.as_deref(), Some("ssh"));
    assert!(seen.connected && seen.connect_seconds.is_some() && seen.first_byte_seconds.is_some());
    assert_eq!(seen.from.as_deref(), Some("127.0.0.1"));
}

#[test]
fn a_service_that_thinks_first_is_slow_at_the_first_byte_not_at_the_connection() {
    let at = service(|mut stream| {
        std::thread::sleep(Duration::from_millis(300));
        stream.write_all(b"220 mx.example.org ESMTP\r\n").unwrap();
    });
    let seen = observe(params(at, 10_000));
    assert!(seen.first_byte_seconds.unwrap() >= 0.3 && seen.connect_seconds.unwrap() < 0.3, "{seen:?}");
    assert_eq!(seen.protocol.as_deref(), Some("smtp"));
}

#[test]
fn silence_is_a_fact() {
    let (keep, kept) = channel();
    let at = service(move |stream| keep.send(stream).unwrap());
    let seen = observe(params(at, 200));
    assert!(seen.silent && seen.connected && !seen.timed_out && seen.first_byte_seconds.is_none(), "{seen:?}");
    assert!((0.2..2.0).contains(&seen.seconds), "{}", seen.seconds);
    drop(kept);
}

#[test]
fn nobody_there_and_closing_without_a_word_are_told_apart() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let seen = observe(params(closed, 5000));
    assert!(seen.refused && !seen.connected && seen.outcome == Outcome::Refused && seen.connect_seconds.is_none());

    let seen = observe(params(service(drop), 5000));
    assert!(seen.connected && seen.outcome == Outcome::Closed && !seen.silent, "{seen:?}");
}

#[test]
fn http_is_asked_only_when_told_to() {
    let (asked, heard) = channel();
    let at = service(move |mut stream| {
        let mut request = [0; 1000];
        let length = stream.read(&mut request).unwrap();
        asked.send(String::from_utf8_lossy(&request[..length]).into_owned()).unwrap();
        if length > 0 {
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    assert!(observe(params(at, 200)).silent);
    assert_eq!(heard.recv().unwrap(), "");
    let seen = observe(Params { request: Request::Http, path: "/health".into(), ..params(at, 5000) });
    assert!(heard.recv().unwrap().starts_with("HEAD /health HTTP/1.1\r\nHost: 127.0.0.1"));
    assert_eq!((seen.http_status, seen.protocol.as_deref()), (Some(503), Some("http")));
}

#[test]
fn a_full_accept_queue_looks_like_no_answer() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Listening again only sets the backlog.
    // SAFETY: the descriptor belongs to `listener`, which lives.
    #[allow(unsafe_code)]
    unsafe {
        assert_eq!(libc::listen(listener.as_raw_fd(), 0), 0);
    }
    let at = listener.local_addr().unwrap();
    let wait = Duration::from_millis(300);
    let filled: Vec<_> = (0..8).map_while(|_| TcpStream::connect_timeout(&at, wait).ok()).collect();
    assert!(filled.len() < 8, "the queue never filled");
    let seen = observe(params(at, 300));
    assert!(seen.timed_out && !seen.connected && !seen.refused, "{seen:?}");
}

#[test]
fn several_services_are_asked_side_by_side() {
    let slow = || {
        service(|mut stream| {
            std::thread::sleep(Duration::from_millis(400));
            let _ = stream.write_all(b"hello\n");
        })
    };
    let targets = vec![slow().to_string(), slow().to_string(), slow().to_string()];
    let before = Instant::now();
    let observed = ServiceProbe.observe(Params { targets, ..Params::default() }, &Context::alone()).unwrap();
    assert!(before.elapsed() < Duration::from_millis(1100));
    assert!(observed.output.services.iter().all(|it| it.banner.as_deref() == Some("hello")));
}

#[test]
fn another_host_is_a_gap_and_not_a_packet() {
    let params = Params { address: "192.0.2.99".into(), ..Params::default() };
    let gap = ServiceProbe.observe(params, &Context::alone()).unwrap_err();
    assert_eq!(gap.reason, Reason::Denied);
    let at = service(|mut stream| stream.write_all(b"hello\n").unwrap());
    let targets = vec![at.to_string(), "192.0.2.99:22".into()];
    let observed = ServiceProbe.observe(Params { targets, ..Params::default() }, &Context::alone()).unwrap();
    assert_eq!((observed.output.services.len(), observed.missing.len()), (1, 1));
}

#[test]
fn the_end_of_the_run_ends_the_waiting() {
    let (keep, kept) = channel();
    let at = service(move |stream| keep.send(stream).unwrap());
    let cancel = Arc::new(Cancel::default());
    let end = Arc::clone(&cancel);
    std::thread::spawn(move || {
        let _stream = kept.recv().unwrap();
        end.cancel();
        std::thread::sleep(Duration::from_secs(20));
    });
    let cx = Context::new(Arc::new(StartBarrier::new(1)), cancel, Inputs::new(), |_| {});
    let before = Instant::now();
    let observed = ServiceProbe.observe(params(at, 60_000), &cx).unwrap();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(observed.output.services[0].outcome, Outcome::Interrupted);
    assert_eq!(observed.missing[0].gap.reason, Reason::Cancelled);
}

#[test]
fn the_asker_can_be_another_address_of_this_host() {
    in_namespace(|| {
        ip("addr add 192.0.2.7/32 dev lo");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let from = stream.peer_addr().unwrap().ip();
                stream.write_all(format!("{from}\n").as_bytes()).unwrap();
            }
        });
        let seen = observe(Params { from: Some("192.0.2.7".into()), ..params(at, 5000) });
        assert_eq!((seen.banner.as_deref(), seen.from.as_deref()), (Some("192.0.2.7"), Some("192.0.2.7")));

        let rule = "add table ip t; add chain ip t i { type filter hook input priority 0; }; \
                    add rule ip t i tcp dport 9 drop";
        assert!(Command::new(require!(tool("nft"))).arg(rule).status().unwrap().success());
        let dropped = observe(params("127.0.0.1:9".parse().unwrap(), 200));
        assert!(dropped.timed_out && !dropped.refused, "{dropped:?}");
    });
}
