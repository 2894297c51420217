//! What is damaged: the kinds of files that casebook reads from strangers, and the command that reads each.

mod packets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use super::mutate::{self, Dice};
use super::outcome::CANARY;

/// A good file that inputs are made of.
pub struct Seed {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A kind of file, and how an input of it reaches the program.
pub struct Corpus {
    pub name: &'static str,
    pub about: &'static str,
    /// Inputs of a hundred: what is judged as a whole costs more than what is only read.
    pub share: usize,
    /// The good files.
    pub seeds: fn(&Path) -> Vec<Seed>,
    /// Puts a damaged file in a folder and gives the command line that reads it.
    pub stage: fn(&mut Dice, &[Seed], &Path) -> Vec<String>,
}

pub const CORPORA: &[Corpus] = &[
    Corpus { name: "captures", about: "pcap and pcapng, bytes", share: 100, seeds: packets::seeds, stage: capture },
    Corpus {
        name: "judged captures",
        about: "the same, judged by the runbook",
        share: 20,
        seeds: packets::seeds,
        stage: judged,
    },
    Corpus { name: "archives", about: "case files, packed bytes", share: 60, seeds: packed, stage: archive },
    Corpus { name: "members", about: "case files, bytes of the tar in them", share: 40, seeds: packed, stage: member },
    Corpus { name: "cases", about: "JSON of a case: values, depth, types", share: 60, seeds: cases, stage: case },
    Corpus { name: "replays", about: "the same, judged again", share: 30, seeds: cases, stage: replayed },
    Corpus { name: "runbooks", about: "YAML, lines and words", share: 40, seeds: runbooks, stage: runbook },
    Corpus {
        name: "judging runbooks",
        about: "the same, judging a recorded case",
        share: 20,
        seeds: runbooks,
        stage: judging,
    },
    Corpus { name: "checks", about: "Lua, lines and words", share: 60, seeds: checks, stage: check },
    Corpus { name: "outputs", about: "a folder of outputs of tools", share: 60, seeds: outputs, stage: output },
    Corpus { name: "logs", about: "lines of logs", share: 60, seeds: logs, stage: log },
    Corpus { name: "maps", about: "maps of pseudonyms", share: 30, seeds: maps, stage: map },
];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files of a folder with an ending, in their order.
fn files(folder: &str, ending: &str) -> Vec<Seed> {
    let mut paths = Vec::new();
    let mut open = vec![here(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.path().to_string_lossy().ends_with(ending) {
                paths.push(entry.path());
            }
        }
    }
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has files that end in {ending}");
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| Seed { name: name(path), bytes: fs::read(path).unwrap() }).collect()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// The file that no input may make the program show.
fn put_canary(place: &Path) {
    fs::write(place.join("canary"), CANARY).unwrap();
}

fn capture(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let mut bytes = dice.pick(seeds).bytes.clone();
    mutate::bytes(dice, &mut bytes);
    fs::write(place.join("input.pcap"), bytes).unwrap();
    words("probe capture file=input.pcap --format json")
}

fn judged(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    capture(dice, seeds, place);
    words("run high-inbound-traffic --pcap input.pcap -q --no-keep --format markdown")
}

/// Recorded cases, judged by the shipped runbook, which they then hold.
fn saved(home: &Path, ending: &str) -> Vec<Seed> {
    let save = |seed: &Seed| {
        let (from, to) = (home.join(&seed.name), home.join(format!("saved-{}.{ending}", seed.name)));
        fs::write(&from, &seed.bytes).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .arg("replay")
            .arg(&from)
            .args(["high-inbound-traffic", "--save"])
            .arg(&to)
            .env_clear()
            .env("HOME", home)
            .output()
            .unwrap();
        assert!(matches!(done.status.code(), Some(0..=3)), "{}", String::from_utf8_lossy(&done.stderr));
        Seed { name: seed.name.clone(), bytes: fs::read(to).unwrap() }
    };
    files("tests/cases", ".json").iter().filter(|seed| seed.bytes.len() < 600_000).step_by(3).map(save).collect()
}

fn cases(home: &Path) -> Vec<Seed> {
    saved(home, "json")
}

fn packed(home: &Path) -> Vec<Seed> {
    saved(home, "case")
}

fn archive(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let mut bytes = dice.pick(seeds).bytes.clone();
    mutate::bytes(dice, &mut bytes);
    fs::write(place.join("input.case"), bytes).unwrap();
    words("report input.case --format html")
}

fn member(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let packed = &dice.pick(seeds).bytes;
    let mut tar = Vec::new();
    let mut frames = ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).unwrap();
    std::io::Read::read_to_end(&mut frames, &mut tar).unwrap();
    mutate::bytes(dice, &mut tar);
    let bytes = compress_to_vec(tar.as_slice(), CompressionLevel::Fastest);
    fs::write(place.join("input.case"), bytes).unwrap();
    words("report input.case --format text")
}

fn damaged_case(dice: &mut Dice, seeds: &[Seed], place: &Path) {
    put_canary(place);
    let mut value: Value = serde_json::from_slice(&dice.pick(seeds).bytes).unwrap();
    mutate::case(dice, &mut value);
    fs::write(place.join("input.json"), value.to_string()).unwrap();
}

fn case(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    damaged_case(dice, seeds, place);
    let format = *dice.pick(&["html", "markdown", "text", "junit", "nagios", "openmetrics", "json"]);
    words(&format!("report input.json --format {format}"))
}

fn replayed(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    damaged_case(dice, seeds, place);
    words("replay input.json --format markdown")
}

fn runbooks(_: &Path) -> Vec<Seed> {
    files("runbooks", ".yaml").into_iter().filter(|seed| !seed.name.ends_with(".test.yaml")).collect()
}

/// The shipped runbook with its files, one of them damaged.
fn damaged_runbook(dice: &mut Dice, seeds: &[Seed], place: &Path) {
    put_canary(place);
    let hit = dice.below(seeds.len());
    for (number, seed) in seeds.iter().enumerate() {
        let name = if seed.name == "high-inbound-traffic.yaml" { "input.yaml" } else { &seed.name };
        let text = String::from_utf8(seed.bytes.clone()).unwrap();
        let text = if number == hit { mutate::text(dice, &text) } else { text };
        fs::write(place.join(name), text).unwrap();
    }
}

fn runbook(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    damaged_runbook(dice, seeds, place);
    let line = *dice.pick(&["lint input.yaml", "plan ./input.yaml", "show ./input.yaml"]);
    words(line)
}

fn judging(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    damaged_runbook(dice, seeds, place);
    fs::copy(here("tests/cases/udp-flood-closed-port.json"), place.join("flood.json")).unwrap();
    words("replay flood.json ./input.yaml --format text")
}

fn checks(_: &Path) -> Vec<Seed> {
    files("lua/checks", ".lua")
}

fn check(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let text = String::from_utf8(dice.pick(seeds).bytes.clone()).unwrap();
    put_canary(place);
    fs::write(place.join("input.lua"), mutate::text(dice, &text)).unwrap();
    words("lint input.lua")
}

/// The outputs of the founding incident, each with its path.
fn outputs(_: &Path) -> Vec<Seed> {
    let root = here("tests/cases/founding-incident");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
                continue;
            }
            let name = entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            found.push(Seed { name, bytes: fs::read(entry.path()).unwrap() });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn output(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let hit = dice.below(seeds.len());
    for (number, seed) in seeds.iter().enumerate() {
        let path = place.join("host").join(&seed.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = seed.bytes.clone();
        if number == hit || dice.below(4) == 0 {
            match dice.below(2) {
                0 => mutate::bytes(dice, &mut bytes),
                _ => bytes = mutate::text(dice, &String::from_utf8_lossy(&bytes)).into_bytes(),
            }
        }
        fs::write(path, bytes).unwrap();
    }
    words("replay --from host --format text")
}

fn logs(_: &Path) -> Vec<Seed> {
    let lines = "\
Nov 27 23:11:08 server named[812]: success resolving 'a.example/A' (in 'example'?) after disabling EDNS
Nov 27 23:11:09 server sshd[4711]: Failed password for invalid user oracle from 192.0.2.7 port 50022 ssh2
2026-11-27T23:11:10.000001+00:00 server sshd-session[4712]: Invalid user  from 2001:db8::7 port 50023
<34>1 2026-11-27T23:11:10Z server sshd 77 - - Failed password for root from 192.0.2.8 port 22 ssh2
[ 6218.194622] nf_conntrack: nf_conntrack: table full, dropping packet
192.0.2.9 - - [27/Nov/2026:23:11:11 +0000] \"GET / HTTP/1.1\" 200 612 \"-\" \"curl/8.0\"
Nov 27 23:11:12 server kernel: TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.
";
    let many = lines.repeat(200);
    vec![Seed { name: "syslog".into(), bytes: lines.into() }, Seed { name: "long".into(), bytes: many.into() }]
}

fn log(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let mut bytes = dice.pick(seeds).bytes.clone();
    mutate::bytes(dice, &mut bytes);
    let bytes = mutate::text(dice, &String::from_utf8_lossy(&bytes)).into_bytes();
    fs::create_dir(place.join("log")).unwrap();
    fs::write(place.join("log/syslog"), bytes).unwrap();
    words("probe logs dir=log since=3650d --format json")
}

fn maps(home: &Path) -> Vec<Seed> {
    let (report, map) = (home.join("report.md"), home.join("hosts.map"));
    let done = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .arg("replay")
        .arg(here("tests/cases/syn-flood.json"))
        .arg("high-inbound-traffic")
        .args(["--redact", "addresses,users,hosts", "--redact-map"])
        .arg(&map)
        .arg("-o")
        .arg(&report)
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap();
    assert!(matches!(done.status.code(), Some(0..=3)), "{}", String::from_utf8_lossy(&done.stderr));
    vec![
        Seed { name: "hosts.map".into(), bytes: fs::read(map).unwrap() },
        Seed { name: "report.md".into(), bytes: fs::read(report).unwrap() },
    ]
}

fn map(dice: &mut Dice, seeds: &[Seed], place: &Path) -> Vec<String> {
    let hit = dice.below(seeds.len());
    for (number, seed) in seeds.iter().enumerate() {
        let mut bytes = seed.bytes.clone();
        if number == hit {
            mutate::bytes(dice, &mut bytes);
        }
        fs::write(place.join(&seed.name), bytes).unwrap();
    }
    words("unredact report.md --map hosts.map")
}
