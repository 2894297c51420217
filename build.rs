//! Packs what the binary carries: the runbooks, the checks, the Lua library, and the tests of the first two with the cases that
//! they go by. Each file by itself, so that a command unpacks only what it uses.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The folders whose files are packed, not those of folders within.
const FOLDERS: [&str; 4] = ["runbooks", "lua/checks", "lua/casebook", "tests/cases"];
/// The folder of which the files of folders within are packed, too: a runbook may be a folder.
const DEEP: &str = "runbooks";

fn main() {
    let project = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the project's folder"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder to write to"));
    let mut list = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    let within = folders(&project.join(DEEP)).into_iter().map(|name| format!("{DEEP}/{name}"));
    for folder in FOLDERS.into_iter().map(str::to_owned).chain(within) {
        // A file that was added to a folder is no change of the source.
        println!("cargo::rerun-if-changed={folder}");
        for (number, name) in files(&project.join(&folder)).iter().enumerate() {
            let text = fs::read(project.join(&folder).join(name)).expect("a file of the project can be read");
            let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
            packed.write_all(&text).expect("a vector takes it");
            let place = out.join(format!("{}-{number}", folder.replace('/', "-")));
            fs::write(&place, packed.finish().expect("a vector takes it")).expect("cargo's folder can be written");
            list += &format!("    ({:?}, include_bytes!({place:?})),\n", format!("{folder}/{name}"));
        }
    }
    list += "];\n";
    fs::write(out.join("shipped.rs"), list).expect("cargo's folder can be written");
}

/// The names of the folders in a folder, in their order.
fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("an entry of a folder"));
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The names of a folder's files, in their order.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("an entry of a folder"));
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
