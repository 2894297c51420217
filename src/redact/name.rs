//! Users and host names: which words of a case are such, and which stay because they name no person and no machine.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::texts::{Place, Visitor};
use crate::case::{Case, Named};
use crate::embedded;

/// Fields whose value is a user.
const USER_FIELDS: &[&str] = &["user", "users", "owner", "username", "user_name", "login", "account"];
/// Fields whose value is a host.
const HOST_FIELDS: &[&str] = &["host", "hostname", "nodename", "fqdn", "domain", "search"];

/// Accounts of the system and of well-known services: their names tell nothing of a person and much about what happens.
const COMMON_USERS: &[&str] = &[
    "root",
    "nobody",
    "daemon",
    "bin",
    "sys",
    "sync",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "uucp",
    "proxy",
    "www-data",
    "www",
    "http",
    "httpd",
    "nginx",
    "apache",
    "apache2",
    "caddy",
    "haproxy",
    "varnish",
    "squid",
    "backup",
    "list",
    "irc",
    "gnats",
    "_apt",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "systemd-coredump",
    "systemd-oom",
    "systemd-journal",
    "messagebus",
    "dbus",
    "polkitd",
    "sshd",
    "ntp",
    "_ntp",
    "chrony",
    "_chrony",
    "named",
    "bind",
    "unbound",
    "dnsmasq",
    "postfix",
    "dovecot",
    "exim",
    "Debian-exim",
    "mysql",
    "mariadb",
    "postgres",
    "redis",
    "memcache",
    "memcached",
    "mongodb",
    "rabbitmq",
    "kafka",
    "elasticsearch",
    "prometheus",
    "grafana",
    "zabbix",
    "nagios",
    "telegraf",
    "docker",
    "containerd",
    "etcd",
    "consul",
    "vault",
    "jenkins",
    "gitlab-runner",
    "git",
    "tss",
    "rtkit",
    "avahi",
    "cups",
    "syslog",
    "rsyslog",
    "statd",
    "rpc",
    "rpcuser",
    "rpcbind",
    "_rpc",
    "tcpdump",
    "usbmux",
    "uuidd",
    "dnf",
    "shutdown",
    "halt",
    "operator",
    "ftp",
    "user",
    "admin",
    "test",
    "guest",
    "oracle",
    "tomcat",
    "nfsnobody",
    "snmp",
    "lldpd",
    "frr",
    "openvpn",
    "wireguard",
    "strongswan",
    "dhcpcd",
    "landscape",
    "pollinate",
    "fwupd-refresh",
    "unknown",
    "none",
    "all",
];
/// Names that every host has or that everybody asks for.
const COMMON_HOSTS: &[&str] =
    &["localhost", "localhost.localdomain", "ip6-localhost", "localdomain", "local", "none", "unknown"];
/// Words that are also names of hosts. They are replaced where only a host can stand: in a sentence they tell nothing.
const ORDINARY: &[&str] = &[
    "server",
    "host",
    "web",
    "www",
    "mail",
    "smtp",
    "dns",
    "ns",
    "db",
    "database",
    "router",
    "gateway",
    "firewall",
    "proxy",
    "node",
    "client",
    "backup",
    "master",
    "worker",
    "test",
    "vm",
    "container",
    "docker",
    "linux",
    "debian",
    "ubuntu",
    "api",
    "app",
    "cache",
    "queue",
    "log",
    "logs",
    "monitor",
    "network",
    "system",
    "kernel",
    "process",
    "socket",
    "traffic",
];
/// Last labels of names that are taken for names of hosts wherever they stand. Endings of files (`.py`, `.sh`, `.md`) are not
/// among them: such domains are known only by the fields and settings that name them.
const TOP_DOMAINS: &[&str] = &[
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "info",
    "biz",
    "io",
    "dev",
    "app",
    "cloud",
    "online",
    "site",
    "xyz",
    "tech",
    "internal",
    "lan",
    "corp",
    "intranet",
    "local",
    "example",
    "invalid",
    "localdomain",
    "home",
    "de",
    "fr",
    "uk",
    "nl",
    "eu",
    "us",
    "ca",
    "au",
    "jp",
    "cn",
    "ru",
    "br",
    "it",
    "es",
    "ch",
    "at",
    "be",
    "fi",
    "dk",
    "cz",
    "ie",
    "kr",
    "nz",
];

/// Texts in which logs name a user.
static USER_IN_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?:Accepted|Failed) \S+ for (?:invalid user )?([^\s:]+) from|[Ii]nvalid user ([^\s:]+) from|session (?:opened|closed) for user ([\w.\-]+)",
        r"|sudo(?:\[\d+\])?:\s+(\S+) : |\bUSER=([\w.\-]+)|/home/([\w.\-]+)|authenticating user (\S+) |(?:^|[\s;,])user=([\w.\-]+)"
    ))
    .ok()
});

/// The users and hosts that a case names.
#[derive(Debug, Default)]
pub struct Names {
    /// Users.
    pub users: BTreeSet<String>,
    /// Hosts and domains, in lower case.
    pub hosts: BTreeSet<String>,
    /// Domains that texts name, in lower case.
    pub domains: BTreeSet<String>,
    /// Words of casebook's own, in lower case: names of fields and functions, what shipped runbooks compare.
    pub own: BTreeSet<String>,
}

impl Names {
    /// With these known already.
    pub fn known(Named { users, hosts, domains }: Named) -> Self {
        Names { users, hosts, domains, own: BTreeSet::new() }
    }

    fn user(&mut self, name: &str) {
        if is_person(name) {
            self.users.insert(name.to_owned());
        }
    }

    fn host(&mut self, name: &str) {
        // Of hosts of one name the second is `web (2)`, and a name that was too long has its end left out.
        let numbered = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
        let name = numbered.map_or(name, |(name, _)| name).trim_end_matches(['.', '…']).to_ascii_lowercase();
        if !is_machine(&name) {
            return;
        }
        // `web1.example.org` is also called `web1`.
        if let Some((first, domain)) = name.split_once('.') {
            if is_machine(first) {
                self.hosts.insert(first.to_owned());
            }
            if domain.contains('.') {
                self.hosts.insert(domain.to_owned());
            }
        }
        self.hosts.insert(name);
    }

    /// Takes the words that are casebook's own: of what is shipped, and the names of the fields in the case.
    pub fn own_words(&mut self, case: &Case) {
        static SHIPPED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
            let mut words = BTreeSet::new();
            for folder in ["runbooks", "lua/checks", "lua/casebook"] {
                for text in embedded::below(folder).filter_map(|name| embedded::text(&format!("{folder}/{name}"))) {
                    words_of(&text, &mut words);
                }
            }
            words
        });
        self.own.clone_from(&SHIPPED);
        if let Ok(mut value) = serde_json::to_value(case) {
            // What is said of many hosts has their names for fields.
            if let Some(fields) = value.as_object_mut() {
                fields.remove("fleet");
            }
            fields_of(&value, &mut self.own);
        }
    }

    /// Whether the word is also one of casebook's own. What has a figure or a sign in it is none.
    pub fn is_own_word(&self, word: &str) -> bool {
        self.own.contains(&word.to_ascii_lowercase())
    }

    /// Whether a host of this name, or of a domain with it, is known.
    pub fn is_known(&self, word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        let in_domain = || {
            let mut domains = word.match_indices('.').map(|(dot, _)| &word[dot + 1..]);
            domains.any(|domain| domain.contains('.') && self.hosts.contains(domain))
        };
        self.hosts.contains(&word) || self.domains.contains(&word) || in_domain()
    }

    /// Whether this word is the name of a host. `field`: it stands where only a host can stand.
    pub fn is_host(&self, word: &str, field: bool) -> bool {
        let word = word.to_ascii_lowercase();
        if !field && ORDINARY.contains(&word.as_str()) {
            return false;
        }
        if COMMON_HOSTS.contains(&word.as_str()) || word.parse::<std::net::IpAddr>().is_ok() {
            return false;
        }
        self.is_known(&word) || is_domain(&word)
    }
}

/// The plain words of a text: nothing with a figure or a sign, which no word of casebook's own has that is a name as well.
fn words_of(text: &str, words: &mut BTreeSet<String>) {
    let plain = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    words.extend(
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(plain).map(str::to_ascii_lowercase),
    );
}

/// The names of the fields of a value.
fn fields_of(value: &serde_json::Value, words: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| fields_of(item, words)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                if name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                    words.insert(name.clone());
                }
                fields_of(field, words);
            }
        }
        _ => {}
    }
}

/// Whether this is somebody's account, not one that every system has.
fn is_person(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.-$".contains(c));
    name.len() >= 2
        && name.len() <= 64
        && plain
        && !name.chars().all(|c| c.is_ascii_digit())
        && !COMMON_USERS.contains(&name)
        && !is_pseudonym(name, "user-")
}

fn is_machine(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
    name.len() >= 2
        && name.len() <= 253
        && plain
        && name.chars().any(char::is_alphabetic)
        && !COMMON_HOSTS.contains(&name)
        && name.parse::<std::net::IpAddr>().is_err()
        && !name.split('.').any(|label| is_pseudonym(label, "host-"))
}

/// `user-3fa9c1`: a pseudonym gets no other.
fn is_pseudonym(name: &str, start: &str) -> bool {
    name.strip_prefix(start)
        .is_some_and(|rest| [6, 10, 16, 64].contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Two labels or more, the last one a top domain.
fn is_domain(word: &str) -> bool {
    let mut labels = word.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let mut count = 0;
    let good = labels.all(|label| {
        count += 1;
        !label.is_empty() && label.len() < 64 && !label.starts_with('-') && !is_pseudonym(label, "host-")
    });
    good && count > 0 && TOP_DOMAINS.contains(&top)
}

/// Whether a field of this name holds a user.
pub fn is_user_field(name: &str) -> bool {
    USER_FIELDS.contains(&name)
}

/// Whether a field of this name holds a host.
pub fn is_host_field(name: &str) -> bool {
    HOST_FIELDS.contains(&name)
}

/// Whether the top domain of a name is one that tells nothing and stays.
pub fn is_top_domain(label: &str) -> bool {
    TOP_DOMAINS.contains(&label)
}

impl Visitor for Names {
    fn text(&mut self, place: Place<'_>, text: &mut String) {
        match place {
            Place::User => return self.user(text),
            Place::HostName => return self.host(text),
            Place::Field(name) | Place::Item(name, _) if is_user_field(name) => return self.user(text),
            Place::Field(name) | Place::Item(name, _) if is_host_field(name) => return self.host(text),
            Place::Source => return,
            _ => {}
        }
        for word in text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-')) {
            let word = word.trim_matches(['.', '-']).to_ascii_lowercase();
            if word.contains('.') && is_domain(&word) && is_machine(&word) {
                self.domains.insert(word);
            }
        }
        if let Some(regex) = &*USER_IN_TEXT {
            for found in regex.captures_iter(text) {
                if let Some(name) = found.iter().skip(1).flatten().next() {
                    self.user(name.as_str().trim_end_matches('.'));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(places: &[(Place<'_>, &str)]) -> Names {
        let mut names = Names::default();
        places.iter().for_each(|(place, text)| names.text(*place, &mut (*text).to_owned()));
        names
    }

    #[test]
    fn users_are_found_in_fields_and_in_logs() {
        let found = names(&[
            (Place::User, "ann"),
            (Place::User, "root"),
            (Place::Field("owner"), "1000"),
            (Place::Said, "sshd[1]: Failed password for invalid user bob from 10.0.0.1 port 2 ssh2"),
            (Place::Said, "reads /home/carol/.bashrc"),
        ]);
        assert_eq!(found.users.into_iter().collect::<Vec<_>>(), ["ann", "bob", "carol"]);
    }

    #[test]
    fn a_host_is_known_by_its_short_name_and_its_domain_too() {
        let found = names(&[(Place::HostName, "Web1.shop.zz")]);
        for host in ["web1.shop.zz", "web1", "shop.zz", "WEB1", "mail.example.org"] {
            assert!(found.is_host(host, false), "{host}");
        }
        for other in ["localhost", "report.md", "sshd.service", "kern.log", "1.2.3.4", "host-0a1b2c.com", "shop"] {
            assert!(!found.is_host(other, false), "{other}");
        }
        let ordinary = names(&[(Place::HostName, "server")]);
        assert!(ordinary.is_host("server", true) && !ordinary.is_host("server", false));
    }
}
