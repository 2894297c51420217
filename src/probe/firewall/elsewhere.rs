//! The rules of other network namespaces.

use super::output::{Firewall, FirewallElsewhere};
use crate::case::Observed;
use crate::probe::elsewhere::Elsewhere;

/// Rules of one namespace that are listed.
const RULES: usize = 50;

/// Adds what was seen elsewhere to the result.
pub(super) fn add(seen: &mut Observed<Firewall>, others: Elsewhere<Observed<Firewall>>) {
    let inside = others.seen.iter().flat_map(|there| there.seen.missing.clone());
    others.say_what_is_missing(inside, &mut seen.missing);
    for there in &others.seen {
        let said = there.seen.loss.iter().map(|loss| format!("{}: {loss}", there.label));
        seen.loss.extend(said);
    }
    seen.output.elsewhere_left_out = others.left_out;
    let tells = others.tells();
    let rows = others.seen.into_iter().map(|there| {
        let mut rules = there.seen.output;
        let cut = rules.rules.len().saturating_sub(RULES);
        rules.rules.truncate(RULES);
        FirewallElsewhere {
            namespace: there.number,
            label: there.label,
            pid: there.pid,
            ends: there.ends,
            seconds: rules.seconds,
            nftables: rules.nftables,
            legacy: rules.legacy,
            rules: rules.rules,
            rules_left_out: rules.rules_left_out.saturating_add(u32::try_from(cut).unwrap_or(u32::MAX)),
            dropped: rules.dropped,
            top_drop: rules.top_drop,
            uncounted_drops: rules.uncounted_drops,
        }
    });
    seen.output.elsewhere = tells.then(|| rows.collect());
}
