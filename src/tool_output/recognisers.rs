//! The outputs that are recognised: one table, from which the manual is made. Each recogniser looks at a line and the lines behind
//! it, and says how many of them it takes and what they hold.

use super::data::Data;
use super::here::Here;
use super::{
    arrays, busybox, cards, clocks, configured, containers, counters, dressed, firewall, folders, hops, limits, links,
    log_lines, logins, machine, managers, meters, moment, packets, paths, pidstat, pods, pressure, proc_sockets,
    queues, resolver, sadf, samples, smart, sockets, storage, tables, top, transcripts, units, vnstat, xml,
};

/// How an output is recognised, and what it gives.
pub struct Recogniser {
    /// The tool or file.
    pub name: &'static str,
    /// Which of its outputs are taken.
    pub takes: &'static str,
    /// What it gives.
    pub gives: &'static str,
    pub(super) take: fn(&Here<'_>) -> Option<(usize, Data)>,
}

/// The outputs that are recognised; of two that could take a line, the first does.
pub const RECOGNISERS: &[Recogniser] = &[
    Recogniser {
        name: "date",
        takes: "the moment, in English, German, Spanish, French, Portuguese, Italian, Dutch, Polish, Czech, Swedish, Russian, Chinese, Japanese, or as ISO 8601",
        gives: "when the text was made",
        take: |here| moment::date(here.document.line(here.at)).map(|at| (1, Data::Moment(at))),
    },
    Recogniser {
        name: "tcpdump",
        takes: "packets as text, with -n, names, -e, -v, -x, -X, -A, -t to -tttt, old and new; where the addresses were taken out, those in the bytes of -x",
        gives: "packets for the probe `capture`: senders, ports, flags, sizes. A rate only where they span a second or more",
        take: |here| packets::take(here).map(|(lines, found)| (lines, found.map_or_else(Data::Told, Data::Packets))),
    },
    Recogniser {
        name: "pidstat",
        takes: "tables of CPU time and of disks, of one or several samples, with decimal commas",
        gives: "which processes take much of a CPU, or move much",
        take: |here| pidstat::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "sar, sadf, mpstat",
        takes: "`sar -n DEV`, `-n EDEV`, live or of a day, of several files, with or without headings, in any language, 12- and 24-hour clocks, decimal commas; `-n SOCK`, `-n SOFT`, `-n UDP`, `-n ETCP`; `sadf -d`, `-p`; `mpstat`; host, kernel and date of its heading",
        gives: "rates of the interfaces with mean and peak; of a day the times that stand out; packets lost per second; CPU time; of the other tables what tells of trouble; impossible samples are left out",
        take: |here| {
            let taken = sadf::take(here).or_else(|| samples::take(here.document, here.at));
            taken.map(|(lines, report)| (lines, Data::Rates(report)))
        },
    },
    Recogniser {
        name: "ifconfig, ip link, ip addr",
        takes: "old and new `ifconfig` in any language, `ip -s link`, `ip -s -s link`, `ip addr`, with `-br` and `-o`, also where mail flowed the lines anew; rows of `ifconfig eth0 | grep RX`",
        gives: "interfaces: state, addresses, counters since boot",
        take: |here| {
            let taken = links::take(here.document, here.at).or_else(|| links::take_rows(here.document, here.at));
            let taken = taken.or_else(|| links::take_alone(here));
            taken.map(|(lines, links)| (lines, Data::Links(links)))
        },
    },
    Recogniser {
        name: "sadf -x, vnstat --xml",
        takes: "XML of `sadf -x -- -n DEV` and of `vnstat --xml`",
        gives: "the same as the text of these tools",
        take: xml::take,
    },
    Recogniser {
        name: "ip -j, nft -j, nstat -j, sadf -j, vnstat --json",
        takes: "JSON of `ip -j addr`, `ip -j -s link`, `nft -j list ruleset`, `nstat -j`, `sadf -j -- -n DEV`, `vnstat --json`, also with -p",
        gives: "the same as the text of these tools",
        take: tables::json,
    },
    Recogniser {
        name: "/proc/net/dev",
        takes: "with its heading, or rows alone",
        gives: "interfaces: counters since boot",
        take: |here| links::take_proc(here.document, here.at).map(|(lines, links)| (lines, Data::Links(links))),
    },
    Recogniser {
        name: "/sys/class/net/*/statistics",
        takes: "`grep . /sys/class/net/eth0/statistics/*`, and the value of `cat` of one of them",
        gives: "interfaces: counters since boot",
        take: |here| links::take_statistics(here).map(|(lines, links)| (lines, Data::Links(links))),
    },
    Recogniser {
        name: "netstat -i",
        takes: "with its heading",
        gives: "interfaces: packets, errors and drops since boot",
        take: |here| links::take_table(here.document, here.at).map(|(lines, links)| (lines, Data::Links(links))),
    },
    Recogniser {
        name: "ss -s",
        takes: "the summary",
        gives: "how many TCP connections are established, half-open and waiting for their end",
        take: |here| sockets::take_summary(here).map(|(lines, counts)| (lines, Data::SocketCounts(counts))),
    },
    Recogniser {
        name: "ss, netstat",
        takes: "sockets with any of -t -u -n -l -p -a -i -e -o -m, with and without Netid or heading, names of ports, in any language; several are added up",
        gives: "listeners, connections, processes, queues, lost datagrams. What was not asked for stays unknown",
        take: |here| sockets::take(here).map(|(lines, table)| (lines, Data::Sockets(table))),
    },
    Recogniser {
        name: "/proc/net/tcp, udp, tcp6, udp6",
        takes: "with the heading",
        gives: "listeners and connections, without processes",
        take: |here| proc_sockets::take(here).map(|(lines, table)| (lines, Data::Sockets(table))),
    },
    Recogniser {
        name: "uptime, w, top",
        takes: "the line of `uptime`, also with decimal commas; the head and the processes of `top`, also with a line for each CPU, without its first line, in any language; `top` of BusyBox",
        gives: "load, time since boot, CPU time by kind, memory, the busiest processes",
        take: |here| {
            let taken = top::take(here).or_else(|| busybox::take(here));
            taken.map(|(lines, machine)| (lines, Data::Machine(Box::new(machine))))
        },
    },
    Recogniser {
        name: "/proc/pressure",
        takes: "`cat` of a file of it, `grep . /proc/pressure/*`, and those of control groups",
        gives: "how long programs waited for CPUs, memory or disks in the last ten seconds",
        take: |here| pressure::take(here).map(|(lines, machine)| (lines, Data::Machine(Box::new(machine)))),
    },
    Recogniser {
        name: "free, /proc/meminfo",
        takes: "`free` with -b, -k, -m, -g, -h, old and new, in any language; `vmstat -s`; /proc/meminfo",
        gives: "memory and swap",
        take: |here| machine::take_memory(here).map(|(lines, machine)| (lines, Data::Machine(Box::new(machine)))),
    },
    Recogniser {
        name: "vmstat, iostat",
        takes: "`vmstat` with an interval, in any language, with -w and -t; of `iostat` the line of the CPU",
        gives: "CPU time, tasks that wait for CPUs or disks, swapping",
        take: |here| machine::take_cpu(here).map(|(lines, machine)| (lines, Data::Machine(Box::new(machine)))),
    },
    Recogniser {
        name: "uname -a, lscpu, nproc, /proc/cpuinfo, /proc/loadavg, os-release, hostnamectl",
        takes: "what names the host, its kernel, its CPUs, its load and its distribution",
        gives: "host, kernel, CPUs, load, distribution",
        take: |here| machine::take_identity(here).map(|(lines, machine)| (lines, Data::Machine(Box::new(machine)))),
    },
    Recogniser {
        name: "netstat -s",
        takes: "all of it or -s -u, -s -t, rows of `| grep` alone, in the languages of net-tools: English, German, French, Portuguese, Czech, Estonian, Japanese; that another language is not understood is said",
        gives: "counters since boot; two of them with times between give what grew",
        take: |here| counters::netstat(here).map(|(lines, counters)| (lines, Data::Counters(counters))),
    },
    Recogniser {
        name: "nstat, /proc/net/snmp, /proc/net/netstat, /proc/net/snmp6",
        takes: "rows of name and figure, and pairs of lines",
        gives: "counters since boot",
        take: |here| counters::named(here).map(|(lines, counters)| (lines, Data::Counters(counters))),
    },
    Recogniser {
        name: "/proc/net/softnet_stat",
        takes: "a line of hexadecimal figures for each CPU",
        gives: "packets, drops and squeezes of each CPU since boot; whether one CPU receives for all",
        take: |here| counters::softnet(here).map(|(lines, cpus)| (lines, Data::Softnet(cpus))),
    },
    Recogniser {
        name: "/proc/interrupts",
        takes: "with its heading, or rows alone",
        gives: "interrupts of network cards by CPU",
        take: |here| counters::interrupts(here).map(|(lines, rows)| (lines, Data::Interrupts(rows))),
    },
    Recogniser {
        name: "ethtool, ethtool -S, -i, -g, -k, -l",
        takes: "statistics, driver, rings, offloads, queues, speed of a card",
        gives: "what the card lost since boot and why, by the names of its driver; the limits of a cloud instance that were exceeded, a link that is slower than the card or half duplex, the size of the rings, the queues",
        take: |here| cards::nic(here).map(|(lines, nic)| (lines, Data::Nic(nic))),
    },
    Recogniser {
        name: "tc -s qdisc",
        takes: "queueing disciplines with their statistics",
        gives: "what each dropped of what was to be sent, since it was set",
        take: |here| cards::disciplines(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "conntrack -S, -C, -L, /proc/net/nf_conntrack",
        takes: "statistics by CPU, the count, the entries",
        gives: "entries by state, who began most of them, drops for want of room since boot",
        take: |here| counters::tracked(here).map(|(lines, tracked)| (lines, Data::Conntrack(tracked))),
    },
    Recogniser {
        name: "sysctl",
        takes: "`name = value`, also of `sysctl -a` and files of settings; the value of `sysctl -n NAME` and `cat /proc/sys/…`",
        gives: "limits of queues and tables",
        take: |here| counters::settings(here).map(|(lines, settings)| (lines, Data::Settings(settings))),
    },
    Recogniser {
        name: "iptables, ip6tables, nft, ipset",
        takes: "`-L` with and without -v -n, `-S`, `iptables-save`, rules alone, `nft list ruleset` (also -a), `ipset list`, `ipset save`",
        gives: "chains with their policy, rules; what they counted since their counters were reset",
        take: |here| firewall::take(here).map(|(lines, rules)| (lines, Data::Rules(rules))),
    },
    Recogniser {
        name: "ip route, route -n, /proc/net/route",
        takes: "the table of routes",
        gives: "the interface of the default route",
        take: tables::routes,
    },
    Recogniser {
        name: "ip neigh, arp",
        takes: "`ip neigh`, `arp -n`, `arp -a`",
        gives: "how many neighbours there are, and how many do not answer",
        take: tables::neighbours,
    },
    Recogniser {
        name: "vnstat",
        takes: "the summary, -h, -hg, -d, -m, -t, -5, --oneline, -tr, -l; version 1 and 2",
        gives: "bytes in and out, and the hour, day or month that stands out; the ratio of both; of -tr and -l the rate",
        take: vnstat::take,
    },
    Recogniser {
        name: "sort | uniq -c",
        takes: "counts by address or by state; the number that `| wc -l` or `| grep -c` leaves of `netstat` and `ss`",
        gives: "the most frequent ones; connections by state",
        take: tables::counted,
    },
    Recogniser {
        name: "lsof +L1",
        takes: "with its heading, or rows alone; the rows of `lsof | grep deleted`",
        gives: "deleted files that processes still hold open, and what they take",
        take: storage::deleted,
    },
    Recogniser {
        name: "lsof -i",
        takes: "with its heading, or rows alone; names or numbers",
        gives: "listeners, connections and their processes, as `ss` does",
        take: |here| sockets::take_lsof(here).map(|(lines, table)| (lines, Data::Sockets(table))),
    },
    Recogniser {
        name: "/proc/net/sockstat",
        takes: "all of it, or rows alone",
        gives: "connections that wait for their end or belong to nobody, fragments that wait",
        take: tables::sockstat,
    },
    Recogniser {
        name: "df, ls",
        takes: "`df` in any language, with -h, -T, -i; `ls -l`, from which nothing is taken",
        gives: "how full each file system is, of bytes and of inodes",
        take: |here| storage::disks(here).or_else(|| tables::files(here)),
    },
    Recogniser {
        name: "du",
        takes: "rows of bytes and paths; without its command, those of -h",
        gives: "which folders take the space",
        take: folders::folders,
    },
    Recogniser {
        name: "iostat -x",
        takes: "old and new; the first report, of the time since boot, is not taken for now",
        gives: "what each disk does, and how long it takes for it",
        take: storage::devices,
    },
    Recogniser {
        name: "dstat, ifstat, nload, nethogs, iftop, docker stats",
        takes: "with their headings; of `nload`, `nethogs` and `iftop` the screen",
        gives: "bytes per second of the host, of interfaces or of processes; what each container received and sent since it was started",
        take: meters::take,
    },
    Recogniser {
        name: "last, lastb",
        takes: "their rows, with and without the line that says since when",
        gives: "failed logins, the address and the users that are most of them",
        take: logins::take,
    },
    Recogniser {
        name: "fail2ban-client status",
        takes: "the status of a jail",
        gives: "how many addresses are shut out and were, and how many logins failed",
        take: logins::banned,
    },
    Recogniser {
        name: "ping, mtr",
        takes: "`ping` in any language, whole or its sums alone; `mtr -r`, with `-w`, `-b`, and its screen",
        gives: "how much is lost on the way, and from which hop on; what a hop in between leaves unanswered is no loss",
        take: paths::take,
    },
    Recogniser {
        name: "traceroute, tracepath",
        takes: "with the line that says where to, or rows that follow one another; with names and with -n, in which several routers answer at a hop",
        gives: "whether the end is reached, behind which hop nothing answers, what a router refuses, and where packets must be smaller; a hop that is silent by itself loses nothing",
        take: hops::take,
    },
    Recogniser {
        name: "chronyc tracking, timedatectl, ntpq -p",
        takes: "their fields, old and new, and the table of servers",
        gives: "whether the clock follows a server, and by how much it is off; of `timedatectl` when the text was made",
        take: |here| clocks::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "resolvectl",
        takes: "`status`, and `query` of names that were found or not; what `ping`, `ssh`, `apt` say of a name that was not resolved",
        gives: "that no DNS server is named, and why names were not resolved",
        take: |here| resolver::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "supervisorctl status, rc-status",
        takes: "their rows; of `rc-service NAME status` the state",
        gives: "services that crashed, could not be started, or do not run",
        take: |here| managers::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "/proc/PID/limits, ulimit -a",
        takes: "with the heading, or rows alone",
        gives: "how many files and processes it may have",
        take: |here| limits::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "postqueue -p, mailq",
        takes: "the queue of Postfix, whole or its beginning",
        gives: "how many mails wait, and why most of them do",
        take: |here| queues::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "nginx -t, apachectl configtest",
        takes: "what they say of a configuration",
        gives: "why it is refused",
        take: |here| configured::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "kubectl get, kubectl top",
        takes: "pods (also `-A`, `-o wide`) and nodes",
        gives: "pods that do not run, are not ready or were often restarted; nodes that are not ready; who takes much CPU time",
        take: pods::take,
    },
    Recogniser {
        name: "kubectl describe, docker inspect",
        takes: "descriptions of pods and nodes, whole or in part, the events below them and of `kubectl get events`; of `docker inspect` the state",
        gives: "which containers ended and why, whether for want of memory; nodes that are short of something; probes that failed",
        take: |here| containers::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "/proc/mdstat, zpool status",
        takes: "arrays of md with their disks; pools, whole or in part",
        gives: "arrays and pools that lack a disk, disks that failed, and what is being rebuilt",
        take: |here| arrays::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "smartctl",
        takes: "the verdict, the table of attributes of `smartctl -A` and `-a`, and the health of NVMe disks",
        gives: "sectors that a disk cannot read, and whether it says that it fails",
        take: |here| smart::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "systemctl",
        takes: "the head of `systemctl status`, above the lines of the journal; rows of `systemctl --failed` and `list-units`",
        gives: "units that have failed, or are started again and again",
        take: |here| units::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "ssh -v, curl -v, dig",
        takes: "the transcript of `ssh -v` to `-vvv`, also with times before its lines; `curl -v`, errors of curl, and the times of `curl -w` by their names; `dig`",
        gives: "where it stands still, and who is waited for; no cause, which only the server's side shows",
        take: |here| transcripts::take(here).map(|(lines, told)| (lines, Data::Told(told))),
    },
    Recogniser {
        name: "ps, iftop -t, nethogs -t, dropwatch, docker ps",
        takes: "tables with their heading",
        gives: "the rows that stand out, told as they are",
        take: tables::other,
    },
    Recogniser {
        name: "logs",
        takes: "`dmesg` in all forms, syslog, messages, kern.log, auth.log, `journalctl` (short, short-iso, json), files of the journal of systemd, access logs (common, combined, with a site before; JSON of Caddy and Traefik), error logs of nginx and Apache, logs that fail2ban, BIND, unbound, lighttpd, php-fpm, Redis and Asterisk keep themselves; behind the names of containers (`docker compose logs`, `kubectl logs --prefix`), and without their time",
        gives: "lines by pattern, with what they name: failed logins, full tables, SYN floods, bad checksums, martians, firewall LOG lines, requests",
        take: |here| {
            let taken = log_lines::take(here).or_else(|| dressed::take(here));
            taken.map(|(lines, run)| (lines, Data::Logs(run)))
        },
    },
];
