//! What the drivers of devices say.

use std::fmt::Write;

use anyhow::Result;

use crate::measure::{Tool, alternately};
use crate::table::Row;
use crate::{Bench, load};

/// Devices: as many as there are in a result.
const DEVICES: u32 = 16;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    load::in_namespace(|| {
        load::own_sys()?;
        let mut text = String::new();
        for at in 0..DEVICES / 2 {
            let _ = writeln!(text, "link add d{at} type veth peer name e{at}\nlink set d{at} up\nlink set e{at} up");
        }
        load::feed("ip", &["-batch", "-"], &text)?;
        let casebook = Tool::casebook(&["probe", "devices", "window=0s", "interface=d0", "--format", "json"]);
        let ask = "for d in /sys/class/net/[de]*; do d=${d##*/}; ethtool -i $d; ethtool -S $d; ethtool -g $d; ethtool -l $d; \
                   ethtool -k $d; done 2>/dev/null; tc -s qdisc; cat /proc/interrupts /proc/softirqs";
        let peers = [Tool::shell("ethtool for each, tc", ask)];
        let whole = alternately(bench, &casebook, &peers, 9)?;
        Ok(vec![
            Row::new("devices: drivers, rings, queues, losses", &format!("{DEVICES} veth")).contest(&whole).ratio(1.0),
        ])
    })
}
