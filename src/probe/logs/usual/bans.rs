//! What locks addresses out for what they did: fail2ban, crowdsec, csf.

use super::{Lines, Usual, Weight, from};

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "address_banned",
        service: "fail2ban, crowdsec or csf",
        means: "an address was locked out for what it did",
        weight: Weight::Aside,
        one: "ban",
        many: "bans",
        by: &[from("address")],
        lines: &[
            Lines {
                programs: &["fail2ban", "fail2ban-server", "fail2ban.actions"],
                expression: r"(?:fail2ban\.actions +\[\d+\]: )?(?:NOTICE +)?\[(?P<why>[^\]]+)\] (?:Restore )?Ban (?P<address>[0-9A-Fa-f:.]+)",
                of: "fail2ban 1.0.2",
            },
            Lines {
                programs: &["lfd"],
                expression: r".* from (?P<address>[0-9A-Fa-f:.]+) \([^)]*\): \d+ in the last \d+ secs - \*Blocked in csf\*",
                of: "ConfigServer Firewall 14 by its source",
            },
            Lines {
                programs: &["crowdsec"],
                expression: r#"(?:time="[^"]*" )?level=info msg="Ip (?P<address>[0-9A-Fa-f:.]+) performed '(?P<why>[^']+)'"#,
                of: "crowdsec 1.4 by its source",
            },
        ],
    },
    Usual {
        name: "attempt_noted",
        service: "fail2ban",
        means: "fail2ban counted an attempt of an address; after some of them it locks it out",
        weight: Weight::Aside,
        one: "attempt that it counted",
        many: "attempts that it counted",
        by: &[from("address")],
        lines: &[Lines {
            programs: &["fail2ban", "fail2ban-server", "fail2ban.filter"],
            expression: r"(?:fail2ban\.filter +\[\d+\]: )?(?:INFO +)?\[(?P<why>[^\]]+)\] Found (?P<address>[0-9A-Fa-f:.]+)",
            of: "fail2ban 1.0.2 by its source",
        }],
    },
];
