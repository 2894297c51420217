//! Real daemons, on loopback and with a folder of the test's own: they are made to write what they write when somebody floods them,
//! and casebook reads it.

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::command::Desk;
use support::need::{require, root, tool};

/// How long a daemon may take to do what it is asked for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon in the foreground, ended with the value.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Daemon(silent.spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port of loopback on which nobody listens.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(stream)
}

/// What a server answers to some bytes.
fn ask(port: u16, bytes: &[u8]) -> String {
    let mut answer = Vec::new();
    if let Some(mut stream) = connect(port) {
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut answer);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(port: u16, path: &str) -> String {
    ask(
        port,
        format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nUser-Agent: flood\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

/// A query for an address, of a client on loopback.
fn query(client: Ipv4Addr, port: u16, name: &str) {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind((client, 0)).unwrap();
    socket.send_to(&packet, (Ipv4Addr::LOCALHOST, port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let _ = socket.recv(&mut [0; 512]);
}

/// What the logs of the desk say.
fn logs(desk: &Desk) -> Value {
    let answer = desk.run("probe logs dir=logs since=10m --format json");
    let seen: Value = serde_json::from_str(&answer.reported().out).unwrap();
    if seen["output"].is_object() { seen["output"].clone() } else { seen }
}

fn count(logs: &Value, pattern: &str) -> u64 {
    logs["patterns"][pattern]["count"].as_u64().unwrap()
}

/// The most frequent value of what a pattern captures.
fn top<'l>(logs: &'l Value, pattern: &str, group: &str) -> &'l str {
    logs["patterns"][pattern]["captures"][group][0]["value"].as_str().unwrap_or_default()
}

fn sentence<'l>(logs: &'l Value, pattern: &str) -> &'l str {
    let all = logs["stands_out"].as_array().unwrap();
    let told =
        all.iter().find(|told| told["pattern"] == pattern).unwrap_or_else(|| panic!("{pattern} is not in {all:?}"));
    told["sentence"].as_str().unwrap()
}

/// Writes what programs hand to a logger's socket into a file, until the process ends.
fn logger(socket: &Path, file: PathBuf) {
    let socket = UnixDatagram::bind(socket).unwrap();
    std::thread::spawn(move || {
        let mut file = File::create(file).unwrap();
        let mut message = vec![0; 64 * 1024];
        while let Ok(length) = socket.recv(&mut message) {
            let text = message[..length].strip_suffix(b"\0").unwrap_or(&message[..length]);
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            file.write_all(&[text, b"\n"].concat()).unwrap();
        }
    });
}

fn holds(path: PathBuf, text: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

#[test]
fn named_tells_whom_it_limits_and_whom_it_denies() {
    let named = require!(tool("named"));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs/named")).unwrap();
    let (port, folder) = (free_port(), desk.path("."));
    let folder = folder.display();
    desk.put("a.example", "$TTL 60\n@ IN SOA ns h 1 60 60 60 60\n@ IN NS ns\nns IN A 192.0.2.1\n");
    desk.put(
        "named.conf",
        format!(
            "options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;
               session-keyfile none; managed-keys-directory \"{folder}\"; dnssec-validation no; recursion yes;
               allow-recursion {{ none; }}; rate-limit {{ responses-per-second 2; }}; }};
             controls {{ }};
             logging {{ channel own {{ file \"logs/named/named.log\"; print-time iso8601; print-category yes; print-severity yes; }};
               category default {{ own; }}; category security {{ own; }}; category query-errors {{ own; }}; category rate-limit {{ own; }}; }};
             zone \"a.example\" {{ type primary; file \"a.example\"; }};"
        ),
    );
    let config = desk.path("named.conf");
    let _named = Daemon::start(Command::new(named).args(["-f", "-n", "1", "-c"]).arg(config));
    let log = || desk.path("logs/named/named.log");
    until("named", || holds(log(), "running"));
    query(Ipv4Addr::new(127, 0, 0, 2), port, "elsewhere.example");
    until("the limit", || {
        (0..20).for_each(|_| query(Ipv4Addr::new(127, 0, 0, 3), port, "ns.a.example"));
        holds(log(), "rate limit drop")
    });
    until("the denial", || holds(log(), "denied"));
    let logs = logs(&desk);
    assert!(count(&logs, "dns_denied") >= 1, "{logs}");
    assert_eq!(top(&logs, "dns_denied", "client"), "127.0.0.2");
    assert!(count(&logs, "dns_rate_limited") >= 2);
    assert_eq!(top(&logs, "dns_rate_limited", "client"), "127.0.0.3");
    assert!(sentence(&logs, "dns_rate_limited").contains("from 127.0.0.3 "), "{}", sentence(&logs, "dns_rate_limited"));
}

#[test]
fn unbounds_own_file_tells_whom_it_refuses_and_limits() {
    let unbound = require!(tool("unbound"));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs/unbound")).unwrap();
    let (port, log) = (free_port(), desk.path("logs/unbound/unbound.log"));
    desk.put(
        "unbound.conf",
        format!(
            "server:\n interface: 127.0.0.1@{port}\n port: {port}\n access-control: 127.0.0.2/32 refuse\n chroot: \"\"\n username: \"\"\n \
             use-syslog: no\n logfile: \"{}\"\n log-replies: yes\n verbosity: 1\n pidfile: \"\"\n ip-ratelimit: 5\n \
             module-config: \"iterator\"\nremote-control:\n control-enable: no\n",
            log.display()
        ),
    );
    let _unbound = Daemon::start(Command::new(unbound).args(["-d", "-c"]).arg(desk.path("unbound.conf")));
    until("unbound", || holds(log.clone(), "start of service"));
    query(Ipv4Addr::new(127, 0, 0, 2), port, "a.example");
    until("the limit", || {
        (0..20).for_each(|_| query(Ipv4Addr::LOCALHOST, port, "localhost"));
        holds(log.clone(), "ip_ratelimit exceeded") && holds(log.clone(), "REFUSED")
    });
    let logs = logs(&desk);
    assert_eq!(logs["files"][0]["format"], "epoch");
    assert_eq!((count(&logs, "dns_denied"), top(&logs, "dns_denied", "client")), (1, "127.0.0.2"));
    assert!(count(&logs, "dns_rate_limited") >= 1);
    assert_eq!(top(&logs, "dns_rate_limited", "client"), "127.0.0.1");
}

/// What a web server is asked: a page, a query, what no browser sends, and many at once.
fn visit(port: u16) {
    get(port, "/shop?id=7");
    ask(port, b"PROPFIND / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    ask(port, b"GET /q\"x HTTP/1.1\r\nHost: a.example\r\nUser-Agent: a\"b\\c\r\nConnection: close\r\n\r\n");
    ask(port, b"junk\r\n\r\n");
}

#[test]
fn nginx_tells_of_requests_and_of_clients_beyond_their_limit() {
    let nginx = require!(tool("nginx"));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs/nginx")).unwrap();
    fs::create_dir_all(desk.path("temp")).unwrap();
    let (port, folder) = (free_port(), desk.path("."));
    let folder = folder.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/temp/{kind};"))
        .collect();
    desk.put(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/logs/nginx/error.log info;
             events {{ worker_connections 64; }}
             http {{ {temp} access_log {folder}/logs/nginx/access.log combined; limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s;
               server {{ listen 127.0.0.1:{port}; root {folder}/temp; location /limited {{ limit_req zone=one; }} }} }}"
        ),
    );
    let _nginx = Daemon::start(Command::new(nginx).arg("-c").arg(desk.path("nginx.conf")));
    until("nginx", || connect(port).is_some());
    visit(port);
    (0..6).for_each(|_| drop(get(port, "/limited")));
    until("its lines", || holds(desk.path("logs/nginx/error.log"), "limiting requests"));
    let logs = logs(&desk);
    assert_eq!(count(&logs, "http_request"), 10, "{logs}");
    assert_eq!(top(&logs, "http_request", "path"), "/limited");
    assert!(count(&logs, "web_limited") >= 4);
    assert_eq!(top(&logs, "web_limited", "client"), "127.0.0.1");
    assert!(sentence(&logs, "http_request").starts_with("web server: 10 requests from 127.0.0.1 "));
}

#[test]
fn apache_tells_of_requests_with_the_site_before_them_and_of_what_it_denies() {
    let apache = require!(tool("apache2"));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs/apache2")).unwrap();
    let (port, folder) = (free_port(), desk.path("."));
    let folder = folder.display();
    let modules: String = ["mpm_event", "authz_core", "authz_host"]
        .iter()
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    desk.put(
        "apache.conf",
        format!(
            "ServerRoot {folder}\nServerName web1.example\nPidFile {folder}/pid\nListen 127.0.0.1:{port}\nUser nobody\nGroup nogroup\n{modules}
             ErrorLog {folder}/logs/apache2/error.log\nDocumentRoot {folder}
             LogFormat \"%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\" vhost_combined
             CustomLog {folder}/logs/apache2/other_vhosts_access.log vhost_combined
             <Location /denied>\nRequire all denied\n</Location>\n"
        ),
    );
    let _apache = Daemon::start(Command::new(apache).arg("-X").arg("-f").arg(desk.path("apache.conf")));
    until("apache2", || connect(port).is_some());
    visit(port);
    (0..6).for_each(|_| drop(get(port, "/denied")));
    until("its lines", || holds(desk.path("logs/apache2/error.log"), "AH01630"));
    let logs = logs(&desk);
    let requests = count(&logs, "http_request");
    assert!((10..=11).contains(&requests), "the first connection may count as a request that never came: {logs}");
    assert_eq!(top(&logs, "http_request", "client"), "127.0.0.1", "not the site");
    assert_eq!(top(&logs, "http_request", "path"), "/denied");
    assert_eq!((count(&logs, "web_denied"), top(&logs, "web_denied", "client")), (6, "127.0.0.1"));
}

#[test]
fn haproxy_hands_requests_and_dead_servers_to_the_logger() {
    let haproxy = require!(tool("haproxy"));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs")).unwrap();
    let (port, dead) = (free_port(), free_port());
    logger(&desk.path("log"), desk.path("logs/syslog"));
    desk.put(
        "haproxy.cfg",
        format!(
            "global\n log {} local0\n maxconn 64\ndefaults\n mode http\n log global\n option httplog\n timeout connect 1s\n timeout client 3s
 timeout server 1s\nfrontend web\n bind 127.0.0.1:{port}\n default_backend app\nbackend app\n server a1 127.0.0.1:{dead} check inter 200 fall 1\n",
            desk.path("log").display()
        ),
    );
    let _haproxy = Daemon::start(Command::new(haproxy).arg("-db").arg("-f").arg(desk.path("haproxy.cfg")));
    let log = || desk.path("logs/syslog");
    until("the end of the server", || holds(log(), "is DOWN"));
    (0..5).for_each(|_| drop(get(port, "/shop?id=7")));
    ask(port, b"junk\r\n\r\n");
    until("its lines", || holds(log(), "<BADREQ>"));
    let logs = logs(&desk);
    assert_eq!(count(&logs, "http_request"), 6, "{logs}");
    assert_eq!((top(&logs, "http_request", "client"), top(&logs, "http_request", "path")), ("127.0.0.1", "/shop"));
    assert_eq!(top(&logs, "http_request", "status"), "503");
    assert!(count(&logs, "web_upstream") >= 2);
    assert!(sentence(&logs, "web_upstream").contains("failures to reach servers behind it at "));
}

#[test]
fn sshd_tells_of_guesses_and_of_connections_beyond_max_startups() {
    require!(root());
    let (sshd, ssh) = (require!(tool("sshd")), require!(tool("ssh")));
    let (unshare, keygen) = (require!(tool("unshare")), require!(tool("ssh-keygen")));
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs")).unwrap();
    logger(&desk.path("log"), desk.path("logs/auth.log"));
    let key = desk.path("key");
    let made = Command::new(keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let port = free_port();
    desk.put(
        "sshd_config",
        format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nMaxStartups 2:100:2\nLoginGraceTime 60\nPasswordAuthentication yes\n",
            key.display()
        ),
    );
    // Its own /dev/log and /run/sshd, which nobody else sees.
    desk.put(
        "start",
        "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && cp -a /dev/null /dev/urandom /dev/random /dev/zero \"$PWD\" \
         && mount -t tmpfs tmpfs /dev && for device in null urandom random zero; do cp -a \"$PWD/$device\" /dev/; done \
         && ln -s \"$PWD/log\" /dev/log && exec \"$1\" -D -f sshd_config\n",
    );
    let mut start = Command::new(unshare);
    start.current_dir(desk.path(".")).args(["-m", "sh", "start"]).arg(sshd);
    let _sshd = Daemon::start(&mut start);
    until("sshd", || connect(port).is_some());
    // Three wrong passwords of a user whom nobody knows.
    desk.put("password", "#!/bin/sh\necho wrong\n");
    fs::set_permissions(desk.path("password"), fs::Permissions::from_mode(0o755)).unwrap();
    let guess = Command::new(ssh)
        .args(["-p", &port.to_string(), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=3", "-F", "none"])
        .args(["x from 198.51.100.7 port 22 ssh2@127.0.0.1", "true"])
        .env("SSH_ASKPASS", desk.path("password"))
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!guess.success());
    let log = || desk.path("logs/auth.log");
    until("the guesses", || holds(log(), "Failed password"));
    // What does not speak SSH, and more that wait than may.
    ask(port, b"GET / HTTP/1.0\r\n\r\n");
    let mut held = Vec::new();
    until("the limit", || {
        held.extend(connect(port));
        std::thread::sleep(Duration::from_millis(200));
        holds(log(), "MaxStartups")
    });
    // Whoever asks why a login is slow hears why.
    let check = desk.run(&format!("check ssh_login_delay port={port} window=1s patience=3s"));
    check.reported();
    assert!(check.out.contains("turns logins away"), "{check:#?}");
    let logs = logs(&desk);
    assert_eq!(count(&logs, "ssh_failed_password"), 3, "{logs}");
    assert_eq!(top(&logs, "ssh_failed_password", "address"), "127.0.0.1", "not what the user is called");
    assert_eq!(count(&logs, "ssh_invalid_user"), 1);
    assert_eq!(count(&logs, "ssh_not_ssh"), 1);
    assert!(count(&logs, "ssh_max_startups") >= 1);
    assert!(sentence(&logs, "ssh_failed_password").starts_with("sshd: 3 failed passwords from 127.0.0.1 "));
    drop(held);
}
