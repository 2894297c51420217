//! Web servers and proxies: what is asked for, and what they say of themselves.

use super::{By, Lines, Usual, Weight, from};

const NGINX: &[&str] = &["nginx"];
const APACHE: &[&str] = &["apache2", "httpd"];

/// `from` a client, by its address or name.
const CLIENT: By = By { group: "client", preposition: "from", many: "clients" };

/// What nginx says, behind level, process and connection.
macro_rules! nginx {
    ($message:literal) => {
        concat!(r"\[\w+\] \d+#\d+: (?:\*\d+ )?", $message)
    };
}

/// What Apache says, behind module, level and process.
macro_rules! apache {
    ($message:literal) => {
        concat!(r"\[\w+:\w+\] \[pid [^\]]*\] ", $message)
    };
}

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "http_request",
        service: "web server",
        means: "a request: of access logs in the common, the combined and the vhost format and as JSON of Caddy and Traefik, and of HAProxy's log",
        weight: Weight::Aside,
        one: "request",
        many: "requests",
        by: &[CLIENT],
        lines: &[Lines {
            programs: &[],
            expression: "",
            of: "nginx 1.22.1, 1.30.6, Apache 2.4.69, 2.4.71, lighttpd 1.4.69, 1.4.85, Caddy 2.6.2, 2.11.4, HAProxy 2.6.12, 3.2.26; Traefik by its source",
        }],
    },
    // A whole URL, or CONNECT, is what one asks a forward proxy for.
    Usual {
        name: "http_proxy_request",
        service: "web server",
        means: "a request for a whole URL or a tunnel, as one asks a forward proxy",
        weight: Weight::Trouble,
        one: "request for a whole URL, as a forward proxy is asked,",
        many: "requests for whole URLs, as a forward proxy is asked,",
        by: &[CLIENT, By { group: "site", preposition: "for", many: "sites" }],
        lines: &[Lines {
            programs: &[],
            expression: r"(?:[A-Z]{3,10} https?://(?P<site>[^/ ?:]+)|CONNECT (?P<tunnel>[^ ]+) )",
            of: "the form of a request",
        }],
    },
    Usual {
        name: "http_wordpress_login",
        service: "web server",
        means: "a request to a page of WordPress by which passwords are tried (wp-login.php), many with one request (xmlrpc.php)",
        weight: Weight::Trouble,
        one: "POST to a page of WordPress by which passwords are tried,",
        many: "POSTs to pages of WordPress by which passwords are tried,",
        by: &[CLIENT],
        lines: &[Lines {
            programs: &[],
            expression: r"POST [^ ?]*/(?:xmlrpc|wp-login)\.php(?:[? ]|$)",
            of: "the form of a request",
        }],
    },
    Usual {
        name: "web_limited",
        service: "web server",
        means: "a client asks more often, or over more connections, than the server allows it (limit_req, limit_conn)",
        weight: Weight::Trouble,
        one: "request beyond the limit of a client",
        many: "requests beyond the limits of clients",
        by: &[from("client")],
        lines: &[Lines {
            programs: NGINX,
            expression: nginx!(
                r#"(?:limiting (?:requests, excess: [\d.]+|connections) by|delaying request, excess: [\d.]+, by) zone "(?P<zone>[^"]*)", client: (?P<client>[0-9A-Fa-f:.]+),"#
            ),
            of: "nginx 1.22.1, 1.30.6",
        }],
    },
    Usual {
        name: "web_denied",
        service: "web server",
        means: "a client asked for what the configuration denies it",
        weight: Weight::Aside,
        one: "request that the configuration denies",
        many: "requests that the configuration denies",
        by: &[from("client")],
        lines: &[
            Lines {
                programs: NGINX,
                expression: nginx!(r"access forbidden by rule, client: (?P<client>[0-9A-Fa-f:.]+),"),
                of: "nginx 1.22.1, 1.30.6",
            },
            Lines {
                programs: APACHE,
                expression: apache!(r"\[client (?P<client>[0-9A-Fa-f:.]+):\d+\] AH01630: "),
                of: "Apache 2.4.69, 2.4.71",
            },
        ],
    },
    Usual {
        name: "web_full",
        service: "web server",
        means: "the server has as many connections or workers as it may have; others wait",
        weight: Weight::Grave,
        one: "line about connections or workers that ran out",
        many: "lines about connections or workers that ran out",
        by: &[],
        lines: &[
            Lines {
                programs: NGINX,
                expression: nginx!(
                    r"(?:\d+ worker_connections are not enough|(?:accept4?|socket)\((?:\d+)?\)(?: [0-9A-Fa-f.:\[\]]+)? failed \((?P<files>24): |(?P<backlog>connect\(\) to unix:)\S+ failed \(11: )"
                ),
                of: "nginx 1.22.1, 1.30.6",
            },
            Lines {
                programs: APACHE,
                expression: apache!(r"AH(?:00161|00286|00484|03490): "),
                of: "Apache 2.4 by its source",
            },
            Lines {
                programs: APACHE,
                expression: r"\[\w+\] server reached MaxClients setting",
                of: "Apache 2.2 by its source",
            },
            Lines {
                programs: &["php-fpm"],
                expression: r"(?:\[?WARNING\]?:? )?\[pool (?P<pool>[^\]]+)\] server reached (?:pm\.)?max_children setting",
                of: "php-fpm 7 by its source",
            },
            Lines {
                programs: &["haproxy"],
                expression: r"\S+:\d+ \[[^\]]*\] \S+ \S+ -?\d+/-?\d+/-?\d+/-?\d+/\+?\d+ \d+ \+?\d+ \S+ \S+ sQ",
                of: "HAProxy 2.6 by its source",
            },
            Lines {
                programs: &["lighttpd"],
                expression: r"\(server\.c\.\d+\) \[note\] sockets disabled, (?:connection limit reached|out of fds)",
                of: "lighttpd 1.4.69, 1.4.85",
            },
        ],
    },
    Usual {
        name: "web_upstream",
        service: "web server",
        means: "the server behind the proxy does not answer",
        weight: Weight::Trouble,
        one: "failure to reach a server behind it",
        many: "failures to reach servers behind it",
        by: &[By { group: "upstream", preposition: "at", many: "servers" }],
        lines: &[
            Lines {
                programs: NGINX,
                expression: nginx!(
                    r#"(?:(?P<why>connect\(\) (?:to unix:\S+ )?failed \((?:\d|1[02-9]|[2-9]\d|\d{3}): [^)]*\)|upstream timed out \(\d+: [^)]*\)|upstream SSL certificate verify error: \(\d+:[^)]*\)|upstream SSL certificate does not match "[^"]*"|SSL_do_handshake\(\) failed \([^)]*\)) while (?:connecting to|sending request to|reading response header from|reading|SSL handshaking to) upstream|no live upstreams while connecting to upstream|upstream prematurely closed connection while [a-z ]+|(?P<upstream>[^ ]+) (?P<unresolved>could not be resolved \(\d+: [^)]*\))), client: (?P<client>[0-9A-Fa-f:.]+),"#
                ),
                of: "nginx 1.22.1, 1.30.6",
            },
            Lines {
                programs: APACHE,
                expression: apache!(r"(?:\(\d+\)[^:]*: )?AH0095[79]: \w+: attempt to connect to (?P<upstream>\S+)"),
                of: "Apache 2.4.69, 2.4.71",
            },
            // Which side ended it, and in which state: the server, or its time, while it was connected to, or owed its answer.
            Lines {
                programs: &["haproxy"],
                expression: r"\S+:\d+ \[[^\]]*\] \S+ (?P<upstream>\S+) -?\d+/-?\d+/-?\d+/-?\d+/\+?\d+ \d+ \+?\d+ \S+ \S+ [Ss][CHD]",
                of: "HAProxy 2.6.12, 3.2.26",
            },
            Lines {
                programs: &["haproxy"],
                expression: r#"Server (?P<upstream>\S+) is DOWN(?:, reason: (?P<why>Layer\d [a-z][\w ]*(?:, code: \d+)?(?:, info: "[^"]*")?))?"#,
                of: "HAProxy 2.6.12, 3.2.26",
            },
            Lines {
                programs: &["haproxy"],
                expression: r"backend (?P<upstream>\S+) has (?P<none>no server) available!",
                of: "HAProxy 2.6.12, 3.2.26",
            },
        ],
    },
];
