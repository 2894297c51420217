//! What disks say of themselves, by smartd.

use super::{By, Lines, Usual, Weight};

pub(super) const USUAL: &[Usual] = &[Usual {
    name: "smart_failing",
    service: "smartd",
    means: "a disk says of itself that it has sectors that it cannot read, or that it will fail",
    weight: Weight::Grave,
    one: "sign of failure",
    many: "signs of failure",
    by: &[By { group: "device", preposition: "of", many: "disks" }],
    lines: &[Lines {
        programs: &["smartd"],
        expression: r"Device: /dev/(?P<device>[\w/-]+)(?: \[[^\]]*\])?, (?:\d+ (?:Currently unreadable \(pending\)|Offline uncorrectable) sectors|FAILED SMART self-check|Failed SMART usage Attribute|Critical Warning \(0x)",
        of: "smartmontools 7.3 by its source",
    }],
}];
