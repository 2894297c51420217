//! Mail servers: Postfix, Exim, Dovecot. Postfix and Dovecot name a client only once it is connected, Exim writes its own time behind
//! that of the logger.

use super::{Lines, Usual, Weight, from};

const POSTFIX: &[&str] = &[
    "postfix/smtpd",
    "postfix/submission/smtpd",
    "postfix/submissions/smtpd",
    "postfix/smtps/smtpd",
    "postfix/postscreen",
    "postfix/anvil",
];
const EXIM: &[&str] = &["exim", "exim4"];
const DOVECOT: &[&str] = &["dovecot"];

/// What Exim says. Its `HELO` stands in parentheses and holds no blank.
macro_rules! exim {
    ($message:literal) => {
        concat!(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?(?:\[\d+\] )?", $message)
    };
}

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "mail_login_failed",
        service: "mail server",
        means: "somebody gave a wrong password for a mailbox",
        weight: Weight::Trouble,
        one: "failed login to a mailbox",
        many: "failed logins to mailboxes",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: POSTFIX,
                expression: r"warning: [^ \[]+\[(?P<address>[0-9A-Fa-f:.]+)\]: SASL \S+ authentication failed",
                of: "Postfix 3.7.11, 3.11.7",
            },
            Lines {
                programs: DOVECOT,
                expression: r"(?:imap|pop3|submission|managesieve)-login: [\w :]+\(auth failed, \d+ attempts[^)]*\)[^:]*: user=<(?P<user>.*)>, (?:method=\S+, )?rip=(?P<address>[0-9A-Fa-f:.]+), lip=[0-9A-Fa-f:.]+(?:, [^<>]*(?:<[^<> ]*>)?)?\s*$",
                of: "Dovecot 2.3.19, 2.4.5",
            },
            Lines {
                programs: EXIM,
                expression: exim!(
                    r"\w+ authenticator failed for (?:\S+ )?(?:\([^ ]*\) )?\[(?P<address>[0-9A-Fa-f:.]+)\](?::\d+)?(?: [IU]=\S+)*: 535 "
                ),
                of: "Exim 4.96",
            },
        ],
    },
    Usual {
        name: "mail_rejected",
        service: "mail server",
        means: "mail was not taken: the recipient, the sender or the client is not allowed",
        weight: Weight::Aside,
        one: "rejected mail",
        many: "rejected mails",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: POSTFIX,
                expression: r"\w+: reject: \w+ from [^ \[]+\[(?P<address>[0-9A-Fa-f:.]+)\](?::\d+)?: (?P<code>\d{3}) ",
                of: "Postfix 3.7.11, 3.11.7",
            },
            Lines {
                programs: EXIM,
                expression: exim!(
                    r"H=(?:[^ (]+ )?(?:\([^ ]*\) )?\[(?P<address>[0-9A-Fa-f:.]+)\](?::\d+)? (?:\S+=\S+ )*rejected "
                ),
                of: "Exim 4.96",
            },
        ],
    },
    Usual {
        name: "mail_limited",
        service: "mail server",
        means: "a client connects more often, or over more connections, than the server allows it",
        weight: Weight::Trouble,
        one: "connection beyond the limit of a client",
        many: "connections beyond the limits of clients",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: POSTFIX,
                expression: r"warning: (?:Connection (?:rate|concurrency)|Message delivery request rate|Recipient address rate|New TLS session rate|AUTH command rate) limit exceeded: \d+ from [^ \[]+\[(?P<address>[0-9A-Fa-f:.]+)\]",
                of: "Postfix 3.7.11, 3.11.7",
            },
            Lines {
                programs: EXIM,
                expression: exim!(
                    r"Connection from \[?(?P<address>[0-9A-Fa-f:.]+)\]?(?::\d+)? refused: too many connections"
                ),
                of: "Exim 4.96",
            },
        ],
    },
    Usual {
        name: "mail_left",
        service: "mail server",
        means: "a client went away in the middle, fell silent, or made too many mistakes",
        weight: Weight::Aside,
        one: "client that left in the middle",
        many: "clients that left in the middle",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: POSTFIX,
                expression: r"(?:NOQUEUE: )?(?:lost connection|timeout|too many errors) after (?P<after>[\w-]+) (?:\(\d+ bytes\) )?from [^ \[]+\[(?P<address>[0-9A-Fa-f:.]+)\]",
                of: "Postfix 3.7.11, 3.11.7",
            },
            Lines {
                programs: EXIM,
                expression: exim!(
                    r"(?:SMTP call from|SMTP command timeout on connection from|unexpected disconnection while reading SMTP command from) (?:[^ (\[]+ )?(?:\([^ ]*\) )?\[(?P<address>[0-9A-Fa-f:.]+)\]"
                ),
                of: "Exim 4.96",
            },
        ],
    },
];
