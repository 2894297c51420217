//! Where runbooks and checks are found: a path, beside the runbook, the working directory, the user's and the system's
//! folders, and the binary itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::parts;
use super::problem::SourceFile;
use crate::embedded;
use crate::printable::printable;
use crate::suggest::Suggestion;
use crate::sys::config_home;
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust::Trust;
use crate::sys::unreadable::Untrusted;

/// The largest runbook or check that is read, in bytes: some thirty times the largest that ships.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// Runbooks beside one that are looked at.
const MOST_NEIGHBOURS: usize = 256;

/// The origin of what is in the binary.
pub const SHIPPED: &str = "shipped";

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runbooks, in YAML or Lua.
    Runbook,
    /// Checks, in Lua.
    Check,
}

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// YAML.
    Yaml,
    /// Lua.
    Lua,
}

impl Language {
    /// By the ending of a file's name.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if name.contains(".test.") {
            return None;
        }
        match path.extension()?.to_str()? {
            "yaml" | "yml" => Some(Language::Yaml),
            "lua" => Some(Language::Lua),
            _ => None,
        }
    }
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Runbook => "runbook",
            Kind::Check => "check",
        }
    }

    fn is(self, path: &Path) -> bool {
        match self {
            Kind::Runbook => Language::of(path).is_some(),
            Kind::Check => Language::of(path) == Some(Language::Lua),
        }
    }

    /// The folder of the project that those lie in which are shipped, and of the working directory that is searched.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Kind::Runbook => "runbooks",
            Kind::Check => "lua/checks",
        }
    }

    /// The documents that ship, by their paths from the folder.
    fn shipped(self) -> impl Iterator<Item = &'static Path> {
        embedded::below(self.folder()).map(Path::new).filter(move |path| self.is_whole(path))
    }

    /// One that ships, unpacked.
    fn unpacked(self, path: &Path) -> Option<Found> {
        let text = embedded::text(&format!("{}/{}", self.folder(), path.display()))?;
        let language = Language::of(path)?;
        let home = Home::Shipped(Path::new(self.folder()).join(path.parent()?));
        Some(Found { name: stem(path), origin: SHIPPED.into(), text, language, home, overrides_embedded: false })
    }

    /// Whether something of that name ships.
    fn ships(self, name: &str) -> bool {
        self.shipped().any(|path| stem(path) == name)
    }

    /// Whether a path from the folder that is searched is that of a whole document: `NAME.yaml`, or `NAME/NAME.yaml` of a
    /// runbook in a folder of its own.
    fn is_whole(self, path: &Path) -> bool {
        let folder = path.parent().and_then(Path::file_name);
        self.is(path) && folder.is_none_or(|folder| self == Kind::Runbook && Some(folder) == path.file_stem())
    }

    /// The first file of the runbook that is a folder.
    fn in_folder(self, folder: &Path) -> Option<PathBuf> {
        let name = folder.file_name()?.to_str()?;
        let endings = ["yaml", "yml", "lua"].into_iter().filter(|_| self == Kind::Runbook);
        endings.map(|ending| folder.join(format!("{name}.{ending}"))).find(|path| path.is_file())
    }

    /// The folders that are searched by name, in order. `beside` is the folder of the runbook that calls a check.
    pub fn folders(self, beside: Option<&Path>) -> Vec<PathBuf> {
        let name = match self {
            Kind::Runbook => "runbooks",
            Kind::Check => "checks",
        };
        let mut folders: Vec<PathBuf> = beside.into_iter().map(Path::to_owned).collect();
        folders.push(PathBuf::from(self.folder()));
        folders.extend(config_home::user().map(|config| config.join(name)));
        folders.push(Path::new(config_home::SYSTEM).join(name));
        folders
    }
}

/// A runbook or check that was found, not yet checked.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name: the file's, without the ending.
    pub name: String,
    /// Where it is: a path, or "shipped".
    pub origin: String,
    /// Its text.
    pub text: String,
    /// The language that it is written in.
    pub language: Language,
    /// What it lies in.
    pub home: Home,
    /// It was found by its name, and goes before one that ships.
    pub overrides_embedded: bool,
}

/// The folder that a document lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// A folder of the host.
    Folder(PathBuf),
    /// A folder of the project, from which it is shipped.
    Shipped(PathBuf),
}

impl Found {
    /// The folder of the host that it lies in; none when it is shipped.
    pub fn folder(&self) -> Option<&Path> {
        match &self.home {
            Home::Folder(folder) => Some(folder),
            Home::Shipped(_) => None,
        }
    }

    /// The document as the first file of a runbook, with all that it includes where the program carries that.
    pub(super) fn file(&self) -> SourceFile {
        let whole = match &self.home {
            Home::Folder(_) => None,
            Home::Shipped(folder) => {
                let path = folder.join(format!("{}.yaml", self.name)).to_string_lossy().into_owned();
                Some(path).filter(|path| embedded::is_whole(path))
            }
        };
        SourceFile { whole, ..SourceFile::new(&self.origin, &self.text) }
    }

    /// A file that it includes, by its path from the folder that it lies in, or of another runbook: one that lies beside it, else
    /// one that ships. As trustworthy as the document itself must be.
    pub(super) fn part(&self, path: &str, trust: Trust) -> Result<SourceFile, String> {
        let Some((runbook, part)) = parts::of_another(path) else { return in_home(&self.home, path, trust) };
        let ships = Kind::Runbook.ships(runbook);
        match self.beside(runbook) {
            // What goes before one that ships must be nobody else's, whoever runs.
            Some(home) if ships && trust == Trust::Required => in_home(&home, part, Trust::RequiredOfAll),
            Some(home) => in_home(&home, part, trust),
            None if ships => in_home(&Home::Shipped(Path::new(Kind::Runbook.folder()).join(runbook)), part, trust),
            None => Err(format!("no runbook `{runbook}` lies beside this one, and none ships")),
        }
    }

    /// The folder of another runbook that lies beside this one.
    fn beside(&self, runbook: &str) -> Option<Home> {
        let there = around(self.folder()?, &self.name)?.join(runbook);
        Kind::Runbook.in_folder(&there).map(|_| Home::Folder(there))
    }
}

/// The folder that the runbooks beside one lie in: its own, or the one around it where it has a folder of its name.
fn around(folder: &Path, name: &str) -> Option<PathBuf> {
    // A folder that is called `.` has a name, too.
    let folder = folder.canonicalize().ok()?;
    if folder.file_name().is_some_and(|own| own == name) { Some(folder.parent()?.to_owned()) } else { Some(folder) }
}

/// The folders of the runbooks that lie beside the one at a path, which it may include files of.
pub fn neighbours(path: &Path) -> Vec<PathBuf> {
    let first = Kind::Runbook.in_folder(path).unwrap_or_else(|| path.to_owned());
    let folder = first.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let entries = around(folder, &stem(&first)).and_then(|around| std::fs::read_dir(around).ok());
    let folders = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter(|folder| Kind::Runbook.in_folder(folder).is_some()).take(MOST_NEIGHBOURS).collect()
}

/// A file that lies in a runbook's folder.
fn in_home(home: &Home, path: &str, trust: Trust) -> Result<SourceFile, String> {
    match home {
        Home::Folder(folder) => {
            let whole = folder.join(path);
            let text = text_file::read_trusted(&whole, LARGEST, trust).map_err(|why| why.to_string())?;
            Ok(SourceFile { origin: whole.display().to_string(), text, whole: None })
        }
        Home::Shipped(folder) => {
            let whole = folder.join(path).display().to_string();
            let text = embedded::text(&whole).ok_or_else(|| "it is not shipped".to_owned())?;
            Ok(SourceFile { origin: format!("{whole} (shipped)"), text, whole: None })
        }
    }
}

/// Why a runbook or check cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// A file that cannot be read.
    #[error("cannot read the {} {}: {why}", .kind.word(), .path.display())]
    Unreadable {
        /// What was looked for.
        kind: Kind,
        /// The file.
        path: PathBuf,
        /// Why.
        why: Unreadable,
    },
    /// A file that goes before what ships, and that somebody else can change.
    #[error(
        "{} goes before the {} `{name}` that ships with casebook, but {who}; from a folder without {} the shipped one is taken",
        shown(.path),
        .kind.word(),
        shown(.path)
    )]
    Override {
        /// What was looked for.
        kind: Kind,
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
        /// Who can change it.
        who: Untrusted,
    },
    /// A file is meant, but what names a file has a `/` or an ending in it.
    #[error("there is no {} `{name}`; to take the file of that name, write ./{name}", .kind.word())]
    File {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// Nothing of that name.
    #[error("there is no {} `{name}`; {}", .kind.word(), to_fix(*.kind, .near.as_deref()))]
    Unknown {
        /// What was looked for.
        kind: Kind,
        /// The name.
        name: String,
        /// The nearest.
        near: Option<String>,
    },
}

fn to_fix(kind: Kind, near: Option<&str>) -> String {
    match (near, kind) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Kind::Runbook) => "`casebook list` shows those there are".to_owned(),
        (None, Kind::Check) => "`casebook list --checks` shows those there are".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes())
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The shipped runbooks or checks.
pub fn embedded(kind: Kind) -> Vec<Found> {
    kind.shipped().filter_map(|path| kind.unpacked(path)).collect()
}

/// The shipped tests of what is called `name`; all of them, when there is no name.
pub fn embedded_tests(kind: Kind, name: Option<&str>) -> Vec<Found> {
    let found = embedded::below(kind.folder()).filter_map(|file| {
        let (tested, language) = tested(Path::new(file))?;
        if name.is_some_and(|name| name != tested) {
            return None;
        }
        let path = format!("{}/{file}", kind.folder());
        let text = embedded::text(&path)?;
        let home = Home::Shipped(Path::new(&path).parent()?.to_owned());
        let origin = format!("{path} (shipped)");
        Some(Found { name: tested, origin, text, language, home, overrides_embedded: false })
    });
    found.collect()
}

/// What a file of tests is for, by its name: `NAME.test.yaml` or `NAME.test.lua`.
pub(crate) fn tested(path: &Path) -> Option<(String, Language)> {
    let name = path.file_name()?.to_str()?;
    let endings =
        [(".test.yaml", Language::Yaml), (".test.yml", Language::Yaml), (".test.lua", Language::Lua)].into_iter();
    let mut fits = endings.filter_map(|(ending, language)| Some((name.strip_suffix(ending)?.to_owned(), language)));
    fits.next()
}

/// Where something is, before it is read.
enum Place {
    File(PathBuf),
    Shipped(&'static Path),
}

impl Place {
    fn name(&self) -> String {
        match self {
            Place::File(path) => stem(path),
            Place::Shipped(path) => stem(path),
        }
    }

    /// Reads what was found by its name. A file that goes before one that ships must be nobody else's, whoever runs: the name
    /// promises what the program itself brings.
    fn read_by_name(self, kind: Kind, trust: Trust) -> Result<Found, NotFound> {
        let overrides_embedded = matches!(&self, Place::File(path) if kind.ships(&stem(path)));
        let trust = if overrides_embedded && trust == Trust::Required { Trust::RequiredOfAll } else { trust };
        let found = self.read(kind, trust).map_err(|error| match error {
            NotFound::Unreadable { kind, path, why: Unreadable::Untrusted(who) } if overrides_embedded => {
                NotFound::Override { kind, name: stem(&path), path, who }
            }
            other => other,
        })?;
        Ok(Found { overrides_embedded, ..found })
    }

    fn read(self, kind: Kind, trust: Trust) -> Result<Found, NotFound> {
        match self {
            Place::Shipped(path) => {
                kind.unpacked(path).ok_or_else(|| NotFound::Unknown { kind, name: stem(path), near: None })
            }
            Place::File(path) => match text_file::read_trusted(&path, LARGEST, trust) {
                Ok(text) => Ok(Found {
                    name: stem(&path),
                    origin: path.display().to_string(),
                    text,
                    language: Language::of(&path).unwrap_or(Language::Yaml),
                    home: Home::Folder(
                        path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).into(),
                    ),
                    overrides_embedded: false,
                }),
                Err(why) => Err(NotFound::Unreadable { kind, path, why }),
            },
        }
    }
}

/// Every place of something that can be called by name, in the order of the search.
fn places(kind: Kind, beside: Option<&Path>) -> Vec<Place> {
    let mut places = Vec::new();
    let mut searched = HashSet::new();
    for folder in kind.folders(beside) {
        // The runbook may lie in one of the other folders.
        if !searched.insert(std::fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone())) {
            continue;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().filter_map(|entry| whole(kind, entry.path())).collect();
        paths.sort();
        places.extend(paths.into_iter().map(Place::File));
    }
    places.extend(kind.shipped().map(Place::Shipped));
    places
}

/// The document at a path of a folder that is searched: a file, or the first one of a runbook in a folder of its own.
fn whole(kind: Kind, path: PathBuf) -> Option<PathBuf> {
    match path.is_dir().then(|| kind.in_folder(&path)).flatten() {
        Some(first) => Some(first),
        None => kind.is(&path).then_some(path),
    }
}

/// Something that a list shows.
#[derive(Debug)]
pub struct Listed {
    /// What was found, or why it cannot be read.
    pub found: Result<Found, NotFound>,
    /// Others of the same name that it goes before.
    pub hides: Vec<String>,
}

/// The names that can be called; nothing is read but folders.
pub fn names(kind: Kind) -> Vec<String> {
    let folders = kind.folders(None).into_iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let here = folders.flat_map(|entries| entries.flatten()).filter_map(|entry| whole(kind, entry.path()));
    let mut names: Vec<String> = here.map(|path| stem(&path)).chain(kind.shipped().map(stem)).collect();
    names.sort();
    names.dedup();
    names
}

/// Everything that can be called by name, what cannot be read included; the first of a name wins.
pub fn list(kind: Kind, trust: Trust) -> Vec<Listed> {
    let mut listed: Vec<(String, Listed)> = Vec::new();
    for place in places(kind, None) {
        let name = place.name();
        let origin = match &place {
            Place::File(path) => path.display().to_string(),
            Place::Shipped(_) => SHIPPED.to_owned(),
        };
        match listed.iter_mut().find(|(listed, _)| *listed == name) {
            Some((_, first)) => first.hides.push(origin),
            None => listed.push((name, Listed { found: place.read_by_name(kind, trust), hides: Vec::new() })),
        }
    }
    listed.into_iter().map(|(_, listed)| listed).collect()
}

/// The runbook or check of that name, or in that file. `beside` is the folder of the runbook that calls a check.
pub fn find(kind: Kind, name: &str, beside: Option<&Path>, trust: Trust) -> Result<Found, NotFound> {
    let path = Path::new(name);
    if name.contains('/') || Language::of(path).is_some() {
        let path = path.to_owned();
        return Place::File(kind.in_folder(&path).unwrap_or(path)).read(kind, trust);
    }
    let mut places = places(kind, beside);
    if let Some(index) = places.iter().position(|place| place.name() == name) {
        return places.swap_remove(index).read_by_name(kind, trust);
    }
    if path.exists() {
        return Err(NotFound::File { kind, name: name.to_owned() });
    }
    let names: Vec<String> = places.iter().map(Place::name).collect();
    let near = Suggestion::of(name, names.iter().map(String::as_str)).name().map(str::to_owned);
    Err(NotFound::Unknown { kind, name: name.to_owned(), near })
}
