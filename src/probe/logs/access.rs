//! A line of a web server's access log, in the common, the combined and the vhost-combined format, as JSON of Caddy or Traefik, or as
//! HAProxy hands it to the logger.
//!
//! What the server says stands first: address, time, then status and bytes behind the request. User name, request, referer
//! and agent are the client's words. Servers escape quotes in them (Apache and lighttpd as `\"`, nginx as `\x22`), so that
//! the first quote that follows `] ` begins the request, whatever brackets the user name holds.

use std::net::IpAddr;

use memchr::{memchr_iter, memmem};

use super::frame::LineFrame;

/// A request, as the server wrote it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access<'l> {
    /// The address of the client; none where the line leaves it open which field it is.
    pub client: Option<&'l [u8]>,
    /// The time: `22/Nov/2026:15:04:05 +0000`.
    pub time: &'l [u8],
    /// The status of the answer.
    pub status: &'l [u8],
    /// Bytes of the answer, `-` for none.
    pub bytes: &'l [u8],
    /// The first line of the request, as it was sent and escaped; of JSON, what was asked for.
    pub request: &'l [u8],
    /// The method, where the request does not begin with it.
    pub method: Option<&'l [u8]>,
    /// Whether a proxy handed it to the logger.
    pub of_proxy: bool,
    /// The page that the client says it comes from.
    pub referer: Option<&'l [u8]>,
    /// What the client calls itself.
    pub agent: Option<&'l [u8]>,
    /// For whom the client says it asks (`X-Forwarded-For`), the last address of several: what the proxy nearest to the server saw, when
    /// the client is one. Whoever asks may write what he likes there.
    pub forwarded: Option<&'l [u8]>,
}

/// How a server writes requests as JSON: its keys, each with what stands before the value. In a text that a client chose every
/// quote is escaped, so that no such text holds a key.
struct JsonKeys {
    /// A key that no other server's lines have.
    own: &'static str,
    /// The first that is there counts.
    client: &'static [&'static str],
    time: &'static [&'static str],
    status: &'static str,
    bytes: &'static str,
    target: &'static str,
    method: &'static str,
    referer: &'static str,
    agent: &'static str,
    forwarded: &'static str,
}

const JSON: &[JsonKeys] = &[
    // Caddy. The client is whom the operator trusts to be named, or else the other end of the connection.
    JsonKeys {
        own: "\"request\":{",
        client: &["\"client_ip\":", "\"remote_ip\":", "\"remote_addr\":"],
        time: &["\"ts\":"],
        status: "\"status\":",
        bytes: "\"size\":",
        target: "\"uri\":",
        method: "\"method\":",
        referer: "\"Referer\":[",
        agent: "\"User-Agent\":[",
        forwarded: "\"X-Forwarded-For\":[",
    },
    // Traefik. Of a proxy that it trusts, the client is what that one forwards.
    JsonKeys {
        own: "\"ClientHost\":",
        client: &["\"ClientHost\":"],
        time: &["\"StartUTC\":", "\"time\":"],
        status: "\"DownstreamStatus\":",
        bytes: "\"DownstreamContentSize\":",
        target: "\"RequestPath\":",
        method: "\"RequestMethod\":",
        referer: "\"request_Referer\":",
        agent: "\"request_User-Agent\":",
        forwarded: "\"request_X-Forwarded-For\":",
    },
];

/// The proxy that hands requests to the logger.
pub(super) const PROXY: &str = "haproxy";

/// Bytes of `22/Nov/2026:15:04:05 +0000`.
const TIME: usize = 26;

impl<'l> Access<'l> {
    /// Takes a line apart; none if it is not one of an access log.
    pub(super) fn parse(line: &'l [u8]) -> Option<Self> {
        if line.first() == Some(&b'{') {
            return Self::of_json(line);
        }
        let quote = memchr_iter(b'"', line).find(|at| line[..*at].ends_with(b"] "))?;
        let open = quote.checked_sub(TIME + 3)?;
        let time = line.get(open + 1..quote - 2).filter(|time| is_time(time))?;
        let head = line.get(..open).filter(|_| line.get(open) == Some(&b'['))?;
        let (request, rest) = quoted(line.get(quote..)?)?;
        let (status, rest) = word(rest.strip_prefix(b" ")?);
        let (bytes, rest) = word(rest.strip_prefix(b" ").unwrap_or(rest));
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        if status.len() != 3 || !digits(status) || !(digits(bytes) || bytes == b"-") {
            return None;
        }
        let referer = rest.strip_prefix(b" ").and_then(quoted);
        let agent = referer.and_then(|(_, rest)| quoted(rest.strip_prefix(b" ")?));
        let forwarded = agent.and_then(|(_, rest)| quoted(rest.strip_prefix(b" ")?));
        Some(Access {
            client: client(head),
            time,
            status,
            bytes,
            request,
            method: None,
            of_proxy: false,
            referer: referer.map(|(text, _)| text),
            agent: agent.map(|(text, _)| text),
            forwarded: forwarded.and_then(|(text, _)| nearest(text)),
        })
    }

    /// A request as JSON.
    fn of_json(line: &'l [u8]) -> Option<Self> {
        let after = |key: &str| memmem::find(line, key.as_bytes()).and_then(|at| line.get(at + key.len()..));
        let text = |key: &str| quoted(after(key)?).map(|(text, _)| text);
        let figures = |key: &str| {
            let rest = after(key)?;
            let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.'))?;
            rest.get(..end).filter(|figures| !figures.is_empty())
        };
        let keys = JSON.iter().find(|keys| after(keys.own).is_some())?;
        let client = keys.client.iter().find_map(|key| text(key))?;
        Some(Access {
            client: nearest(client),
            time: keys.time.iter().find_map(|key| text(key).or_else(|| figures(key)))?,
            status: figures(keys.status)?,
            bytes: figures(keys.bytes).unwrap_or(b"-"),
            request: text(keys.target)?,
            method: Some(text(keys.method)?),
            of_proxy: false,
            referer: text(keys.referer),
            agent: text(keys.agent),
            forwarded: text(keys.forwarded).and_then(nearest),
        })
    }

    /// A request as HAProxy hands it to the logger, in its own format or in the one of web servers:
    /// `203.0.113.9:50142 [28/Nov/2026:23:46:26.291] web app/a1 0/0/0/17/17 404 500 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"`. A
    /// quote in what the client sent is written as `#22`.
    pub(super) fn of_proxy(frame: &LineFrame<'l>) -> Option<Self> {
        let own = frame.program == Some(PROXY.as_bytes());
        let message = Some(frame.message).filter(|_| own)?;
        let (peer, rest) = word(message);
        if is_address(peer) {
            return Some(Access { of_proxy: true, ..Self::parse(message)? });
        }
        let rest = rest.strip_prefix(b" [")?;
        let (time, rest) = rest.split_at(memchr::memchr(b']', rest)?);
        let mut words = rest.strip_prefix(b"] ")?.split(|byte| *byte == b' ');
        let (_, _, timers) = (words.next()?, words.next()?, words.next()?);
        let (status, bytes) = (words.next()?, words.next()?);
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'+');
        // A line of TCP has three times and no status.
        if timers.iter().filter(|byte| **byte == b'/').count() != 4 || !digits(bytes) || status.len() > 3 {
            return None;
        }
        let port = peer.iter().rposition(|byte| *byte == b':')?;
        let (request, _) = quoted(rest.get(memchr::memchr(b'"', rest)?..)?)?;
        Some(Access {
            client: peer.get(..port).filter(|client| is_address(client)),
            time,
            status,
            bytes,
            request,
            method: None,
            of_proxy: true,
            referer: None,
            agent: None,
            forwarded: None,
        })
    }

    /// What was asked for, without its query; none where the request is none of HTTP.
    pub(super) fn path(&self) -> Option<&'l [u8]> {
        if self.method.is_some() {
            return self.request.split(|byte| *byte == b'?').next();
        }
        let (method, rest) = word(self.request);
        let named = !method.is_empty() && method.len() <= 20;
        if !named || !method.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        let (target, _) = word(rest.strip_prefix(b" ")?);
        let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
        target.get(..end)
    }
}

/// The address of the client among the fields before the time. It stands first, or second behind the name of the site. A
/// field that a client may choose, as a site's name by the `Host` it sends, never takes its place: where two of the first
/// fields are addresses, neither is taken.
fn client(head: &[u8]) -> Option<&[u8]> {
    let (first, rest) = word(head);
    let (second, rest) = word(rest.strip_prefix(b" ")?);
    let (third, _) = word(rest.strip_prefix(b" ").unwrap_or(rest));
    match (is_address(first), is_address(second)) {
        (true, false) => Some(first),
        (false, true) => (third == b"-").then_some(second),
        _ => None,
    }
}

fn is_address(text: &[u8]) -> bool {
    text.len() <= 45 && std::str::from_utf8(text).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
}

/// The last address of a list, of which ports are left out: `203.0.113.9, 198.51.100.2:4711`.
fn nearest(list: &[u8]) -> Option<&[u8]> {
    let last = list.rsplit(|byte| *byte == b',').next()?.trim_ascii();
    if is_address(last) {
        return Some(last);
    }
    let host = last.get(..last.iter().rposition(|byte| *byte == b':')?)?;
    let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    is_address(inner).then_some(inner)
}

/// What stands between a quote and the next one that is not escaped, and what follows that.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inner.get(at..)?)?;
        if inner.get(at) == Some(&b'"') {
            return Some((inner.get(..at)?, inner.get(at + 1..)?));
        }
        at += 2;
    }
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(memchr::memchr(b' ', text).unwrap_or(text.len()))
}

/// Whether it has the form `22/Nov/2026:15:04:05 +0000`.
fn is_time(text: &[u8]) -> bool {
    const FORM: &[u8; TIME] = b"00/Aaa/0000:00:00:00 +0000";
    text.len() == TIME
        && text.iter().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'+' => matches!(byte, b'+' | b'-'),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `client | status | bytes | request | path | referer | agent`.
    fn shown(line: &str) -> Option<String> {
        let access = Access::parse(line.as_bytes())?;
        let text =
            |part: Option<&[u8]>| part.map_or("none".to_owned(), |part| String::from_utf8_lossy(part).into_owned());
        assert_eq!(access.time.len(), TIME);
        let parts = [
            access.client,
            Some(access.status),
            Some(access.bytes),
            Some(access.request),
            access.path(),
            access.referer,
            access.agent,
        ];
        Some(parts.map(text).join(" | "))
    }

    #[test]
    fn the_formats_of_web_servers_are_read() {
        for (line, expected) in [
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET /shop?id=7 HTTP/1.1" 200 512 "-" "curl/8""#,
                "203.0.113.9 | 200 | 512 | GET /shop?id=7 HTTP/1.1 | /shop | - | curl/8",
            ),
            (
                r#"2001:db8::9 - bob [22/Nov/2026:15:04:05 -0500] "PROPFIND / HTTP/1.0" 404 -"#,
                "2001:db8::9 | 404 | - | PROPFIND / HTTP/1.0 | / | none | none",
            ),
            (
                r#"shop.example:443 203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP/2.0" 200 5 "-" "a" "203.0.113.1""#,
                "203.0.113.9 | 200 | 5 | GET / HTTP/2.0 | / | - | a",
            ),
            // Apache and lighttpd, then nginx, with quotes in what the client sent.
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET /\" 500 9 \" HTTP/1.1" 200 5 "\"" "a \" b\\""#,
                r#"203.0.113.9 | 200 | 5 | GET /\" 500 9 \" HTTP/1.1 | /\" | \" | a \" b\\"#,
            ),
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET /\x22 500 9 HTTP/1.1" 200 5 "\x22" "a \x22 b\x5C""#,
                r"203.0.113.9 | 200 | 5 | GET /\x22 500 9 HTTP/1.1 | /\x22 | \x22 | a \x22 b\x5C",
            ),
            // No request of HTTP is one all the same.
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "\x16\x03\x01" 400 0"#,
                r"203.0.113.9 | 400 | 0 | \x16\x03\x01 | none | none | none",
            ),
            (
                r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "-" 408 -"#,
                "203.0.113.9 | 408 | - | - | none | none | none",
            ),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn requests_that_haproxy_hands_to_the_logger_are_read() {
        for (message, expected) in [
            (
                r#"203.0.113.9:50142 [28/Nov/2026:23:46:26.291] web app/a1 0/0/0/17/17 404 500 - - ---- 1/1/0/0/0 0/0 "GET /shop?id=7 HTTP/1.1""#,
                Some("203.0.113.9 | 404 | /shop"),
            ),
            // An IPv6 address without brackets, an answer that was not complete, headers that were captured.
            (
                r#"2001:db8::9:60872 [28/Nov/2026:23:46:27.544] web~ app/a1 0/0/1/3/+4 200 +500 - - ---- 1/1/0/0/0 0/0 {x 500 1} "GET /q#22x HTTP/1.1""#,
                Some("2001:db8::9 | 200 | /q#22x"),
            ),
            (
                r#"203.0.113.9:59291 [28/Nov/2026:23:46:26.416] web web/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>""#,
                Some("203.0.113.9 | 400 | none"),
            ),
            (
                r#"203.0.113.9 - - [28/Nov/2026:23:46:27 +0000] "GET /clf?a=b HTTP/1.1" 404 500 "" "" 41510 608 "clf" "app" "a1" 0 0 0 7 7 ---- 1 1 0 0 0 0 0 "" "" "#,
                Some("203.0.113.9 | 404 | /clf"),
            ),
            (r"203.0.113.9:54072 [28/Nov/2026:23:46:27.572] tcp tcpb/t1 1/0/6 520 -- 1/1/0/0/0 0/0", None),
            (r"Server down/d1 is DOWN, reason: Layer4 connection problem", None),
        ] {
            let line = format!("Nov 28 23:46:26 h haproxy[77]: {message}");
            let shown = Access::of_proxy(&LineFrame::parse(line.as_bytes()).unwrap()).map(|access| {
                let text =
                    |part: Option<&[u8]>| part.map_or("none".into(), |part| String::from_utf8_lossy(part).into_owned());
                format!("{} | {} | {}", text(access.client), text(Some(access.status)), text(access.path()))
            });
            assert_eq!(shown.as_deref(), expected, "{message}");
            let other = line.replace("haproxy", "app");
            assert!(Access::of_proxy(&LineFrame::parse(other.as_bytes()).unwrap()).is_none());
        }
    }

    #[test]
    fn requests_that_caddy_writes_as_json_are_read() {
        let line = r#"{"level":"info","ts":1795909640.405695,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.9","remote_port":"60418","client_ip":"203.0.113.9","proto":"HTTP/1.1","method":"GET","host":"a","uri":"/a\",\"status\":500?x","headers":{"Referer":["http://r.example/\""],"User-Agent":["x\",\"uri\":\"/forged\""]}},"bytes_read":0,"user_id":"","duration":0.0001,"size":12,"status":404}"#;
        let access = Access::parse(line.as_bytes()).unwrap();
        assert_eq!(access.client, Some(b"203.0.113.9".as_slice()));
        assert_eq!((access.status, access.bytes), (b"404".as_slice(), b"12".as_slice()));
        assert_eq!(access.path(), Some(br#"/a\",\"status\":500"#.as_slice()));
        assert_eq!(access.agent, Some(br#"x\",\"uri\":\"/forged\""#.as_slice()));
        let older = line.replace("\"remote_ip\":\"203.0.113.9\"", "\"remote_addr\":\"[2001:db8::9]:60418\"");
        let older = older.replace("\"client_ip\":\"203.0.113.9\",", "");
        assert_eq!(Access::parse(older.as_bytes()).unwrap().client, Some(b"2001:db8::9".as_slice()));
        for other in
            [r#"{"level":"info","ts":1795909640.4,"msg":"server running"}"#, "{", r#"{"ts":1,"request":{"remote_ip":"#]
        {
            assert!(Access::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn requests_that_traefik_writes_as_json_are_read() {
        let line = r#"{"ClientAddr":"192.0.2.7:60418","ClientHost":"198.51.100.3, 203.0.113.9","ClientPort":"60418","ClientUsername":"x\",\"ClientHost\":\"192.0.2.66","DownstreamContentSize":12,"DownstreamStatus":404,"Duration":186,"RequestCount":7,"RequestHost":"a","RequestMethod":"GET","RequestPath":"/a\",\"DownstreamStatus\":500?x","StartLocal":"2026-11-28T22:00:01.5+01:00","StartUTC":"2026-11-28T21:00:01.5Z","entryPointName":"web","level":"info","msg":"","request_User-Agent":"curl/8","request_X-Forwarded-For":"198.51.100.3, 203.0.113.9","time":"2026-11-28T22:00:01+01:00"}"#;
        let access = Access::parse(line.as_bytes()).unwrap();
        assert_eq!(
            (access.client, access.forwarded),
            (Some(b"203.0.113.9".as_slice()), Some(b"203.0.113.9".as_slice()))
        );
        assert_eq!((access.status, access.bytes), (b"404".as_slice(), b"12".as_slice()));
        assert_eq!(access.path(), Some(br#"/a\",\"DownstreamStatus\":500"#.as_slice()));
        assert_eq!((access.agent, access.time), (Some(b"curl/8".as_slice()), b"2026-11-28T21:00:01.5Z".as_slice()));
    }

    #[test]
    fn for_whom_a_proxy_asks_is_read_behind_the_agent_and_the_nearest_counts() {
        for (last, forwarded) in [
            (r#" "198.51.100.3""#, Some("198.51.100.3")),
            (r#" "192.0.2.66, 198.51.100.3" "more""#, Some("198.51.100.3")),
            (r#" "unknown, 2001:db8::3""#, Some("2001:db8::3")),
            (r#" "198.51.100.3:4711""#, Some("198.51.100.3")),
            (r#" "-""#, None),
            (r#" "198.51.100.3, a""#, None),
            (r#" 12 "web@docker""#, None),
            ("", None),
        ] {
            let line = format!(r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "a"{last}"#);
            let seen = Access::parse(line.as_bytes()).unwrap();
            assert_eq!(
                (seen.client, seen.forwarded),
                (Some(b"203.0.113.9".as_slice()), forwarded.map(str::as_bytes)),
                "{last}"
            );
        }
    }

    #[test]
    fn a_user_name_hides_no_request_and_forges_none() {
        for user in [
            "[",
            "]",
            r#"a [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 500 1"#,
            r"a [01/Jan/2020:00:00:00 +0000] \x22GET / HTTP/1.1\x22 500 1",
            "- [01/Jan/2020:00:00:00 +0000]",
            "198.51.100.7",
        ] {
            let line = format!("203.0.113.9 - {user} [22/Nov/2026:15:04:05 +0000] \"GET /x HTTP/1.1\" 200 5");
            let access = Access::parse(line.as_bytes()).unwrap();
            assert_eq!(access.time, b"22/Nov/2026:15:04:05 +0000", "{user}");
            assert_eq!((access.client, access.status), (Some(b"203.0.113.9".as_slice()), b"200".as_slice()), "{user}");
            assert_eq!(access.path(), Some(b"/x".as_slice()), "{user}");
        }
    }

    #[test]
    fn an_address_that_a_client_may_have_chosen_is_none() {
        let tail = r#"[22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 5"#;
        for (head, client) in [
            ("203.0.113.9 - -", Some("203.0.113.9")),
            ("203.0.113.9 joe -", Some("203.0.113.9")),
            ("shop.example 203.0.113.9 - -", Some("203.0.113.9")),
            // The host that was asked for, or the address.
            ("198.51.100.7 203.0.113.9 - -", None),
            ("client.example - -", None),
            ("unix: - -", None),
            ("x 198.51.100.7 y -", None),
        ] {
            let line = format!("{head} {tail}");
            let seen = Access::parse(line.as_bytes()).unwrap().client;
            assert_eq!(seen, client.map(str::as_bytes), "{head}");
        }
    }

    #[test]
    fn what_is_no_request_is_none() {
        for line in [
            "",
            "\"",
            "] \"",
            r#"Nov 22 15:04:05 h sshd[9]: Invalid user [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 5"#,
            r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1"#,
            r#"203.0.113.9 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1" 20 5"#,
            r#"203.0.113.9 - - [22-Nov-2026:15:04:05 +0000] "GET / HTTP/1.1" 200 5"#,
        ] {
            assert_eq!(shown(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let _ = Access::parse(&line);
        }

        #[test]
        fn whatever_clients_send_the_servers_words_stay(user in "[ -!#-~]{0,30}", request in "[ -~]{0,40}", referer in "[ -~]{0,30}", agent in "[ -~]{0,40}", nginx in proptest::bool::ANY) {
            let escape = |text: &str| if nginx {
                text.replace('\\', r"\x5C").replace('"', r"\x22")
            } else {
                text.replace('\\', r"\\").replace('"', "\\\"")
            };
            let (request, referer, agent) = (escape(&request), escape(&referer), escape(&agent));
            let line = format!("203.0.113.9 - {} [22/Nov/2026:15:04:05 +0000] \"{request}\" 200 512 \"{referer}\" \"{agent}\"", escape(&user));
            let access = Access::parse(line.as_bytes()).unwrap();
            proptest::prop_assert_eq!(access.client, Some(b"203.0.113.9".as_slice()));
            proptest::prop_assert_eq!(access.time, b"22/Nov/2026:15:04:05 +0000");
            proptest::prop_assert_eq!((access.status, access.bytes), (b"200".as_slice(), b"512".as_slice()));
            proptest::prop_assert_eq!(access.request, request.as_bytes());
            proptest::prop_assert_eq!((access.referer, access.agent), (Some(referer.as_bytes()), Some(agent.as_bytes())));
            for end in 0..line.len() {
                let _ = Access::parse(&line.as_bytes()[..end]);
            }
        }
    }
}
