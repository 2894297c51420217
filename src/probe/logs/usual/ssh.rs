//! OpenSSH. From 9.8 on the process of a session is `sshd-session`, and from 10.0 on `sshd-auth` before the login; the listener stays
//! `sshd`.

use super::{Lines, Usual, Weight, from};

const SSHD: &[&str] = &["sshd", "sshd-session", "sshd-auth"];

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "ssh_failed_password",
        service: "sshd",
        means: "somebody gave a wrong password",
        weight: Weight::Trouble,
        one: "failed password",
        many: "failed passwords",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"(?:error: PAM: )?Failed (?:password|keyboard-interactive/pam|none) for (?:invalid user )?(?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)? port \d+(?: ssh\d?)?(?: \[preauth\])?\s*$",
            of: "OpenSSH 9.2p1, 10.6p1",
        }],
    },
    Usual {
        name: "ssh_invalid_user",
        service: "sshd",
        means: "somebody asked to log in as a user whom the host does not know",
        weight: Weight::Trouble,
        one: "unknown user",
        many: "unknown users",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"Invalid user (?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?(?: port \d+)?(?: \[preauth\])?\s*$",
            of: "OpenSSH 9.2p1, 10.6p1",
        }],
    },
    Usual {
        name: "ssh_max_tries",
        service: "sshd",
        means: "somebody gave as many wrong passwords or keys as one connection may (MaxAuthTries)",
        weight: Weight::Trouble,
        one: "connection that tried too many passwords or keys",
        many: "connections that tried too many passwords or keys",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)? port \d+(?: ssh\d?)?(?: \[preauth\])?\s*$",
            of: "OpenSSH 9.2p1 by its source",
        }],
    },
    Usual {
        name: "ssh_pam_failed",
        service: "sshd",
        means: "PAM refused a password; sshd tells of the same in a line of its own, where it is asked to",
        weight: Weight::Aside,
        one: "password that PAM refused",
        many: "passwords that PAM refused",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"pam_\w+\(sshd:auth\): authentication failure; .*rhost=(?P<address>[0-9A-Fa-f:.]+)(?: +user=\S*)?\s*$",
            of: "Linux-PAM 1.5 by its source",
        }],
    },
    Usual {
        name: "ssh_max_startups",
        service: "sshd",
        means: "more connections wait to log in than MaxStartups allows; others are turned away",
        weight: Weight::Trouble,
        one: "line about connections beyond MaxStartups",
        many: "lines about connections beyond MaxStartups",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"(?:error: )?(?:drop connection #\d+ from \[(?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?\]:\d+ on \S+ (?:past )?MaxStartups|beginning MaxStartups throttling|exited MaxStartups throttling after \S+, (?P<dropped>\d+) connections? dropped)",
            of: "OpenSSH 9.2p1, 10.6p1",
        }],
    },
    Usual {
        name: "ssh_penalty",
        service: "sshd",
        means: "an address is turned away for what it did before (PerSourcePenalties)",
        weight: Weight::Trouble,
        one: "line about penalties",
        many: "lines about penalties",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: SSHD,
                expression: r"drop connection #\d+ from \[(?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?\]:\d+ on \S+ penalty: (?P<why>[\w ]+)",
                of: "OpenSSH 10.6p1",
            },
            Lines {
                programs: SSHD,
                expression: r"srclimit_penalise: (?P<address>[0-9A-Fa-f:.]+)/\d+: activating \S+ penalty of \S+ seconds for penalty: (?P<why>[\w ]+)",
                of: "OpenSSH 10.6p1",
            },
        ],
    },
    Usual {
        name: "ssh_grace_time",
        service: "sshd",
        means: "a connection did not log in within LoginGraceTime; Debian 12's sshd logs nothing of it",
        weight: Weight::Trouble,
        one: "connection that did not log in in time",
        many: "connections that did not log in in time",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"(?:fatal: )?Timeout before authentication for (?:connection from )?(?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?(?: port \d+| to )",
            of: "OpenSSH 10.6p1; up to 9.7 by its source",
        }],
    },
    Usual {
        name: "ssh_not_ssh",
        service: "sshd",
        means: "what connected does not speak SSH",
        weight: Weight::Aside,
        one: "connection that did not speak SSH",
        many: "connections that did not speak SSH",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: SSHD,
                expression: r"banner exchange: Connection from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)? port \d+: (?:invalid format|could not read protocol version)",
                of: "OpenSSH 9.2p1, 10.6p1",
            },
            Lines {
                programs: SSHD,
                expression: r"(?:Did not receive identification string from|Bad protocol version identification '.*' from) (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?(?: port \d+)?\s*$",
                of: "OpenSSH 6.7, 7.9 by their source",
            },
        ],
    },
    Usual {
        name: "ssh_left_before_login",
        service: "sshd",
        means: "a connection ended before the login",
        weight: Weight::Aside,
        one: "connection that ended before the login",
        many: "connections that ended before the login",
        by: &[from("address")],
        lines: &[Lines {
            programs: SSHD,
            expression: r"(?:Connection (?:closed|reset) by|Disconnected from) (?:(?:authenticating|invalid) user (?P<user>.*) )?(?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)? port \d+ \[preauth\]\s*$",
            of: "OpenSSH 9.2p1, 10.6p1",
        }],
    },
];
