//! The entries of the fuzz targets over their corpora, and over inputs that are made of them by a fixed seed: a short run of
//! what `cargo fuzz run TARGET` does for hours.
//!
//! `CASEBOOK_FUZZ=100000` makes so many inputs of each corpus.

#[allow(dead_code)] // Cases as JSON values are damaged by `attack` alone.
#[path = "../attack/mutate.rs"]
mod mutate;
#[path = "../attack/corpus/packets.rs"]
mod packets;
mod record;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use casebook::fuzz::{TARGETS, Target};
use mutate::Dice;

/// Inputs of each corpus when nobody says how many (`CASEBOOK_FUZZ`).
const FEW: usize = 400;
/// What the inputs of one corpus may take when nobody says how many; the rest is left out on a slow machine.
const LONGEST: Duration = Duration::from_secs(8);
/// What one input may take on a busy machine.
const LONGEST_INPUT: Duration = Duration::from_secs(10);

/// A good input.
pub struct Seed {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The corpus of a target.
fn seeds(target: &Target) -> Vec<Seed> {
    let folder = project("fuzz/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seed", folder.display());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| Seed { name: name(path), bytes: fs::read(path).unwrap() }).collect()
}

/// Gives a target an input, which is kept when it is a fault.
fn give(target: &Target, name: &str, input: &[u8]) {
    let began = Instant::now();
    let fault = match catch_unwind(|| (target.run)(input)) {
        Err(_) => "panics",
        Ok(()) if began.elapsed() > LONGEST_INPUT => "takes too long",
        Ok(()) => return,
    };
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}-{name}", target.name));
    fs::write(&path, input).unwrap();
    panic!("{} {fault} at {}", target.name, path.display());
}

/// Gives a target its corpus and what is made of it.
fn play(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(target);
    for seed in &seeds {
        give(target, &seed.name, &seed.bytes);
    }
    let asked = std::env::var("CASEBOOK_FUZZ").ok().and_then(|many| many.parse().ok());
    let began = Instant::now();
    for number in 0..asked.unwrap_or(FEW) {
        if asked.is_none() && began.elapsed() > LONGEST {
            break;
        }
        let mut dice = Dice::of(target.name, number);
        let mut input = dice.pick(&seeds).bytes.clone();
        let is_text = matches!(target.name, "runbooks" | "tool_output");
        if is_text && dice.below(2) == 0 {
            input = mutate::text(&mut dice, &String::from_utf8_lossy(&input)).into_bytes();
        } else {
            mutate::bytes(&mut dice, &mut input);
        }
        give(target, &number.to_string(), &input);
    }
}

/// A test for each target.
macro_rules! plays {
    ($($test:ident: $target:literal,)*) => {
        $(#[test] fn $test() { play($target); })*
        const PLAYED: &[&str] = &[$($target),*];
    };
}

plays! {
    packets_of_any_form_are_added_up: "packets",
    capture_files_of_any_form_are_read: "capture_files",
    netlink_messages_of_any_form_are_read: "netlink",
    nftables_dumps_of_any_form_are_read: "nftables",
    legacy_tables_of_any_form_are_read: "xtables",
    case_files_of_any_form_are_read: "cases",
    runbooks_of_any_form_are_checked: "runbooks",
    logs_that_were_packed_are_read: "packed_logs",
    journals_of_any_form_are_read: "journals",
    certificates_of_any_form_are_read: "certificates",
    outputs_of_tools_of_any_form_are_read: "tool_output",
}

#[test]
fn every_entry_has_a_fuzz_target_a_corpus_and_a_test() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(project(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(listed("fuzz/corpus"), names);
    assert_eq!(listed("fuzz/fuzz_targets"), names);
    assert_eq!(PLAYED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), names);
    let manifest = fs::read_to_string(project("fuzz/Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "fuzz/Cargo.toml has no {name}");
    }
}

/// Whether a seed says something to its target: a corpus that nothing can be read from finds nothing.
#[test]
fn the_seeds_of_the_kernel_are_understood() {
    let bytes = |target: &str, name: &str| fs::read(project("fuzz/corpus").join(target).join(name)).unwrap();
    let seen = casebook::probe::firewall::of_dump(bytes("nftables", "rules")).unwrap().output;
    assert!(seen.rules.iter().any(|rule| rule.text.contains("udp dport") && rule.drops), "{:?}", seen.rules);
    let input = bytes("netlink", "links");
    let kinds: BTreeSet<u16> = casebook::sys::netlink_dump::messages(&input)
        .filter(|message| casebook::sys::rtnetlink::read(message.kind, message.payload).is_some())
        .map(|message| message.kind)
        .collect();
    assert_eq!(kinds, BTreeSet::from([16, 20, 24, 92]), "links, addresses, routes, counters");
    let shown = |name: &str| -> Vec<String> {
        let text = String::from_utf8(bytes("tool_output", name)).unwrap();
        let read = casebook::tool_output::of_text(&text).expect("an output is known");
        read.recognised().iter().map(|output| output.tool.clone()).collect()
    };
    assert_eq!(shown("ss"), ["ss, netstat"]);
    assert_eq!(shown("iptables-save"), ["iptables, ip6tables, nft, ipset"]);
}
