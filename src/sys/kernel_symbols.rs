//! Which functions of the kernel stand where (`/proc/kallsyms`).

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// The most lines that are read. A kernel has some 200,000.
const MOST_LINES: usize = 2_000_000;
/// The most places that are looked for.
const MOST_PLACES: usize = 64;
/// Bytes from the beginning of a function beyond which a place is in none.
const LONGEST: u64 = 1 << 20;

/// The function in which each place of the kernel is. None where the kernel does not show where they stand
/// (`kernel.kptr_restrict`), or the place is in no function.
pub fn functions_at(places: &[u64]) -> HashMap<u64, String> {
    let Ok(file) = File::open("/proc/kallsyms") else { return HashMap::new() };
    functions_in(BufReader::with_capacity(1 << 16, file), places)
}

fn functions_in(mut symbols: impl BufRead, places: &[u64]) -> HashMap<u64, String> {
    let mut wanted: Vec<u64> = places.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.truncate(MOST_PLACES);
    let mut found: HashMap<u64, (u64, String)> = HashMap::new();
    let mut line = Vec::new();
    for _ in 0..MOST_LINES {
        line.clear();
        if !matches!(symbols.read_until(b'\n', &mut line), Ok(1..)) {
            break;
        }
        let Some((start, name)) = function(&line) else { continue };
        // Those of which it is the nearest so far: places behind it, by less than a function may have.
        let first = wanted.partition_point(|place| *place < start);
        for place in wanted[first..].iter().take_while(|place| **place - start < LONGEST) {
            if found.get(place).is_none_or(|(nearest, _)| *nearest < start) {
                found.insert(*place, (start, name.to_owned()));
            }
        }
    }
    found.into_iter().map(|(place, (_, name))| (place, name)).collect()
}

/// A line of a function: where it begins, and its name.
fn function(line: &[u8]) -> Option<(u64, &str)> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (start, kind, name) = (words.next()?, words.next()?, words.next()?);
    let start = u64::from_str_radix(start, 16).ok().filter(|start| *start != 0)?;
    // What the compiler cut out of a function stands under its name.
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (matches!(kind, "t" | "T" | "w" | "W") && plain && !name.is_empty()).then_some((start, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMBOLS: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T startup_64
ffffffff81000100 t udp_queue_rcv_one_skb.part.0
ffffffff81000180 d a_variable
ffffffff81000200 T kfree_skb_list
ffffffffc0000000 t do_filter\t[a_module]
";

    #[test]
    fn a_place_is_in_the_function_that_begins_nearest_before_it() {
        let places = [0xffff_ffff_8100_01f0, 0xffff_ffff_c000_0010, 0x10, 0xffff_ffff_8100_0200];
        let found = functions_in(SYMBOLS.as_bytes(), &places);
        assert_eq!(found[&places[0]], "udp_queue_rcv_one_skb");
        assert_eq!((found[&places[1]].as_str(), found[&places[3]].as_str()), ("do_filter", "kfree_skb_list"));
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn functions_whose_places_are_hidden_are_not_found() {
        assert!(functions_in("0000000000000000 T startup_64\n".as_bytes(), &[5]).is_empty());
    }
}
