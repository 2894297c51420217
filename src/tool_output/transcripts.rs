//! What clients say while they connect: `ssh -v`, `curl -v`, the times of `curl -w`, `dig`. Where it stands still tells who is waited
//! for.

use super::here::Here;
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Lines of one transcript.
const MOST: usize = 20_000;
/// Seconds between two lines from which on somebody waits.
const PAUSE: f64 = 2.0;
/// Seconds for a part of a request from which on it is slow.
const SLOW: f64 = 1.0;

/// Where a login stands, the furthest last: what the line holds, and what is waited for behind it.
const STAGES: &[(&str, &str)] = &[
    (
        "Connecting to ",
        "the server's first answer: a firewall that drops, a host that is down, or a full queue of new connections",
    ),
    (
        "Connection established.",
        "the server's greeting: sshd is busy, has as many logins under way as it may (MaxStartups), or looks up the client first",
    ),
    ("Remote protocol version ", "the list of what the server can do"),
    (
        "SSH2_MSG_KEXINIT sent",
        "the server's list of algorithms, the first large packet: where ping answers, large packets do not arrive (the MTU on the way: ip link, tracepath)",
    ),
    (
        "expecting SSH2_MSG_KEX_",
        "the server's half of the key exchange, a large packet: where ping answers, large packets do not arrive (the MTU on the way: ip link, tracepath), or the server's CPU is used up",
    ),
    ("SSH2_MSG_NEWKEYS received", "the server's leave to log in"),
    (
        "SSH2_MSG_SERVICE_ACCEPT received",
        "the ways to log in: sshd looks up the client's name (UseDNS), or the user in a directory",
    ),
    (
        "Next authentication method: gssapi",
        "Kerberos: the client asks for a realm and its servers, most often in vain (ssh -o GSSAPIAuthentication=no passes over it)",
    ),
    (
        "Offering ",
        "the server's word on a key: it reads the user's home, or asks a program for the keys (AuthorizedKeysCommand)",
    ),
    ("Next authentication method: ", "the user, or the server's word on the password (PAM)"),
    ("Authentication succeeded", "the session: PAM opens it"),
    (
        "Entering interactive session",
        "the session: the login was accepted, and PAM opens it (pam_systemd asks systemd-logind), mounts a home, or prints a message of the day",
    ),
    (
        "pledge: ",
        "the session: the login was accepted, and PAM opens it (pam_systemd asks systemd-logind), mounts a home, or prints a message of the day",
    ),
    (
        "Sending environment",
        "the session: the login was accepted, and the shell starts: its files (.profile, .bashrc), the home",
    ),
];

/// One of them, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    ssh(here).or_else(|| curl(here)).or_else(|| timed(here)).or_else(|| dig(here))
}

/// The message of a line of `ssh -v`, and the time of day that `ts` or the poster put before it.
fn debugged(line: &str) -> Option<(Option<f64>, &str)> {
    let line = line.trim();
    if line.starts_with("OpenSSH_") {
        return Some((None, line));
    }
    let at =
        ["debug1: ", "debug2: ", "debug3: "].iter().filter_map(|sign| line.find(sign)).min().filter(|at| *at <= 32)?;
    let before = line.get(..at)?.trim();
    let time = before.split_whitespace().last().map(|word| word.trim_matches(['[', ']']));
    let time = match time {
        None => None,
        // What stands before it is a time, or it is no line of a client: sshd writes such lines to a log.
        Some(word) => Some(seconds_of(word)?),
    };
    Some((time, line.get(at + 8..)?.trim()))
}

/// `10:11:12.345` as seconds of the day.
fn seconds_of(word: &str) -> Option<f64> {
    let mut parts = word.split(':');
    let (hours, minutes, seconds) =
        (parts.next()?.parse::<u8>().ok()?, parts.next()?.parse::<u8>().ok()?, parts.next()?);
    let seconds: f64 = seconds.parse().ok().filter(|seconds| (0.0..61.0).contains(seconds))?;
    (parts.next().is_none() && hours < 24 && minutes < 60)
        .then(|| f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds)
}

/// `ssh -v`, `-vv`, `-vvv`.
fn ssh(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    debugged(document.line(here.at)).filter(|(_, message)| !message.is_empty())?;
    let mut told = Told { tool: "ssh", about: "ssh login", ..Told::default() };
    let mut place = here.at;
    let mut stage: Option<usize> = None;
    let mut last_time: Option<(f64, Option<usize>, String)> = None;
    let mut longest: Option<(f64, Option<usize>, String)> = None;
    let (mut of_server, mut through, mut gss, mut refused) = (false, false, 0, None);
    let mut debug_lines = 0;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place);
        let trimmed = line.trim();
        let Some((time, message)) = debugged(line) else {
            let of_it = trimmed.starts_with("Authenticated to ")
                || trimmed.starts_with("Cannot determine realm")
                || trimmed.starts_with("No Kerberos credentials")
                || trimmed.starts_with("Last login: ")
                || trimmed.ends_with("'s password:")
                || trimmed.starts_with("The authenticity of host");
            let ends = [
                "Connection closed by ",
                "Connection reset by ",
                "Permission denied",
                "kex_exchange_identification: ",
                "ssh_exchange_identification: ",
                "ssh: connect to host ",
                "Connection timed out during banner exchange",
                "Received disconnect from ",
            ];
            if let Some(begin) = ends.iter().find(|begin| trimmed.starts_with(**begin)) {
                refused = Some(format!(
                    "{}{}",
                    begin,
                    printable(trimmed.get(begin.len()..).unwrap_or_default().chars().take(80).collect::<String>())
                ));
                place += 1;
                break;
            }
            // A line between two of it is of it: what a library says of Kerberos, or an empty one.
            let between = debugged(document.line(place + 1)).is_some();
            let goes_on = (1..=3).any(|more| debugged(document.line(place + more)).is_some());
            if !of_it
                && !(goes_on
                    && (trimmed.is_empty() || (between || !trimmed.ends_with(['.', '?', '!'])) && trimmed.len() < 200))
            {
                break;
            }
            through |= trimmed.starts_with("Last login: ");
            place += 1;
            continue;
        };
        debug_lines += 1;
        of_server |= message.starts_with("sshd version")
            || message.starts_with("Forked child")
            || message.starts_with("PAM: initializing")
            || message.starts_with("userauth-request for user");
        let found = STAGES.iter().rposition(|(sign, _)| message.contains(sign));
        if let Some((at, of, what)) = last_time.take()
            && let Some(time) = time
        {
            let apart = (time - at + 86_400.0) % 86_400.0;
            if (PAUSE..3600.0).contains(&apart) && longest.as_ref().is_none_or(|(known, ..)| apart > *known) {
                longest = Some((apart, of, what));
            }
        }
        stage = found.or(stage);
        gss += u32::from(message.starts_with("Unspecified GSS failure"));
        through |= message.contains("rtype exit-status")
            || message.starts_with("channel 0: free")
            || message.starts_with("Exit status");
        if let Some(time) = time {
            last_time = Some((time, stage, printable(message.chars().take(64).collect::<String>())));
        }
        place += 1;
    }
    if debug_lines < 2 {
        return None;
    }
    if of_server {
        return Some((place - here.at, told));
    }
    let waits = |stage: Option<usize>| stage.and_then(|at| STAGES.get(at)).map(|(_, what)| *what);
    if let Some((seconds, of, what)) = longest {
        let for_whom = waits(of).map(|what| format!(", for {what}")).unwrap_or_default();
        told.stands_out.push(format!("ssh: waits {} behind `{what}`{for_whom}", units::span(seconds)));
    } else if let Some(why) = refused {
        let why = why.strip_prefix("ssh: ").unwrap_or(&why);
        // Who is refused waited for nothing.
        let waited = waits(stage).filter(|_| !why.contains("refused") && !why.contains("denied"));
        let behind = match waited {
            Some(what) => format!(", when it waited for {what}"),
            None if why.contains("refused") => ": nobody listens there, or a firewall refuses it".to_owned(),
            None => String::new(),
        };
        told.stands_out.push(format!("ssh: {why}{behind}"));
    } else if let Some(what) = waits(stage).filter(|_| !through) {
        told.stands_out.push(format!("ssh: the transcript ends where the client waits for {what}"));
    }
    if gss > 0 {
        let times = if gss == 1 { "once".to_owned() } else { format!("{gss} times") };
        told.stands_out.insert(0, format!("ssh: Kerberos (GSSAPI) was tried {times} in vain: where its servers do not answer, each try takes seconds; ssh -o GSSAPIAuthentication=no shows whether it is that"));
    }
    if !told.stands_out.is_empty() {
        told.stands_out.push("ssh: who is slow shows on the server while somebody logs in: journalctl -u ssh -u sshd -u systemd-logind -n 50 -o short-iso".to_owned());
    }
    Some((place - here.at, told))
}

/// `curl -v`.
fn curl(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let line = |at: usize| document.line(at).trim();
    let begins = |line: &str| {
        line.strip_prefix("* ").is_some_and(|rest| {
            ["Trying ", "Host ", "Connected to ", "Uses proxy", "About to connect() to "]
                .iter()
                .any(|begin| rest.trim_start().starts_with(begin))
        })
    };
    if !begins(line(here.at)) && !line(here.at).starts_with("curl: (") {
        return None;
    }
    let mut told = Told { tool: "curl", about: "timeout, connect", ..Told::default() };
    let mut place = here.at;
    let (mut connected, mut hello, mut answered, mut asked, mut error) = (false, false, false, false, None);
    let mut secured = false;
    while place < document.len() && place - here.at < MOST {
        let line = line(place);
        let of_it = line.starts_with("* ")
            || line == "*"
            || line.starts_with("< ")
            || line.starts_with("{ [")
            || line.starts_with("} [")
            || line.starts_with("GET ")
            || line.starts_with("HEAD ")
            || line.starts_with("POST ")
            || line.starts_with("curl: (")
            || line.starts_with("% Total")
            || line.starts_with("Dload")
            || line.starts_with("Host: ")
            || line.starts_with("User-Agent: ")
            || line.starts_with("Accept: ")
            || line.split_whitespace().count() >= 10 && line.starts_with(|c: char| c.is_ascii_digit());
        let between = line.is_empty() && document.line(place + 1).trim().starts_with(['*', '<']);
        if !(of_it || between) {
            break;
        }
        connected |= line.starts_with("* Connected to ") || line.starts_with("* Established connection to ");
        hello |= line.contains("Client hello (1)");
        secured |= line.contains("Server hello (2)") || line.contains("SSL connection using");
        asked |= line.starts_with("GET ")
            || line.starts_with("HEAD ")
            || line.starts_with("POST ")
            || line.contains("Request completely sent off");
        answered |= line.starts_with("< HTTP/") || line.starts_with("< ");
        if let Some(rest) = line.strip_prefix("curl: (").filter(|_| !document.ends_within(place)) {
            error = Some(printable(rest.replacen(')', "", 1).chars().take(120).collect::<String>()));
        }
        place += 1;
    }
    let meant = error.as_deref().and_then(meaning_of_curl).filter(|_| !answered);
    if let Some((_, about)) = meant {
        told.about = about;
    }
    let because = error.as_ref().map(|error| format!(" (curl: {error})")).unwrap_or_default();
    let sentence = match () {
        () if answered => None,
        () if let Some((means, _)) = meant => Some(format!("curl: {means}{because}")),
        () if !connected => error.is_some().then(|| format!("curl: no connection comes about{because}: a firewall that drops, a host that is down, or a full queue of new connections")),
        () if hello && !secured => Some(format!("curl: the connection comes about, and nothing follows the client's hello{because}: where ping answers, large packets do not arrive (the MTU on the way: ip link, tracepath), or the server does not speak TLS at that port")),
        () if asked || error.is_some() => Some(format!("curl: connected and asked, and no answer comes{because}: the server, or what stands behind it, is slow")),
        () => None,
    };
    told.stands_out.extend(sentence);
    (place > here.at).then(|| (place - here.at, told))
}

/// What an error of curl means that is none of silence, and what somebody who gets it complains of: `7 Failed to connect to …:
/// Connection refused`.
fn meaning_of_curl(error: &str) -> Option<(&'static str, &'static str)> {
    let (code, text) = error.split_once(' ')?;
    let says = |words: &str| text.contains(words);
    Some(match code.parse::<u32>().ok()? {
        6 => ("the name was not resolved", "dns, resolve"),
        7 if says("refused") => {
            ("the connection is refused at once: nothing listens there, or a firewall rejects it", "connect")
        }
        7 if says("No route") || says("unreachable") => {
            ("a router, or this host itself, says that there is no way", "unreachable, connect")
        }
        51 | 60 if says("expired") => {
            ("the connection comes about, and the certificate of the server has run out", "certificate, tls")
        }
        51 | 60 if says("self") => {
            ("the connection comes about, and the server signed its certificate itself", "certificate, tls")
        }
        51 | 60 if says("subject name") => {
            ("the connection comes about, and the certificate of the server is for other names", "certificate, tls")
        }
        51 | 60 => (
            "the connection comes about, and the certificate of the server is not trusted: often it does not send those in between",
            "certificate, tls",
        ),
        35 if says("wrong version number") => {
            ("the connection comes about, and the server does not speak TLS at that port", "tls")
        }
        35 if says("alert") => ("the connection comes about, and the server refuses the handshake of TLS", "tls"),
        52 => ("connected and asked, and the server ended the connection without an answer", "connect"),
        35 | 56 if says("reset by peer") => ("the connection comes about, and the other side resets it", "connect"),
        _ => return None,
    })
}

/// The times of `curl -w`, by the names that curl gives them.
fn timed(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    // The moment at which each part has ended, from the beginning on.
    const PARTS: [(&str, &str); 5] = [
        ("namelookup", "to find the address of the name: the resolvers (/etc/resolv.conf, resolvectl status)"),
        ("connect", "to connect: the network, or a full queue of new connections"),
        ("appconnect", "for the handshake of TLS: the network, or a busy server"),
        ("starttransfer", "until the first byte came: the server, or what stands behind it"),
        ("total", "to receive the rest"),
    ];
    let figure = |line: &str, name: &str| -> Option<f64> {
        let plain = line.replace("time_", "");
        let at =
            plain.match_indices(name).find(|(at, _)| !plain[..*at].ends_with(|c: char| c.is_ascii_alphanumeric()))?.0;
        let rest = plain.get(at + name.len()..)?.trim_start_matches([':', '=', ' ', '\t']);
        let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(rest.len());
        rest.get(..end)?.replace(',', ".").parse().ok().filter(|seconds: &f64| (0.0..86_400.0).contains(seconds))
    };
    let holds =
        |line: &str| line.contains("namelookup") && !line.contains("%{") && figure(line, "namelookup").is_some();
    if !holds(document.line(here.at)) {
        return None;
    }
    let is_part = |at: usize| {
        PARTS.iter().any(|(name, _)| figure(document.line(at), name).is_some())
            || ["pretransfer", "redirect", "---"].iter().any(|name| document.line(at).contains(name))
    };
    let lines = (here.at..document.len().min(here.at + 12)).take_while(|at| is_part(*at)).count();
    let all = (here.at..here.at + lines)
        .filter(|at| !document.ends_within(*at))
        .map(|at| document.line(at))
        .collect::<Vec<_>>()
        .join("\n");
    let mut told = Told { tool: "curl", about: "timeout, curl", ..Told::default() };
    let (mut before, mut slowest) = (0.0, None::<(f64, &str)>);
    for (name, what) in PARTS {
        let Some(end) = figure(&all, name).filter(|end| *end > 0.0) else { continue };
        let took: f64 = end - before;
        before = f64::max(before, end);
        if took >= SLOW && slowest.is_none_or(|(known, _)| took > known) {
            slowest = Some((took, what));
        }
    }
    told.stands_out.extend(
        slowest.map(|(took, what)| format!("curl: of {} {} went by {what}", units::span(before), units::span(took))),
    );
    Some((lines.max(1), told))
}

/// What `host` and `nslookup` say of a name for which there is no answer.
fn of_host(line: &str) -> Option<String> {
    let failed = line.strip_prefix("Host ").or_else(|| line.strip_prefix("** server can't find "))?;
    let (name, why) = failed.split_once(" not found: ").or_else(|| failed.split_once(": "))?;
    let why: &str = ["SERVFAIL", "REFUSED"].into_iter().find(|sign| why.contains(sign))?;
    if name.contains(' ') || name.len() > 253 {
        return None;
    }
    Some(format!("dig: the resolver answered {why} for {}: it could not, or would not, find it out", printable(name)))
}

/// `dig`: how long the answer took, of whom, and whether there was one.
fn dig(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    if let Some(sentence) = of_host(first).filter(|_| !document.ends_within(here.at)) {
        let told = Told { tool: "dig", about: "dns, resolve", stands_out: vec![sentence], ..Told::default() };
        return Some((1, told));
    }
    if !(first.starts_with("; <<>> DiG ")
        || first.starts_with(";; Query time: ")
        || first.starts_with(";; ->>HEADER<<- ")
        || first.starts_with(";; connection timed out; no servers could be reached")
        || first.starts_with(";; communications error to "))
    {
        return None;
    }
    let mut told = Told { tool: "dig", about: "dns, resolve", ..Told::default() };
    let mut place = here.at;
    let (mut took, mut server, mut status, mut silent) = (None, None, None, 0);
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let row = || {
            let mut words = line.split_whitespace();
            let (name, ttl, class) = (words.next(), words.next(), words.next());
            name.is_some_and(|name| name.ends_with('.'))
                && ttl.is_some_and(|ttl| ttl.parse::<u32>().is_ok())
                && matches!(class, Some("IN" | "CH"))
        };
        // The next call of it is another.
        let next = place > here.at && line.starts_with("; <<>> DiG ");
        if next
            || !(line.starts_with(';') || row() || line.is_empty() && document.line(place + 1).trim().starts_with(';'))
        {
            break;
        }
        if !document.ends_within(place) {
            let value = |name: &str| line.strip_prefix(name).map(str::trim);
            took = took.or_else(|| value(";; Query time: ")?.split(' ').next()?.parse::<u32>().ok());
            server = server.or_else(|| {
                value(";; SERVER: ")?
                    .split(['#', '('])
                    .next()
                    .map(|server| printable(server.chars().take(64).collect::<String>()))
            });
            status = status.or_else(|| {
                line.split_once("status: ")?
                    .1
                    .split(',')
                    .next()
                    .map(|status| printable(status.chars().take(16).collect::<String>()))
            });
            silent += u32::from(line.contains("timed out") || line.contains("no servers could be reached"));
        }
        place += 1;
    }
    let whom = server.unwrap_or_else(|| "the resolver".to_owned());
    if silent > 0 && took.is_none() {
        told.stands_out.push("dig: no resolver that was asked answered".to_owned());
    }
    if let Some(milliseconds) = took.filter(|milliseconds| *milliseconds >= 1000) {
        told.stands_out.push(format!(
            "dig: {whom} took {} to answer; each new name costs that",
            units::span(f64::from(milliseconds) / 1000.0)
        ));
    }
    if let Some(status) = status.filter(|status| matches!(status.as_str(), "SERVFAIL" | "REFUSED")) {
        told.stands_out.push(format!("dig: {whom} answered {status}: it could not, or would not, find it out"));
    }
    Some((place - here.at, told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<(usize, Told)> {
        crate::tool_output::tests::taken(take, text)
    }

    fn first(text: &str) -> String {
        taken(text).and_then(|(_, told)| told.stands_out.into_iter().next()).unwrap_or_default()
    }

    #[test]
    fn what_curl_says_itself_is_not_taken_for_silence() {
        const HELLO: &str = "*   Trying 203.0.113.10:443...\n* Connected to shop.example (203.0.113.10) port 443 (#0)\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n* TLSv1.3 (IN), TLS alert, certificate expired (557):\n* Closing connection 0\n";
        for (text, said) in [
            (
                format!("{HELLO}curl: (60) SSL certificate problem: certificate has expired\n"),
                "curl: the connection comes about, and the certificate of the server has run out (curl: 60 SSL certificate problem: certificate has expired)",
            ),
            (
                "*   Trying 203.0.113.10:80...\n* connect to 203.0.113.10 port 80 failed: Connection refused\n* Closing connection 0\ncurl: (7) Failed to connect to shop.example port 80 after 2 ms: Connection refused\n".to_owned(),
                "curl: the connection is refused at once: nothing listens there, or a firewall rejects it (curl: 7 Failed to connect to shop.example port 80 after 2 ms: Connection refused)",
            ),
            (
                "$ curl http://127.0.0.1:8000/\ncurl: (52) Empty reply from server\n".to_owned(),
                "curl: connected and asked, and the server ended the connection without an answer (curl: 52 Empty reply from server)",
            ),
        ] {
            assert_eq!(crate::tool_output::tests::stands_out(&text), [said]);
        }
    }

    #[test]
    fn where_a_login_stands_still_tells_who_is_waited_for() {
        for (text, said) in [
            ("debug1: Connecting to shop [192.0.2.4] port 22.\ndebug1: x\n", "the server's first answer"),
            (
                "debug1: Connection established.\ndebug1: Local version string SSH-2.0-OpenSSH_9.2\n",
                "the server's greeting",
            ),
            ("debug1: SSH2_MSG_KEXINIT received\ndebug1: expecting SSH2_MSG_KEX_ECDH_REPLY\n", "the MTU on the way"),
            ("debug1: SSH2_MSG_SERVICE_ACCEPT received\ndebug3: x\n", "UseDNS"),
            (
                "debug1: Authentication succeeded (publickey).\nAuthenticated to shop ([192.0.2.4]:22).\ndebug1: Entering interactive session.\ndebug1: pledge: network\n",
                "systemd-logind",
            ),
            (
                "10:00:01.5 debug1: SSH2_MSG_SERVICE_ACCEPT received\n10:00:21.5 debug1: Authentications that can continue: publickey\n10:00:21.6 debug1: x\n",
                "ssh: waits 20",
            ),
            (
                "debug1: Connection established.\ndebug1: x\nkex_exchange_identification: Connection closed by remote host\n",
                "kex_exchange_identification: Connection closed by remote host, when it waited for the server's greeting",
            ),
        ] {
            assert!(first(text).contains(said), "{text}: {}", first(text));
        }
        let gss = "debug1: Next authentication method: gssapi-with-mic\ndebug1: Unspecified GSS failure.  Minor code may provide more information\nCannot determine realm for numeric host address\n\ndebug1: Next authentication method: publickey\n";
        let (lines, told) = taken(gss).unwrap();
        assert_eq!(lines, 5);
        assert!(told.stands_out.iter().any(|said| said.contains("Kerberos (GSSAPI) was tried once in vain")));
        let through = "debug1: Entering interactive session.\ndebug1: client_input_channel_req: channel 0 rtype exit-status reply 0\n";
        assert!(taken(through).unwrap().1.stands_out.is_empty());
        let server = "debug1: sshd version OpenSSH_9.2\ndebug1: Connection established.\n";
        assert!(taken(server).unwrap().1.stands_out.is_empty());
    }

    #[test]
    fn curl_and_dig_tell_what_took_the_time() {
        let tls = "*   Trying 192.0.2.4:443...\n* Connected to shop (192.0.2.4) port 443 (#0)\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n* SSL connection timeout\ncurl: (28) SSL connection timeout\n";
        assert!(
            first(tls).contains("nothing follows the client's hello (curl: 28 SSL connection timeout)"),
            "{}",
            first(tls)
        );
        assert!(
            first("*   Trying 192.0.2.4:443...\ncurl: (28) Failed to connect\n").contains("no connection comes about")
        );
        assert!(
            first("*   Trying 192.0.2.4:80...\n* Connected to shop (192.0.2.4) port 80\n< HTTP/1.1 200 OK\n")
                .is_empty()
        );
        let parts =
            "time_namelookup: 5.511227\ntime_connect: 5.531021\ntime_starttransfer: 5.612001\ntime_total: 5.612090\n";
        assert_eq!(
            first(parts),
            "curl: of 5.6 s 5.5 s went by to find the address of the name: the resolvers (/etc/resolv.conf, resolvectl status)"
        );
        assert_eq!(taken(parts).unwrap().0, 4);
        let slow = "; <<>> DiG 9.18 <<>> a.example\n;; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 1\n\n;; Query time: 5012 msec\n;; SERVER: 127.0.0.53#53(127.0.0.53)\n";
        let (lines, told) = taken(slow).unwrap();
        assert_eq!((lines, told.stands_out.len()), (5, 2));
        assert!(
            first("; <<>> DiG 9.18 <<>> a.example\n;; connection timed out; no servers could be reached\n")
                .contains("no resolver")
        );
        assert!(first(";; Query time: 12 msec\n").is_empty());
    }

    #[test]
    fn hostile_transcripts_end() {
        assert!(taken("debug1: x").is_none());
        assert!(taken("debug1: \n").is_none());
        let many = "debug1: x\n".repeat(30_000);
        assert!(taken(&many).is_some_and(|(lines, _)| lines == MOST));
        let holes = "debug1: x\n\n\n".repeat(10_000);
        assert!(taken(&holes).is_some_and(|(lines, _)| lines <= MOST));
        assert!(taken("time_namelookup: 99999999999999999999\n").is_none());
        assert!(taken("time_namelookup: %{time_namelookup}\n").is_none());
        assert!(
            taken(";; Query time: 99999999999999999999 msec\n").is_some_and(|(_, told)| told.stands_out.is_empty())
        );
        let many = format!("*   Trying 192.0.2.4:443...\n{}", "* x\n".repeat(30_000));
        assert!(taken(&many).is_some_and(|(lines, _)| lines == MOST));
    }
}
