//! The runbook `slow-ssh-login` before a real sshd, in a network, a process and a mount namespace that end with the test.

use std::process::{Command, Stdio};
use std::thread;

use casebook::case::{Case, Likelihood};

use crate::command::{Desk, finish};
use crate::support::accuracy::Played;
use crate::support::need::{require, root, tool};

/// What is wrong with a login, and what must be said of it.
struct Situation {
    name: &'static str,
    /// The name server of the host: one that takes questions and never answers, or a port that is closed.
    resolver: &'static str,
    /// What sshd is set to, beside its key.
    set: &'static str,
    /// What happens before casebook looks; `$sshd` is the process of sshd, `$peer` one in the network of 198.51.100.2.
    happens: &'static str,
    cause: Option<&'static str>,
    says: &'static str,
    /// What one of its remedies runs.
    runs: &'static str,
}

const DEAF: &str = "198.51.100.53";
const CLOSED: &str = "127.0.0.1";

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "login-quiet",
        resolver: CLOSED,
        set: "",
        happens: "exec 7<>/dev/tcp/198.51.100.1/22",
        cause: None,
        says: "sshd answers in",
        runs: "",
    },
    // Three at a time log in, work and leave.
    Situation {
        name: "login-busy",
        resolver: CLOSED,
        set: "",
        happens: "for i in 1 2 3; do (while :; do nsenter -t $peer -n ssh -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no \
                  -o UserKnownHostsFile=/dev/null root@198.51.100.1 sleep 0.3 2>>refused || echo no >>failed; done) & done; sleep 1; [ ! -e failed ]",
        cause: None,
        says: "sshd answers in",
        runs: "",
    },
    Situation {
        name: "login-with-a-deaf-resolver",
        resolver: DEAF,
        set: "UseDNS yes",
        happens: "exec 7<>/dev/tcp/198.51.100.1/22",
        cause: Some("slow-names"),
        says: "looking up the name of 198.51.100.1 takes 10 s",
        runs: "UseDNS no",
    },
    // sshd asks nobody then.
    Situation {
        name: "login-that-asks-no-resolver",
        resolver: DEAF,
        set: "UseDNS no\nMatch Address 192.0.2.0/24\nGSSAPIAuthentication yes",
        happens: "exec 7<>/dev/tcp/198.51.100.1/22",
        cause: None,
        says: "sshd answers in",
        runs: "",
    },
    Situation {
        name: "login-in-a-crowd",
        resolver: CLOSED,
        set: "MaxStartups 6:100:20",
        happens: "for i in $(seq 20 27); do eval \"exec $i<>/dev/tcp/198.51.100.1/22\"; read -t 9 -u $i said; done",
        cause: Some("too-many-at-the-door"),
        says: "from 6 on sshd turns others away",
        runs: "MaxStartups 100",
    },
    // The login is through, and its shell waits; what it put into the background it does not wait for.
    Situation {
        name: "login-whose-profile-waits",
        resolver: CLOSED,
        set: "",
        happens: "mkdir home profile; mount --bind home /root; echo 'sleep 50' >profile/wait.sh; mount --bind profile /etc/profile.d; \
                  nsenter -t $peer -n ssh -tt -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                  root@198.51.100.1 < <(sleep 60) >>refused 2>&1 & sleep 5",
        cause: Some("profile-waits"),
        says: "gives no prompt: it waits for sleep (pid ",
        runs: "/etc/profile.d",
    },
    Situation {
        name: "login-with-a-program-in-the-background",
        resolver: CLOSED,
        set: "",
        happens: "mkdir home profile; mount --bind home /root; echo 'sleep 50 &' >profile/wait.sh; mount --bind profile /etc/profile.d; \
                  nsenter -t $peer -n ssh -tt -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                  root@198.51.100.1 < <(sleep 60) >>refused 2>&1 & sleep 5",
        cause: None,
        says: "sshd answers in",
        runs: "",
    },
    // A menu, or a key that wants its passphrase: whoever logged in is asked.
    Situation {
        name: "login-whose-profile-asks",
        resolver: CLOSED,
        set: "",
        happens: "mkdir home profile; mount --bind home /root; echo \"bash -c 'read -r choice'\" >profile/ask.sh; mount --bind profile /etc/profile.d; \
                  nsenter -t $peer -n ssh -tt -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                  root@198.51.100.1 < <(sleep 60) >>refused 2>&1 & sleep 5",
        cause: None,
        says: "sshd answers in",
        runs: "",
    },
    // A key that others may change is not taken. What sshd says is written down as its logger would.
    Situation {
        name: "login-with-a-key-that-others-may-change",
        resolver: CLOSED,
        set: "",
        happens: "kill $sshd; wait $sshd || true; strict=$(sed 's/StrictModes no/StrictModes yes/' sshd_config); echo \"$strict\" >sshd_config; chmod 666 key.pub
            \"$5\" -D -e -f /etc/ssh/sshd_config 2> >(while read -r line; do echo \"$(LC_ALL=C date '+%b %e %H:%M:%S') web1 sshd[77]: $line\"; done >log/auth.log) &
            for try in $(seq 100); do (: 7<>/dev/tcp/198.51.100.1/22) 2>>refused && break; sleep 0.05; done
            nsenter -t $peer -n ssh -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@198.51.100.1 true >>refused 2>&1 || sleep 0.3",
        cause: Some("login-refused"),
        says: "sshd refuses a login: bad ownership or modes for file /",
        runs: "namei -l /",
    },
    Situation {
        name: "sshd-stopped",
        resolver: CLOSED,
        set: "",
        happens: "kill -STOP $sshd",
        cause: Some("sshd-speaks-late"),
        says: "sshd takes the connection and says nothing in 1.5 s",
        runs: "kill -CONT",
    },
    Situation {
        name: "sshd-queue-full",
        resolver: CLOSED,
        set: "",
        happens: "kill -STOP $sshd; for i in $(seq 20 148); do eval \"exec $i<>/dev/tcp/198.51.100.1/22\"; done",
        cause: Some("door-full"),
        says: "129 connections wait to be accepted on port 22, 128 may",
        runs: "kill -CONT",
    },
    Situation {
        name: "sshd-gone",
        resolver: CLOSED,
        set: "",
        happens: "kill $sshd; sleep 0.3",
        cause: Some("sshd-not-there"),
        says: "nobody listens on port 22",
        runs: "sshd -t",
    },
    // Segments above 600 bytes are lost on the way to the client, as behind a tunnel that tells nobody.
    Situation {
        name: "login-over-a-smaller-mtu",
        resolver: CLOSED,
        set: "",
        happens: "nsenter -t $peer -n nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in meta length > 600 drop'; \
                  nsenter -t $peer -n ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null 198.51.100.1 true 2>>refused & \
                  for try in $(seq 200); do ss -Htni 'sport = :22' | grep -q retrans: && break; sleep 0.05; done",
        cause: Some("client-large-segments-lost"),
        says: "large segments do not reach 198.51.100.2",
        runs: "sysctl -w net.ipv4.tcp_mtu_probing=1",
    },
    // What a browser sent is no line of sshd.
    Situation {
        name: "passwords-guessed",
        resolver: CLOSED,
        set: "",
        happens: "mkdir -p log/nginx; now=$(date -u +%Y-%m-%dT%H:%M:%S.000000+00:00); for i in $(seq 150); do \
                  echo \"$now host sshd[7]: Failed password for root from 203.0.113.9 port 4$i ssh2\"; done >log/auth.log; \
                  for i in $(seq 300); do echo \"192.0.2.1 - - [$(date -u +%d/%b/%Y:%T) +0000] \\\"GET /sshd[7]: Failed password for root from 198.51.100.1 port 5 ssh2 HTTP/1.1\\\" 404 1\"; \
                  done >log/nginx/access.log",
        cause: Some("passwords-guessed"),
        says: "150 passwords were guessed in the last 60 min, most from 203.0.113.9",
        runs: "ip saddr 203.0.113.9 tcp dport 22",
    },
];

/// What casebook says of such a host.
fn looked_at(desk: &Desk, situation: &Situation, ask: &str) -> Case {
    const SCRIPT: &str = r#"
        set -e
        mount --make-rprivate /
        cd "$1"
        mkdir log
        ip link set lo up
        ip link add outside type veth peer name far
        ip address add 198.51.100.1/24 dev outside
        ip link set outside up
        unshare --net sleep 60 & peer=$!
        until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
        ip link set far netns $peer
        nsenter -t $peer -n ip address add 198.51.100.2/24 dev far
        nsenter -t $peer -n ip link set far up
        ip neighbour add 198.51.100.53 lladdr 02:00:00:00:00:01 dev outside nud permanent
        echo "nameserver $2" >resolv.conf
        mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)"
        ssh-keygen -q -t ed25519 -N '' -f key
        printf 'HostKey %s/key\nPidFile none\nUsePAM no\nStrictModes no\nAuthorizedKeysFile %s/key.pub\n%s\n' "$1" "$1" "$3" >sshd_config
        mount --bind sshd_config /etc/ssh/sshd_config
        mkdir -p /run/sshd
        "$5" -D -f /etc/ssh/sshd_config & sshd=$!
        for try in $(seq 100); do (: 7<>/dev/tcp/198.51.100.1/22) 2>>refused && break; sleep 0.05; done
        sleep 0.1
        eval "$4"
        status=0
        "$0" $6 --set log_dir="$1/log" --set patience=1500ms --window 2s --no-keep -q --format json || status=$?
        exit $status"#;
    let sshd = tool("sshd").expect("it was asked for");
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT]);
    command.arg(env!("CARGO_BIN_EXE_casebook")).arg(desk.path("")).args([situation.resolver, situation.set]);
    command.arg(situation.happens).arg(sshd).arg(ask);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(command.spawn().unwrap());
    Case::from_json(&answer.out).unwrap_or_else(|error| panic!("{}: {error}: {answer:#?}", situation.name))
}

#[test]
fn what_a_login_waits_for_is_named_before_a_real_sshd() {
    require!(root());
    for name in ["unshare", "nsenter", "bash", "ip", "nft", "ss", "ssh", "sshd", "ssh-keygen"] {
        require!(tool(name));
    }
    thread::scope(|scope| {
        for situation in SITUATIONS {
            scope.spawn(move || {
                let name = situation.name;
                let mut played = Played::begin("slow-ssh-login", name, situation.cause);
                let case = looked_at(&Desk::new(), situation, "run slow-ssh-login");
                // The load of the machine is not what is staged here.
                let mut likely = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
                let likely = likely.find(|cause| cause.id != "host-slow");
                played.found(&case, likely);
                assert_eq!(likely.map(|cause| cause.id.as_str()), situation.cause, "{name}: {likely:#?}");
                let spoken = match likely {
                    Some(cause) => cause.title.clone(),
                    None => case.findings.iter().map(|finding| finding.sentence.clone()).collect(),
                };
                assert!(spoken.contains(situation.says), "{name}: {spoken}");
                let runs: Vec<_> = likely
                    .iter()
                    .flat_map(|cause| cause.remedies.iter().filter_map(|remedy| remedy.run.as_deref()))
                    .collect();
                assert!(runs.join("\n").contains(situation.runs), "{name}: {runs:?}");
                played.judged(true);
            });
        }
    });
}

/// A complaint of a login finds what it waits for, whatever else is looked at.
#[test]
fn a_complaint_about_logins_is_about_this() {
    require!(root());
    for name in ["unshare", "nsenter", "bash", "ip", "nft", "ss", "ssh", "sshd", "ssh-keygen"] {
        require!(tool(name));
    }
    let situation =
        SITUATIONS.iter().find(|situation| situation.name == "login-in-a-crowd").expect("it is one of them");
    let mut played = Played::begin("diagnose", "diagnosed-login-in-a-crowd", situation.cause);
    let case = looked_at(&Desk::new(), situation, "diagnose ssh hangs");
    played.found(&case, case.diagnosis.causes.first());
    let choice = case.runbook.choice.as_ref().expect("it says what it picked");
    let ssh = choice.picked.iter().find(|picked| picked.runbook == "slow-ssh-login").expect("it is picked");
    assert_eq!(ssh.words, ["ssh"]);
    let first = &case.diagnosis.causes[0];
    assert_eq!(
        (first.id.as_str(), first.runbooks.as_slice()),
        ("too-many-at-the-door", ["slow-ssh-login".to_owned()].as_slice())
    );
    assert!(first.likelihood >= Likelihood::Likely && first.title.contains(situation.says), "{}", first.title);
    played.judged(true);
}
