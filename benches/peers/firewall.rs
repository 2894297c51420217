//! The counters of firewall rules.

use std::fmt::Write;

use anyhow::Result;

use crate::measure::{Tool, alternately};
use crate::table::Row;
use crate::{Bench, load};

const ROUNDS: usize = 9;

/// Numbers of rules.
const SIZES: [u32; 3] = [10_000, 2_000, 200];

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let casebook = Tool::casebook(&["probe", "firewall", "window=0s", "--format", "json"]);
    for (job, restore, peers, most) in [
        (
            "firewall counters, nft",
            "iptables-nft-restore",
            &["iptables-nft-save -c", "nft -j list ruleset"][..],
            [0.5, 0.7, 1.0],
        ),
        ("firewall counters, legacy", "iptables-legacy-restore", &["iptables-legacy-save -c"][..], [0.8, 1.0, 1.2]),
    ] {
        for (number, most) in SIZES.into_iter().zip(most) {
            let number = if bench.quick { number / 5 } else { number };
            let row = Row::new(job, &format!("{number} rules"));
            rows.push(load::in_namespace(|| {
                load::feed(restore, &[], &rules(number))?;
                let peers: Vec<Tool> = peers.iter().map(|words| Tool::new(words)).collect();
                Ok(row.contest(&alternately(bench, &casebook, &peers, ROUNDS)?).ratio_to(&peers[0].name, most))
            })?);
        }
    }
    Ok(rows)
}

/// Rules that drop one address each.
fn rules(number: u32) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n".to_owned();
    for at in 0..number {
        let (high, low) = (at / 250 % 250, at % 250);
        let _ =
            writeln!(text, "-A INPUT -s 198.{}.{high}.{low}/32 -p tcp -m tcp --dport {} -j DROP", 18 + at % 2, 1 + at);
    }
    text.push_str("COMMIT\n");
    text
}
