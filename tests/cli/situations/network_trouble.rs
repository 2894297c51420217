//! The runbooks `packet-loss`, `slow-website` and `timeouts` on a host whose network and servers are really in trouble: in a network,
//! a process and a mount namespace that end with the test, with nginx and a peer in a network of its own.

use std::process::{Command, Stdio};
use std::thread;

use casebook::case::{Case, Likelihood};

use super::of_elsewhere;
use crate::command::{Desk, finish};
use crate::support::accuracy::Played;
use crate::support::need::{ipv6, require, root, skip, tool};

/// What is wrong, and what must be said of it.
struct Situation {
    name: &'static str,
    runbook: &'static str,
    /// What nginx of the host does with requests, in its words.
    serves: &'static str,
    /// What happens before casebook looks; `$peer` is a process in the network of the peer, `there` runs something in it, `ask N PATH`
    /// asks the host from there, N times at once.
    happens: &'static str,
    /// The likely causes but for those of the host, in any order; the first comes first.
    causes: &'static [&'static str],
    /// What the first says, or the headline where there is none.
    says: &'static str,
    /// What one of its remedies runs.
    runs: &'static str,
}

const FILE: &str = "location / { root .; }";
const PROXY: &str = "location / { proxy_pass http://198.51.100.2:8080; proxy_connect_timeout 50; }";

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "path-busy",
        runbook: "packet-loss",
        serves: FILE,
        happens: "(while :; do ask 2 /large; sleep 0.4; done) &",
        causes: &[],
        says: " TCP segments to 1 network were sent again",
        runs: "",
    },
    Situation {
        name: "path-quiet",
        runbook: "packet-loss",
        serves: FILE,
        happens: "ask 1 /small",
        causes: &[],
        says: "",
        runs: "",
    },
    Situation {
        name: "path-that-loses",
        runbook: "packet-loss",
        serves: FILE,
        happens: "ethtool -K outside tso off gso off gro off
            there nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp sport 80 meta length > 600 numgen random mod 12 == 0 drop'
            (while :; do ask 4 /large; sleep 0.4; done) &",
        causes: &["path-loses"],
        says: "the path to 198.51.100.0/24 loses packets",
        runs: "mtr -n -r -c 20 198.51.100.2",
    },
    // Behind a tunnel whose MTU is smaller, and who says so is barred. In two networks: in one it may be a client that went away.
    Situation {
        name: "path-with-a-smaller-mtu",
        runbook: "packet-loss",
        serves: FILE,
        happens: "there nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in meta length > 600 drop'
            ask 4 /large & settle 'ss -Htn state established | grep -c :80' 4
            there ip address add 203.0.113.2/24 dev far; ip route add 203.0.113.0/24 dev outside
            there ip route change 198.51.100.0/24 dev far src 203.0.113.2
            ask 2 /large & settle 'ss -Htni sport = :80 | grep -c backoff:[2-9]' 6",
        causes: &["large-segments-lost"],
        says: "large segments do not reach 198.51.100.0/24: 4 connections",
        runs: "sysctl -w net.ipv4.tcp_mtu_probing=1",
    },
    Situation {
        name: "rate-set-too-low",
        runbook: "packet-loss",
        serves: FILE,
        happens: "tc qdisc add dev outside root tbf rate 4mbit burst 16kb limit 24kb
            (while :; do ask 4 /large; done) &",
        causes: &["rate-limited", "path-loses"],
        says: "outside is held to a rate (tbf)",
        runs: "tc -s qdisc show",
    },
    // The kernel of the other one says so when its link comes up.
    Situation {
        name: "address-of-two-hosts",
        runbook: "packet-loss",
        serves: FILE,
        happens: "there sysctl -qw net.ipv4.conf.all.arp_notify=1 net.ipv4.conf.all.arp_announce=0; there ip link add second link far type macvlan mode bridge
            there ip address add 198.51.100.1/24 dev second
            (while :; do there ip link set second up; sleep 0.3; there ip link set second down; done) & sleep 0.5",
        causes: &["address-claimed-twice"],
        says: " has 198.51.100.1 as well, which is an address of this host",
        runs: "arping -c 5 -I outside 198.51.100.1",
    },
    Situation {
        name: "address-claimed-in-turns",
        runbook: "packet-loss",
        serves: FILE,
        happens: "there sysctl -qw net.ipv4.conf.all.arp_notify=1
            there nft 'table ip of { chain two { type filter hook input priority 0; ip daddr 198.51.100.9 drop; }; }'
            (while :; do timeout 9 bash -c 'exec 9<>/dev/tcp/198.51.100.9/8080'; sleep 0.1; done) 2>>refused &
            for name in second third; do there ip link add $name link far type macvlan mode bridge; there ip address add 198.51.100.9/24 dev $name; done
            (while :; do for name in second third; do there ip link set $name up; sleep 0.2; there ip link set $name down; done; done) &",
        causes: &["address-claimed-twice"],
        says: " both say that they have 198.51.100.9, in turns",
        runs: "ip neighbour show 198.51.100.9",
    },
    // A balancer has the address of its servers, which have it on `lo`; and what this host gave up another one took over.
    Situation {
        name: "addresses-of-two-that-agree",
        runbook: "packet-loss",
        serves: FILE,
        happens: "there sysctl -qw net.ipv4.conf.all.arp_notify=1; ip address add 198.51.100.7/32 dev lo; ip address add 198.51.100.8/24 dev outside
            there ip link add second link far type macvlan mode bridge; there ip address add 198.51.100.7/24 dev second
            (while :; do there ip link set second up; sleep 0.3; there ip link set second down; done) &
            (sleep 3; ip address del 198.51.100.8/24 dev outside; there ip link add third link far type macvlan mode bridge
            there ip address add 198.51.100.8/24 dev third; while :; do there ip link set third up; sleep 0.3; there ip link set third down; done) &",
        causes: &[],
        says: "",
        runs: "",
    },
    Situation {
        name: "website-quiet",
        runbook: "slow-website",
        serves: FILE,
        happens: "ask 3 /small",
        causes: &[],
        says: "port 80 answers in",
        runs: "",
    },
    Situation {
        name: "website-busy",
        runbook: "slow-website",
        serves: FILE,
        happens: "(while :; do ask 8 /large; sleep 0.1; done) &",
        causes: &[],
        says: "port 80 answers in",
        runs: "",
    },
    Situation {
        name: "web-server-stopped",
        runbook: "slow-website",
        serves: FILE,
        happens: "pkill -STOP -P $nginx; kill -STOP $nginx; ask 20 /small & settle 'ss -Htln sport = :80 | awk \"{print \\$2}\"' 17",
        causes: &["server-does-not-accept", "listen-overflow"],
        says: "does not accept: 17 connections wait on port 80, 16 may",
        runs: "kill -CONT",
    },
    Situation {
        name: "upstream-whose-syns-are-dropped",
        runbook: "slow-website",
        serves: PROXY,
        happens: "there nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp dport 8080 drop'
            ask 4 /small & settle 'ss -Htn state syn-sent | grep -c :8080' 4; sleep 1",
        causes: &["upstream-silent"],
        says: "gets no answer from 198.51.100.2:8080",
        runs: "ping -c 3 -W 1 198.51.100.2",
    },
    // Connected by the kernel, and never accepted.
    Situation {
        name: "upstream-that-hangs",
        runbook: "slow-website",
        serves: PROXY,
        happens: "behind; pkill -STOP -P $behind; kill -STOP $behind
            ask 6 /small & settle 'ss -Htn state established | grep -c :8080' 6; sleep 2",
        causes: &["upstream-slow"],
        says: "waits for 198.51.100.2:8080 on ",
        runs: "dst 198.51.100.2:8080",
    },
    // On this host itself, as an application server is that has no worker left.
    Situation {
        name: "application-server-that-hangs",
        runbook: "slow-website",
        serves: "location / { proxy_pass http://127.0.0.1:9000; }",
        happens: "configure app 127.0.0.1:9000 'location / { return 200 app; }' 64; nginx -p \"$PWD\" -e log/app.log -c app.conf & app=$!
            settle 'ss -Htln sport = :9000 | wc -l' 1; pkill -STOP -P $app; kill -STOP $app
            ask 6 /small & settle 'ss -Htln sport = :9000 | awk \"{print \\$2}\"' 6; sleep 2",
        causes: &["upstream-does-not-accept", "upstream-slow"],
        says: "asks at port 9000, does not accept: 6 connections wait, 64 may",
        runs: "-C nginx",
    },
    // The same behind a path.
    Situation {
        name: "application-server-behind-a-path",
        runbook: "slow-website",
        serves: "location / { proxy_pass http://unix:app.sock; }",
        happens: "configure app unix:app.sock 'location / { return 200 app; }' 64; nginx -p \"$PWD\" -e log/app.log -c app.conf & app=$!
            settle 'ss -Hxl src app.sock | wc -l' 1; pkill -STOP -P $app; kill -STOP $app
            ask 6 /small & settle 'ss -Hxl src app.sock | awk \"{print \\$3}\"' 6; sleep 2",
        causes: &["upstream-does-not-accept"],
        says: "app.sock, does not accept: ",
        runs: "-C nginx",
    },
    Situation {
        name: "last-of-a-chain-hangs",
        runbook: "slow-website",
        serves: FILE,
        happens: "kill $nginx; wait $nginx; configure middle 127.0.0.1:8081 'location / { proxy_pass http://198.51.100.2:8080; }' 64
            nginx -p \"$PWD\" -e log/middle.log -c middle.conf & behind; pkill -STOP -P $behind; kill -STOP $behind; front 127.0.0.1:8081
            ask 6 /small & settle 'ss -Htn state established | grep -c 198.51.100.2:8080' 6; sleep 2",
        causes: &["upstream-slow"],
        says: ", which waits for 198.51.100.2:8080 on ",
        runs: "dst 127.0.0.1:8081",
    },
    Situation {
        name: "proxy-that-holds-back",
        runbook: "slow-website",
        serves: FILE,
        happens: "kill $nginx; wait $nginx; behind; pkill -STOP -P $behind; kill -STOP $behind; front '198.51.100.2:8080 maxconn 1'
            ask 8 /small & settle 'ss -Htn state established | grep -c 198.51.100.1:80' 8; sleep 2.2",
        causes: &["requests-held-back", "upstream-slow"],
        says: "holds requests back: ",
        runs: "show stat",
    },
    Situation {
        name: "upstream-not-there",
        runbook: "slow-website",
        serves: PROXY,
        happens: "ask 6 /small",
        causes: &["upstream-refused"],
        says: "with 502",
        runs: "systemctl --failed",
    },
    Situation {
        name: "upstream-ports-used-up",
        runbook: "slow-website",
        serves: PROXY,
        happens: "sysctl -qw net.ipv4.ip_local_port_range='40000 40019'
            behind; pkill -STOP -P $behind; kill -STOP $behind
            ask 24 /small & settle 'ss -Htn state established | grep -c :8080' 20",
        causes: &["ports-used-up", "upstream-refused", "upstream-slow"],
        says: "20 of 20 ports are in use to 198.51.100.2:8080 (20 open), by nginx (pid ",
        runs: "ip_local_port_range=\"10240 65535\"",
    },
    // As many to another server, which leaves them room.
    Situation {
        name: "ports-held-by-ended-connections",
        runbook: "timeouts",
        serves: FILE,
        happens: "sysctl -qw net.ipv4.ip_local_port_range='40000 40019'
            behind; for i in $(seq 20); do exec 9<>/dev/tcp/198.51.100.2/8080; exec 9>&-; done
            there ip address add 198.51.100.3/24 dev far; for i in $(seq 9); do exec 9<>/dev/tcp/198.51.100.3/8080; exec 9>&-; done",
        causes: &["ports-used-up"],
        says: "20 of 20 ports are in use to 198.51.100.2:8080 (20 ended, in TIME_WAIT)",
        runs: "tcp_tw_reuse=1",
    },
    Situation {
        name: "monitoring-quiet",
        runbook: "timeouts",
        serves: FILE,
        happens: "(while :; do ask 1 /small; sleep 0.4; done) &",
        causes: &[],
        says: "came about from outside",
        runs: "",
    },
    Situation {
        name: "monitoring-busy",
        runbook: "timeouts",
        serves: FILE,
        happens: "(while :; do ask 8 /large; ask 2 /small; sleep 0.2; done) &",
        causes: &[],
        says: "came about from outside",
        runs: "",
    },
    Situation {
        name: "service-behind-a-rule",
        runbook: "timeouts",
        serves: FILE,
        happens: "nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in tcp dport 80 counter drop'
            (while :; do ask 2 /small & sleep 0.7; done) &",
        causes: &["dropped-by-rule"],
        says: "the firewall drops what wants TCP port 80 of nginx",
        runs: "nft insert rule inet t in tcp dport 80 counter accept",
    },
    Situation {
        name: "service-at-loopback",
        runbook: "timeouts",
        serves: FILE,
        happens: "sed -i 's/listen 80/listen 127.0.0.1:80/' nginx.conf; kill $nginx; wait $nginx; serve
            (while :; do ask 1 /small; sleep 0.3; done) &",
        causes: &["listens-elsewhere"],
        says: "listens at 127.0.0.1 only",
        runs: "ss -lntup sport = 80",
    },
    Situation {
        name: "answers-lost-on-their-way",
        runbook: "timeouts",
        serves: FILE,
        happens: "there nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp sport 80 drop'
            ask 4 /small & settle 'ss -Htn state syn-recv | grep -c :80' 4",
        causes: &["one-way-path"],
        says: "answers of port 80 do not get back: 4 connections stay half open",
        runs: "ip route get",
    },
    Situation {
        name: "answers-without-a-route",
        runbook: "timeouts",
        serves: FILE,
        happens: "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.outside.rp_filter=0
            there ip address add 203.0.113.2/24 dev far; there ip route change 198.51.100.0/24 dev far src 203.0.113.2
            (while :; do ask 4 /small & sleep 0.5; done) &",
        causes: &["no-route-out"],
        says: "no route leads to whom they are for, and there is no default route",
        runs: "ip route show",
    },
    Situation {
        name: "answers-without-an-ipv6-route",
        runbook: "timeouts",
        serves: FILE,
        happens: "ip address add 2001:db8:1::1/64 dev outside nodad
            there ip address add 2001:db8:77::2/128 dev far nodad; there ip route add 2001:db8:1::/64 dev far
            sed -i 's/listen 80/listen [::]:80/' nginx.conf; kill $nginx; wait $nginx; serve
            (while :; do for i in 1 2 3 4; do there bash -c ': 7<>/dev/tcp/2001:db8:1::1/80' 2>>refused & done; sleep 0.5; done) &",
        causes: &["no-route-out"],
        says: "no route leads to whom they are for, and there is no default route",
        runs: "ip -6 route show",
    },
    Situation {
        name: "answers-behind-a-rule",
        runbook: "timeouts",
        serves: FILE,
        happens: "nft 'add table inet t; add chain inet t out { type filter hook output priority 0; }; add rule inet t out tcp sport 80 drop'
            (while :; do ask 2 /small & sleep 0.7; done) &",
        causes: &["sends-dropped-by-rule"],
        says: "the firewall drops the answers of port 80 of nginx",
        runs: "hook output",
    },
    Situation {
        name: "service-that-takes-nobody",
        runbook: "timeouts",
        serves: FILE,
        happens: "pkill -STOP -P $nginx; kill -STOP $nginx; ask 6 /small & settle 'ss -Htln sport = :80 | awk \"{print \\$2}\"' 6; sleep 2",
        causes: &["service-does-not-accept"],
        says: "does not accept: 6 connections wait on port 80, the longest for",
        runs: "ps -L -o",
    },
    Situation {
        name: "connections-never-closed",
        runbook: "timeouts",
        serves: FILE,
        happens: "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 7000, Listen => 128); push @kept, $_ while $_ = $s->accept' & settle 'ss -Htln sport = :7000 | wc -l' 1
            there bash -c 'for i in $(seq 150); do exec 7<>/dev/tcp/198.51.100.1/7000; exec 7>&-; done'; settle 'ss -Htn state close-wait | wc -l' 150",
        causes: &["connections-leak"],
        says: "perl (pid ",
        runs: "state close-wait",
    },
    Situation {
        name: "resolver-that-is-deaf",
        runbook: "timeouts",
        serves: FILE,
        happens: "echo nameserver 198.51.100.53 >resolv.conf; ip neighbour add 198.51.100.53 lladdr 02:00:00:00:00:01 dev outside nud permanent",
        causes: &["resolver-deaf"],
        says: "198.51.100.53 does not answer",
        runs: "resolvectl status",
    },
    Situation {
        name: "second-interface-without-carrier",
        runbook: "timeouts",
        serves: FILE,
        happens: "ip link add second type veth peer name second-far; ip address add 192.0.2.1/24 dev second; ip link set second up
            (while :; do timeout 5 bash -c ': 7<>/dev/tcp/192.0.2.9/5432' 2>>refused & sleep 0.4; done) & sleep 2",
        causes: &["way-without-carrier", "no-answer"],
        says: "second has no carrier: ",
        runs: "ip -details link show dev second",
    },
    Situation {
        name: "resolver-that-is-not-there",
        runbook: "timeouts",
        serves: FILE,
        happens: "echo nameserver 127.0.0.53 >resolv.conf
            for i in 1 2 3; do echo \"$(LC_ALL=C date '+%b %e %H:%M:%S') web1 shop[77]: api.example.com: Temporary failure in name resolution\"; done >log/syslog",
        causes: &["resolver-gone"],
        says: "127.0.0.53 refuses, where systemd-resolved should listen",
        runs: "systemctl start systemd-resolved",
    },
];

/// What casebook says of such a host.
fn looked_at(desk: &Desk, situation: &Situation) -> Case {
    const SCRIPT: &str = r#"
        set -e
        mount --make-rprivate /
        cd "$1"
        mkdir log
        head -c 300000 /dev/zero >large
        echo small >small
        ip link set lo up
        ip link add outside type veth peer name far
        ip address add 198.51.100.1/24 dev outside
        ip link set outside up
        unshare --net sleep 60 & peer=$!
        until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
        there() { nsenter -t $peer -n "$@"; }
        ip link set far netns $peer
        there ip address add 198.51.100.2/24 dev far
        there ip link set far up
        echo nameserver 127.0.0.1 >resolv.conf
        mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)"
        configure() { # a name, where it listens, what it serves, how many may wait
            printf 'daemon off; pid %s.pid; user root; worker_processes 1; error_log log/nginx.log; events { worker_connections 128; } http { access_log off; server { listen %s backlog=%s; %s } }\n' \
                "$1" "$2" "$4" "$3" >"$1.conf"
        }
        listening() { for try in $(seq 200); do [ -n "$("$@" ss -Htln)" ] && return; sleep 0.03; done; }
        serve() { nginx -p "$PWD" -e log/nginx.log -c nginx.conf & nginx=$!; listening env; }
        behind() { configure behind 8080 "location / { return 200 behind; }" 64; there nginx -p "$PWD" -e log/behind.log -c behind.conf & behind=$!; listening there; settle 'wc -c <behind.pid' 2; behind=$(cat behind.pid); }
        front() { # HAProxy on port 80, before a server
            printf 'defaults\nmode http\ntimeout connect 50s\ntimeout client 50s\ntimeout server 50s\nlisten site\nbind :80\nserver one %s\n' "$1" >front.cfg
            haproxy -f front.cfg >log/front 2>&1 & settle 'ss -Htln sport = :80 | wc -l' 1
        }
        # By the shell itself: each asks and reads until the other end closes, or the test ends.
        ask() { there bash -c 'for i in $(seq $1); do (exec 7<>/dev/tcp/198.51.100.1/80 && printf "GET %s HTTP/1.0\r\nHost: a\r\n\r\n" $2 >&7 && cat <&7 >/dev/null) 2>>refused & done; wait' ask "$@"; }
        settle() { for try in $(seq 100); do [ "$(eval "$1")" -ge "$2" ] 2>>refused && return; sleep 0.06; done; }
        configure nginx 80 "$2" 16
        serve
        eval "$3"
        status=0
        "$0" run "$4" --set log_dir="$1/log" --window 3s $5 --no-keep -q --format json || status=$?
        exit $status"#;
    let set = match situation.runbook {
        "slow-website" => "--set patience=1500ms",
        "timeouts" => "--set port=80",
        _ => "",
    };
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT]);
    command.arg(env!("CARGO_BIN_EXE_casebook")).arg(desk.path(""));
    command.args([situation.serves, situation.happens, situation.runbook, set]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(command.spawn().unwrap());
    Case::from_json(&answer.out).unwrap_or_else(|error| panic!("{}: {error}: {answer:#?}", situation.name))
}

#[test]
fn what_connections_wait_for_is_named_on_a_network_in_trouble() {
    require!(root());
    for name in ["unshare", "nsenter", "bash", "ip", "nft", "ss", "tc", "ethtool", "nginx", "haproxy", "perl", "sysctl"]
    {
        require!(tool(name));
    }
    // More at a time, and none of them gets far within its window.
    let with_ipv6 = ipv6().inspect_err(skip).is_ok();
    let situations: Vec<_> =
        SITUATIONS.iter().filter(|situation| with_ipv6 || !situation.name.contains("ipv6")).collect();
    situations.chunks(8).for_each(play);
}

fn play(situations: &[&'static Situation]) {
    thread::scope(|scope| {
        for situation in situations {
            scope.spawn(move || {
                let name = situation.name;
                let mut played = Played::begin(situation.runbook, name, situation.causes.first().copied());
                let case = looked_at(&Desk::new(), situation);
                let likely = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
                let likely: Vec<_> = likely.filter(|cause| !of_elsewhere(cause)).collect();
                played.found(&case, likely.first().copied());
                let mut ids: Vec<&str> = likely.iter().map(|cause| cause.id.as_str()).collect();
                let said: Vec<_> = likely.iter().map(|cause| format!("{}: {}", cause.id, cause.title)).collect();
                let steps: Vec<_> = case.findings.iter().map(|finding| &finding.sentence).collect();
                assert_eq!(ids.first(), situation.causes.first(), "{name}: {said:#?} {steps:#?}");
                ids.retain(|id| !situation.causes.contains(id));
                assert!(ids.is_empty(), "{name}: {said:#?} {steps:#?}");
                let spoken = match likely.first() {
                    Some(cause) => cause.title.clone(),
                    None => case.findings.iter().map(|finding| finding.sentence.clone()).collect(),
                };
                assert!(spoken.contains(situation.says), "{name}: {spoken}");
                let runs: Vec<_> = likely
                    .first()
                    .iter()
                    .flat_map(|cause| cause.remedies.iter().filter_map(|remedy| remedy.run.as_deref()))
                    .collect();
                assert!(runs.join("\n").contains(situation.runs), "{name}: {runs:?}");
                played.judged(true);
            });
        }
    });
}
