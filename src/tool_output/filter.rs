//! What the probe `firewall` would have seen, out of `iptables-save`. Its counters are sums since they were reset, so what
//! rules counted in a window stays unseen.

use serde_json::{Value, json};

use super::Printed;
use crate::printable::printable;

/// Chains and tables in the result.
const MOST: usize = 256;

/// The filters of all outputs; none when no output is of `iptables-save`.
pub(super) fn output(outputs: &[Printed]) -> Option<Value> {
    let (mut backends, mut chains) = (Vec::new(), Vec::new());
    for output in outputs {
        // Rules of both families look alike: only an address in one, or the file's name, tells them apart.
        let six = output.path.contains("ip6tables") || output.text.contains("ip6tables-save");
        let family = if six { "ip6" } else { "ip" };
        if let Some((tables, rules, found)) = read(&output.text, family) {
            if backends.len() < MOST {
                backends.push(json!({"family": family, "kind": "legacy", "tables": tables, "rules": rules}));
            }
            chains.extend(found);
            chains.truncate(MOST);
        }
    }
    (!backends.is_empty()).then(|| json!({"backends": backends, "chains": chains}))
}

/// Tables, rules and base chains of an output: `*filter`, `:INPUT DROP [1:60]`, `[0:0] -A INPUT -j ACCEPT`, `COMMIT`.
fn read(text: &str, family: &str) -> Option<(usize, usize, Vec<Value>)> {
    let (mut tables, mut rules, mut chains) = (0, 0, Vec::new());
    let mut table: Option<String> = None;
    for line in text.lines() {
        let line = line.trim();
        match &table {
            None => {
                let name = line
                    .strip_prefix('*')
                    .filter(|name| matches!(*name, "filter" | "nat" | "mangle" | "raw" | "security"));
                if let Some(name) = name {
                    tables += 1;
                    table = Some(name.to_owned());
                }
            }
            Some(_) if line == "COMMIT" => table = None,
            Some(table) => {
                if let Some(chain) = line.strip_prefix(':') {
                    let mut words = chain.split_whitespace();
                    if let (Some(name), Some(policy @ ("ACCEPT" | "DROP"))) = (words.next(), words.next())
                        && chains.len() < MOST
                    {
                        chains.push(json!({
                            "backend": "legacy",
                            "family": family,
                            "table": table,
                            "chain": printable(name),
                            "hook": name.to_ascii_lowercase(),
                            "policy": policy.to_ascii_lowercase(),
                            "device": null,
                        }));
                    }
                } else if line.starts_with("-A ") || (line.starts_with('[') && line.contains("] -A ")) {
                    rules += 1;
                }
            }
        }
    }
    // A table without its end was cut short: rules that are not there would read as rules that do not exist.
    (tables > 0 && table.is_none()).then_some((tables, rules, chains))
}
