//! An incident: what is set up, what flows, and what casebook must say about it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::judgement::{Expect, Said};
use crate::remedies;
use crate::service::{Role, Service};
use crate::stage::{SERVER, Setting, Stage, WORLD};
use crate::support::accuracy::Played;
use crate::support::need::require;
use crate::tracked::track;
use crate::traffic::{Flowing, Sent, Traffic};

/// How long traffic may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How long casebook may take beyond its window before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(20);

/// In place of a runbook: the runbooks that a complaint is for.
pub const DIAGNOSE: &str = "diagnose";

/// Something that happens to a host, and what casebook must make of it.
#[derive(Debug)]
pub struct Incident {
    /// What it is called: also the file that keeps what casebook said.
    pub name: &'static str,
    /// The runbook that is run.
    pub runbook: &'static str,
    /// How the stage is set up.
    pub setting: Setting,
    /// Shell lines that are run on the server before anything else.
    pub prepared: &'static [&'static str],
    /// The server's processes.
    pub services: Vec<Role>,
    /// Processes of a guest behind the server (see [`Stage::guest`]); without any there is no guest.
    pub guest: Vec<Role>,
    /// Shell lines that are run in that guest.
    pub inside: &'static [&'static str],
    /// Shell lines that set the server's firewall up.
    pub firewall: &'static [&'static str],
    /// Shell lines that are run in the world after that.
    pub elsewhere: &'static [&'static str],
    /// Log files, by name and text, as they are when casebook looks.
    pub logs: Vec<(&'static str, String)>,
    /// Further words for casebook.
    pub ask: &'static [&'static str],
    /// How many flows to which port of the server the kernel tracks before anything flows.
    pub tracked: Option<(u32, u16)>,
    /// What flows, from before casebook looks until after.
    pub traffic: Vec<Traffic>,
    /// The server's only resolver is the world's address, where questions come in and none is answered.
    pub deaf_resolver: bool,
    /// What else must hold of what casebook said, while the traffic still flows; gives what does not.
    pub also: Option<fn(&Stage, &Said) -> Vec<String>>,
    /// Casebook looks as the user nobody, without any capability.
    pub without_root: bool,
    /// Casebook may run no program in the kernel.
    pub without_programs: bool,
    /// How long casebook watches.
    pub window: Duration,
    /// What it must say.
    pub expect: Expect,
}

impl Default for Incident {
    fn default() -> Self {
        Incident {
            name: "",
            runbook: "high-inbound-traffic",
            setting: Setting::default(),
            prepared: &[],
            services: Vec::new(),
            guest: Vec::new(),
            inside: &[],
            firewall: &[],
            elsewhere: &[],
            logs: Vec::new(),
            ask: &[],
            tracked: None,
            traffic: Vec::new(),
            deaf_resolver: false,
            also: None,
            without_root: false,
            without_programs: false,
            window: Duration::from_secs(3),
            expect: Expect::default(),
        }
    }
}

impl Incident {
    /// Stages the incident, has casebook look at it, carries out the remedies that it advises, and fails with everything that it
    /// said when that is not what is expected.
    pub fn play(&self) {
        let stage = require!(Stage::set(self.setting));
        let mut played = Played::begin(self.runbook, self.name, self.expect.first);
        for line in self.prepared {
            stage.server.shell(line);
        }
        let _services: Vec<Service> = self.services.iter().map(|role| Service::start(&stage.server, role)).collect();
        let guest = (!self.guest.is_empty()).then(|| stage.guest());
        for (guest, line) in guest.iter().flat_map(|guest| self.inside.iter().map(move |line| (guest, line))) {
            guest.shell(line);
        }
        let _guests: Vec<Service> =
            guest.iter().flat_map(|guest| self.guest.iter().map(|role| Service::start(guest, role))).collect();
        for line in self.firewall {
            stage.server.shell(line);
        }
        for line in self.elsewhere {
            stage.world.shell(line);
        }
        if let Some((flows, port)) = self.tracked {
            stage.server.inside(|| track(flows, (SERVER, port)));
        }
        let _deaf = self.deaf_resolver.then(|| {
            stage.world.inside(|| std::net::UdpSocket::bind((WORLD, 53)).expect("the resolver's port is free"))
        });
        let mut flowing = flow(&stage, &self.traffic);
        let said = self.ask_casebook(&stage);
        let mut more = self.also.map(|also| also(&stage, &said)).unwrap_or_default();
        let ended = flowing.iter_mut().map(Flowing::flows).filter(|flows| !flows).count();
        // What each runbook advises is carried out where that runbook is run.
        if !self.without_root && self.runbook != DIAGNOSE {
            more.extend(remedies::carried_out(self, &stage, &said));
        }
        let sent: Vec<Sent> = flowing.into_iter().map(Flowing::stop).collect();
        assert_eq!(ended, 0, "traffic ended before casebook did, so nothing can be judged; sent: {sent:?}");
        let mut faults = self.expect.faults(&said);
        faults.extend(more);
        if let Ok(case) = &said.case {
            played.found(case, case.diagnosis.causes.first());
        }
        played.judged(faults.is_empty());
        assert!(
            faults.is_empty(),
            "{name}: casebook said otherwise than expected\n\n{faults}\n{said}\nsent by the generators: {sent:?}\nkept in {folder}",
            name = self.name,
            faults = faults.iter().map(|fault| format!("  ✗ {fault}\n")).collect::<String>(),
            folder = self.folder().display(),
        );
    }

    pub fn ask_casebook(&self, stage: &Stage) -> Said {
        let folder = self.folder();
        let _ = fs::remove_dir_all(&folder);
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).expect("the target folder can be written");
        for (name, text) in &self.logs {
            let path = logs.join(name);
            fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the target folder can be written");
            fs::write(path, text).expect("the target folder can be written");
        }
        let window = format!("{}s", self.window.as_secs());
        let casebook = env!("CARGO_BIN_EXE_casebook");
        let mut command = if self.without_root {
            let mut command = stage.server.command("setpriv");
            command.args(["--reuid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", casebook]);
            command
        } else if self.without_programs {
            let mut command = stage.server.command("setpriv");
            let lacks = "-bpf,-perfmon,-sys_admin";
            command.args(["--inh-caps", lacks, "--bounding-set", lacks, casebook]);
            command
        } else if self.deaf_resolver {
            // `ip netns exec` gives its command a mount namespace of its own.
            let resolvers = folder.join("resolv.conf");
            fs::write(&resolvers, format!("nameserver {WORLD}\n")).expect("the target folder can be written");
            let mut command = stage.server.command("sh");
            command.args(["-c", r#"mount --bind "$0" /etc/resolv.conf && exec "$@""#]).arg(resolvers).arg(casebook);
            command
        } else {
            stage.server.command(casebook)
        };
        match self.runbook {
            DIAGNOSE => command.arg(DIAGNOSE),
            runbook => command.args(["run", runbook]),
        };
        command.args(["--window", &window, "--format", "json"]).args(self.ask);
        command.env("CASEBOOK_LOG_DIR", &logs).env("XDG_STATE_HOME", &folder).env("NO_COLOR", "1");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let output = Running(command.spawn().expect("ip can be run")).finish(self.window + PATIENCE);
        keep(&folder.join("case.json"), &output.stdout);
        keep(&folder.join("stderr.txt"), &output.stderr);
        let status = output.status.and_then(|status| status.code());
        Said::read(&output.stdout, &output.stderr, status, began.elapsed())
    }

    /// Where what casebook said is kept, for whoever wants to know why.
    pub fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("incidents").join(self.name)
    }
}

/// Plays incidents beside each other: those in which little flows.
pub fn side_by_side(incidents: &[Incident]) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::scope(|scope| {
        let play = |incident| {
            let named = thread::Builder::new().name(name.clone());
            named.spawn_scoped(scope, move || Incident::play(incident)).expect("a thread can be made")
        };
        let playing: Vec<_> = incidents.iter().map(play).collect();
        let ended: Vec<_> = playing.into_iter().map(|one| one.join()).collect();
        if let Some(panic) = ended.into_iter().find_map(Result::err) {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Lets traffic flow and waits until all of it arrives.
pub fn flow(stage: &Stage, traffic: &[Traffic]) -> Vec<Flowing> {
    let mut all = Vec::new();
    for traffic in traffic {
        let interface = traffic.arrives_on();
        let before = stage.server.received(interface);
        let flowing = traffic.start(stage);
        let deadline = Instant::now() + ARRIVAL;
        let arrives = || flowing.began() && stage.server.received(interface).packets > before.packets;
        while traffic.is_prompt() && !arrives() {
            assert!(Instant::now() < deadline, "nothing arrives on {interface} of {traffic:?}");
            thread::sleep(Duration::from_millis(2));
        }
        all.push(flowing);
    }
    // What the server sends may wait for a connection, whose first packet may have been lost on a stage that was not ready.
    let deadline = Instant::now() + ARRIVAL;
    for (traffic, flowing) in traffic.iter().zip(&all).filter(|(traffic, _)| matches!(traffic, Traffic::Takes { .. })) {
        while !flowing.began() {
            assert!(Instant::now() < deadline, "nothing comes to {traffic:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
    all
}

fn keep(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// A process that is ended when it is dropped.
struct Running(Child);

struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// None when it had to be ended.
    status: Option<ExitStatus>,
}

impl Running {
    fn finish(mut self, patience: Duration) -> Output {
        let stdout = read_beside(self.0.stdout.take());
        let stderr = read_beside(self.0.stderr.take());
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("a child can be waited for") {
                break Some(status);
            }
            if Instant::now() > deadline {
                let _ = writeln!(std::io::stderr(), "casebook is ended after {patience:?}");
                let _ = self.0.kill();
                break None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        drop(self);
        Output { stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default(), status }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_beside(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
