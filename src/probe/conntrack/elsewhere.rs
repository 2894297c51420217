//! Connections that other network namespaces track.

use std::time::Duration;

use super::output::{Conntrack, ConntrackElsewhere};
use super::{Params, Window};
use crate::case::Observed;
use crate::probe::elsewhere::Elsewhere;

/// How long reading the entries of one namespace may take.
const READING: Duration = Duration::from_millis(150);

/// Looks at the table of the calling thread's network namespace.
pub(super) fn look(params: &Params, window: Option<Window>) -> Observed<Conntrack> {
    let mut observed = Observed::whole(Conntrack { tracking: true, ..Conntrack::default() });
    super::look(params, window.as_ref(), READING, &mut observed);
    observed
}

/// Adds what was seen elsewhere to the result.
pub(super) fn add(seen: &mut Observed<Conntrack>, others: Elsewhere<Observed<Conntrack>>) {
    let inside = others.seen.iter().flat_map(|there| there.seen.missing.clone()).filter_map(|mut part| {
        part.fields.retain(|field| IS_SHOWN.contains(&field.as_str()));
        (!part.fields.is_empty()).then_some(part)
    });
    others.say_what_is_missing(inside, &mut seen.missing);
    for there in &others.seen {
        seen.loss.extend(there.seen.loss.iter().map(|loss| format!("{}: {loss}", there.label)));
    }
    seen.output.elsewhere_left_out = others.left_out;
    let tells = others.tells();
    let rows = others.seen.into_iter().map(|there| {
        let table = there.seen.output;
        ConntrackElsewhere {
            namespace: there.number,
            label: there.label,
            pid: there.pid,
            ends: there.ends,
            seconds: there.seconds,
            count: table.count,
            max: table.max,
            used_share: table.used_share,
            trouble: table.trouble,
            entries_read: table.entries_read,
            complete: table.complete,
            protocols: table.protocols,
            tcp_states: table.tcp_states,
            unreplied: table.unreplied,
            top_sources: table.top_sources,
            top_services: table.top_services,
        }
    });
    seen.output.elsewhere = tells.then(|| rows.collect());
}

/// The fields that are shown of each.
const IS_SHOWN: [&str; 10] = [
    "count",
    "max",
    "trouble",
    "entries_read",
    "complete",
    "protocols",
    "tcp_states",
    "unreplied",
    "top_sources",
    "top_services",
];
