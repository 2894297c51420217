//! Builds anew when what the binary embeds has changed: a file that was added to a folder is no change of the source.

fn main() {
    for folder in ["runbooks", "lua"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
