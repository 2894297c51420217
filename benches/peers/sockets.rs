//! Which process holds which socket.

use anyhow::Result;

use crate::measure::{Tool, alternately};
use crate::table::Row;
use crate::{Bench, load};

const JOB: &str = "sockets → process";

/// The sizes, and the shares of `ss -tunap` and `ss -tun` that casebook may take. The kernel's part alone takes most of what
/// `ss -tun` does for few.
const SIZES: [(u32, f64, Option<f64>); 3] = [(50_000, 0.1, Some(0.7)), (5_000, 0.6, None), (1_000, 0.6, None)];

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, most, most_without) in SIZES {
        let number = if bench.quick { number / 5 } else { number };
        rows.extend(load::in_namespace(|| {
            let _held = load::sockets(number)?;
            let size = format!("{number} TCP sockets, {} processes", number / 50);
            let ask = ["probe", "sockets", "window=0s", "--format", "json"];
            let owners = alternately(
                bench,
                &Tool::casebook(&ask),
                &["ss -tunap", "lsof -nP -i", "netstat -tunap"].map(Tool::new),
                7,
            )?;
            let without = alternately(
                bench,
                &Tool::casebook(&[&ask[..], &["owners=false"]].concat()),
                &["ss -tun", "netstat -tun"].map(Tool::new),
                9,
            )?;
            let without = Row::new("sockets without owners", &size).contest(&without);
            Ok([
                Row::new(JOB, &size).contest(&owners).ratio_to("ss -tunap", most).peak(64),
                match most_without {
                    Some(most) => without.ratio(most),
                    None => without,
                },
            ])
        })?);
    }
    Ok(rows)
}
