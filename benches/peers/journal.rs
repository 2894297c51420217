//! The last minutes of the journal of systemd.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::Bench;
use crate::measure::{Tool, alternately};
use crate::table::Row;

/// What writes files of the journal without a journald, from `systemd-journal-remote` of Debian.
const WRITERS: [&str; 2] = ["/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"];

/// The end of every journal, and the beginning of its last fifteen minutes.
const UNTIL: &str = "2026-11-22T12:00:00Z";
const SINCE: &str = "2026-11-22 11:45:00 UTC";

/// Entries a second.
const RATE: u64 = 10;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let scale = if bench.quick { 10 } else { 1 };
    let mut rows = Vec::new();
    for entries in [500_000, 50_000] {
        rows.push(minutes(bench, entries / scale)?);
    }
    Ok(rows)
}

fn minutes(bench: &Bench, entries: u64) -> Result<Row> {
    let row = Row::new("journal, last 15 minutes", &format!("{entries} entries"));
    let Some(writer) = WRITERS.into_iter().find(|path| Path::new(path).is_file()) else {
        return Ok(row.note("left out: systemd-journal-remote, which writes the journal for it, is not installed"));
    };
    let folder = bench.folder.join("journal");
    fs::create_dir(&folder)?;
    write(writer, &folder, entries)?;
    let (dir, printed) = (folder.display(), bench.folder.join("printed").display().to_string());
    // It prints the entries into a file, as casebook its evidence; they are counted after that.
    let journalctl = format!("journalctl -D {dir} --since '{SINCE}' -o json > {printed} && grep -c . {printed}");
    let contest = alternately(
        bench,
        &Tool::casebook(&[
            "probe",
            "logs",
            &format!("dir={dir}"),
            "since=15m",
            &format!("until={UNTIL}"),
            "budget=60s",
            "--format",
            "json",
        ]),
        &[Tool::shell("journalctl --since -15min -o json", &journalctl)],
        9,
    )?;
    let size: u64 = fs::read_dir(&folder)?.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum();
    fs::remove_dir_all(&folder)?;
    let evidence: Value = serde_json::from_str(&contest.output).context("read the probe's JSON")?;
    let lines = evidence.pointer("/output/lines").and_then(Value::as_u64).context("the probe counts no lines")?;
    let row = row.contest(&contest).ratio(0.25);
    let other = contest.said.iter().find(|(_, said)| said.trim().parse() != Ok(lines));
    Ok(match other {
        Some((name, said)) => {
            row.check(format!("{lines} entries, `{name}` {}", said.trim()), "equal".to_owned(), false)
        }
        None => row.note(&format!("{lines} entries of {} MB", size / 1_000_000)),
    })
}

/// A journal that ends at noon, with the fields that journald writes, in the format that `journalctl -o export` prints.
fn write(writer: &str, folder: &Path, entries: u64) -> Result<()> {
    const ID: &str = "0123456789abcdef0123456789abcdef";
    let until: Timestamp = UNTIL.parse()?;
    let mut child = Command::new(writer)
        .arg(format!("--output={}", folder.join("system.journal").display()))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start {writer}"))?;
    let mut to = BufWriter::with_capacity(1 << 20, child.stdin.take().context("a pipe")?);
    for entry in 0..entries {
        let back = SignedDuration::from_micros(((entries - 1 - entry) * 1_000_000 / RATE) as i64);
        let at = (until - back).as_microsecond();
        let since_boot = 1_000_000 + entry * 1_000_000 / RATE;
        let pid = 1000 + entry / 7 % 30_000;
        let (user, address, port) = (entry % 97, entry.wrapping_mul(2_654_435_761) % 251, entry % 60_000);
        let message = match entry % 4 {
            0 => format!("Failed password for invalid user u{user} from 203.0.113.{address} port {port} ssh2"),
            1 => format!("Connection closed by authenticating user root 192.0.2.{address} port {port} [preauth]"),
            2 => format!("session {entry} opened, nothing of interest in here"),
            _ => format!("Accepted publickey for deploy from 192.0.2.7 port {port} ssh2: ED25519 SHA256:{entry:032x}"),
        };
        write!(
            to,
            "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={since_boot}\n_BOOT_ID={ID}\n_MACHINE_ID={ID}\n\
             _HOSTNAME=host\nPRIORITY=6\n_TRANSPORT=syslog\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID={pid}\n\
             _PID={pid}\n_UID=0\n_GID=0\n_COMM=sshd\n_EXE=/usr/sbin/sshd\n_CMDLINE=sshd: root [priv]\n\
             _CAP_EFFECTIVE=1ffffffffff\n_SYSTEMD_CGROUP=/system.slice/ssh.service\n_SYSTEMD_UNIT=ssh.service\n\
             _SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID={ID}\n_SOURCE_REALTIME_TIMESTAMP={source}\n\
             MESSAGE={message}\n\n",
            source = at - 13,
        )?;
    }
    to.flush()?;
    drop(to);
    let status = child.wait()?;
    ensure!(status.success(), "{writer} failed: {status}");
    Ok(())
}
