//! The firewall's rules and what they counted in the window: nftables by nfnetlink, legacy iptables, ip6tables and
//! arptables by getsockopt; and BPF programs at hooks of netfilter.

mod elsewhere;
mod growth;
mod legacy;
mod legacy_rule;
mod network;
mod nft;
mod nft_field;
mod nft_frame;
mod nft_lookup;
mod nft_rule;
mod nft_set;
mod nft_shown;
mod nft_statement;
mod nft_verdict;
mod output;
mod reach;
mod rule;
mod rule_counters;
mod watch;
mod xt;
mod xt_target;

pub use output::{Backend, BackendKind, Chain, Firewall, FirewallElsewhere, HookedProgram, Standing, Tally};
pub use rule::{Matches, PortRange, Rule};
pub use watch::{of_dump, of_table};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Need, Probe};
use crate::case::{Gap, Observed};
use crate::units::Span;

/// Rules that are listed; a report shows a few, and the ledger joins flows with those that dropped.
const MOST_SHOWN: usize = 300;
/// Drops without a counter that are named.
const MOST_UNCOUNTED: usize = 50;
/// Base chains that are listed.
const MOST_CHAINS: usize = 300;
/// Characters of a rule's text.
const MOST_TEXT: usize = 2000;
/// Characters of a rule's text in its name.
const MOST_IN_NAME: usize = 160;

/// The probe, for the table of probes.
pub static FIREWALL: FirewallProbe = FirewallProbe;

/// The probe `firewall`.
pub struct FirewallProbe;

/// Parameters of the probe `firewall`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch the counters grow. `0s` reads them once: then there are totals, and no growth.
    pub window: Span,
    /// Other network namespaces whose rules are wanted, too: `busiest` (at most eight, those that move most), `all` as
    /// far as there is time, or one by name: that of a container, a pod or `ip netns`, the number of the namespace, or eight
    /// and more digits of a container's id. None of them by default.
    pub namespaces: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), namespaces: None }
    }
}

impl Probe for FirewallProbe {
    const NAME: &'static str = "firewall";
    const ABOUT: &'static str = "the firewall's rules: what each counted and dropped in the window";
    const SOURCE: &'static str =
        "nfnetlink (NFT_MSG_GETRULE), getsockopt (IPT_SO_GET_ENTRIES, ARPT_SO_GET_ENTRIES), bpf (BPF_LINK_GET_NEXT_ID)";
    const REPLACES: &'static [&'static str] =
        &["iptables -vnL", "iptables-save -c", "ip6tables -vnL", "arptables -vnL", "nft list ruleset"];
    const NEEDS: &'static [Need] = &[
        Need { what: "CAP_NET_ADMIN", without: "every rule and every counter" },
        Need { what: "CAP_SYS_ADMIN", without: "the rules of other network namespaces, where they are asked for" },
        Need { what: "CAP_DAC_READ_SEARCH", without: "the rules of legacy iptables and ip6tables, for users but root" },
    ];
    const WIDENED_BY: &'static [&'static str] = &["namespaces"];
    type Params = Params;
    type Output = Firewall;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Firewall>, Gap> {
        watch::watch(params.window.0, params.namespaces.as_deref(), cx)
    }
}
