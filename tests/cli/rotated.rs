//! Rotated logs, packed by the tools that logrotate starts.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::command::Desk;
use crate::support::need::{require, tool};

/// Each packer with its ending and how it is called.
const PACKERS: &[(&str, &str, &[&str])] = &[
    ("gzip", "gz", &["-c"]),
    ("xz", "xz", &["-c"]),
    ("xz", "xz", &["-9", "-c", "--check=sha256", "--block-size=100KiB"]),
    ("xz", "xz", &["-c", "-T2", "--x86", "--lzma2"]),
    ("zstd", "zst", &["-q", "-c"]),
    ("zstd", "zst", &["-q", "-19", "--long=26", "-c"]),
    ("bzip2", "bz2", &["-c"]),
    ("bzip2", "bz2", &["-1", "-c"]),
];

/// Minutes of a log, a line each second; every tenth is a failed login.
fn log() -> String {
    let line = |second: u32| {
        let time = format!("2026-11-22T{:02}:{:02}:{:02}Z", 8 + second / 3600, second / 60 % 60, second % 60);
        if second.is_multiple_of(10) {
            format!("{time} h sshd[9]: Failed password for root from 203.0.113.{} port 4 ssh2\n", second % 7)
        } else {
            format!("{time} h daemon[1]: line {} of it\n", second.wrapping_mul(2_654_435_761))
        }
    };
    (0..20_000).map(line).collect()
}

fn pack(packer: &Path, arguments: &[&str], file: &Path) -> Vec<u8> {
    let packed = Command::new(packer).args(arguments).arg(file).output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    packed.stdout
}

/// What the probe says of the logs that lie on the desk.
fn look(desk: &Desk, file: &str) -> Value {
    let dir = desk.path("");
    let line =
        format!("probe logs dir={} files={file} since=1d until=2026-11-22T23:00:00Z --format json", dir.display());
    let answer = desk.run(&line);
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.err))
}

/// What does not hang on the file's name.
fn counted(evidence: &Value) -> [Value; 4] {
    let at = |path: &str| evidence.pointer(path).cloned().unwrap_or_default();
    [at("/output/lines"), at("/output/hits"), at("/output/patterns/ssh_failed_password"), at("/output/per_minute")]
}

#[test]
fn what_each_packer_packed_counts_as_the_plain_log_does() {
    let desk = Desk::new();
    desk.put("plain", log());
    let plain = look(&desk, "plain");
    assert_eq!(counted(&plain)[0], 20_000);
    assert_eq!(counted(&plain)[1], 2000);
    for (at, (name, ending, arguments)) in PACKERS.iter().enumerate() {
        let packer = require!(tool(name));
        let packed = pack(&packer, arguments, &desk.path("plain"));
        let base = format!("log{at}");
        // The date as logrotate writes it, and an ending in capital letters.
        desk.put(&format!("{base}-20261122.{ending}"), &packed);
        desk.put(&base, "");
        let seen = look(&desk, &base);
        assert_eq!(counted(&seen), counted(&plain), "{name} {arguments:?}: {}", seen["missing"]);
        assert!(seen["missing"].as_array().is_none_or(Vec::is_empty), "{name} {arguments:?}: {}", seen["missing"]);
        // Two in a row, the first lines twice.
        let double = [packed.as_slice(), &packed].concat();
        let base = format!("double{at}");
        desk.put(&format!("{base}.1.{}", ending.to_uppercase()), double).put(&base, "");
        assert_eq!(counted(&look(&desk, &base))[0], 40_000, "{name} {arguments:?}");
    }
}

#[test]
fn a_cut_file_counts_as_far_as_it_goes_and_says_so() {
    let desk = Desk::new();
    desk.put("plain", log());
    for (at, (name, ending, arguments)) in PACKERS.iter().enumerate() {
        let packer = require!(tool(name));
        let packed = pack(&packer, arguments, &desk.path("plain"));
        for (tenth, cut) in [3, 6, 9].map(|tenth| (tenth, &packed[..packed.len() * tenth / 10])) {
            let base = format!("cut{at}-{tenth}");
            desk.put(&format!("{base}.1.{ending}"), cut).put(&base, "");
            let seen = look(&desk, &base);
            let said = seen["missing"].to_string();
            assert!(said.contains("to its end") && said.contains("malformed"), "{name} {arguments:?} {tenth}: {said}");
            let lines = counted(&seen)[0].as_u64().unwrap_or(0);
            assert!(lines < 20_000, "{name} {arguments:?} {tenth}: {lines}");
            // Blocks of bzip2 are 900 kB, so that the whole log is one.
            assert!(lines > 0 || *name == "bzip2", "{name} {arguments:?} {tenth}: {said}");
        }
    }
}

#[test]
fn a_file_that_takes_much_memory_to_unpack_is_a_gap_with_the_figure() {
    let (xz, zstd) = (require!(tool("xz")), require!(tool("zstd")));
    let desk = Desk::new();
    desk.put("plain", log());
    let dictionary = pack(&xz, &["-c", "--lzma2=preset=0,dict=96MiB"], &desk.path("plain"));
    let window = {
        // From a pipe, so that it cannot know that the log is smaller than the window.
        let shell = format!("cat {} | {} -q -c --long=27", desk.path("plain").display(), zstd.display());
        Command::new("sh").args(["-c", &shell]).output().unwrap().stdout
    };
    for (ending, packed, figure) in [("xz", dictionary, "96 MiB"), ("zst", window, "128 MiB")] {
        desk.put(&format!("large.1.{ending}"), packed).put("large", "2026-11-22T15:00:00Z h app: x\n");
        let seen = look(&desk, "large");
        let said = seen["missing"].to_string();
        assert!(said.contains(figure) && said.contains("64 MiB") && said.contains("grep"), "{ending}: {said}");
        std::fs::remove_file(desk.path(&format!("large.1.{ending}"))).unwrap();
    }
}
