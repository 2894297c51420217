//! What kind of log a file is, and which program keeps it: by where it lies, and by the form of its lines where that says
//! nothing.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::access::Access;
use super::frame::LineFrame;
use super::kind::Kind;
use super::rotation::is_rotation;

/// Files that the logger of the host writes, and nobody else; those that are true are read when none is named, the others hold
/// the same lines, or none that matters.
const SYSLOG: &[(&str, bool)] = &[
    ("messages", true),
    ("syslog", true),
    ("kern.log", true),
    ("auth.log", true),
    ("secure", true),
    ("daemon.log", true),
    ("maillog", true),
    ("mail.log", true),
    ("cron", true),
    ("ufw.log", true),
    ("user.log", false),
    ("mail.err", false),
    ("mail.warn", false),
    ("cron.log", false),
    ("debug", false),
];

/// The files of the logger that are read when none is named.
pub fn of_logger() -> impl Iterator<Item = &'static str> {
    SYSLOG.iter().filter(|(_, read)| *read).map(|(name, _)| *name)
}

/// Folders of daemons that write their logs themselves, each with the program.
const FOLDERS: &[(&str, &str)] = &[
    ("named", "named"),
    ("bind", "named"),
    ("nginx", "nginx"),
    ("apache2", "apache2"),
    ("httpd", "httpd"),
    ("lighttpd", "lighttpd"),
    ("unbound", "unbound"),
    ("dnsmasq", "dnsmasq"),
    ("knot", "knot"),
    ("pdns", "pdns"),
    ("fail2ban", "fail2ban"),
    ("crowdsec", "crowdsec"),
    ("exim", "exim"),
    ("exim4", "exim"),
    ("asterisk", "asterisk"),
];

/// Files of daemons that write their logs themselves beside those of the logger, each with the program.
const FILES: &[(&str, &str)] = &[
    ("unbound.log", "unbound"),
    ("dnsmasq.log", "dnsmasq"),
    ("fail2ban.log", "fail2ban"),
    ("crowdsec.log", "crowdsec"),
];

/// The daemon that keeps a log of its own in which such lines stand, by their form: for lines that are pasted, of which no name of a
/// file tells it.
pub fn keeper_of(line: &[u8]) -> Option<&'static str> {
    let frame = LineFrame::parse(line).filter(|frame| frame.kind == Kind::Application)?;
    let (time, message) = (frame.time, frame.message);
    let bracketed = line.first() == Some(&b'[');
    let begins = |signs: &[&str]| signs.iter().any(|sign| message.starts_with(sign.as_bytes()));
    let is_slashed = time.get(4) == Some(&b'/');
    let is_worded = time.first().is_some_and(u8::is_ascii_alphabetic);
    // `22-Nov-2026`
    let is_dashed = time.get(2) == Some(&b'-');
    let number = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
    let behind = |sign: u8| message.iter().position(|byte| *byte == sign).and_then(|at| message.get(at + 1..));
    if is_slashed
        && begins(&["["])
        && behind(b']').is_some_and(|rest| rest.first() == Some(&b' ') && number(&rest[1..]))
    {
        return Some("nginx");
    }
    if is_worded && bracketed && begins(&["["]) {
        return Some("apache2");
    }
    if begins(&["fail2ban."]) {
        return Some("fail2ban");
    }
    if bracketed && begins(&["NOTICE[", "WARNING[", "ERROR[", "SECURITY[", "VERBOSE["]) {
        return Some("asterisk");
    }
    if begins(&["unbound["]) || (bracketed && line.get(1).is_some_and(u8::is_ascii_digit) && begins(&["unbound"])) {
        return Some("unbound");
    }
    if begins(&["(server.c.", "(mod_", "(gw_backend.c.", "(connections.c.", "(configfile.c."]) {
        return Some("lighttpd");
    }
    match is_dashed {
        true if bracketed && begins(&["WARNING: ", "NOTICE: ", "ERROR: ", "ALERT: "]) => Some("php-fpm"),
        true if !bracketed => Some("named"),
        _ => None,
    }
}

/// Lines that are looked at to tell a file whose name says nothing.
const LINES: usize = 16;

/// Whose lines a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogOrigin {
    /// What kind of log it is; none where the name does not say it.
    pub kind: Option<Kind>,
    /// The program that keeps it alone.
    pub program: Option<&'static str>,
}

impl LogOrigin {
    /// By the name of the file.
    pub(super) fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        if let Some((_, program)) = FOLDERS.iter().find(|(known, _)| folder == *known) {
            let is_access = memchr::memmem::find(name.as_bytes(), b"access").is_some();
            let kind = if is_access { Some(Kind::Access) } else { None };
            return LogOrigin { kind, program: Some(program) };
        }
        let is = |known: &str| name == known || is_rotation(known.as_ref(), name);
        if let Some((_, program)) = FILES.iter().find(|(known, _)| is(known)) {
            return LogOrigin { kind: None, program: Some(program) };
        }
        let syslog = SYSLOG.iter().any(|(known, _)| is(known));
        LogOrigin { kind: syslog.then_some(Kind::Syslog), program: None }
    }

    /// What kind of log it is by its first lines, where the name does not say it. All must be those of a logger: an
    /// application that writes what clients send at the beginning of its lines writes others, too.
    pub(super) fn judge<'l>(self, lines: impl Iterator<Item = &'l [u8]>) -> Kind {
        if let Some(kind) = self.kind {
            return kind;
        }
        let (mut syslog, mut kernel, mut access, mut other) = (0, 0, 0, 0);
        let kinds = lines.filter_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            LineFrame::parse(line).map(|frame| frame.kind).or_else(|| Access::parse(line).map(|_| Kind::Access))
        });
        for kind in kinds.take(LINES) {
            match kind {
                Kind::Syslog => syslog += 1,
                Kind::Kernel => kernel += 1,
                Kind::Access => access += 1,
                Kind::Application => other += 1,
            }
        }
        // A daemon that keeps its own files never writes a logger's.
        let foreign = self.program.is_some();
        match (syslog, kernel, access, other) {
            (1.., _, 0, 0) if !foreign => Kind::Syslog,
            (0, 1.., 0, 0) if !foreign => Kind::Kernel,
            (_, _, access, _) if access > syslog + kernel + other => Kind::Access,
            _ => Kind::Application,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSHD: &str = "Nov 22 15:04:05 h sshd[9]: x";
    const REQUEST: &str = "192.0.2.1 - - [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 1";

    fn kind(path: &str, lines: &[&str]) -> Kind {
        LogOrigin::of(Path::new(path)).judge(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn the_place_says_what_a_file_is() {
        assert_eq!(kind("/var/log/messages", &[REQUEST]), Kind::Syslog);
        assert_eq!(kind("/var/log/auth.log.2.gz", &[]), Kind::Syslog);
        assert_eq!(kind("/var/log/secure-20261122", &[]), Kind::Syslog);
        assert_eq!(kind("/var/log/nginx/access.log", &[SSHD]), Kind::Access);
        assert_eq!(kind("/var/log/nginx/shop.log", &[SSHD]), Kind::Application);
        assert_eq!(kind("/var/log/nginx/shop.log", &[REQUEST]), Kind::Access);
        assert_eq!(LogOrigin::of(Path::new("/var/log/bind/query.log")).program, Some("named"));
    }

    #[test]
    fn a_line_that_a_daemon_keeps_itself_tells_by_its_form_whose_it_is() {
        for (line, keeper) in [
            ("2026/11/22 15:04:05 [alert] 1423#0: 768 worker_connections are not enough", Some("nginx")),
            ("2026/11/22 15:04:05 [info] started", None),
            ("[Sun Nov 22 15:04:05 2026] [error] server reached MaxClients setting", Some("apache2")),
            ("[Sun Nov 22 15:04:05.123456 2026] [mpm_event:error] [pid 9] AH00484: x", Some("apache2")),
            ("2026-11-22 15:04:05,123 fail2ban.actions [9]: NOTICE  [sshd] Ban 192.0.2.1", Some("fail2ban")),
            ("[2026-11-22 15:04:05] NOTICE[9] chan_sip.c: Registration from 'x' failed", Some("asterisk")),
            ("[22-Nov-2026 15:04:05] WARNING: [pool www] server reached pm.max_children setting (5)", Some("php-fpm")),
            ("22-Nov-2026 15:04:05.123 client 192.0.2.1#5353: query: a.example IN ANY", Some("named")),
            ("2026-11-22 15:04:05: (server.c.1234) [note] sockets disabled", Some("lighttpd")),
            ("2026-11-22 15:04:05 started", None),
            (SSHD, None),
            (REQUEST, None),
            ("", None),
        ] {
            assert_eq!(keeper_of(line.as_bytes()), keeper, "{line}");
        }
    }

    #[test]
    fn else_all_of_the_first_lines_do() {
        assert_eq!(kind("/srv/remote.log", &[SSHD, "  a second line of it", SSHD]), Kind::Syslog);
        assert_eq!(kind("/srv/boot.log", &["[   12.345678] eth0: link up"]), Kind::Kernel);
        assert_eq!(kind("/srv/app.log", &["2026-11-22 15:04:05 started", SSHD, SSHD]), Kind::Application);
        assert_eq!(kind("/srv/site.log", &[REQUEST, SSHD, REQUEST]), Kind::Access);
        assert_eq!(kind("/srv/site.log", &[SSHD, REQUEST]), Kind::Application);
        assert_eq!(kind("/srv/empty", &[]), Kind::Application);
    }
}
