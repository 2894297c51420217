//! Name servers: BIND, unbound, dnsmasq, knot, PowerDNS.

use super::{By, Lines, Usual, Weight, from};

/// BIND, with or without category and level before what it says.
const NAMED: &[&str] = &["named"];
const UNBOUND: &[&str] = &["unbound"];
const DNSMASQ: &[&str] = &["dnsmasq"];
const KNOT: &[&str] = &["knot", "knotd"];

/// What named says.
macro_rules! named {
    ($message:literal) => {
        concat!(r"(?:[\w-]+: ){0,2}", $message)
    };
}

/// What named says of a client. The name that is asked for holds no blank that is not escaped.
macro_rules! named_client {
    ($message:literal) => {
        concat!(
            r"(?:[\w-]+: ){0,2}client (?:@0x[0-9a-f]+ )?(?P<client>[0-9A-Fa-f:.]+)(?:%\w+)?#\d+(?:/key \S+)?(?: \([^ ]*\))?: (?:view \S+: )?",
            $message
        )
    };
}

/// What unbound says, to the logger and in its own file.
macro_rules! unbound {
    ($message:literal) => {
        concat!(r"(?:unbound)?\[[\d:]+\] (?:info|notice|warning|error): ", $message)
    };
}

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "dns_edns",
        service: "name server",
        means: "a server answered only without EDNS, or to a smaller size; BIND 9.18 and later say nothing of it",
        weight: Weight::Trouble,
        one: "look-up that went without EDNS",
        many: "look-ups that went without EDNS",
        by: &[],
        lines: &[Lines {
            programs: NAMED,
            expression: named!(
                r"success resolving '(?P<name>[^']*)' .*after (?:disabling EDNS|reducing the advertised EDNS)"
            ),
            of: "BIND 9.11 by its source",
        }],
    },
    Usual {
        name: "dns_failure",
        service: "name server",
        means: "a name could not be looked up: the servers that were asked are silent, refuse or fail",
        weight: Weight::Trouble,
        one: "failed look-up",
        many: "failed look-ups",
        by: &[By { group: "name", preposition: "of", many: "names" }],
        lines: &[
            Lines {
                programs: NAMED,
                expression: r"[^']*(?:timed out|unreachable|connection refused|SERVFAIL|REFUSED|FORMERR|lame server|broken trust chain|no valid \w+|unexpected RCODE(?: \(?\w+)?|\))\)? resolving '(?P<name>[^']*)'",
                of: "BIND 9.18.49, 9.20.30",
            },
            Lines {
                programs: UNBOUND,
                expression: unbound!(r"SERVFAIL <(?P<name>[^ >]+)"),
                of: "unbound 1.17.1, 1.26.2",
            },
            Lines {
                programs: DNSMASQ,
                expression: r"(?:\d+ [0-9A-Fa-f:.]+/\d+ )?(?:reply|config|cached) error is (?P<why>SERVFAIL|REFUSED|not implemented|[a-z ]+)",
                of: "dnsmasq 2.90, 2.93",
            },
        ],
    },
    Usual {
        name: "resolver_degraded",
        service: "resolver",
        means: "a name server did not answer as it should, and systemd-resolved asks it in a plainer way; again and again, it is silent or cannot be reached",
        weight: Weight::Trouble,
        one: "name server that did not answer as it should",
        many: "times that a name server did not answer as it should",
        by: &[By { group: "server", preposition: "at", many: "servers" }],
        lines: &[Lines {
            programs: &["systemd-resolved"],
            expression: r"Using degraded feature set (?:\((?P<old>[\w+]+)\)|(?P<set>[\w+]+) instead of [\w+]+) for DNS server (?P<server>[0-9A-Fa-f.:]*[0-9A-Fa-f])",
            of: "systemd 232 to 258 by its source",
        }],
    },
    Usual {
        name: "dns_query_failed",
        service: "name server",
        means: "a client's query was answered with a failure",
        weight: Weight::Aside,
        one: "query that failed",
        many: "queries that failed",
        by: &[from("client")],
        lines: &[Lines {
            programs: NAMED,
            expression: named_client!(
                r"query failed \((?:[a-z][a-z ]*|SERVFAIL|FORMERR|NOTIMP)\) for (?P<name>[^ /]+)/"
            ),
            of: "BIND 9.18.49, 9.20.30",
        }],
    },
    Usual {
        name: "dns_denied",
        service: "name server",
        means: "somebody asked who may not: a look-up of other names, a zone, an update",
        weight: Weight::Trouble,
        one: "denied query",
        many: "denied queries",
        by: &[from("client")],
        lines: &[
            Lines {
                programs: NAMED,
                expression: named_client!(
                    r"(?:query(?: \(cache\))?|zone transfer|update|notify) '(?P<name>[^']*)' denied"
                ),
                of: "BIND 9.18.49, 9.20.30",
            },
            Lines {
                programs: UNBOUND,
                expression: unbound!(r"(?P<client>[0-9A-Fa-f:.]+) (?P<name>\S+) \S+ \S+ REFUSED \d"),
                of: "unbound 1.17.1, 1.26.2 (log-replies; without the name)",
            },
            Lines {
                programs: &["pdns", "pdns_server"],
                expression: r"AXFR-out zone '(?P<name>[^']*)', client '\[?(?P<client>[\d.]+|[0-9A-Fa-f:]+)\]?(?::\d+)?', denied",
                of: "PowerDNS 4.7.3, 5.1.5",
            },
            Lines {
                programs: &["pdns_recursor", "pdns-recursor"],
                expression: r#"msg="Dropping (?:UDP|TCP) query, address not matched by allow-from" .*source="\[?(?P<client>[\d.]+|[0-9A-Fa-f:]+)\]?:\d+""#,
                of: "PowerDNS Recursor 4.8.8, 5.4.9",
            },
        ],
    },
    Usual {
        name: "dns_any",
        service: "name server",
        means: "somebody asked for all records of a name: a small question with a large answer, as those ask who want it sent to somebody else",
        weight: Weight::Trouble,
        one: "query for all records of a name (ANY)",
        many: "queries for all records of names (ANY)",
        by: &[from("client"), By { group: "name", preposition: "of", many: "names" }],
        lines: &[
            Lines {
                programs: NAMED,
                expression: named_client!(r"query: (?P<name>[^ ]+) IN (?:ANY|RRSIG) "),
                of: "BIND 9.18 by its source",
            },
            Lines {
                programs: DNSMASQ,
                expression: r"(?:\d+ [0-9A-Fa-f:.]+/\d+ )?query\[(?:ANY|type=255)\] (?P<name>[^ ]+) from (?P<client>[0-9A-Fa-f:.]+)",
                of: "dnsmasq 2.90 by its source",
            },
        ],
    },
    Usual {
        name: "dns_rate_limited",
        service: "name server",
        means: "the server answers an address, a network or a name less often than it is asked",
        weight: Weight::Trouble,
        one: "line about queries beyond the rate limit",
        many: "lines about queries beyond the rate limit",
        by: &[from("client")],
        lines: &[
            Lines {
                programs: NAMED,
                expression: named_client!(r"(?:would )?rate limit (?:drop|slip) "),
                of: "BIND 9.18.49, 9.20.30",
            },
            Lines {
                programs: UNBOUND,
                expression: unbound!(r"ip_ratelimit exceeded (?P<client>[0-9A-Fa-f:.]+) "),
                of: "unbound 1.17.1, 1.26.2",
            },
            Lines {
                programs: KNOT,
                expression: r"notice: module 'mod-rrl/\S+', address(?:/subnet)? (?P<client>[0-9A-Fa-f:.]+)(?:/\d+)?,? (?:.*, enters limiting|\w+ limited)",
                of: "knot 3.2.6, 3.5.8",
            },
        ],
    },
    Usual {
        name: "dns_full",
        service: "name server",
        means: "the server has as many queries under way as it may have; others are refused or dropped",
        weight: Weight::Grave,
        one: "line about queries that were too many at once",
        many: "lines about queries that were too many at once",
        by: &[],
        lines: &[
            Lines {
                programs: DNSMASQ,
                expression: r"Maximum number of concurrent DNS queries .*reached \(max: (?P<most>\d+)\)",
                of: "dnsmasq 2.90, 2.93",
            },
            Lines {
                programs: NAMED,
                expression: named!(
                    r"(?:client .*: )?(?:no more recursive clients|recursive-clients soft limit exceeded|TCP client quota reached)"
                ),
                of: "BIND 9.18 by its source",
            },
        ],
    },
];
