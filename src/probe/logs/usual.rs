//! The patterns that are searched when none are given: lines that bear on inbound traffic and on what it does to a host, each
//! bound to the programs that write them.

use indexmap::IndexMap;

use super::kind::Kind;
use super::wanted::{Bound, Wanted};

/// A built-in pattern.
pub(super) struct Usual {
    name: &'static str,
    /// Whose lines it is about; of none, requests of web servers.
    programs: &'static [&'static str],
    /// What their messages begin with. Where a stranger's words stand before an address, it goes to the end of the message, so
    /// that the last address counts, which is the program's own.
    expression: &'static str,
}

const SSHD: &[&str] = &["sshd", "sshd-session", "sshd-auth"];
const KERNEL: &[&str] = &["kernel"];
/// BIND, with or without category and level before what it says.
const NAMED: &[&str] = &["named"];

const USUAL: &[Usual] = &[
    Usual {
        name: "ssh_failed_password",
        programs: SSHD,
        expression: r"(?:error: PAM: )?Failed (?:password|keyboard-interactive/pam|none) for (?:invalid user )?(?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)? port \d+(?: ssh\d?)?(?: \[preauth\])?\s*$",
    },
    Usual {
        name: "ssh_invalid_user",
        programs: SSHD,
        expression: r"Invalid user (?P<user>.*) from (?P<address>[0-9A-Fa-f:.]+)(?:%[\w.-]+)?(?: port \d+)?(?: \[preauth\])?\s*$",
    },
    Usual { name: "http_request", programs: &[], expression: "" },
    // A whole URL, or CONNECT, is what one asks a forward proxy for.
    Usual {
        name: "http_proxy_request",
        programs: &[],
        expression: r"(?:[A-Z]{3,10} https?://(?P<site>[^/ ?:]+)|CONNECT (?P<tunnel>[^ ]+) )",
    },
    Usual {
        name: "conntrack_full",
        programs: KERNEL,
        expression: r"(?:nf|ip)_conntrack: (?:nf_conntrack: )?table full(?: in netns \d+)?, dropping packet",
    },
    Usual {
        name: "syn_flooding",
        programs: KERNEL,
        expression: r"(?:\w+: ){0,2}[Pp]ossible SYN flooding on port (?P<port>[0-9A-Fa-f.:\[\]]*\d)",
    },
    Usual {
        name: "martian_source",
        programs: KERNEL,
        expression: r"(?:\w+: )?martian source (?:(?P<destination>[0-9A-Fa-f.:]+) from (?P<source>[0-9A-Fa-f.:]+), on dev (?P<device>\S+)|\(src=[0-9A-Fa-f.:]+, dst=[0-9A-Fa-f.:]+, dev=[^)]+\))",
    },
    Usual {
        name: "out_of_memory",
        programs: KERNEL,
        expression: r"(?:Memory cgroup |\S+: )?[Oo]ut of memory: Kill(?:ed)? process \d+,? \((?P<process>[^)]*)\)|.{1,64} invoked oom-killer",
    },
    // What stands before it is the prefix of the rule.
    Usual {
        name: "firewall_log",
        programs: &["kernel", "ulogd"],
        expression: r".*?\bIN=(?P<interface>\S*) OUT=\S* .*SRC=(?P<source>[0-9A-Fa-f.:]+) DST=(?P<destination>[0-9A-Fa-f.:]+) .*PROTO=(?P<protocol>\w+)(?:.* DPT=(?P<port>\d+))?",
    },
    Usual {
        name: "dns_edns",
        programs: NAMED,
        expression: r"(?:[\w-]+: ){0,2}success resolving '(?P<name>[^']*)' .*after (?:disabling EDNS|reducing the advertised EDNS)",
    },
    Usual {
        name: "dns_failure",
        programs: NAMED,
        expression: r"[^']*(?:timed out|unreachable|connection refused|SERVFAIL|REFUSED|FORMERR|lame server|unexpected RCODE \(?\w+\)?|\))\)? resolving '(?P<name>[^']*)'",
    },
    Usual { name: "neighbour_overflow", programs: KERNEL, expression: r"(?:\w+: ){0,2}[Nn]eighbou?r table overflow" },
    Usual {
        // A link that comes up is no trouble; one that flaps goes down as often.
        name: "link_change",
        programs: &["kernel", "systemd-networkd", "NetworkManager", "netifd"],
        expression: r".*?(?P<device>[A-Za-z][\w.@-]*):? (?:NIC )?(?:[Ll]ink (?:is |status definitely )?(?P<state>[Dd]own)|[Ll]ost carrier)\b",
    },
    Usual {
        name: "udp_bad_checksum",
        programs: KERNEL,
        expression: r"UDP(?:v6)?: bad checksum\. From (?P<source>\S+):(?P<source_port>\d+) to (?P<destination>\S+):(?P<port>\d+)",
    },
    Usual {
        name: "tcp_memory",
        programs: KERNEL,
        expression: r"TCP: out of memory -- consider tuning tcp_mem|TCP: too many (?:of )?orphaned sockets",
    },
    Usual {
        name: "lines_suppressed",
        programs: &["kernel", "rsyslogd", "systemd-journald", "journal", "syslog-ng"],
        expression: r".*?(?:callbacks suppressed|imuxsock.*(?:lost|begin to drop)|rate-limiting|Suppressed \d+ messages)",
    },
];

impl Usual {
    fn bound(&self) -> Bound {
        Bound {
            expression: (!self.expression.is_empty()).then(|| self.expression.to_owned()),
            program: self.programs.iter().map(|program| (*program).to_owned()).collect(),
            kind: self.programs.is_empty().then_some(Kind::Access),
        }
    }
}

/// The patterns that are searched when none are given.
pub(super) fn all() -> IndexMap<String, Wanted> {
    USUAL.iter().map(|usual| (usual.name.to_owned(), Wanted::Bound(usual.bound()))).collect()
}

/// The built-in pattern of that name.
pub(super) fn by_name(name: &str) -> Option<Bound> {
    USUAL.iter().find(|usual| usual.name == name).map(Usual::bound)
}
