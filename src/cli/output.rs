//! Where reports go: stdout and files.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use super::arguments::OutputArguments;
use super::place::Place;
use super::redact::Redaction;
use super::{Usage, case_file, say, screen};
use crate::archive::CaseFile;
use crate::case::Case;
use crate::glyphs::Charset;
use crate::report::{self, Options, RENDERERS, Renderer};

/// The renderers and places of one run, settled before anything is asked.
pub(super) struct Sinks {
    printed: &'static dyn Renderer,
    files: Vec<(Place, &'static dyn Renderer)>,
    case: Option<CasePlace>,
    options: Options,
    redaction: Option<Redaction>,
}

/// Where the case itself goes.
enum CasePlace {
    /// To a file.
    File(Place),
    /// To standard output, which has nothing else then: the report goes to stderr, where somebody reads it.
    Stdout,
}

/// Whether a path stands for standard output.
pub(super) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl CasePlace {
    fn prepare(path: &Path) -> Result<Self, Usage> {
        if !is_stdout(path) {
            return Place::prepare(path).map(CasePlace::File);
        }
        if io::stdout().is_terminal() {
            return Err(Usage(
                "a case is not written to a terminal: lead it into a file, as in `--save - > host.case`, or name one with \
                 --save host.case; with ssh leave out -t, which gives the command a terminal"
                    .to_owned(),
            ));
        }
        Ok(CasePlace::Stdout)
    }
}

impl Sinks {
    /// Settles formats, options and files, `save` for the case itself; a wrong one is an error before the run, not after.
    pub fn prepare(arguments: &OutputArguments, save: Option<&Path>) -> Result<Self, Usage> {
        let names = || RENDERERS.iter().map(|renderer| renderer.name()).collect::<Vec<_>>().join(", ");
        let case = save.map(CasePlace::prepare).transpose()?;
        let for_people = match case {
            Some(CasePlace::Stdout) => io::stderr().is_terminal(),
            _ => io::stdout().is_terminal(),
        };
        let fallback = if for_people { "terminal" } else { "text" };
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
            files.push((Place::prepare(path)?, renderer));
        }
        let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
        let color = screen::color(arguments.color.as_deref(), for_people);
        let charset = Charset::of_this_process();
        let redaction = Redaction::prepare(&arguments.redact)?;
        let options = Options { width, color, charset, verbose: arguments.verbose };
        Ok(Sinks { printed, files, case, options, redaction })
    }

    /// The case as it may be written anywhere, under pseudonyms where they are wanted; and whether the map that undoes them
    /// could be kept. An error: it must not be written anywhere.
    pub fn leaving(&self, file: impl Into<CaseFile>) -> anyhow::Result<(CaseFile, anyhow::Result<()>)> {
        let CaseFile { case, attached } = file.into();
        let (case, map) = match &self.redaction {
            Some(redaction) => redaction.apply(case)?,
            None => (case, Ok(())),
        };
        let has_pseudonyms = self.redaction.is_some() || case.may_have_pseudonyms();
        let file = CaseFile { case, attached };
        Ok((if has_pseudonyms { case_file::without_originals(file) } else { file }, map))
    }

    /// A report as it may leave. Without pseudonyms it goes out as it is made.
    fn render(&self, case: &Case, renderer: &dyn Renderer, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let Some(redaction) = &self.redaction else { return renderer.render(case, options, out) };
        let mut bytes = Vec::new();
        renderer.render(case, options, &mut bytes)?;
        out.write_all(&redaction.clean(bytes).map_err(io::Error::other)?)
    }

    /// Whether anything gets pseudonyms.
    pub fn hides(&self) -> bool {
        self.redaction.is_some()
    }

    /// One of many cases under pseudonyms, where they are wanted. The map is not kept yet: [`Sinks::keep_map`].
    pub fn hidden(&self, file: CaseFile) -> anyhow::Result<CaseFile> {
        let CaseFile { case, attached } = file;
        match &self.redaction {
            Some(redaction) => Ok(case_file::without_originals(CaseFile { case: redaction.hide(case)?, attached })),
            None => Ok(CaseFile { case, attached }),
        }
    }

    /// Keeps the map of the pseudonyms that were given until now.
    pub fn keep_map(&self) -> anyhow::Result<()> {
        self.redaction.as_ref().map_or(Ok(()), Redaction::keep)
    }

    /// Writes the report of a case that may leave everywhere, and the case packed. A file that cannot be written does not keep
    /// the report from the terminal.
    pub fn write(&self, file: &CaseFile) -> anyhow::Result<()> {
        self.write_packing(file, &mut packing(file))
    }

    /// The same, where `pack` writes the packed case.
    pub fn write_packing(&self, file: &CaseFile, pack: Pack<'_>) -> anyhow::Result<()> {
        let failed = self.write_files_packing(file, pack);
        if matches!(self.case, Some(CasePlace::Stdout)) {
            if io::stderr().is_terminal() {
                let mut stderr = BufWriter::new(io::stderr().lock());
                // The case has left; that nobody reads about it is no reason to fail.
                let _ = self.render(&file.case, self.printed, &self.options, &mut stderr).and_then(|()| stderr.flush());
                let _ = stderr.into_parts();
            }
            return failed;
        }
        let mut stdout = BufWriter::new(screen::out());
        read_enough(self.render(&file.case, self.printed, &self.options, &mut stdout).and_then(|()| stdout.flush()))?;
        // What is still buffered for a reader that is gone is not tried again.
        let _ = stdout.into_parts();
        failed
    }

    /// Writes the files alone.
    pub fn write_files(&self, file: &CaseFile) -> anyhow::Result<()> {
        self.write_files_packing(file, &mut packing(file))
    }

    fn write_files_packing(&self, file: &CaseFile, pack: Pack<'_>) -> anyhow::Result<()> {
        let mut failed = None;
        for (place, renderer) in &self.files {
            let options = Options { color: false, width: 100, charset: Charset::Unicode, ..self.options };
            match place.write(|out| self.render(&file.case, *renderer, &options, out)) {
                Ok(()) => say(format_args!("report written: {}", place.path().display())),
                Err(error) => failed = Some(error),
            }
        }
        match &self.case {
            Some(CasePlace::File(place)) => match save(place, &file.case, pack) {
                Ok(()) => say(format_args!("case saved: {}", place.path().display())),
                Err(error) => failed = Some(error),
            },
            Some(CasePlace::Stdout) => failed = to_stdout(pack).err().or(failed),
            None => {}
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Writes a packed case.
pub(super) type Pack<'a> = &'a mut dyn FnMut(&mut dyn Write) -> anyhow::Result<()>;

/// Packs the case of one host.
fn packing(file: &CaseFile) -> impl FnMut(&mut dyn Write) -> anyhow::Result<()> {
    |out| Ok(out.write_all(&case_file::packed(file.clone())?)?)
}

/// Writes a case to a file: as JSON where its name ends so, else packed.
fn save(place: &Place, case: &Case, pack: Pack<'_>) -> anyhow::Result<()> {
    let is_json = place.path().extension().is_some_and(|ending| ending == "json");
    place.write(|out| {
        if !is_json {
            return pack(out).map_err(|error| error.downcast::<io::Error>().unwrap_or_else(io::Error::other));
        }
        serde_json::to_writer_pretty(&mut *out, case)?;
        out.write_all(b"\n")
    })
}

/// Writes a packed case to standard output. A reader that goes away before it has all of it has no case.
fn to_stdout(pack: Pack<'_>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(screen::out());
    let written = pack(&mut out).and_then(|()| Ok(out.flush()?));
    // What is still buffered for a reader that is gone is not tried again.
    let _ = out.into_parts();
    written.map_err(|error| match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::BrokenPipe) => {
            anyhow::anyhow!("the case did not leave: whoever read standard output went away before its end")
        }
        Some(_) => anyhow::anyhow!("cannot write the case to standard output: {error}"),
        None => error,
    })
}

/// A reader that closed the pipe has read enough: no error, and the verdict stays what it is.
pub(super) fn read_enough(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
