//! Where reports go: stdout and files.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Usage;
use super::arguments::OutputArguments;
use crate::case::Case;
use crate::report::{self, Options, RENDERERS, Renderer};

/// The renderers and places of one run, settled before anything is asked.
pub(super) struct Sinks {
    printed: &'static dyn Renderer,
    files: Vec<(PathBuf, &'static dyn Renderer)>,
    options: Options,
}

impl Sinks {
    /// Settles formats and options; a wrong one is an error before the run, not after.
    pub fn prepare(arguments: &OutputArguments) -> Result<Self, Usage> {
        let names = || RENDERERS.iter().map(|renderer| renderer.name()).collect::<Vec<_>>().join(", ");
        let stdout = io::stdout();
        let fallback = if stdout.is_terminal() { "terminal" } else { "text" };
        let name = arguments.format.as_deref().unwrap_or(fallback);
        let printed =
            report::by_name(name).ok_or_else(|| Usage(format!("there is no format `{name}`: choose {}", names())))?;
        let mut files = Vec::new();
        for path in &arguments.files {
            let renderer = report::by_ending(path).ok_or_else(|| {
                let endings = RENDERERS.iter().flat_map(|renderer| renderer.endings()).copied();
                let endings = endings.map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(", ");
                Usage(format!("the ending of {} names no format: use {endings}", path.display()))
            })?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() {
                return Err(Usage(format!("cannot write {}: there is no folder {}", path.display(), folder.display())));
            }
            files.push((path.clone(), renderer));
        }
        let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
        let color = color(&arguments.color, stdout.is_terminal());
        Ok(Sinks { printed, files, options: Options { width, color, verbose: arguments.verbose } })
    }

    /// Writes the report everywhere. A file that cannot be written does not keep the report from the terminal.
    pub fn write(&self, case: &Case) -> anyhow::Result<()> {
        let mut failed = None;
        for (path, renderer) in &self.files {
            let options = Options { color: false, width: 100, ..self.options };
            let written = atomically(path, |out| renderer.render(case, &options, out));
            match written {
                Ok(()) => eprintln!("report written: {}", path.display()),
                Err(error) => failed = Some(error),
            }
        }
        let mut stdout = BufWriter::new(io::stdout().lock());
        self.printed.render(case, &self.options, &mut stdout)?;
        stdout.flush()?;
        failed.map_or(Ok(()), Err)
    }
}

fn color(when: &str, terminal: bool) -> bool {
    match when {
        "always" => true,
        "never" => false,
        _ => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Whether messages on stderr may be coloured.
pub(super) fn stderr_color() -> bool {
    color("auto", io::stderr().is_terminal())
}

/// Keeps the case as JSON, all evidence included.
pub(super) fn save(case: &Case, path: &Path) -> anyhow::Result<()> {
    atomically(path, |out| {
        serde_json::to_writer_pretty(&mut *out, case)?;
        out.write_all(b"\n")
    })?;
    eprintln!("case saved: {}", path.display());
    Ok(())
}

/// Writes a file whole or not at all: beside it first, then in its place.
#[allow(clippy::disallowed_methods, reason = "the operator named this file to be written")]
fn atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let result = fs::File::create(&part).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&part, path)
    });
    if result.is_err() {
        // Nothing half-written stays behind; that the part may not exist is no second error.
        let _ = fs::remove_file(&part);
    }
    result.with_context(|| format!("cannot write {}", path.display()))
}
