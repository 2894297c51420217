//! What systemd says of the services that it starts.

use super::{By, Lines, Usual, Weight};

const SYSTEMD: &[&str] = &["systemd"];

/// `of` a unit.
const UNIT: By = By { group: "unit", preposition: "of", many: "units" };

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "unit_failed",
        service: "systemd",
        means: "a service ended as it should not",
        weight: Weight::Trouble,
        one: "failure",
        many: "failures",
        by: &[UNIT],
        // No result but `oom-kill` begins with an o; that one is counted below.
        lines: &[Lines {
            programs: SYSTEMD,
            expression: r"(?P<unit>\S+): Failed with result '(?P<result>[a-np-z][\w-]*)'",
            of: "systemd 252",
        }],
    },
    Usual {
        name: "unit_started",
        service: "systemd",
        means: "a service was started; older versions write its description in place of its name, and are not counted",
        weight: Weight::Aside,
        one: "start",
        many: "starts",
        by: &[UNIT],
        lines: &[Lines {
            programs: SYSTEMD,
            expression: r"Started (?P<unit>[^\s/]+\.service)(?: |\.|$)",
            of: "systemd 252",
        }],
    },
    Usual {
        name: "unit_start_limit",
        service: "systemd",
        means: "a service failed so often that it is not started any more",
        weight: Weight::Grave,
        one: "start that was given up",
        many: "starts that were given up",
        by: &[UNIT],
        lines: &[Lines {
            programs: SYSTEMD,
            expression: r"(?P<unit>\S+): Start request repeated too quickly",
            of: "systemd 252",
        }],
    },
    Usual {
        name: "unit_failed_out_of_memory",
        service: "systemd",
        means: "a service ended because the kernel killed a process of it for want of memory",
        weight: Weight::Grave,
        one: "failure for want of memory",
        many: "failures for want of memory",
        by: &[UNIT],
        lines: &[Lines {
            programs: SYSTEMD,
            expression: r"(?P<unit>\S+): Failed with result 'oom-kill'",
            of: "systemd 252",
        }],
    },
    Usual {
        name: "memory_refused",
        service: "programs",
        means: "the kernel gave a program no memory for another process: as much was promised as may be, or as is there",
        weight: Weight::Grave,
        one: "process that could not be begun for want of memory",
        many: "processes that could not be begun for want of memory",
        by: &[],
        lines: &[
            Lines {
                programs: &["redis-server", "redis", "valkey-server"],
                expression: r"Can't save in background: fork: (?P<redis>Cannot allocate memory)",
                of: "Redis 2.8 to 7.4 by its source",
            },
            Lines {
                programs: &["postgres", "sshd", "cron", "crond", "systemd", "bash"],
                expression: r"(?:\[\d+-\d+\] )?(?:LOG:  |error: |\(CRON\) )?(?:could not fork new process for connection|fork|Failed to fork): Cannot allocate memory",
                of: "PostgreSQL 16 and OpenSSH 9 by their source",
            },
        ],
    },
    Usual {
        name: "unit_out_of_memory",
        service: "systemd",
        means: "a process of a service was killed for want of memory",
        weight: Weight::Grave,
        one: "kill for want of memory",
        many: "kills for want of memory",
        by: &[UNIT],
        lines: &[
            Lines {
                programs: SYSTEMD,
                expression: r"(?P<unit>\S+): A process of this unit has been killed by the OOM killer",
                of: "systemd 252 by its source",
            },
            Lines {
                programs: &["systemd-oomd"],
                expression: r"Killed (?P<unit>\S+) due to ",
                of: "systemd 252 by its source",
            },
        ],
    },
];
