//! What is never read, and what is left out of what is read: files that are no text or not safe to read, and secrets, which
//! do not belong in a report that is passed on.

use std::path::{Component, Path};
use std::sync::LazyLock;

use regex::Regex;

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is memory or a device in the form of a file, or reading it changes something.
    Unsafe,
    /// It holds a secret.
    Secret,
}

/// Files of /proc and /sys that are memory, block, are consumed by reading, or ask the hardware.
const UNSAFE_NAMES: &[&str] = &[
    "mem",
    "kcore",
    "kmsg",
    "kpagecount",
    "kpageflags",
    "kpagecgroup",
    "pagemap",
    "vmcore",
    "trace_pipe",
    "event",
    "rom",
    "vpd",
    "config",
    "data",
];
/// Folders whose files are not read, for the same reasons.
const UNSAFE_FOLDERS: &[&str] = &["/sys/kernel/debug", "/sys/kernel/tracing", "/sys/firmware", "/dev"];
/// Names of files that hold secrets.
const SECRET_NAMES: &[&str] = &[
    "shadow",
    "shadow-",
    "gshadow",
    "gshadow-",
    "opasswd",
    ".pgpass",
    ".netrc",
    ".my.cnf",
    ".git-credentials",
    "krb5.keytab",
    "chap-secrets",
    "pap-secrets",
    "ipsec.secrets",
    "rndc.key",
    "secrets.tdb",
];

/// Whether the file at this path, free of links, is one to stay away from.
pub fn refusal(path: &Path) -> Option<Refusal> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let below = |folder: &str| path.starts_with(folder);
    let of_kernel = below("/proc") || below("/sys");
    if UNSAFE_FOLDERS.iter().any(|folder| below(folder))
        || of_kernel && (UNSAFE_NAMES.contains(&&*name) || below("/sys") && name.starts_with("resource"))
    {
        return Some(Refusal::Unsafe);
    }
    let in_keys = path.components().any(|part| matches!(part, Component::Normal(name) if name == ".gnupg"));
    let key = name.ends_with("_key") || name.ends_with(".key") || name.ends_with(".keytab") || is_ssh_identity(&name);
    let environment = below("/proc") && matches!(&*name, "environ" | "auxv");
    (SECRET_NAMES.contains(&&*name) || key || in_keys || environment).then_some(Refusal::Secret)
}

/// Whether this is what ssh-keygen calls a private key: `id_ed25519`, without `.pub`.
fn is_ssh_identity(name: &str) -> bool {
    name.starts_with("id_") && !name.contains('.')
}

/// Whether the text holds a private key, whatever its file is called.
pub fn holds_private_key(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"PRIVATE KEY-----").is_some()
}

/// A setting whose value is a secret, up to the value. `passwd: files` of nsswitch.conf and `PasswordAuthentication yes`
/// are none.
static SECRET_SETTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:[\w.-]*(?:password|passphrase|secret|token|private_?key|preshared_?key|api_?key)["']?\s*[=:]|\bpass(?:wd)?\s*=)\s*"#,
    )
    .ok()
});

/// What stands for a secret.
const LEFT_OUT: &str = "(left out)";

/// The line with its secret left out, if it has one.
pub fn without_secret(line: &str) -> Option<String> {
    // A pattern that does not compile hides all lines, not none.
    let Some(setting) = &*SECRET_SETTING else { return Some(LEFT_OUT.to_owned()) };
    let end = setting.find(line)?.end();
    let (before, value) = line.split_at(end);
    (!value.is_empty()).then(|| format!("{before}{LEFT_OUT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_left_alone() {
        for path in [
            "/proc/kcore",
            "/proc/1/mem",
            "/proc/kmsg",
            "/sys/kernel/tracing/trace_pipe",
            "/dev/sda",
            "/sys/devices/x/rom",
        ] {
            assert_eq!(refusal(Path::new(path)), Some(Refusal::Unsafe), "{path}");
        }
    }

    #[test]
    fn secrets_are_left_alone() {
        for path in [
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/ssh/ssh_host_ed25519_key",
            "/root/.ssh/id_rsa",
            "/etc/ssl/private/a.key",
            "/proc/1/environ",
            "/root/.gnupg/secring",
        ] {
            assert_eq!(refusal(Path::new(path)), Some(Refusal::Secret), "{path}");
        }
        assert!(holds_private_key(b"x\n-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    }

    #[test]
    fn what_checks_ask_for_is_read() {
        for path in [
            "/etc/ssh/sshd_config",
            "/etc/resolv.conf",
            "/etc/pam.d/sshd",
            "/proc/net/dev",
            "/proc/sys/net/core/somaxconn",
            "/sys/devices/virtual/net/lo/mtu",
            "/etc/ssh/ssh_host_ed25519_key.pub",
            "/proc/1/status",
            "/home/a/config",
        ] {
            assert_eq!(refusal(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn the_value_of_a_secret_is_left_out() {
        for (line, shown) in [
            ("PrivateKey = abc=", "PrivateKey = (left out)"),
            ("DB_PASSWORD=hunter2", "DB_PASSWORD=(left out)"),
            ("  \"api_key\": \"k\"", "  \"api_key\": (left out)"),
            ("user=a passwd=b", "user=a passwd=(left out)"),
        ] {
            assert_eq!(without_secret(line).as_deref(), Some(shown));
        }
        for line in [
            "PasswordAuthentication yes",
            "passwd:  files systemd",
            "password requisite pam_pwquality.so",
            "password =",
        ] {
            assert_eq!(without_secret(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_guard_panic(line in ".{0,80}", path in ".{0,80}") {
            without_secret(&line);
            refusal(Path::new(&path));
        }
    }
}
