//! Prompts of shells, with the command behind them: `[root@web1 ~]# ifconfig`, `ann@web1:~$ sudo netstat -s`, `# date`.

use super::text::split;

/// A prompt with what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt<'l> {
    pub user: Option<&'l str>,
    pub host: Option<&'l str>,
    pub command: &'l str,
}

/// What ends a prompt.
const SIGNS: [char; 4] = ['$', '#', '%', '>'];

/// Programs whose names alone in a line are a command, and behind a bare `$` or `#`.
const PROGRAMS: &[&str] = &[
    "sleep",
    "arp",
    "cat",
    "chronyc",
    "conntrack",
    "crictl",
    "curl",
    "date",
    "df",
    "dig",
    "dmesg",
    "docker",
    "docker-compose",
    "dropwatch",
    "dstat",
    "du",
    "egrep",
    "ethtool",
    "fail2ban-client",
    "findmnt",
    "free",
    "getent",
    "grep",
    "head",
    "hostname",
    "hostnamectl",
    "htop",
    "ifconfig",
    "iftop",
    "iostat",
    "iotop",
    "ip",
    "ip6tables",
    "ip6tables-save",
    "ipset",
    "iptables",
    "iptables-save",
    "journalctl",
    "kubectl",
    "lastb",
    "less",
    "loginctl",
    "ls",
    "lsb_release",
    "lsblk",
    "lscpu",
    "lsof",
    "mpstat",
    "mtr",
    "nethogs",
    "netstat",
    "nft",
    "nproc",
    "nslookup",
    "nstat",
    "ntpq",
    "numastat",
    "pgrep",
    "pidstat",
    "ping",
    "ping6",
    "postqueue",
    "podman",
    "ps",
    "rc-service",
    "rc-status",
    "resolvectl",
    "route",
    "sadf",
    "sar",
    "slabtop",
    "smartctl",
    "ss",
    "supervisorctl",
    "sudo",
    "swapon",
    "sysctl",
    "systemctl",
    "systemd-analyze",
    "tail",
    "tc",
    "tcpdump",
    "timedatectl",
    "top",
    "tracepath",
    "traceroute",
    "ulimit",
    "uname",
    "uptime",
    "vmstat",
    "vnstat",
    "w",
    "watch",
    "zgrep",
];

impl<'l> Prompt<'l> {
    /// The prompt of a line, if it has one; the time of day or the name of an environment may stand before it.
    pub(super) fn of(line: &'l str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.len() > 2000 {
            return None;
        }
        // Every prompt but a bare command has a sign.
        if !line.contains(SIGNS) && !line.starts_with("Every ") {
            return is_command(line).then_some(Prompt { user: None, host: None, command: line });
        }
        let behind = line.split_once(' ').filter(|(first, _)| is_aside(first)).map(|(_, behind)| behind.trim_start());
        behind.and_then(Self::plain).filter(|prompt| prompt.host.is_some()).or_else(|| Self::plain(line))
    }

    fn plain(line: &'l str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix('[')
            && let Some((inside, after)) = rest.split_once(']')
            && let Some(command) = behind_sign(after)
            && let Some((user, host)) = login(inside.split(' ').next().unwrap_or_default())
        {
            return Some(Prompt { user: Some(user), host: Some(host), command });
        }
        // `[web1 ~]# ifconfig`
        if let Some((inside, after)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            && let Some((host, place)) = inside.split_once(' ')
            && is_name(host)
            && !place.contains(' ')
            && let Some(command) = behind_sign(after).filter(|command| is_command(command))
        {
            return Some(Prompt { user: None, host: Some(host), command });
        }
        let first = line.split(' ').next().unwrap_or_default();
        if let Some((who, _)) = first.split_once(':')
            && let Some((user, host)) = login(who.trim_start_matches('('))
            && let Some(command) = line.get(who.len() + 1..).and_then(past_sign)
        {
            return Some(Prompt { user: Some(user), host: Some(host), command });
        }
        // `root@web1 ~ #`, `root@web1>`
        if let Some((user, host)) = login(first.trim_end_matches(['$', '#', '>', '%']))
            && let Some(command) = line.get(user.len() + 1 + host.len()..).and_then(past_sign)
        {
            return Some(Prompt { user: Some(user), host: Some(host), command });
        }
        // `web1:~ # ifconfig`
        if let Some((host, rest)) = line.split_once(':')
            && is_name(host)
            && rest.starts_with(['~', '/'])
            && let Some(command) = past_sign(rest).filter(|command| is_command(command))
        {
            return Some(Prompt { user: None, host: Some(host), command });
        }
        // `web1 ~ # ifconfig` and `web1# ifconfig`
        let (host, rest) = match line.split_once(' ') {
            Some((host, rest)) if rest.starts_with(['~', '/']) => (host, rest),
            _ => line.split_at(first.trim_end_matches(['$', '#', '%', '>']).len()),
        };
        let shell = ["bash-", "sh-", "-"].iter().any(|shell| host.starts_with(shell));
        if is_name(host)
            && !shell
            && !is_program(host)
            && let Some(command) = past_sign(rest).filter(|command| is_command(command))
        {
            return Some(Prompt { user: None, host: Some(host), command });
        }
        // What `watch` puts above an output: `Every 2.0s: netstat -s      web1: Tue Mar  3 10:11:12 2020`.
        if let Some((seconds, rest)) = line.strip_prefix("Every ").and_then(|rest| rest.split_once("s: "))
            && seconds.replace(',', ".").parse::<f64>().is_ok()
            && let Some(command) = rest.split("  ").next().map(str::trim).filter(|command| is_command(command))
        {
            return Some(Prompt { user: None, host: None, command });
        }
        // `~# ifconfig`
        if line.starts_with('~')
            && let Some(command) = past_sign(line).filter(|command| is_command(command))
        {
            return Some(Prompt { user: None, host: None, command });
        }
        let bare = line
            .trim_start_matches('-')
            .strip_prefix("bash-")
            .or_else(|| line.strip_prefix("sh-"))
            .and_then(|rest| past_sign(rest))
            .or_else(|| behind_sign(line))
            .unwrap_or(line);
        is_command(bare).then_some(Prompt { user: None, host: None, command: bare })
    }

    /// The words of each command of the line, without what is behind a pipe and without those that print nothing; for how many
    /// seconds the line sleeps; and for how many before its first command.
    pub(super) fn commands(&self) -> (Vec<Vec<&'l str>>, Option<f64>, f64) {
        let mut slept: Option<f64> = None;
        let mut rested = 0.0;
        let mut commands = Vec::new();
        for part in self.command.split(';').flat_map(|part| part.split("&&")) {
            let part = part.split('|').next().unwrap_or_default().trim();
            let part = part.strip_prefix("do ").or_else(|| part.strip_prefix('(')).unwrap_or(part);
            let words = words(part.trim_end_matches(')'));
            match words.first() {
                Some(&"sleep") => {
                    let seconds = words.get(1).and_then(|word| word.trim_end_matches('s').parse::<f64>().ok());
                    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds < 86_400.0);
                    match commands.is_empty() {
                        true => rested += seconds.unwrap_or(0.0),
                        false => slept = slept.or(seconds),
                    }
                }
                None | Some(&("echo" | "cd" | "clear" | "for" | "while" | "done" | "do" | "true")) => {}
                Some(_) => commands.push(words),
            }
        }
        (commands, slept, rested)
    }
}

/// The words of a command, without `sudo` and the like.
fn words(command: &str) -> Vec<&str> {
    let mut words = command.split_whitespace();
    let skipped = ["sudo", "time", "watch", "LC_ALL=C", "LANG=C", "doas"];
    let mut first = words.next();
    while first.is_some_and(|word| skipped.contains(&word) || (word.starts_with('-') && word.len() < 3)) {
        first = words.next();
    }
    first.map(|word| word.rsplit('/').next().unwrap_or(word)).into_iter().chain(words).collect()
}

/// What follows the sign of a prompt at the beginning.
fn behind_sign(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix(SIGNS)?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
}

/// What follows the sign that ends the place in a prompt: `~/logs# date`.
fn past_sign(text: &str) -> Option<&str> {
    let at = text.find(SIGNS)?;
    let (place, rest) = text.split_at(at);
    let rest = rest.get(1..)?;
    (place.len() < 200 && (rest.is_empty() || rest.starts_with(' '))).then(|| rest.trim())
}

/// `root@web1`.
fn login(text: &str) -> Option<(&str, &str)> {
    let (user, host) = text.split_once('@')?;
    (is_name(user) && is_name(host)).then_some((user, host))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What may stand before a prompt: `[12:33:01]`, `12:33:01`, `(venv)`.
fn is_aside(word: &str) -> bool {
    let named = word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let time = word.trim_start_matches('[').trim_end_matches(']');
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    named.is_some_and(is_name) || (2..=3).contains(&time.split(':').count()) && time.split(':').all(digits)
}

/// Whether that is the name of a tool whose outputs are pasted.
pub(super) fn is_program(name: &str) -> bool {
    PROGRAMS.contains(&name)
}

/// Whether a text is a command line by its first word, and no sentence that begins with that word.
fn is_command(text: &str) -> bool {
    // `while true; do ss -nump; sleep 1; done`
    if text.starts_with("while ") || text.starts_with("for ") {
        let inner = text.split_once("; do ").or_else(|| text.split_once(";do ")).map(|(_, inner)| inner.trim());
        return text.ends_with("done") && inner.is_some_and(|inner| !inner.starts_with("while ") && is_command(inner));
    }
    let mut words = split(text);
    let Some(first) = words.next() else { return false };
    let name = first.rsplit('/').next().unwrap_or(first).trim_end_matches(';');
    // The first line of what `top` shows begins with its name, and that of `smartctl` with name and release.
    let is_heading = text.starts_with("top - ")
        || text.strip_prefix("smartctl ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !PROGRAMS.contains(&name) || is_heading {
        return false;
    }
    let rest: Vec<&str> = words.collect();
    let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphabetic()) && word.len() > 1;
    // What is piped is a command, however long.
    let piped = text.contains(" | ");
    (rest.len() < 12 || piped)
        && (piped || rest.len() < 3 || rest.iter().filter(|word| plain(word)).count() <= 2)
        && !text.ends_with(['.', '?', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_give_host_user_and_command_and_prose_gives_none() {
        for (line, expected) in [
            ("[root@devel ~]# ifconfig", Some((Some("root"), Some("devel"), "ifconfig"))),
            (
                "[ann@web1 log]$ sudo tail /var/log/messages",
                Some((Some("ann"), Some("web1"), "sudo tail /var/log/messages")),
            ),
            ("root@web1:~# sar -n DEV 1 3", Some((Some("root"), Some("web1"), "sar -n DEV 1 3"))),
            ("ann@web1:/var/log$", Some((Some("ann"), Some("web1"), ""))),
            ("web1:~ # netstat -s", Some((None, Some("web1"), "netstat -s"))),
            ("# date", Some((None, None, "date"))),
            ("$ dig a.example", Some((None, None, "dig a.example"))),
            ("smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)", None),
            ("ssh is slow", None),
            ("sh-4.2# nstat -az", Some((None, None, "nstat -az"))),
            (
                "Every 2.0s: netstat -s | grep -i listen          web1: Tue Mar  3 10:11:12 2020",
                Some((None, None, "netstat -s | grep -i listen")),
            ),
            ("Every 5 minutes: it is slow", None),
            ("~# netstat -anlp | grep 8090", Some((None, None, "netstat -anlp | grep 8090"))),
            ("~50 % # of it", None),
            ("while true; do ss -nump; sleep 1; done", Some((None, None, "while true; do ss -nump; sleep 1; done"))),
            ("while it lasts; do what you can", None),
            ("$ ss -tunap", Some((None, None, "ss -tunap"))),
            ("uptime", Some((None, None, "uptime"))),
            ("root@web1 ~ # uptime", Some((Some("root"), Some("web1"), "uptime"))),
            ("[node-7 ~]# conntrack -S", Some((None, Some("node-7"), "conntrack -S"))),
            ("[error log]# of a daemon", None),
            ("web1 ~ # ifconfig", Some((None, Some("web1"), "ifconfig"))),
            ("web1# netstat -an", Some((None, Some("web1"), "netstat -an"))),
            ("web1 /var/log # tail messages", Some((None, Some("web1"), "tail messages"))),
            ("-bash-4.2$ free -m", Some((None, None, "free -m"))),
            ("[12:33:01] root@web1:~# ss -s", Some((Some("root"), Some("web1"), "ss -s"))),
            ("(venv) ann@web1:~$ uptime", Some((Some("ann"), Some("web1"), "uptime"))),
            ("10:12:22 up 3 days", None),
            ("issue# 12 of ours", None),
            ("date > /tmp/x", Some((None, None, "date > /tmp/x"))),
            ("top - 14:31:10 up 1 day, 56 min,  2 users,  load average: 1.01, 1.73, 2.16", None),
            ("top shows nothing unusual on this machine", None),
            ("date and time of the host look right.", None),
            ("mail me at ann@example.org please", None),
            ("Linux web1 5.10 #1 SMP", None),
        ] {
            let found = Prompt::of(line);
            assert_eq!(found.map(|prompt| (prompt.user, prompt.host, prompt.command)), expected, "{line}");
        }
        let commands = |line| Prompt::of(line).unwrap().commands();
        assert_eq!(commands("$ while true; do ss -nump; sleep 1; done").0, vec![vec!["ss", "-nump"]]);
        assert_eq!(commands("# sudo -E /sbin/ethtool -S eth0"), (vec![vec!["ethtool", "-S", "eth0"]], None, 0.0));
        assert_eq!(commands("# sleep 10; ss -s"), (vec![vec!["ss", "-s"]], None, 10.0));
        assert_eq!(
            commands("$ date; netstat -su | grep -i err; sleep 10; netstat -su"),
            (vec![vec!["date"], vec!["netstat", "-su"], vec!["netstat", "-su"]], Some(10.0), 0.0)
        );
    }
}
