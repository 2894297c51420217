//! A systemd that runs a host: booted by systemd-nspawn from the programs of this one, with a few services of its own. What casebook
//! says of them there it learns from control groups, files and the journal alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use casebook::case::{Case, Likelihood};
use serde_json::Value;

use crate::host::{alone, wait_for};
use crate::runtimes::Nspawn;
use crate::support::accuracy::Played;
use crate::support::namespace::in_namespace;
use crate::support::need::{Missing, require, tool};

const SYSTEMD: &str = "/usr/lib/systemd/systemd";
const CASEBOOK: &str = "/opt/casebook";

/// Services, each with what its section says.
const SERVICES: &[(&str, &str)] = &[
    ("flaps", "ExecStart=/bin/sh -c 'exit 3'\nRestart=always\nRestartSec=50ms"),
    ("crashes", "ExecStart=/bin/sh -c 'echo fatal: cannot open /etc/shop.conf; echo bye; kill -SEGV $$$$'"),
    ("gone", "ExecStart=/opt/not-there --serve"),
    ("hangs", "Type=notify\nTimeoutStartSec=200ms\nExecStart=/bin/sleep 100"),
    ("ssh", "ExecStart=/bin/sh -c 'exit 255'\nRestart=on-failure\nRestartSec=50ms"),
    ("lives", "LimitNOFILE=64\nExecStart=/bin/sleep 100"),
    ("ends", "ExecStart=/bin/true"),
    // Whoever is not process 1 may say what it wants.
    (
        "lies",
        "ExecStart=/bin/sh -c 'printf \"MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\\\\nUNIT=lives.service\\\\nUNIT_RESULT=oom-kill\\\\nMESSAGE=x\\\\n\" | logger --journald; exec sleep 100'",
    ),
];

/// The tree of a host that boots into those.
fn furnish(root: &Path) -> Result<(), Missing> {
    if !Path::new(SYSTEMD).exists() {
        return Err(Missing::new("systemd", "apt install systemd"));
    }
    for name in ["dev", "etc/systemd/system", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var/log/journal"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        symlink(Path::new("usr").join(name), root.join(name)).unwrap();
    }
    fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(root.join("etc/os-release"), "ID=tree\n").unwrap();
    fs::write(root.join("opt/casebook"), "").unwrap();
    let system = root.join("etc/systemd/system");
    let names: Vec<String> = SERVICES.iter().map(|(name, _)| format!("{name}.service")).collect();
    let target =
        format!("[Unit]\nDefaultDependencies=no\nRequires=systemd-journald.service\nWants={}\n", names.join(" "));
    fs::write(system.join("default.target"), target).unwrap();
    for (name, section) in SERVICES {
        let text = format!(
            "[Unit]\nDefaultDependencies=no\nAfter=systemd-journald.service\nStartLimitBurst=4\n[Service]\n{section}\n"
        );
        fs::write(system.join(format!("{name}.service")), text).unwrap();
    }
    Ok(())
}

/// What casebook says there.
fn asked(host: &Nspawn, words: &str) -> Vec<u8> {
    let mut command = Command::new("nsenter");
    command.args(["--target", &host.pid.to_string(), "--all", CASEBOOK]).args(words.split(' '));
    command.args(["--format", "json"]).env("NO_COLOR", "1").output().unwrap().stdout
}

fn units(host: &Nspawn) -> Value {
    serde_json::from_slice::<Value>(&asked(host, "probe units")).unwrap()["output"].take()
}

fn row<'u>(units: &'u Value, name: &str) -> Option<&'u Value> {
    let name = format!("{name}.service");
    units["units"].as_array()?.iter().find(|unit| unit["name"] == name.as_str())
}

#[test]
fn situations_of_services_that_fail_and_flap_are_told_of_without_asking_systemd() {
    let _alone = alone();
    in_namespace(|| {
        require!(tool("nsenter"));
        let bound = format!("--bind-ro={}:{CASEBOOK}", env!("CARGO_BIN_EXE_casebook"));
        let host = require!(Nspawn::start(furnish, "systemd", &["--bind-ro=/usr", &bound, "--boot"]));
        let seen = wait_for("end of what fails", || {
            let units = units(&host);
            let given_up =
                ["flaps", "ssh"].iter().all(|name| row(&units, name).is_some_and(|unit| unit["start_limit_hits"] == 1));
            let failed = |name| row(&units, name).is_some_and(|unit| unit["failed"] == true);
            (given_up && failed("crashes") && failed("gone") && failed("hangs") && row(&units, "lies").is_some())
                .then_some(units)
        });
        let of = |name: &str| row(&seen, name).unwrap_or_else(|| panic!("no {name}: {seen:#}"));
        let flaps = of("flaps");
        assert_eq!(
            (&flaps["active"], &flaps["failed"], &flaps["flapping"]),
            (&false.into(), &true.into(), &true.into())
        );
        assert_eq!((&flaps["result"], &flaps["exit_status"]), (&"exit-code".into(), &3.into()));
        assert_eq!(
            (&flaps["restarts"], &flaps["restarts_ever"], &flaps["failures"]),
            (&4.into(), &4.into(), &4.into())
        );
        assert_eq!(flaps["settings"]["restart"], "always");
        assert_eq!((&of("crashes")["signal"], &of("crashes")["failures"]), (&"SIGSEGV".into(), &1.into()));
        assert_eq!(of("crashes")["said"], serde_json::json!(["fatal: cannot open /etc/shop.conf", "bye"]));
        assert_eq!(of("crashes")["said_why"], "fatal: cannot open /etc/shop.conf");
        assert_eq!(of("gone")["exit_status"], 203);
        assert!(
            of("gone")["said_why"].as_str().is_some_and(|said| said.contains("/opt/not-there")),
            "{:#}",
            of("gone")
        );
        assert_eq!(of("hangs")["result"], "timeout");
        let lives = of("lives");
        assert_eq!((&lives["active"], &lives["failed"], &lives["oom_kills"]), (&true.into(), &false.into(), &0.into()));
        assert_eq!((&lives["processes"], &lives["main_process"]["name"]), (&1.into(), &"sleep".into()));
        assert_eq!((&lives["open_files_limit"], &lives["result"]), (&64.into(), &Value::Null));
        assert!(lives["started_seconds_ago"].as_f64().is_some_and(|seconds| seconds < 60.0), "{lives:#}");
        assert!(row(&seen, "ends").is_none_or(|unit| unit["failed"] == false && unit["active"] == false));
        let failed = seen["failed"].as_array().unwrap();
        assert_eq!((failed.len(), &seen["flapping"]), (5, &vec!["flaps.service", "ssh.service"].into()), "{failed:?}");

        let told = [
            (
                "host-under-pressure",
                "service-given-up",
                "service-flaps",
                ["flaps.service ended so often", "exits with status 3"],
            ),
            (
                "host-under-pressure",
                "service-down",
                "service-failed",
                [
                    "crashes.service failed",
                    "it is ended by SIGSEGV, and said: fatal: cannot open /etc/shop.conf; so did gone.service",
                ],
            ),
            ("slow-ssh-login", "sshd-given-up", "sshd-flaps", ["ssh.service ended so often", "exits with status 255"]),
        ];
        for (runbook, name, id, says) in told {
            let mut played = Played::begin(runbook, name, Some(id));
            let said = asked(&host, &format!("run {runbook} --window 1s --no-keep -q"));
            let case: Case = serde_json::from_slice(&said).unwrap();
            let cause = case.diagnosis.causes.iter().find(|cause| cause.id == id).unwrap();
            played.found(&case, Some(cause));
            assert!(cause.likelihood >= Likelihood::Likely, "{cause:#?}");
            assert!(says.iter().all(|words| cause.title.contains(words)), "{}", cause.title);
            played.judged(true);
        }
    });
}
