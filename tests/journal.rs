//! The journal of a real journald, in a mount namespace of the test's own: what casebook reads of it is what journalctl reads.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{Span, Timestamp};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::NOBODY;
use support::command::Desk;
use support::need::{Missing, library, require, root, tool};

const MACHINE: &str = "0123456789abcdef0123456789abcdef";
const JOURNALD: &[&str] = &["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"];
/// Longer than a journald takes for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A host of its own as far as logs go: /run and /var/log are empty, and the machine has an id.
struct Host {
    journald: PathBuf,
    desk: Desk,
    _folder: tempfile::TempDir,
}

/// A journald that runs.
struct Running {
    child: Child,
    socket: PathBuf,
}

/// Runs a test on a host of its own; without the rights or the tools to make one it is skipped.
fn on_a_host(test: impl FnOnce(&Host) + Send) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::scope(|scope| {
        let inside = move || {
            let host = require!(Host::make());
            test(&host);
        };
        let thread = thread::Builder::new().name(name).spawn_scoped(scope, inside).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Host {
    fn make() -> Result<Self, Missing> {
        root()?;
        tool("journalctl")?;
        let journald = JOURNALD.iter().map(PathBuf::from).find(|path| path.is_file());
        let journald = journald.ok_or_else(|| Missing::new("systemd-journald", "apt install systemd"))?;
        if !Path::new("/etc/machine-id").exists() {
            return Err(Missing::new("/etc/machine-id", "apt install systemd, which makes it"));
        }
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).map_err(|error| {
            Missing::new("a mount namespace of its own", format!("run the tests with sudo -E ({error})"))
        })?;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("machine-id"), format!("{MACHINE}\n")).unwrap();
        sh(&format!(
            "mount --make-rprivate /; mount -t tmpfs tmpfs /run; mount -t tmpfs -o mode=755 tmpfs /var/log
             mount --bind {}/machine-id /etc/machine-id
             mkdir -p /var/log/journal /run/systemd/journald.conf.d /run/systemd/journald@db.conf.d
             printf '[Journal]\nStorage=persistent\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nForwardToWall=no\n' \
             | tee /run/systemd/journald.conf.d/test.conf >/run/systemd/journald@db.conf.d/test.conf",
            folder.path().display()
        ));
        Ok(Host { journald, desk: Desk::new(), _folder: folder })
    }

    /// A journald of a namespace, or of none, that keeps its journal on the disk.
    fn start(&self, namespace: Option<&str>, switches: &[(&str, &str)]) -> Running {
        let run = namespace.map_or("/run/systemd/journal".to_owned(), |name| format!("/run/systemd/journal.{name}"));
        let socket = Path::new(&run).join("dev-log");
        let _ = fs::remove_file(&socket);
        let mut command = Command::new(&self.journald);
        command.args(namespace).envs(switches.iter().copied()).stderr(Stdio::null());
        let running = Running { child: command.spawn().unwrap(), socket };
        until("the socket", || UnixDatagram::unbound().unwrap().connect(&running.socket).is_ok());
        let suffix = namespace.map_or(String::new(), |name| format!(".{name}"));
        let of = |root: &str| PathBuf::from(format!("{root}/log/journal/{MACHINE}{suffix}/system.journal"));
        let (kept, volatile) = (of("/var"), of("/run"));
        until("a journal", || kept.exists() || volatile.exists());
        // It moves what it has to the disk when it is told to; not sooner may it be told so than it can hear.
        if volatile.exists() {
            running.signal(Signal::SIGUSR1);
            until("the journal on the disk", || kept.exists());
        }
        running
    }

    /// The lines that journalctl prints of the same.
    fn journalctl(&self, arguments: &str) -> Vec<Value> {
        let text = sh(&format!("journalctl --quiet --no-pager -o json {arguments}"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the probe says.
    fn look(&self, arguments: &str) -> Value {
        let answer = self.desk.run(&format!("probe logs --format json since=1h {arguments}"));
        serde_json::from_str(&answer.reported().out).unwrap()
    }

    /// Both read the same number of entries.
    #[track_caller]
    fn agrees(&self, probe: &str, journalctl: &str) -> (Value, Vec<Value>) {
        let (seen, wanted) = (self.look(probe), self.journalctl(journalctl));
        assert_eq!(seen["output"]["lines"], wanted.len(), "{probe}: {}", seen["output"]["files"]);
        assert!(seen["missing"].is_null() && seen["loss"].is_null(), "{probe}: {} {}", seen["missing"], seen["loss"]);
        (seen["output"].clone(), wanted)
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Writes so many failed logins as sshd does, and waits until they are in the journal.
    fn write(&self, host: &Host, lines: usize, mark: &str) {
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(&self.socket).unwrap();
        for line in 0..lines {
            let text = format!(
                "<38>Nov 22 15:04:05 sshd[9]: Failed password for root from 203.0.113.{} port {line} ssh2",
                line % 5
            );
            socket.send(text.as_bytes()).unwrap();
        }
        let long = "a long text ".repeat(100);
        socket.send(format!("<30>Nov 22 15:04:05 app[7]: {long}").as_bytes()).unwrap();
        socket.send(format!("<30>Nov 22 15:04:05 app[7]: {mark}").as_bytes()).unwrap();
        until(mark, || host.journalctl("--namespace='*' -n 20").iter().any(|entry| entry["MESSAGE"] == mark));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn failed(output: &Value) -> &Value {
    &output["patterns"]["ssh_failed_password"]
}

#[test]
fn what_is_read_of_a_journal_that_is_written_is_what_journalctl_reads() {
    on_a_host(|host| {
        let journald = host.start(None, &[]);
        journald.write(host, 300, "first");
        let (output, entries) = host.agrees("", "");
        assert_eq!(failed(&output)["count"], 300);
        assert_eq!(failed(&output)["captures"]["address"][0]["count"], 60);
        assert!(entries.len() > 302, "what journald says itself is there, too");
        assert_eq!(output["files"][0]["format"], "journal");
        assert_eq!(output["journal"], format!("/var/log/journal/{MACHINE}"));

        // A user's own words under the name of sshd, in the user's own file.
        let mut user = Command::new("logger");
        user.args([
            "--socket",
            "/run/systemd/journal/dev-log",
            "-t",
            "sshd",
            "Failed password for root from 198.51.100.7 port 1 ssh2",
        ]);
        assert!(user.uid(1234).status().unwrap().success());
        journald.write(host, 0, "of the user");
        let (output, _) = host.agrees("", "");
        assert_eq!(output["files"].as_array().unwrap().len(), 2, "{}", output["files"]);
        assert_eq!(failed(&output)["count"], 300, "a user is no sshd");

        // Who may read that file alone is told so.
        let answer = host.desk.run_with("probe logs since=1h --format json", |command| {
            command.uid(1234).gid(1234);
        });
        let seen: Value = serde_json::from_str(&answer.reported().out).unwrap();
        assert_eq!(seen["output"]["lines"], 1, "{}", seen["output"]["files"]);
        assert_eq!(seen["missing"][0]["gap"]["reason"], "denied");
        assert!(
            seen["missing"][0]["gap"]["to_fix"].as_str().unwrap().contains("systemd-journal"),
            "{}",
            seen["missing"]
        );

        // Rotated, and written on.
        journald.signal(Signal::SIGUSR2);
        until("the archive", || sh("ls /var/log/journal/*").contains("system@"));
        journald.write(host, 50, "second");
        let (output, _) = host.agrees("", "");
        assert_eq!((failed(&output)["count"].as_u64(), output["files"].as_array().map(Vec::len)), (Some(350), Some(3)));

        // Another namespace.
        let other = host.start(Some("db"), &[]);
        other.write(host, 7, "of db");
        let (output, _) = host.agrees("", "--namespace='*'");
        assert_eq!(failed(&output)["count"], 357);
        host.agrees("namespace=db", "--namespace=db");
        host.agrees("namespace=", "");
        host.agrees("priority=info", "--namespace='*' -p info");
        host.agrees("priority=notice", "--namespace='*' -p notice");
        host.agrees("boot=current", "--namespace='*' -b");
        assert_eq!(host.look("units=ssh")["output"]["lines"], 0, "no systemd runs here that could name a unit");
        drop(other);

        // rsyslog keeps the same lines, with one of its own.
        let mut lines = String::new();
        let of_sshd = |entry: &&Value| entry["SYSLOG_IDENTIFIER"] == "sshd" && entry["_UID"] == "0";
        for entry in host.journalctl("--namespace='*'").iter().filter(of_sshd) {
            let micros: i64 = entry["__REALTIME_TIMESTAMP"].as_str().unwrap().parse().unwrap();
            let at = jiff::Timestamp::from_microsecond(micros).unwrap();
            lines += &format!("{at} h sshd[9]: {}\n", entry["MESSAGE"].as_str().unwrap());
        }
        let (last, now) = (lines.lines().last().unwrap().to_owned(), jiff::Timestamp::now());
        lines += &format!("{now} h sshd[10]: {}\n", last.split_once("sshd[9]: ").unwrap().1);
        fs::write("/var/log/auth.log", &lines).unwrap();
        let output = host.look("")["output"].clone();
        assert_eq!(failed(&output)["count"], 358, "each line counts once");
        fs::remove_file("/var/log/auth.log").unwrap();

        // Nobody is in no group, and no file is nobody's.
        let answer = host.desk.run_with("probe logs since=1h", |command| {
            command.uid(NOBODY).gid(NOBODY);
        });
        answer.not_fine();
        let said = format!("{}{}", answer.out, answer.err).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("systemd-journal or adm"), "{said}");
    });
}

#[test]
fn older_forms_of_the_journal_are_read_as_well() {
    on_a_host(|host| {
        let old = [("SYSTEMD_JOURNAL_COMPACT", "0"), ("SYSTEMD_JOURNAL_KEYED_HASH", "0")];
        for switches in [&old[..1], &old] {
            sh("rm -rf /var/log/journal/* /run/systemd/journal/*");
            let journald = host.start(None, switches);
            journald.write(host, 200, "there");
            let (output, _) = host.agrees("", "");
            assert_eq!(failed(&output)["count"], 200);
            drop(journald);
            host.agrees("", "");
        }
    });
}

/// What a journald wrote that was told to pack by LZ4, or by xz into the older form, as on hosts of those days. The journald of
/// systemd 252 packs by Zstandard alone; 254 wrote these.
#[test]
fn journals_that_other_packers_packed_are_read_as_well() {
    on_a_host(|host| {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal");
        require!(tool("xz"));
        for (packer, flag) in [("lz4", "COMPRESSED-LZ4"), ("xz", "COMPRESSED-XZ")] {
            let journal = host.desk.path(&format!("{packer}.journal"));
            sh(&format!("xz -dc {}/{packer}.journal.xz >{}", packed.display(), journal.display()));
            let file = format!("--file={}", journal.display());
            assert!(sh(&format!("journalctl --no-pager --header {file}")).contains(flag));
            let dir = journal.parent().unwrap().display();
            let probe = format!("dir={dir} files={packer}.journal until=2026-11-29T19:00:00Z");
            let (output, entries) = host.agrees(&probe, &file);
            assert!(entries.len() > 60);
            assert_eq!(failed(&output)["count"], 60);
            // Twenty of them name the address behind 780 bytes of a name, and are packed.
            assert_eq!(failed(&output)["captures"]["address"][0]["value"], "198.51.100.0");
            assert_eq!(failed(&output)["captures"]["address"][0]["count"], 10);
        }
    });
}

#[test]
fn entries_of_two_boots_are_told_apart() {
    on_a_host(|host| {
        let boots = ["11111111111141118111111111111111", "22222222222242228222222222222222"];
        for (boot, lines) in boots.iter().zip([20, 30]) {
            let dashed = format!("{}-{}-{}-{}-{}", &boot[..8], &boot[8..12], &boot[12..16], &boot[16..20], &boot[20..]);
            fs::write("/run/boot", dashed + "\n").unwrap();
            sh("mount --bind /run/boot /proc/sys/kernel/random/boot_id");
            let journald = host.start(None, &[]);
            journald.write(host, lines, boot);
            drop(journald);
        }
        let mut counts = BTreeMap::new();
        for boot in boots {
            let (output, _) = host.agrees(&format!("boot={boot}"), &format!("-b {boot}"));
            counts.insert(boot, failed(&output)["count"].as_u64().unwrap());
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [20, 30]);
        host.agrees("boot=current", "-b 22222222222242228222222222222222");
        host.agrees("boot=previous", "-b 11111111111141118111111111111111");
        host.agrees("", "");
    });
}

/// The wall clock as libfaketime shows it to journald: an hour back and on again, while entries are written.
#[test]
fn a_clock_that_is_set_while_entries_are_written_hides_none() {
    on_a_host(|host| {
        let library = require!(library("libfaketime.so.1"));
        let clock = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", "/run/offset"),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let (own, other) = (fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap(), "/run/boot");
        fs::write(other, "33333333-3333-4333-8333-333333333333\n").unwrap();
        let now_and = |minutes: i64| Timestamp::now() + Span::new().minutes(minutes);
        for is_own in [false, true] {
            if !is_own {
                sh(&format!("mount --bind {other} /proc/sys/kernel/random/boot_id"));
            }
            fs::write("/run/offset", "+0\n").unwrap();
            let journald = host.start(None, &clock);
            for (offset, lines, mark) in [("+0", 20, "before"), ("-1h", 30, "an hour back"), ("+0", 40, "on again")] {
                fs::write("/run/offset", format!("{offset}\n")).unwrap();
                journald.write(host, lines, mark);
            }
            drop(journald);
            if !is_own {
                sh("umount /proc/sys/kernel/random/boot_id");
            }
            let entries = host.journalctl("");
            // The spans that journalctl is asked for end with the first entry that is later: so they are taken of all.
            let at = |entry: &Value| entry["__REALTIME_TIMESTAMP"].as_str().unwrap().parse().unwrap();
            let noted: Vec<i64> = entries.iter().map(at).collect();
            for (since, until, failures) in
                [(-180, 0, 90), (-15, 0, 60), (-75, -45, 30), (-40, -30, 0), (-180, -120, 0)]
            {
                let (from, to) = (now_and(since), now_and(until));
                let noted = noted.iter().filter(|at| (from.as_microsecond()..=to.as_microsecond()).contains(at));
                let answer = host.look(&format!("since={}m until={to}", until - since));
                let (output, loss) = (&answer["output"], answer["loss"].to_string());
                let counted = (output["lines"].as_u64().unwrap(), failed(output)["count"].as_u64().unwrap_or(0));
                if is_own {
                    // Entries of this boot are dated by the clock that nobody set.
                    let all = if until == 0 { (entries.len() as u64, 90) } else { (0, 0) };
                    assert_eq!(counted, all, "{since}: {answer}");
                    assert_eq!(loss.contains("the wall clock was set while the host ran"), until == 0, "{loss}");
                } else {
                    assert_eq!(counted, (noted.count() as u64, failures), "{since}: {answer}");
                    assert_eq!(loss.contains("the wall clock went back"), until > -60, "{since}: {loss}");
                }
            }
            sh("rm -rf /var/log/journal/* /run/systemd/journal/*");
        }
        assert_eq!(fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap(), own);
    });
}

#[test]
fn a_host_that_has_nothing_but_a_journal_is_told_who_guesses_passwords() {
    on_a_host(|host| {
        let journald = host.start(None, &[]);
        journald.write(host, 300, "guessed");
        let answer = host.desk.run("run high-inbound-traffic --set window=1s --no-keep --format json");
        let case: Value = serde_json::from_str(&answer.reported().out).unwrap();
        let findings = case["findings"].as_array().unwrap();
        let logs = findings.iter().find(|finding| finding["step"] == "logs").unwrap();
        assert_eq!(logs["verdict"], "warning", "{logs}");
        let said = logs["sentence"].as_str().unwrap();
        assert!(said.contains("sshd: 300 failed passwords from 5 addresses"), "{said}");
    });
}

#[test]
fn messages_that_the_hours_before_do_not_have_are_told_of_a_journal() {
    on_a_host(|host| {
        let journald = host.start(None, &[]);
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(&journald.socket).unwrap();
        let say = |text: &str| socket.send(format!("<30>Nov 22 15:04:05 app[7]: {text}").as_bytes()).map(drop).unwrap();
        say("the backup of 12 files went well");
        journald.write(host, 0, "before");
        thread::sleep(Duration::from_millis(1100));
        let began = Timestamp::now();
        say("the backup of 34 files went well");
        say("the array lost member 3");
        say("the array lost member 4");
        journald.write(host, 0, "of the span");
        let until = Timestamp::now();
        // Rounded up: what is said first may be written within a millisecond.
        let since = until.duration_since(began).as_millis() + 1;
        let answer = host.desk.run(&format!("probe logs --format json until={until} since={since}ms compare=1h"));
        let output: Value = serde_json::from_str(&answer.reported().out).unwrap();
        let new = &output["output"]["new_messages"];
        let told = new["messages"].as_array().unwrap_or_else(|| panic!("{output}"));
        let of_app: Vec<_> = told.iter().filter(|message| message["program"] == "app").collect();
        assert_eq!(of_app[0]["words"], "the array lost member *", "{new}");
        assert_eq!(of_app[0]["count"], 2, "{new}");
        assert!(of_app.iter().all(|message| message["words"] != "the backup of * files went well"), "{new}");
    });
}

/// A folder of journal files, and one of them, are read wherever they lie.
#[test]
fn a_copy_of_a_journal_is_read_where_it_lies() {
    on_a_host(|host| {
        let journald = host.start(None, &[]);
        journald.write(host, 40, "kept");
        drop(journald);
        let copy = host.desk.path("copy");
        sh(&format!("cp -r /var/log/journal/{MACHINE} {}", copy.display()));
        sh(
            "rm -rf /var/log/journal/*; echo fedcba9876543210fedcba9876543210 >/run/id; mount --bind /run/id /etc/machine-id",
        );
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        let output = host.look(&format!("dir={}", copy.display()))["output"].clone();
        assert_eq!(failed(&output)["count"], 40);
        let output = host.look(&format!("dir={} files=system.journal", copy.display()))["output"].clone();
        assert_eq!(failed(&output)["count"], 40);

        // As what somebody sent: a folder with a syslog that has some of the same lines, and the file alone.
        fs::write(
            copy.join("auth.log"),
            "Nov 28 15:04:05 h sshd[9]: Failed password for root from 203.0.113.0 port 0 ssh2\n",
        )
        .unwrap();
        for what in ["copy", "copy/system.journal"] {
            let answer = host.desk.run(&format!("read {what} --format json"));
            let case: Value = serde_json::from_str(&answer.reported().out).unwrap();
            let evidence = case["evidence"].as_object().unwrap();
            let logs = evidence.values().find(|evidence| evidence["probe"] == "logs").unwrap();
            assert_eq!(failed(&logs["output"])["count"], 40, "{what}");
        }
    });
}
