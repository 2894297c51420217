//! `sysctl`: settings of the kernel by name.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Need, Probe, named};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;

/// Where the kernel shows its settings.
const ROOT: &str = "/proc/sys";
/// Settings in a result; those beyond it are said.
const MOST_SETTINGS: usize = 256;
/// Bytes of a value that are read.
const LONGEST_VALUE: u64 = 4096;

/// Ends of the names of settings that are secrets: `tcp_fastopen_key`, `stable_secret`.
const SECRET_ENDS: [&str; 2] = ["_key", "_secret"];

/// The probe `sysctl`.
pub struct SysctlProbe;

/// What the probe `sysctl` is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Names of settings: `net.ipv4.tcp_syncookies`. A part may be `*`: `net.ipv4.conf.*.rp_filter`. A name with slashes
    /// keeps the dots in its parts: `net/ipv4/conf/eth0.100/rp_filter`. At most 256 settings are read.
    pub names: Vec<String>,
}

/// Settings of the kernel, as programs in this network namespace see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sysctls {
    /// The settings, in the order in which they were named, those of a `*` by name.
    pub settings: Vec<Setting>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name: `net.core.somaxconn`; with slashes when a part of it has a dot.
    pub name: String,
    /// Whether this kernel has it. One that it lacks is a fact: its module is not loaded, or it is older or newer.
    pub exists: bool,
    /// Its value as the kernel writes it, without the end of the line; null when it does not exist.
    pub value: Option<String>,
    /// The value as a number, when it is one.
    pub number: Option<i64>,
    /// All its values as numbers, when they are: three for `net.ipv4.tcp_rmem`, one for most.
    pub numbers: Option<Vec<i64>>,
}

impl Probe for SysctlProbe {
    const NAME: &'static str = "sysctl";
    const ABOUT: &'static str = "settings of the kernel by name";
    const SOURCE: &'static str = "/proc/sys";
    const REPLACES: &'static [&'static str] = &["sysctl"];
    const NEEDS: &'static [Need] =
        &[Need { what: "root", without: "the few settings that only root may read stay unread" }];
    type Params = Params;
    type Output = Sysctls;

    fn observe(&self, params: Params, _: &Context) -> Result<Observed<Sysctls>, Gap> {
        let mut observed = Observed::whole(Sysctls { settings: Vec::new() });
        for name in &params.names {
            let parts = parts(name).ok_or_else(|| {
                let tried = format!("read the parameter `names`: `{}`", name.escape_debug());
                Gap::new(Reason::Malformed, tried, "it is not the name of a setting")
                    .to_fix("write it like net.ipv4.tcp_syncookies or net.ipv4.conf.*.rp_filter")
            })?;
            let mut names = Vec::new();
            if let Err(error) = named::as_operator(|| expand(Path::new(ROOT), &parts, &mut names)) {
                observed.miss(&["settings"], named::gap(format!("list the settings of {name}"), &error));
            }
            for parts in names {
                if observed.output.settings.len() >= MOST_SETTINGS {
                    let gap = Gap::new(Reason::Failed, "read all settings", format!("more than {MOST_SETTINGS} fit"));
                    observed.miss(&["settings"], gap.to_fix("name fewer"));
                    return Ok(observed);
                }
                let path: PathBuf = [ROOT].into_iter().chain(parts.iter().map(String::as_str)).collect();
                let setting = match named::as_operator(|| read(&path)) {
                    Ok(text) => setting(&parts, Some(&text)),
                    Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                        setting(&parts, None)
                    }
                    Err(error) => {
                        let tried = format!("read {}", path.display());
                        let gap = match error.raw_os_error() {
                            Some(_) => named::gap(tried, &error),
                            None => Gap::new(Reason::Denied, tried, error.to_string()),
                        };
                        observed.miss(&["settings.value", "settings.number", "settings.numbers"], gap);
                        Setting { exists: true, ..setting(&parts, None) }
                    }
                };
                observed.output.settings.push(setting);
            }
        }
        Ok(observed)
    }
}

/// The parts of a name, none if it could lead elsewhere than to a setting.
fn parts(name: &str) -> Option<Vec<String>> {
    let name = name.trim();
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name);
    // As sysctl(8) has it: the separator that comes first is the one, and stands for itself nowhere.
    let separator = name.chars().find(|c| matches!(c, '.' | '/'))?;
    let parts: Vec<String> = name.split(separator).map(str::to_owned).collect();
    let sound = |part: &String| {
        !part.is_empty()
            && !matches!(part.as_str(), "." | "..")
            && (part == "*" || !part.contains(['/', '*', '?', '[', '\0']))
            && part.len() < 256
    };
    (parts.len() < 16 && parts.iter().all(sound)).then_some(parts)
}

/// The names that a name with `*` stands for.
fn expand(root: &Path, parts: &[String], found: &mut Vec<Vec<String>>) -> io::Result<()> {
    let Some(star) = parts.iter().position(|part| part == "*") else {
        found.push(parts.to_vec());
        return Ok(());
    };
    let (before, after) = parts.split_at(star);
    let folder: PathBuf = [root].into_iter().chain(before.iter().map(Path::new)).collect();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        // Nothing there: the pattern stands for nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    // One more than fit, so that it shows that there are more.
    for entry in entries.take(MOST_SETTINGS + 1) {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    for name in names {
        if found.len() > MOST_SETTINGS {
            break;
        }
        let whole: Vec<String> = before.iter().cloned().chain([name]).chain(after.iter().skip(1).cloned()).collect();
        let path: PathBuf = [root].into_iter().chain(whole.iter().take_while(|it| *it != "*").map(Path::new)).collect();
        // A folder beside the settings, or one without the setting, is not what was meant.
        if path.exists() && (path.is_dir() == whole.contains(&"*".to_owned())) {
            expand(root, &whole, found)?;
        }
    }
    Ok(())
}

/// Reads a value.
fn read(path: &Path) -> io::Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if SECRET_ENDS.iter().any(|end| name.ends_with(end)) && path.exists() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a secret, and never read"));
    }
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it is a folder of settings"));
    }
    let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_VALUE).read_to_end(&mut bytes)?;
    Ok(printable(String::from_utf8_lossy(&bytes).trim_end().replace('\t', " ")))
}

fn setting(parts: &[String], value: Option<&str>) -> Setting {
    let separator = if parts.iter().any(|part| part.contains('.')) { "/" } else { "." };
    let words: Vec<&str> = value.into_iter().flat_map(str::split_whitespace).collect();
    let numbers: Option<Vec<i64>> = words.iter().map(|word| word.parse().ok()).collect();
    let numbers = numbers.unwrap_or_default();
    Setting {
        name: printable(parts.join(separator)),
        exists: value.is_some(),
        value: value.map(str::to_owned),
        number: if let [number] = numbers[..] { Some(number) } else { None },
        numbers: (!numbers.is_empty()).then_some(numbers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(names: &[&str]) -> Observed<Sysctls> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        SysctlProbe.observe(Params { names }, &Context::alone()).unwrap()
    }

    #[test]
    fn a_setting_is_read_as_text_and_as_numbers() {
        let observed = observe(&["kernel.ostype", "net.ipv4.ip_local_port_range", "kernel/pid_max"]);
        let [ostype, range, pids] = &observed.output.settings[..] else { panic!("{observed:?}") };
        assert_eq!((ostype.value.as_deref(), ostype.number, ostype.exists), (Some("Linux"), None, true));
        assert!(range.numbers.as_ref().is_some_and(|numbers| numbers.len() == 2) && range.number.is_none());
        assert!(pids.number.is_some_and(|number| number > 0) && pids.name == "kernel.pid_max");
    }

    #[test]
    fn one_that_this_kernel_lacks_is_a_fact_and_no_gap() {
        let observed = observe(&["net.ipv4.no_such_setting", "net.ipv4"]);
        assert!(observed.missing.is_empty());
        assert!(observed.output.settings.iter().all(|it| !it.exists && it.value.is_none()));
    }

    #[test]
    fn a_secret_is_not_read() {
        let observed = observe(&["net.ipv4.tcp_fastopen_key"]);
        if observed.output.settings[0].exists {
            assert!(observed.output.settings[0].value.is_none() && observed.missing[0].gap.why.contains("secret"));
        }
    }

    #[test]
    fn a_star_stands_for_one_part() {
        let observed = observe(&["net.ipv4.conf.*.rp_filter", "no.such.*.thing"]);
        let names: Vec<_> = observed.output.settings.iter().map(|it| it.name.as_str()).collect();
        assert!(names.contains(&"net.ipv4.conf.all.rp_filter") && names.contains(&"net.ipv4.conf.lo.rp_filter"));
    }

    #[test]
    fn names_with_dots_in_a_part_are_written_with_slashes() {
        assert_eq!(parts("net/ipv4/conf/eth0.100/rp_filter").unwrap()[3], "eth0.100");
        assert_eq!(
            setting(&parts("net/ipv4/conf/eth0.100/rp_filter").unwrap(), None).name,
            "net/ipv4/conf/eth0.100/rp_filter"
        );
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_settings() {
        for name in [
            "",
            "nothing",
            "../../etc/shadow",
            "net/../../etc/shadow",
            "net.ipv4./etc/shadow",
            "net.**",
            "a..b",
            "/etc/shadow",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
        let refused = SysctlProbe.observe(Params { names: vec!["../x".into()] }, &Context::alone());
        assert_eq!(refused.unwrap_err().reason, Reason::Malformed);
    }

    proptest::proptest! {
        #[test]
        fn no_name_makes_the_parts_panic(name in "[./*a\\PC]{0,40}", value in ".{0,40}") {
            if let Some(parts) = parts(&name) {
                setting(&parts, Some(&value));
            }
        }
    }
}
