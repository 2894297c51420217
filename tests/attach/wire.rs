//! Servers that a test runs itself: HTTP, HTTPS and SMTP on loopback, each for as many connections as come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What a server answers: the status, more headers, the body.
pub type Reply = (u16, Vec<(&'static str, String)>, String);

/// An answer without more headers.
pub fn plain(status: u16, body: impl ToString) -> Reply {
    (status, Vec::new(), body.to_string())
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attach").join(name)
}

/// What a server needs for TLS.
pub fn tls() -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn serve(talk: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let talk = Arc::clone(&talk);
            thread::spawn(move || talk(stream));
        }
    });
    address
}

impl Server {
    /// A server of HTTP.
    pub fn http(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Server::start(answer, None)
    }

    /// A server of HTTPS, with the certificate of the test's own authority.
    pub fn https(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Server::start(answer, Some(tls()))
    }

    fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, tls: Option<Arc<ServerConfig>>) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let address = serve(move |stream| match &tls {
            None => converse(stream, &answer, &kept),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                converse(StreamOwned::new(connection, stream), &answer, &kept);
            }
        });
        Server { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// One request and its answer; then the connection ends.
fn converse(stream: impl Read + Write, answer: &dyn Fn(&Asked) -> Reply, kept: &Mutex<Vec<Asked>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split_whitespace();
    let mut asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    asked.body = String::from_utf8(body).unwrap();
    kept.lock().unwrap().push(asked.clone());
    let (status, headers, body) = answer(&asked);
    if status == 0 {
        // Silence: longer than any client of these tests waits.
        thread::sleep(Duration::from_secs(20));
        return;
    }
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n", body.len());
    // The client may have left.
    let _ = stream.get_mut().write_all(format!("{head}{body}").as_bytes());
    let _ = stream.get_mut().flush();
}

/// A mail as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    pub login: Option<String>,
    pub safe: bool,
}

/// How a mail server behaves.
#[derive(Clone, Default)]
pub struct Manners {
    pub starttls: bool,
    pub login: bool,
    /// Replies that are given first in place of that to `MAIL FROM`.
    pub busy: Arc<Mutex<Vec<&'static str>>>,
    pub size: Option<usize>,
}

/// A mail server, and what it took.
pub fn smtp(manners: Manners) -> (SocketAddr, Arc<Mutex<Vec<Delivery>>>) {
    let taken: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let kept = Arc::clone(&taken);
    let address = serve(move |stream| {
        let mut delivery = Delivery::default();
        let mut plain = BufReader::new(stream);
        let say = |stream: &mut dyn Write, line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).is_ok();
        say(plain.get_mut(), "220 test ESMTP");
        if !talk(&mut plain, &manners, &mut delivery, &kept, true) {
            return;
        }
        let connection = ServerConnection::new(tls()).unwrap();
        let mut safe = BufReader::new(StreamOwned::new(connection, plain.into_inner()));
        delivery.safe = true;
        talk(&mut safe, &manners, &mut delivery, &kept, false);
    });
    (address, taken)
}

/// Talks until the end; true when TLS is to begin.
fn talk<S: Read + Write>(
    stream: &mut BufReader<S>,
    manners: &Manners,
    delivery: &mut Delivery,
    kept: &Mutex<Vec<Delivery>>,
    clear: bool,
) -> bool {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        assert!(line.ends_with("\r\n"), "{line:?}");
        let line = line.trim_end().to_owned();
        let word = line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut reply = "250 fine".to_owned();
        match word.as_str() {
            "EHLO" => {
                assert!(line.starts_with("EHLO [127.0.0.1]"), "{line}");
                let mut lines = vec!["test".to_owned()];
                if manners.starttls && clear {
                    lines.push("STARTTLS".into());
                }
                if manners.login {
                    lines.push("AUTH PLAIN LOGIN".into());
                }
                lines.extend(manners.size.map(|size| format!("SIZE {size}")));
                let last = lines.len() - 1;
                let lines: Vec<String> = lines
                    .iter()
                    .enumerate()
                    .map(|(at, text)| format!("250{}{text}", if at == last { ' ' } else { '-' }))
                    .collect();
                reply = lines.join("\r\n");
            }
            "STARTTLS" => {
                stream.get_mut().write_all(b"220 go\r\n").unwrap();
                return true;
            }
            "AUTH" => {
                delivery.login = Some(line.clone());
                reply = "235 welcome".into();
            }
            "MAIL" => {
                let busy = manners.busy.lock().unwrap().pop();
                match busy {
                    Some(busy) => reply = busy.to_owned(),
                    None => delivery.from = line.clone(),
                }
            }
            "RCPT" if line.contains("nobody@") => reply = "550 no such user".into(),
            "RCPT" => delivery.to.push(line.clone()),
            "DATA" => {
                stream.get_mut().write_all(b"354 go\r\n").unwrap();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if line == ".\r\n" {
                        break;
                    }
                    assert!(line.ends_with("\r\n") && line.len() <= 1000, "{line:?}");
                    delivery.data.push_str(&line);
                }
                kept.lock().unwrap().push(delivery.clone());
            }
            "QUIT" => reply = "221 bye".into(),
            other => panic!("{other}"),
        }
        if stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).is_err() || word == "QUIT" {
            return false;
        }
        let _ = stream.get_mut().flush();
    }
}
