//! Servers of telephony: Asterisk.

use super::{Lines, Usual, Weight, from};

pub(super) const USUAL: &[Usual] = &[Usual {
    name: "sip_login_failed",
    service: "Asterisk",
    means: "somebody tried to register as a telephone, with a wrong name or password",
    weight: Weight::Trouble,
    one: "registration that failed",
    many: "registrations that failed",
    by: &[from("address")],
    // What the other side calls itself stands before the address: the last address counts.
    lines: &[Lines {
        programs: &["asterisk"],
        expression: r"(?:NOTICE|WARNING|SECURITY)\[\d+\](?:\[C-[0-9a-f]+\])?:? (?:chan_sip|res_pjsip/pjsip_distributor)\.c:.*' failed for '(?P<address>[0-9A-Fa-f.:]+):\d+' (?:\(callid: [^)]*\) )?- (?P<why>[A-Za-z /()-]+)\s*$",
        of: "Asterisk 13, 16 by their source",
    }],
}];
