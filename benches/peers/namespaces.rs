//! Who lives in other network namespaces.

use std::fmt::Write;

use anyhow::Result;

use crate::measure::{Tool, alternately, median};
use crate::table::{Row, time};
use crate::{Bench, load};

const ROUNDS: usize = 5;
/// What a host of many containers may cost more than one of none, in milliseconds: by the clock, and of CPU.
const MORE: (u128, u128) = (150, 300);
/// The cost as a share of asking all of them by `ip` and `ss`.
const MOST: f64 = 0.2;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let number: u32 = if bench.quick { 100 } else { 500 };
    load::in_namespace(|| {
        load::own_names()?;
        let casebook = Tool::casebook(&["probe", "namespaces", "window=0s", "limit=1000", "--format", "json"]);
        let without: Vec<_> =
            (0..=ROUNDS).map(|_| Ok(casebook.run(bench)?.cost)).collect::<Result<Vec<_>>>()?.split_off(1);
        let without = median(&without);
        let mut text = String::new();
        for at in 0..number {
            let _ = writeln!(
                text,
                "netns add n{at}\nlink add d{at} type veth peer name eth0 netns n{at}\nlink set d{at} up"
            );
        }
        load::feed("ip", &["-batch", "-"], &text)?;
        let _residents = load::residents(number)?;
        let [lsns, ss] = ["lsns -t net", "ip -all netns exec ss -tunap"].map(Tool::new);
        let contest = alternately(bench, &casebook, &[lsns, ss.clone()], ROUNDS)?;
        let row = Row::new("who lives in other namespaces", &format!("{number} namespaces, {} processes", 2 * number));
        let (wall, cpu) =
            (contest.ours.wall.saturating_sub(without.wall), contest.ours.cpu.saturating_sub(without.cpu));
        let row = row.contest(&contest).check(
            format!("{} and {} of CPU more than with none", time(wall), time(cpu)),
            format!("≤ {} ms, ≤ {} ms", MORE.0, MORE.1),
            wall.as_millis() <= MORE.0 && cpu.as_millis() <= MORE.1,
        );
        let asked = contest.peers.iter().find(|(name, _)| *name == ss.name);
        Ok(vec![match asked {
            Some((_, theirs)) => {
                let ratio = contest.ours.wall.as_secs_f64() / theirs.wall.as_secs_f64();
                row.check(format!("{ratio:.3} × of ss in each"), format!("≤ {MOST} ×"), ratio <= MOST)
            }
            None => row.note("no peer is installed"),
        }])
    })
}
