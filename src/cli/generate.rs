//! `casebook schema`, `generate`, `completions` and `man`.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use super::arguments::{
    Arguments, CompletionsArguments, GenerateArguments, GenerateCommand, ManArguments, SchemaArguments,
};
use super::place::{Place, Readers};
use super::{Usage, screen};
use crate::case::Case;
use crate::suggest::Suggestion;
use crate::sys::outlet;
use crate::{generate, probe, runbook, testing};

pub(super) fn schema(arguments: &SchemaArguments) -> anyhow::Result<u8> {
    let schema = match arguments.of.as_str() {
        "case" => schemars::schema_for!(Case),
        "runbook" => runbook::schema(),
        "test" => testing::schema(),
        name => {
            let probe = probe::find(name).ok_or_else(|| {
                Usage(format!("there is no schema of `{name}`: choose case, runbook, test or a probe"))
            })?;
            probe.output_schema()
        }
    };
    let mut out = screen::out();
    serde_json::to_writer_pretty(&mut out, &schema)?;
    writeln!(out)?;
    Ok(0)
}

pub(super) fn generate(arguments: &GenerateArguments) -> anyhow::Result<u8> {
    let folder = arguments.target();
    let files = match (&arguments.what, &arguments.types) {
        (Some(GenerateCommand::Man { .. }), _) => generate::man_pages(Arguments::command()),
        (None, Some(_)) => generate::lua_types(),
        (None, None) => generate::files(Arguments::command()),
    };
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(folder) = path.parent() {
            outlet::folder(folder, Some(0o777))
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        Place::prepare_for(&path, Readers::Umask)?.write(|out| out.write_all(text.as_bytes()))?;
        writeln!(screen::out(), "{}", path.display())?;
    }
    let whole = arguments.what.is_none() && arguments.types.is_none();
    let pages = generate::PAGES_WITH_TABLES.iter().filter(|_| whole);
    for path in pages.map(|page| arguments.folder.join(page)).filter(|path| path.exists()) {
        let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let filled =
            generate::filled(&page).with_context(|| format!("{} has no place for its table", path.display()))?;
        Place::prepare_for(&path, Readers::Umask)?.write(|out| out.write_all(filled.as_bytes()))?;
        writeln!(screen::out(), "{}", path.display())?;
    }
    Ok(0)
}

pub(super) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<u8> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "casebook", &mut script);
    screen::out().write_all(&script)?;
    Ok(0)
}

pub(super) fn man(arguments: &ManArguments) -> anyhow::Result<u8> {
    let pages = generate::man_pages(Arguments::command());
    let file = arguments.command.as_ref().map_or("casebook.1".to_owned(), |name| format!("casebook-{name}.1"));
    let Some((_, page)) = pages.iter().find(|(name, _)| *name == file) else {
        let name = arguments.command.as_deref().unwrap_or_default();
        let known = pages.iter().filter_map(|(page, _)| page.strip_prefix("casebook-")?.strip_suffix(".1"));
        let said = format!("there is no command `{name}`");
        return Err(Usage(Suggestion::of(name, known).or_list_behind(&said)).into());
    };
    screen::out().write_all(page.as_bytes())?;
    Ok(0)
}
