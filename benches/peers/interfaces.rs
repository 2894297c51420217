//! A sample of all interfaces.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use casebook::sys::rtnetlink::Rtnetlink;

use crate::measure::{Cost, Tool, alternately, median};
use crate::table::Row;
use crate::{Bench, load};

const SAMPLES: usize = 41;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for number in [1_000, 100] {
        rows.extend(load::in_namespace(|| {
            load::own_sys()?;
            let mut text = String::new();
            for at in 0..number / 2 {
                let _ =
                    writeln!(text, "link add d{at} type veth peer name e{at}\nlink set d{at} up\nlink set e{at} up");
            }
            load::feed("ip", &["-batch", "-"], &text)?;
            let size = format!("{number} interfaces");
            let casebook =
                Tool::casebook(&["probe", "interfaces", "window=0s", "samples=2", "interface=d0", "--format", "json"]);
            let peers = ["cat /proc/net/dev", "ip -s -j link", "sar -n DEV 1 1"].map(Tool::new);
            let whole = alternately(bench, &casebook, &peers, 9)?;
            Ok([
                sample(&size)?,
                Row::new("interfaces, whole command", &size).contest(&whole).ratio_to("ip -s -j link", 1.0),
            ])
        })?);
    }
    Ok(rows)
}

/// One sample as the probe takes it, against reading the text that has a part of it.
fn sample(size: &str) -> Result<Row> {
    let mut door = Rtnetlink::open()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        ours.push(timed(|| door.counters().map(|counters| counters.len()))?);
        theirs.push(timed(|| std::fs::read("/proc/thread-self/net/dev").map(|text| text.len()))?);
    }
    let row = Row::new("interface sample, all fields", size).cost(median(&ours));
    Ok(row.peer("reading /proc/net/dev", median(&theirs)).ratio(1.0).note("within one process"))
}

fn timed<T>(work: impl FnOnce() -> std::io::Result<T>) -> Result<Cost> {
    let began = Instant::now();
    black_box(work()?);
    Ok(Cost { wall: began.elapsed(), cpu: Duration::ZERO, peak: 0 })
}
