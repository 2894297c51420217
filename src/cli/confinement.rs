//! What each command gives up before it reads its first byte: one table, from the command line to a profile.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::arguments::{
    AttachArguments, CasesCommand, Command, MergeArguments, NewKind, OutputArguments, ReadArguments, RedactArguments,
    ReplayArguments, RunArguments,
};
use super::given::{CAPTURE, INTERFACE, PACKETS, Surroundings};
use super::store::{CaseStore, State};
use super::{case_file, output, say};
use crate::case::{Clock, Vantage};
use crate::config::{self, BadConfig, Config};
use crate::engine::ProbeThreads;
use crate::probe::host::vantage;
use crate::sys::confine::{self, Confinement, Enforced, Profile};
use crate::ticket::{self, Target};

/// What a command begins with: its own thread is confined.
pub(super) struct Start {
    /// Where probes run: with the rights that the process was started with, for the commands that ask this host.
    pub threads: ProbeThreads,
    /// Keeps the case of a live run.
    pub store: CaseStore,
    /// What this thread has given up.
    pub confinement: Confinement,
    /// What can be watched on this host.
    pub surroundings: Surroundings,
    /// What the kernel said of its clock when the command began.
    pub clock: Option<Clock>,
    /// From where this host is looked at, when it is not from the host itself.
    pub vantage: Option<Vantage>,
    /// The defaults of the configuration files, for the commands that tell of them.
    pub configured: Option<Result<Config, BadConfig>>,
}

/// Links in a folder of runbooks that are followed.
const MOST_LINKS: usize = 1000;
/// What tells the local time.
const ZONES: &[&str] =
    &["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
/// What says who users and groups are: whose a file is.
const ACCOUNTS: &[&str] = &["/etc/passwd", "/etc/group"];
/// What says how many CPUs a container may use.
const CPUS: &[&str] = &["/proc/self/cgroup", "/proc/self/mountinfo", "/sys/fs/cgroup"];
/// What finds and authenticates a server: the resolver's files and modules, the certificates that the host trusts.
const NETWORK: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/static",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/var/lib/ca-certificates",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/nix/store",
    "/run/nscd",
    "/run/systemd/resolve",
];
/// Variables that name certificates.
const CERTIFICATES: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR"];
/// Variables that name a proxy.
const PROXIES: &[&str] = &["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
/// The port of name servers, which are asked by TCP when an answer is long.
const DOMAIN: u16 = 53;

/// Gives up what the command does not need. Nothing that a stranger wrote was read before.
pub(super) fn start(command: &Command, clock: Option<Clock>) -> Start {
    let threads = if asks_this_host(command) { ProbeThreads::with_rights_of_now() } else { ProbeThreads::default() };
    let configured = matches!(command, Command::Doctor | Command::Config).then(Config::load);
    let surroundings = match command {
        Command::Probe(of) => {
            let given =
                of.params.iter().filter_map(|text| text.split_once('=')).filter(|(key, _)| key.trim() == INTERFACE);
            Surroundings::look_for(given.map(|(_, name)| name).chain(of.watch.interface.as_deref()))
        }
        _ => Surroundings::look(asks_this_host(command) && gives_parameters(command)),
    };
    // A probe by itself says nothing of it.
    let tells_vantage = asks_this_host(command) && !matches!(command, Command::Probe(_) | Command::Lua(_));
    let vantage = if tells_vantage { vantage() } else { None };
    let (keeps, redacts, quiet) = keeping(command);
    let store = CaseStore::new(keeps, redacts, quiet);
    let mut profile = profile(command);
    profile.keep.extend(store.folder().map(Path::to_owned));
    if asks_this_host(command) && !threads.keep_rights() {
        // The probes run on this thread then, and need its rights: it is confined when they have answered.
        let unconfined = || Enforced::No("no thread can be made for the probes".to_owned());
        let confinement =
            Confinement { capabilities: Vec::new(), files: unconfined(), ports: unconfined(), calls: unconfined() };
        let threads = threads.afterwards(move || drop(confine::confine(&profile)));
        return Start { threads, store, confinement, surroundings, clock, vantage, configured };
    }
    let confinement = confine::confine(&profile);
    if let (false, Enforced::No(why)) = (profile.connect.is_empty(), &confinement.ports) {
        say(format_args!("casebook: the kernel cannot keep this command to the ports of its targets: {why}"));
    }
    Start { threads, store, confinement, surroundings, clock, vantage, configured }
}

/// Whether probes look at this host, which takes rights.
fn asks_this_host(command: &Command) -> bool {
    match command {
        Command::Run(arguments) => arguments.pcap.is_none(),
        Command::Diagnose(arguments) => !arguments.plan,
        Command::Check(_)
        | Command::Probe(_)
        | Command::Retest(_)
        | Command::Lua(_)
        | Command::Serve(_)
        | Command::Doctor => true,
        _ => false,
    }
}

/// Whether parameters are given, by which an interface may be named.
fn gives_parameters(command: &Command) -> bool {
    match command {
        Command::Run(of) => of.watch.interface.is_some() || !of.set.is_empty() || of.config.has_params(),
        Command::Diagnose(of) => of.watch.interface.is_some() || !of.set.is_empty() || of.config.has_params(),
        Command::Check(of) => of.watch.interface.is_some() || !of.params.is_empty() || of.config.has_params(),
        Command::Retest(_) => true,
        _ => false,
    }
}

/// The files of packets that parameters name.
fn captures(to: &mut Profile, params: &[String]) {
    let is_named = |name: &str| [CAPTURE, PACKETS].contains(&name.trim());
    let named = params.iter().filter_map(|text| text.split_once('=')).filter(|(name, _)| is_named(name));
    to.read.extend(named.map(|(_, path)| PathBuf::from(path)));
}

/// Whether a run is kept, whether under pseudonyms, and whether quietly.
fn keeping(command: &Command) -> (bool, bool, bool) {
    match command {
        Command::Run(of) => (!of.no_keep, !of.output.redact.redact.is_empty(), of.quiet),
        Command::Diagnose(of) => (!of.no_keep && !of.plan, !of.output.redact.redact.is_empty(), of.quiet),
        Command::Check(of) => (!of.no_keep && !of.help_params, !of.output.redact.redact.is_empty(), of.quiet),
        Command::Retest(of) => (!of.no_keep, false, of.quiet),
        _ => (false, false, true),
    }
}

/// The table: what each command reads, writes and connects to.
fn profile(command: &Command) -> Profile {
    let mut to = Profile::default();
    system(&mut to, ACCOUNTS);
    match command {
        Command::Run(arguments) => run(&mut to, arguments),
        Command::Diagnose(arguments) => {
            runbooks(&mut to);
            zones(&mut to);
            reports(&mut to, &arguments.output, arguments.save.as_deref());
            system(&mut to, CPUS);
        }
        Command::Check(arguments) => {
            runbook(&mut to, &arguments.check);
            captures(&mut to, &arguments.params);
            reports(&mut to, &arguments.output, arguments.save.as_deref());
            system(&mut to, CPUS);
            zones(&mut to);
        }
        Command::Retest(arguments) => {
            case(&mut to, &arguments.case);
            captures(&mut to, &arguments.set);
            to.write.extend(arguments.files.iter().chain(&arguments.save).cloned());
            system(&mut to, CPUS);
            zones(&mut to);
        }
        Command::Probe(arguments) => {
            captures(&mut to, &arguments.params);
            system(&mut to, CPUS);
        }
        Command::Doctor => system(&mut to, CPUS),
        Command::Serve(arguments) => {
            to.trees.extend(arguments.folders.iter().cloned());
            runbooks(&mut to);
            system(&mut to, CPUS);
            zones(&mut to);
        }
        Command::Lua(_) => {
            to.read.push(".".into());
            to.keep.extend(super::lua::history());
        }
        Command::Read(arguments) => read(&mut to, arguments),
        Command::Merge(arguments) => merge(&mut to, arguments),
        Command::Replay(arguments) => replay(&mut to, arguments),
        Command::Report(arguments) => {
            case(&mut to, &arguments.case);
            reports(&mut to, &arguments.output, None);
        }
        Command::Diff(arguments) => [&arguments.before, &arguments.after].into_iter().for_each(|of| case(&mut to, of)),
        Command::Cases(arguments) => cases(&mut to, arguments.command.as_ref()),
        Command::List(_) => runbooks(&mut to),
        Command::Show(arguments) => runbook(&mut to, &arguments.runbook),
        Command::Plan(arguments) => runbook(&mut to, &arguments.runbook),
        Command::Lint(arguments) => {
            if arguments.files.is_empty() {
                to.read.push(".".into());
                runbooks(&mut to);
            }
            arguments.files.iter().for_each(|name| runbook(&mut to, name));
        }
        Command::Test(arguments) => {
            // A test may name a case anywhere in its project.
            to.read.push(".".into());
            arguments.names.iter().for_each(|name| runbook(&mut to, name));
            to.write.extend(arguments.output.clone());
            runbooks(&mut to);
        }
        Command::Unredact(arguments) => {
            to.read.extend([arguments.file.clone(), arguments.map.clone()]);
            to.write.extend(arguments.output.clone());
        }
        Command::New(arguments) => {
            let usual = match arguments.kind {
                NewKind::Check => "lua/checks",
                NewKind::Runbook => "runbooks",
            };
            to.keep.push(arguments.dir.clone().unwrap_or_else(|| usual.into()));
        }
        Command::Generate(arguments) => to.keep.push(arguments.target().clone()),
        Command::Attach(arguments) => attach(&mut to, arguments),
        Command::Schema(_) | Command::Completions(_) | Command::Man(_) | Command::Config => {}
    }
    to
}

fn run(to: &mut Profile, arguments: &RunArguments) {
    runbook(to, &arguments.runbook);
    to.read.extend(arguments.pcap.clone());
    captures(to, &arguments.set);
    zones(to);
    reports(to, &arguments.output, arguments.save.as_deref());
    system(to, CPUS);
}

/// What tools printed: files are read, folders with all that is below them.
fn read(to: &mut Profile, arguments: &ReadArguments) {
    for path in arguments.paths.iter().filter(|path| path.as_os_str() != "-") {
        if path.is_dir() {
            to.trees.push(path.clone());
        } else {
            to.read.push(path.clone());
        }
    }
    match &arguments.runbook {
        Some(name) => runbook(to, name),
        None => runbooks(to),
    }
    reports(to, &arguments.output, arguments.save.as_deref());
}

fn merge(to: &mut Profile, arguments: &MergeArguments) {
    for path in arguments.paths.iter().filter(|path| path.as_os_str() != case_file::STDIN) {
        if path.is_dir() { to.trees.push(path.clone()) } else { to.read.push(path.clone()) }
    }
    to.read.extend(arguments.expect.clone());
    reports(to, &arguments.output, arguments.save.as_deref());
}

fn replay(to: &mut Profile, arguments: &ReplayArguments) {
    match &arguments.from {
        // What tools printed is judged by the probes that read logs, whose lines are in local time.
        Some(folder) => {
            to.trees.push(folder.clone());
            zones(to);
            runbook(to, arguments.case.as_deref().unwrap_or_default());
        }
        None => arguments.case.iter().for_each(|of| case(to, of)),
    }
    if let Some(name) = &arguments.runbook {
        runbook(to, name);
    }
    reports(to, &arguments.output, arguments.save.as_deref());
}

fn cases(to: &mut Profile, command: Option<&CasesCommand>) {
    match command {
        None | Some(CasesCommand::List { .. }) => to.read.extend(state()),
        Some(CasesCommand::Show { case: of, .. }) => case(to, of),
        Some(CasesCommand::Finish { save, output: of, .. }) => {
            to.keep.extend(state());
            reports(to, of, save.as_deref());
        }
        Some(CasesCommand::Prune { .. }) => to.keep.extend(state()),
    }
}

fn attach(to: &mut Profile, arguments: &AttachArguments) {
    case(to, &arguments.case.to_string_lossy());
    to.read.extend(arguments.token_file.clone());
    to.read.extend(config::KEYS.iter().filter_map(|key| match key.takes {
        config::Takes::Path => arguments.config.path(&key.path()),
        _ => None,
    }));
    redaction(to, &arguments.redact);
    system(to, NETWORK);
    for named in CERTIFICATES.iter().filter_map(env::var_os) {
        to.read.extend(env::split_paths(&named));
    }
    to.connect.push(DOMAIN);
    let named = |variable: &str| env::var(variable).ok().filter(|value| !value.trim().is_empty());
    let url = |variable: &str, key: &str| {
        named(variable).or_else(|| arguments.config.text(key)).map_or(443, |url| port(&url))
    };
    for target in arguments.targets.iter().filter_map(|text| text.parse().ok()) {
        match target {
            Target::GitHub { .. } => to.connect.push(url("GITHUB_API_URL", "tracker.github.url")),
            Target::GitLab { .. } => to.connect.push(url("CASEBOOK_GITLAB_URL", "tracker.gitlab.url")),
            Target::Jira { .. } => to.connect.push(url("CASEBOOK_JIRA_URL", "tracker.jira.url")),
            Target::Webhook(hook) => to.connect.push(port(&hook)),
            Target::Mail(_) => {
                let server = arguments.smtp.clone();
                let server = server.and_then(|text| text.trim().parse::<ticket::Server>().ok());
                to.connect.extend(server.map(|server| server.port()));
            }
        }
    }
    to.connect.extend(PROXIES.iter().filter_map(|variable| named(variable)).map(|proxy| port(&proxy)));
}

/// The TCP port of a URL.
fn port(url: &str) -> u16 {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let after_host = host.rsplit_once(']').map_or(host, |(_, port)| port);
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        scheme if scheme.starts_with("socks") => 1080,
        _ => 443,
    };
    after_host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(usual)
}

/// Reports, the saved case and the map of pseudonyms.
fn reports(to: &mut Profile, arguments: &OutputArguments, save: Option<&Path>) {
    to.write.extend(arguments.files.iter().cloned());
    to.write.extend(save.filter(|path| !output::is_stdout(path)).map(Path::to_owned));
    redaction(to, &arguments.redact);
}

fn redaction(to: &mut Profile, arguments: &RedactArguments) {
    to.read.extend(arguments.redact_map.clone());
    to.write.extend(arguments.redact_map.clone());
}

/// A case: a file, or the name of a kept one.
fn case(to: &mut Profile, named: &str) {
    if named == case_file::STDIN {
        return;
    }
    to.read.push(named.into());
    if !named.contains('/') {
        to.read.extend(state());
    }
}

fn state() -> Option<PathBuf> {
    State::existing().ok().flatten().map(|state| state.folder().to_owned())
}

/// A runbook, check or module: a file or folder with what lies beside it, or a name.
fn runbook(to: &mut Profile, name: &str) {
    let path = Path::new(name);
    if name.contains('/') || path.exists() {
        to.read.push(path.to_owned());
        if !path.is_dir() {
            folder(to, path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        }
        // It may include files of those beside it.
        crate::runbook::neighbours(path).iter().for_each(|place| folder(to, place));
    }
    runbooks(to);
}

/// Where runbooks and checks are found by name.
fn runbooks(to: &mut Profile) {
    for kind in [crate::runbook::Kind::Runbook, crate::runbook::Kind::Check] {
        kind.folders(None).iter().for_each(|place| folder(to, place));
    }
}

/// A folder, and what links in it lead to.
fn folder(to: &mut Profile, place: &Path) {
    to.read.push(place.to_owned());
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let scripts = links.map(|link| link.path()).filter(|path| {
        path.extension().is_some_and(|ending| ["yaml", "yml", "lua"].iter().any(|known| ending == *known))
    });
    to.read.extend(scripts.take(MOST_LINKS));
}

fn system(to: &mut Profile, paths: &[&str]) {
    to.read.extend(paths.iter().map(PathBuf::from));
}

/// What local time is told by.
fn zones(to: &mut Profile) {
    system(to, ZONES);
    to.read.extend(env::var_os("TZDIR").map(PathBuf::from));
    let named = env::var("TZ").ok().map(|zone| PathBuf::from(zone.trim_start_matches(':')));
    to.read.extend(named.filter(|path| path.is_absolute() && path.is_file()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_url_is_its_own_or_its_schemes() {
        for (url, wanted) in [
            ("https://hooks.example.org/a:1", 443),
            ("http://127.0.0.1:8080/x", 8080),
            ("http://user:1@[2001:db8::1]:81", 81),
            ("http://[2001:db8::1]/", 80),
            ("socks5://proxy", 1080),
            ("proxy:3128", 3128),
        ] {
            assert_eq!(port(url), wanted, "{url}");
        }
    }
}
