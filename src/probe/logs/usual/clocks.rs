//! What keeps the clock: chrony, NTPsec, systemd-timesyncd. A wrong clock makes the times of all logs wrong.

use super::{Lines, Usual, Weight};

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "clock_wrong",
        service: "clock",
        means: "the clock was found to be wrong, or was set to another time: the times of the logs jump there",
        weight: Weight::Aside,
        one: "line about a wrong clock",
        many: "lines about a wrong clock",
        by: &[],
        lines: &[
            Lines {
                programs: &["chronyd"],
                expression: r"System clock (?:wrong by|was stepped by) (?P<seconds>-?[\d.]+) seconds",
                of: "chrony 4.3, 4.9",
            },
            Lines {
                programs: &["ntpd"],
                expression: r"(?:CLOCK: )?time (?:stepped|slew(?:ed)?) by? ?(?P<seconds>[-+]?[\d.]+)",
                of: "NTPsec 1.2 by its source",
            },
        ],
    },
    Usual {
        name: "clock_unsynchronised",
        service: "clock",
        means: "no server tells the time any more",
        weight: Weight::Aside,
        one: "line about time servers that do not answer",
        many: "lines about time servers that do not answer",
        by: &[],
        lines: &[
            Lines { programs: &["chronyd"], expression: r"Can't synchronise: no ", of: "chrony 4 by its source" },
            Lines {
                programs: &["systemd-timesyncd"],
                expression: r"Timed out waiting for reply from ",
                of: "systemd 252 by its source",
            },
        ],
    },
];
