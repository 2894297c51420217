//! What loggers say of lines that they, or the kernel, left out: what was counted is then less than what happened.

use super::{Lines, Usual, Weight};

pub(super) const USUAL: &[Usual] = &[Usual {
    name: "lines_suppressed",
    service: "logger",
    means: "lines were left out because there were too many: the counts here are too small",
    weight: Weight::Trouble,
    one: "line about lines that were left out",
    many: "lines about lines that were left out",
    by: &[],
    lines: &[
        Lines {
            programs: &["kernel"],
            expression: r".{0,80}?(?:\b(?P<lost>\d+) )?callbacks suppressed",
            of: "Linux 6.18",
        },
        Lines {
            programs: &["rsyslogd"],
            expression: r"imuxsock\[pid[^\]]*\](?: from \S+)?: (?:(?P<lost>\d+) messages lost|begin to drop messages) due to rate-limiting",
            of: "rsyslog 8.2302, 8.2610",
        },
        Lines {
            programs: &["rsyslogd", "rsyslogd-2177"],
            expression: r"(?:\S+: |imuxsock )(?:begins? to drop messages|(?P<lost>\d+) messages lost|lost \d+ messages)(?: from pid \d+)? due to rate-limiting",
            of: "rsyslog 8 by its source (imjournal, older imuxsock)",
        },
        Lines {
            programs: &["systemd-journald", "journal"],
            expression: r"Suppressed (?P<lost>\d+) messages from (?P<unit>\S+)",
            of: "systemd 252",
        },
        // What journald could not hand on is in the journal alone.
        Lines {
            programs: &["systemd-journald", "journal"],
            expression: r"Forwarding to syslog missed (?P<lost>\d+) messages",
            of: "systemd 252",
        },
        Lines {
            programs: &["systemd-journald", "journal"],
            expression: r"Missed (?P<lost>\d+) kernel messages",
            of: "systemd 252 by its source",
        },
    ],
}];
