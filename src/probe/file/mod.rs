//! `file`: lines of text files that are named, for checks that need what a configuration says.

mod certificates;
mod folders;
mod guard;
mod output;
mod wildcards;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use certificates::of as certificates_of;
pub use output::{Certificate, CountedFolder, Files as Output, Line, TextFile};

use super::{Context, Need, Probe, Right, Use, named};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::{self, Size};
use guard::Refusal;

/// Files that are read at most.
const MOST_FILES: usize = 64;
/// Folders whose files are counted at most.
const MOST_FOLDERS: usize = 16;
/// The most that is read of a file, whatever is asked for.
const MOST_BYTES: u64 = 16 << 20;
/// Lines that are kept of a file, whatever is asked for.
const MOST_LINES: u32 = 10_000;
/// Characters of a line that are kept.
const MOST_CHARACTERS: usize = 1000;
/// The size that a compiled pattern may have.
const LARGEST_PATTERN: usize = 1 << 20;

/// The probe `file`.
pub struct FileProbe;

/// What the probe `file` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The files, by their whole paths; 64 at most. `*` and `?` stand for characters of one name: `/etc/nginx/sites-enabled/*`.
    pub paths: Vec<String>,
    /// Folders whose files are counted, by their whole paths; 16 at most. What is in the files is not read.
    pub folders: Vec<String>,
    /// Read the certificates in the files (PEM or DER) instead of their lines. A private key beside one is passed over.
    pub certificates: bool,
    /// Keep only lines that fit this Rust regular expression: `^\s*UseDNS\b`.
    pub pattern: Option<String>,
    /// Bytes to read of each file, from its beginning; 16 MiB at most.
    pub max_bytes: Size,
    /// Lines to keep of each file; 10,000 at most.
    pub max_lines: u32,
    /// Asks to read and keep secrets: password files, private keys, the values of settings that are called a password, a
    /// secret, a token or a key. They will stand in the case. That takes `--allow secrets`, too.
    pub allow_secrets: bool,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            paths: Vec::new(),
            folders: Vec::new(),
            certificates: false,
            pattern: None,
            max_bytes: Size(1 << 20),
            max_lines: 1000,
            allow_secrets: false,
        }
    }
}

impl Probe for FileProbe {
    const NAME: &'static str = "file";
    const ABOUT: &'static str =
        "lines of text files that are named, secrets left out; certificates; how many files are in a folder";
    const SOURCE: &'static str = "the files and folders that are named; regular files only, no memory, no devices";
    const REPLACES: &'static [&'static str] = &["cat", "grep", "stat", "openssl x509", "find | wc -l"];
    const NEEDS: &'static [Need] = &[Need { what: "root", without: "files that this user may not read stay unread" }];
    const RIGHTS: &'static [Right] = &[Right::Secrets];
    type Params = Params;
    type Output = Output;

    fn uses(params: &Params, _derived: &[String]) -> Vec<Use> {
        let read = |path: &String| Use::free(format!("read {}", printable(path)));
        let count = |path: &String| Use::free(format!("count the files in {}", printable(path)));
        let mut uses: Vec<Use> = params.paths.iter().take(MOST_FILES).map(read).collect();
        uses.extend(params.folders.iter().take(MOST_FOLDERS).map(count));
        if params.allow_secrets {
            uses.push(Use::needing(Right::Secrets, "read and keep secrets (`allow_secrets`)"));
        }
        uses
    }

    fn understands(params: &Params) -> Result<(), String> {
        params.pattern.as_deref().map(compile).transpose().map(drop).map_err(|gap| gap.to_string())
    }

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Output>, Gap> {
        let pattern = params.pattern.as_deref().map(compile).transpose()?;
        let mut observed = Observed::whole(Output { files: Vec::new(), folders: Vec::new() });
        for (named, list, most) in [("paths", &params.paths, MOST_FILES), ("folders", &params.folders, MOST_FOLDERS)] {
            if let Some(path) = list.iter().find(|path| !path.starts_with('/')) {
                let tried = format!("read the parameter `{named}`: `{}`", path.escape_debug());
                return Err(Gap::new(Reason::Malformed, tried, "it is not a whole path").to_fix("begin it with `/`"));
            }
            if list.len() > most {
                let field = if named == "paths" { "files" } else { named };
                too_many(field, format!("{} were named", list.len()), most, &mut observed);
            }
        }
        let mut entries = wildcards::MOST_ENTRIES;
        for path in params.paths.iter().take(MOST_FILES) {
            if let (false, Some(stopped)) = (cx.checkpoint(), cx.stopped()) {
                observed.miss(&["files"], stopped.gap(format!("read {}", printable(path))));
                break;
            }
            if !wildcards::is_pattern(path) {
                look(path, pattern.as_ref(), &params, &mut observed);
                continue;
            }
            match named::as_operator(|| wildcards::expand(path, MOST_FILES, &mut entries)) {
                Ok(fitting) if fitting.paths.is_empty() && !fitting.more => {
                    observed.output.files.push(TextFile::nowhere(path, Some(false)));
                }
                Ok(fitting) => {
                    for path in &fitting.paths {
                        look(path, pattern.as_ref(), &params, &mut observed);
                    }
                    if fitting.more {
                        too_many("files", format!("more fit {}", printable(path)), MOST_FILES, &mut observed);
                    }
                }
                Err(error) => {
                    let gap = named::gap(format!("list what fits {}", printable(path)), &error);
                    observed.output.files.push(TextFile::nowhere(path, None));
                    observed.miss(&UNREAD, gap.clone());
                    observed.miss(&["files.exists"], gap);
                }
            }
        }
        for path in params.folders.iter().take(MOST_FOLDERS) {
            if let (false, Some(stopped)) = (cx.checkpoint(), cx.stopped()) {
                observed.miss(&["folders"], stopped.gap(format!("count the files in {}", printable(path))));
                break;
            }
            folders::count(path, &mut observed);
        }
        Ok(observed)
    }
}

/// More were asked for than are read.
fn too_many(field: &str, why: String, most: usize, observed: &mut Observed<Output>) {
    let gap = Gap::new(Reason::Failed, format!("read all {field}"), format!("{why}, and {most} are read at most"));
    observed.miss(&[field], gap.to_fix("read in several steps"));
}

/// What is not known of a file that was not read.
const UNREAD: [&str; 6] = [
    "files.bytes",
    "files.lines",
    "files.lines_read",
    "files.lines_left_out",
    "files.secrets_left_out",
    "files.certificates",
];

impl TextFile {
    /// A file of which nothing was read.
    fn nowhere(path: &str, exists: Option<bool>) -> Self {
        TextFile {
            path: printable(path),
            exists,
            bytes: None,
            modified: None,
            lines: None,
            lines_read: None,
            lines_left_out: None,
            secrets_left_out: None,
            certificates: None,
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, Gap> {
    RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build().map_err(|error| {
        let tried = format!("read the parameter `pattern`: `{}`", pattern.escape_debug());
        Gap::new(Reason::Malformed, tried, printable(error.to_string()).replace("\\n", " "))
            .to_fix(r"write it like ^\s*UseDNS\b")
    })
}

/// Reads one file.
fn look(path: &str, pattern: Option<&Regex>, params: &Params, observed: &mut Observed<Output>) {
    let mut file = TextFile::nowhere(path, Some(true));
    let tried = || format!("read {}", file.path);
    // Some files of /proc ask once more when they are read: all of it is done with the operator's rights.
    let read = named::as_operator(|| Ok(read(Path::new(path), params)))
        .unwrap_or_else(|error| Err((false, named::gap(tried(), &error))));
    match read {
        Ok(Some(read)) => {
            if params.certificates {
                take_certificates(&mut file, &read, observed);
            } else {
                take(&mut file, &read, pattern, params);
            }
            if read.cut {
                let why = format!("it is longer than {}", units::bytes(read.bytes.len() as f64));
                let gap = Gap::new(Reason::Failed, format!("read {} to its end", file.path), why);
                observed.miss(
                    &["files.lines", "files.lines_read", "files.certificates"],
                    gap.to_fix("give a larger `max_bytes`"),
                );
            }
            if file.lines_left_out.is_some_and(|left_out| left_out > 0) {
                let why = format!("more than {} lines fit", file.lines.as_ref().map_or(0, Vec::len));
                let gap = Gap::new(Reason::Failed, format!("keep all lines of {}", file.path), why);
                observed.miss(&["files.lines"], gap.to_fix("give a `pattern`, or a larger `max_lines`"));
            }
        }
        Ok(None) => file.exists = Some(false),
        Err((reached, gap)) => {
            observed.miss(&UNREAD, gap.clone());
            if !reached {
                file.exists = None;
                observed.miss(&["files.exists"], gap);
            }
        }
    }
    observed.output.files.push(file);
}

/// What was read of a file.
struct Contents {
    bytes: Vec<u8>,
    size: Option<u64>,
    modified: Option<Timestamp>,
    cut: bool,
}

/// Reads the beginning of a file; none if there is no such file. The flag of an error says whether the file was seen.
fn read(path: &Path, params: &Params) -> Result<Option<Contents>, (bool, Gap)> {
    let tried = || format!("read {}", printable(path.as_os_str().as_encoded_bytes()));
    // A look at the name alone, before anything is opened: opening some devices does something.
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err((false, named::gap(tried(), &error))),
    };
    let seen = |gap| (true, gap);
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        let gap = Gap::new(Reason::Failed, tried(), format!("it is {what}, not a regular file"));
        return Err(seen(gap.to_fix("name a file")));
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| seen(named::gap(tried(), &error)))?;
    // The path of what is open, whatever links lead there.
    let real = real_path(&file).map_err(|error| seen(Gap::io(tried(), &error)))?;
    let refused = |why: &str| Gap::new(Reason::Denied, tried(), why);
    const SECRET_WAY_OUT: &str = "set `allow_secrets`, and run with --allow secrets, if it must stand in the case";
    match guard::refusal(&real) {
        Some(Refusal::Unsafe) => {
            return Err(seen(refused("it is memory or a device in the form of a file, not text")));
        }
        // Of a file with a key only the certificates are kept, which everybody is shown.
        Some(Refusal::Secret) if !params.allow_secrets && !params.certificates => {
            return Err(seen(refused("it holds secrets").to_fix(SECRET_WAY_OUT)));
        }
        _ => {}
    }
    let metadata = file.metadata().map_err(|error| seen(Gap::io(tried(), &error)))?;
    if !metadata.is_file() {
        return Err(seen(refused("it is no longer a regular file")));
    }
    let most = params.max_bytes.0.min(MOST_BYTES);
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| seen(Gap::io(tried(), &error)))?;
    if guard::holds_private_key(&bytes) && !params.allow_secrets && !params.certificates {
        return Err(seen(refused("it holds a private key").to_fix(SECRET_WAY_OUT)));
    }
    let cut = bytes.len() as u64 > most;
    bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let of_kernel = real.starts_with("/proc") || real.starts_with("/sys");
    Ok(Some(Contents {
        bytes,
        cut,
        size: (!of_kernel).then_some(metadata.len()),
        modified: metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).filter(|_| !of_kernel),
    }))
}

fn real_path(file: &File) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Takes the certificates into the result.
fn take_certificates(file: &mut TextFile, read: &Contents, observed: &mut Observed<Output>) {
    let found = certificates::of(&read.bytes);
    let mut miss = |tried: String, why: String| {
        observed.miss(&["files.certificates"], Gap::new(Reason::Malformed, tried, why));
    };
    if found.damaged > 0 {
        let why = format!("{} of them cannot be read as one", found.damaged);
        miss(format!("read the certificates in {}", file.path), why);
    }
    if found.left_out > 0 {
        let why = format!("it has {} more than are kept", found.left_out);
        miss(format!("keep all certificates in {}", file.path), why);
    }
    file.bytes = Some(read.size.unwrap_or(read.bytes.len() as u64));
    file.modified = read.modified.map(|time| time.to_string());
    file.certificates = Some(found.certificates);
}

/// Takes the lines that fit into the result.
fn take(file: &mut TextFile, read: &Contents, pattern: Option<&Regex>, params: &Params) {
    let most = params.max_lines.min(MOST_LINES) as usize;
    let text = String::from_utf8_lossy(&read.bytes);
    let (mut lines, mut count, mut left_out, mut secrets) = (Vec::new(), 0, 0, 0);
    for line in text.lines() {
        count += 1;
        if pattern.is_some_and(|pattern| !pattern.is_match(line)) {
            continue;
        }
        if lines.len() >= most {
            left_out += 1;
            continue;
        }
        let hidden = if params.allow_secrets { None } else { guard::without_secret(line) };
        secrets += u64::from(hidden.is_some());
        // Tabs stand between words in most configurations, and are no hazard.
        let text = hidden.as_deref().unwrap_or(line).replace('\t', " ");
        let text = printable(text.chars().take(MOST_CHARACTERS).collect::<String>());
        lines.push(Line { number: count, text });
    }
    file.bytes = Some(read.size.unwrap_or(read.bytes.len() as u64));
    file.modified = read.modified.map(|time| time.to_string());
    file.lines = Some(lines);
    file.lines_read = Some(count);
    file.lines_left_out = Some(left_out);
    file.secrets_left_out = Some(secrets);
}

#[cfg(test)]
mod tests;
