//! The page in a real browser: a headless Chromium lays it out, and is asked what a reader would see.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use casebook::case::Case;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use crate::case::{HOSTILE, calm, hostile, huge, partial, pictured, without_root};
use crate::render_plainly;
use crate::support::need::{Missing, found, require, tool};

/// A browser answers within this, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The names under which it is installed.
const NAMES: &[&str] =
    &["chromium", "chromium-headless-shell", "google-chrome", "chrome-headless-shell", "chromium-browser"];

/// What a reader's screen is like.
#[derive(Clone, Copy)]
pub struct Screen {
    pub name: &'static str,
    width: u32,
    dark: bool,
}

pub const SCREENS: [Screen; 4] = [
    Screen { name: "desktop-light", width: 1280, dark: false },
    Screen { name: "desktop-dark", width: 1280, dark: true },
    Screen { name: "phone-light", width: 390, dark: false },
    Screen { name: "phone-dark", width: 390, dark: true },
];

/// Everything in the page that a reader could not read, and everything that should not be there at all.
const LOOK: &str = r#"(() => {
  const name = e => e.tagName.toLowerCase() + (e.getAttribute('class') ? '.' + e.getAttribute('class') : '') + ': ' + (e.textContent || '').trim().slice(0, 40);
  const channels = text => {
    const found = text.match(/[\d.]+/g).map(Number);
    return text.startsWith('color(') ? found.map((c, i) => i < 3 ? c * 255 : c) : found;
  };
  const light = c => { const l = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
      if (c[3] > 0) return null;
    }
    return [255, 255, 255];
  };
  const scrolls = e => { for (; e && e !== document.body; e = e.parentElement) if (['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) return true; return false; };
  const pale = [], small = [], wide = [], tags = {};
  for (const e of document.body.querySelectorAll('*')) {
    tags[e.tagName.toLowerCase()] = (tags[e.tagName.toLowerCase()] || 0) + 1;
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || !e.checkVisibility()) continue;
    if (box.right > innerWidth + 1 && !scrolls(e)) wide.push(name(e) + ' ' + Math.round(box.right));
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const style = getComputedStyle(e), drawn = e.tagName === 'text';
    const ink = channels(drawn ? style.fill : style.color), back = ground(drawn ? e.closest('figure') : e);
    if (back) {
      const [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) pale.push(name(e) + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
    }
    const size = parseFloat(style.fontSize) * (drawn ? e.getScreenCTM().a : 1);
    if (size < (drawn ? 9.5 : 11.5)) small.push(name(e) + ' ' + size.toFixed(1));
  }
  const marks = [...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height);
  return { scroll: document.documentElement.scrollWidth, inner: innerWidth, height: document.documentElement.scrollHeight,
    summary: document.querySelector('h1').getBoundingClientRect().bottom, ground: getComputedStyle(document.body).backgroundColor,
    scripts: document.scripts.length, title: document.title, flat: marks.filter(h => h < 10).length, pictures: marks.length, pale, small, wide, tags };
})()"#;

/// A browser that takes orders by a pipe.
pub struct Browser {
    child: Child,
    orders: File,
    answers: Receiver<Value>,
    events: Vec<Value>,
    last: u64,
    folder: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Result<Self, Missing> {
        let browser = NAMES.iter().find_map(|name| found(name)).map_or_else(|| tool("chromium"), Ok)?;
        let folder = tempfile::tempdir().unwrap();
        let (orders, answers) = (folder.path().join("orders"), folder.path().join("answers"));
        for pipe in [&orders, &answers] {
            mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
        // It takes orders from descriptor 3 and answers on 4. The sandbox needs a user other than root; the page is our own.
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$ORDERS\" 4>\"$ANSWERS\""])
            .arg(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-extensions", "--remote-debugging-pipe", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .envs([("ORDERS", &orders), ("ANSWERS", &answers)])
            .env("HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let orders = OpenOptions::new().write(true).open(orders).unwrap();
        let incoming = BufReader::new(File::open(answers).unwrap());
        let (tell, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for message in incoming.split(0).map_while(Result::ok) {
                if tell.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        Ok(Browser { child, orders, answers, events: Vec::new(), last: 0, folder })
    }

    pub fn ask(&mut self, session: &str, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut order = json!({"id": self.last, "method": method, "params": params});
        if !session.is_empty() {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{method}: {error}"));
            if answer["id"] == json!(self.last) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn wait_for(&mut self, session: &str, event: &str) {
        let is_it = |message: &Value| message["method"] == event && message["sessionId"] == session;
        while !self.events.iter().any(is_it) {
            self.events.push(self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{event}: {error}")));
        }
    }

    /// A new page that shows the file.
    pub fn open(&mut self, page: &Path, screen: Screen) -> String {
        self.events.clear();
        let target = self.ask("", "Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask("", "Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        let phone = screen.width < 600;
        let size = json!({"width": screen.width, "height": 844, "deviceScaleFactor": 1, "mobile": phone});
        let scheme = if screen.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        for domain in ["Page.enable", "Network.enable", "Log.enable"] {
            self.ask(&session, domain, json!({}));
        }
        self.ask(&session, "Emulation.setDeviceMetricsOverride", size);
        self.ask(&session, "Emulation.setEmulatedMedia", media);
        self.ask(&session, "Page.navigate", json!({"url": format!("file://{}", page.display())}));
        self.wait_for(&session, "Page.loadEventFired");
        session
    }

    fn evaluate(&mut self, session: &str, expression: &str) -> Value {
        let answer = self.ask(session, "Runtime.evaluate", json!({"expression": expression, "returnByValue": true}));
        assert!(answer.get("exceptionDetails").is_none(), "{answer}");
        answer["result"]["value"].clone()
    }

    pub fn close(&mut self, session: &str) {
        self.ask(session, "Page.close", json!({}));
    }

    /// What the page asked of others, and what the browser complained about.
    fn complaints(&self) -> Vec<String> {
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let asked = asked.filter_map(|event| event["params"]["request"]["url"].as_str());
        let asked = asked.skip(1).map(|url| format!("it asked for {url}"));
        let said = self.events.iter().filter(|event| event["method"] == "Log.entryAdded");
        let said = said.map(|event| event["params"]["entry"]["text"].to_string());
        let dialogs = self.events.iter().filter(|event| event["method"] == "Page.javascriptDialogOpening");
        asked.chain(said).chain(dialogs.map(|_| "it opened a dialog".to_owned())).collect()
    }

    pub fn page(&self, html: &str) -> PathBuf {
        let path = self.folder.path().join("page.html");
        fs::write(&path, html).unwrap();
        path
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A case of a real run, with all its evidence.
pub fn recorded(name: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{name}.json"));
    Case::from_json(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list(seen: &Value, field: &str) -> Vec<String> {
    let items = seen[field].as_array().unwrap().iter();
    items.take(8).map(|item| item.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_browser_shows_the_page_readably_on_every_screen() {
    let mut browser = require!(Browser::start());
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let cases = [
        ("pictured", pictured()),
        ("without-root", without_root()),
        ("calm", calm()),
        ("partial", partial()),
        ("hostile", hostile()),
        ("a recorded flood", recorded("udp-flood-beside-download")),
        ("a recorded run without root", recorded("quiet-without-root")),
    ];
    for (name, case) in &cases {
        let page = browser.page(&render_plainly(case, "html"));
        for screen in SCREENS {
            let at = format!("{name} on {}", screen.name);
            let session = browser.open(&page, screen);
            if *name == "pictured" {
                let shot = json!({"format": "png", "captureBeyondViewport": true, "optimizeForSpeed": false});
                let shot = browser.ask(&session, "Page.captureScreenshot", shot);
                let file = pictures.join(format!("report-{}.png", screen.name));
                fs::write(file, base64(shot["data"].as_str().unwrap())).unwrap();
            }
            for unfolded in [false, true] {
                if unfolded {
                    browser.evaluate(&session, "document.querySelectorAll('details').forEach(d => d.open = true)");
                }
                let seen = browser.evaluate(&session, LOOK);
                assert!(seen["scroll"].as_u64() <= seen["inner"].as_u64(), "{at}: it scrolls sideways: {seen}");
                assert_eq!(seen["inner"], screen.width, "{at}: the page does not fit the screen");
                for fault in ["wide", "pale", "small"] {
                    assert_eq!(list(&seen, fault), [""; 0], "{at}: {fault}");
                }
                assert!(
                    seen["summary"].as_f64().unwrap() < 844.0 || *name == "hostile",
                    "{at}: the conclusion is below the fold"
                );
                assert_eq!(seen["scripts"], 0, "{at}");
                assert_eq!(seen["flat"], 0, "{at}: a picture without a height");
            }
            let seen = browser.evaluate(&session, LOOK);
            let dark = seen["ground"] == "rgb(13, 17, 23)";
            assert_eq!(dark, screen.dark, "{at}: {}", seen["ground"]);
            assert_eq!(browser.complaints(), [""; 0], "{at}");
            browser.close(&session);
        }
    }
}

#[test]
fn a_browser_prints_the_page() {
    let mut browser = require!(Browser::start());
    let page = browser.page(&render_plainly(&pictured(), "html"));
    let session = browser.open(&page, SCREENS[1]);
    let printed = browser.ask(&session, "Page.printToPDF", json!({"printBackground": true}));
    let printed = base64(printed["data"].as_str().unwrap());
    assert!(printed.starts_with(b"%PDF-") && printed.len() > 20_000, "{} bytes", printed.len());
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.pdf"), printed).unwrap();
    // Printed, it is light, and what is folded is unfolded.
    browser.ask(&session, "Emulation.setEmulatedMedia", json!({"media": "print"}));
    let seen = browser.evaluate(&session, LOOK);
    assert_eq!(seen["ground"], "rgb(255, 255, 255)");
    let folded = "[...document.querySelectorAll('.cause details ul')].every(list => list.checkVisibility())";
    assert_eq!(browser.evaluate(&session, folded), json!(true));
}

#[test]
fn a_browser_makes_nothing_of_what_strangers_wrote() {
    let mut browser = require!(Browser::start());
    let own: Vec<&str> =
        "main p span b header div h1 h2 h3 ul ol li section small table tbody tr th td i svg rect line \
        polyline polygon text pre figure figcaption details summary dl dt dd code footer"
            .split_whitespace()
            .collect();
    let strangers = crate::html::FOR_PAGES.iter().map(|text| crate::case::with_every_string(text));
    for case in strangers.chain([huge(HOSTILE)]) {
        let page = browser.page(&render_plainly(&case, "html"));
        let session = browser.open(&page, SCREENS[2]);
        let seen = browser.evaluate(&session, LOOK);
        let tags = seen["tags"].as_object().unwrap();
        let strange: Vec<&String> = tags.keys().filter(|tag| !own.contains(&tag.as_str())).collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(seen["scroll"].as_u64() <= seen["inner"].as_u64(), "it scrolls sideways: {:?}", list(&seen, "wide"));
        assert_eq!(browser.complaints(), [""; 0]);
        browser.close(&session);
    }
}

#[test]
fn a_page_that_cannot_be_read_is_noticed() {
    let mut browser = require!(Browser::start());
    let faults = "<p style='width:2000px'>wide</p><p style='color:#888'>pale</p><p style='font-size:8px'>small</p>\
        <img src='http://127.0.0.1:9/x'><script>alert(1)</script><svg width=9 height=9></svg></main>";
    let page = browser.page(&render_plainly(&calm(), "html").replace("</main>", faults));
    let session = browser.open(&page, SCREENS[0]);
    let seen = browser.evaluate(&session, LOOK);
    for fault in ["wide", "pale", "small"] {
        assert!(list(&seen, fault).iter().any(|found| found.starts_with(&format!("p: {fault}"))), "{fault}: {seen}");
    }
    assert!(seen["scroll"].as_u64() > seen["inner"].as_u64());
    assert_eq!((&seen["flat"], &seen["scripts"]), (&json!(1), &json!(1)));
    let complaints = browser.complaints().join("\n");
    assert!(complaints.contains("Content Security Policy"), "the page's policy let them through: {complaints}");
    assert!(!complaints.contains("dialog"), "a script ran");
}

/// Base64 read back.
pub fn base64(text: &str) -> Vec<u8> {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for sign in text.bytes().filter(|sign| *sign != b'=') {
        bits = bits << 6 | SIGNS.iter().position(|known| *known == sign).unwrap() as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
