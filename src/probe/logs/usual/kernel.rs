//! The kernel: what it says of traffic, tables, memory, links and cards. What drivers say is written into the logs of hosts that have
//! such a card, and taken from their source.

use super::{By, Lines, Usual, Weight, from};

const KERNEL: &[&str] = &["kernel"];

/// `to` a port of this host.
const TO_PORT: By = By { group: "port", preposition: "to port", many: "ports" };

/// `of` a device.
const DEVICE: By = By { group: "device", preposition: "of", many: "devices" };

pub(super) const USUAL: &[Usual] = &[
    Usual {
        name: "conntrack_full",
        service: "kernel",
        means: "the table of tracked connections is full: packets of new connections are dropped; where it is a container's, the line names the network namespace",
        weight: Weight::Grave,
        one: "warning that the table of connections is full and drops packets",
        many: "warnings that the table of connections is full and drops packets",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:nf|ip)_conntrack: (?:nf_conntrack: )?table full(?: in netns (?P<netns>\d+))?, dropping packet",
            of: "Linux 6.18, 7.2",
        }],
    },
    Usual {
        name: "syn_flooding",
        service: "kernel",
        means: "the queue of half-open connections of a port was full; the kernel limits these warnings: they do not say how much came",
        weight: Weight::Grave,
        one: "warning of SYN flooding",
        many: "warnings of SYN flooding",
        by: &[By { group: "port", preposition: "on TCP port", many: "ports" }],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:\w+: ){0,2}[Pp]ossible SYN flooding on port (?P<port>[0-9A-Fa-f.:\[\]]*\d)",
            of: "Linux 6.18; older ones by their source",
        }],
    },
    Usual {
        name: "martian_source",
        service: "kernel",
        means: "a packet came from an address that cannot be on that side",
        weight: Weight::Trouble,
        one: "packet with an impossible sender (martian source)",
        many: "packets with an impossible sender (martian source)",
        by: &[from("source"), By { group: "device", preposition: "by", many: "interfaces" }],
        lines: &[
            Lines {
                programs: KERNEL,
                expression: r"(?:\w+: )?martian source (?P<destination>[0-9A-Fa-f.:]+) from (?P<source>[0-9A-Fa-f.:]+), on dev (?P<device>\S+)",
                of: "Linux 6.18",
            },
            Lines {
                programs: KERNEL,
                expression: r"(?:\w+: )?martian source \(src=(?P<source>[0-9A-Fa-f.:]+), dst=(?P<destination>[0-9A-Fa-f.:]+), dev=(?P<device>[^)]+)\)",
                of: "Linux 7.2",
            },
        ],
    },
    Usual {
        name: "out_of_memory",
        service: "kernel",
        means: "a process was killed because no memory was left, on the host or in its group",
        weight: Weight::Grave,
        one: "line about memory that ran out",
        many: "lines about memory that ran out",
        by: &[By { group: "process", preposition: "for", many: "processes" }],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:Memory cgroup |\S+: )?[Oo]ut of memory: Kill(?:ed)? process \d+,? \((?P<process>[^)]*)\)|.{1,64} invoked oom-killer",
            of: "Linux 6.18 by its source",
        }],
    },
    // What stands before it is the prefix of the rule.
    Usual {
        name: "firewall_log",
        service: "firewall",
        means: "a rule of the firewall logged a packet",
        weight: Weight::Trouble,
        one: "packet that a rule logged",
        many: "packets that a rule logged",
        by: &[from("source"), TO_PORT],
        lines: &[Lines {
            programs: &["kernel", "ulogd"],
            expression: r".*?\bIN=(?P<interface>\S*) OUT=\S* .*SRC=(?P<source>[0-9A-Fa-f.:]+) DST=(?P<destination>[0-9A-Fa-f.:]+) .*PROTO=(?P<protocol>\w+)(?:.* DPT=(?P<port>\d+))?",
            of: "Linux 6.18 by its source (iptables LOG, nft log, ufw, firewalld)",
        }],
    },
    Usual {
        name: "neighbour_overflow",
        service: "kernel",
        means: "the table of neighbours is full: hosts on the same network are not reached",
        weight: Weight::Grave,
        one: "warning that the table of neighbours is full",
        many: "warnings that the table of neighbours is full",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:\w+: ){0,2}[Nn]eighbou?r table overflow",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        // A link that comes up is no trouble; one that flaps goes down as often.
        name: "link_change",
        service: "kernel",
        means: "the link of an interface went down; virtio_net itself says nothing, systemd-networkd and NetworkManager do",
        weight: Weight::Trouble,
        one: "link that went down",
        many: "links that went down",
        by: &[DEVICE],
        lines: &[
            Lines {
                programs: KERNEL,
                expression: r"(?P<bond>\S+): \(slave (?P<device>[\w.@-]+)\): link status definitely (?P<state>down)",
                of: "Linux 6.18 by its source (bonding)",
            },
            Lines {
                programs: KERNEL,
                expression: r"(?:\S+: )?(?P<bond>\S+): link status definitely (?P<state>down) for interface (?P<device>[\w.@-]+)",
                of: "older Linux by its source (bonding)",
            },
            Lines {
                programs: KERNEL,
                expression: r"(?P<bridge>\S+): port \d+\((?P<device>(?:en|eth|bond|wl|ib)[\w.@-]*)\) entered (?P<state>disabled) state",
                of: "Linux 6.18 (bridges; not for ports of guests and containers)",
            },
            Lines {
                programs: &["kernel", "systemd-networkd", "NetworkManager", "netifd"],
                expression: r".*?(?P<device>[A-Za-z][\w.@-]*):? (?:NIC )?(?:[Ll]ink (?:is )?(?P<state>[Dd]own)|[Ll]ost carrier)\b",
                of: "Linux 6.18 by its source (e1000e, igb, ixgbe, i40e, mlx5, tg3, bnxt_en, PHYs); systemd-networkd 252",
            },
        ],
    },
    Usual {
        name: "nic_reset",
        service: "kernel",
        means: "a card hung and was reset: what it held is lost",
        weight: Weight::Grave,
        one: "line about a card that hung",
        many: "lines about cards that hung",
        by: &[DEVICE],
        lines: &[
            Lines {
                programs: KERNEL,
                expression: r"NETDEV WATCHDOG: (?P<device>\S+) \([^)]*\): transmit queue \d+ timed out",
                of: "Linux up to 6.3 by its source",
            },
            Lines {
                programs: KERNEL,
                expression: r"\S+ \S+ (?P<device>\S+): (?:NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out|Detected (?:Tx|Hardware) Unit Hang|Reset adapter|initiating reset due to tx timeout|The number of lost tx completions is above the threshold)",
                of: "Linux 6.18 by its source (e1000e, igb, ixgbe, ena, any card)",
            },
        ],
    },
    Usual {
        name: "bridge_loop",
        service: "kernel",
        means: "a bridge gets back what it sent: there is a loop in the network, or two hosts have one address",
        weight: Weight::Grave,
        one: "packet that came back to a bridge",
        many: "packets that came back to bridges",
        by: &[By { group: "device", preposition: "by", many: "interfaces" }],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"\S+: received packet on (?P<device>\S+) with own address as source address",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        name: "time_wait_full",
        service: "kernel",
        means: "more TCP connections wait for their end than may (net.ipv4.tcp_max_tw_buckets): the others end at once",
        weight: Weight::Trouble,
        one: "warning that too many connections wait for their end",
        many: "warnings that too many connections wait for their end",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"TCP: time wait bucket table overflow",
            of: "Linux up to 5.10 by its source",
        }],
    },
    Usual {
        name: "route_cache_full",
        service: "kernel",
        means: "the kernel keeps as many routes as it may: packets to further addresses are dropped",
        weight: Weight::Grave,
        one: "warning that the table of routes in use is full",
        many: "warnings that the table of routes in use is full",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:dst cache overflow|Route cache is full: consider increasing sysctl net\.ipv\S+route\.max_size)",
            of: "Linux up to 6.2 by its source",
        }],
    },
    Usual {
        name: "hung_task",
        service: "kernel",
        means: "a program has waited for the kernel for minutes, for a disk most often",
        weight: Weight::Grave,
        one: "task that hung",
        many: "tasks that hung",
        by: &[By { group: "task", preposition: "of", many: "programs" }],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"INFO: task (?P<task>.{1,64}):\d+ blocked for more than \d+ seconds",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        name: "cpu_stalled",
        service: "kernel",
        means: "a CPU did nothing else for seconds: the host is overloaded, or the hypervisor gave it no time",
        weight: Weight::Grave,
        one: "line about a CPU that stalled",
        many: "lines about CPUs that stalled",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"(?:watchdog: )?BUG: soft lockup - CPU#(?P<cpu>\d+) stuck|(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls? on",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        name: "page_allocation_failure",
        service: "kernel",
        means: "the kernel, a driver of a card most often, got no memory at once: packets are lost",
        weight: Weight::Trouble,
        one: "allocation that failed",
        many: "allocations that failed",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r".{1,64}: page allocation failure: order:(?P<order>\d+)",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        name: "udp_bad_checksum",
        service: "kernel",
        means: "a datagram was damaged on the way, or forged",
        weight: Weight::Trouble,
        one: "UDP datagram with a bad checksum",
        many: "UDP datagrams with a bad checksum",
        by: &[
            from("source"),
            By { group: "source_port", preposition: "with source port", many: "source ports" },
            TO_PORT,
        ],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"UDP(?:v6)?: bad checksum\. From (?P<source>\S+):(?P<source_port>\d+) to (?P<destination>\S+):(?P<port>\d+)",
            of: "Linux 6.18 by its source",
        }],
    },
    Usual {
        name: "tcp_memory",
        service: "kernel",
        means: "TCP uses as much memory as it may, or too many connections belong to no process",
        weight: Weight::Grave,
        one: "warning that TCP is out of memory",
        many: "warnings that TCP is out of memory",
        by: &[],
        lines: &[Lines {
            programs: KERNEL,
            expression: r"TCP: out of memory -- consider tuning tcp_mem|TCP: too many (?:of )?orphaned sockets",
            of: "Linux 6.18 by its source",
        }],
    },
];
