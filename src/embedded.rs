//! The files that the binary carries, each packed by itself: runbooks, checks, the Lua library, tests, and the cases that the
//! tests go by.

// Paths from the project's folder, in their order within a folder, and packed texts.
include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The names of the files in a folder of the project, in their order.
pub fn names(folder: &str) -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .filter_map(move |(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
        .filter(|name| !name.contains('/'))
}

/// The paths of the files in a folder of the project and in the folders within it, from that folder.
pub fn below(folder: &str) -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(move |(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
}

/// The text of a file, by its path from the project's folder.
pub fn text(path: &str) -> Option<String> {
    unpacked(FILES, path)
}

/// Whether a runbook is carried with all that it includes as one document, by the path of its first file.
pub fn is_whole(path: &str) -> bool {
    WHOLE_JSON.iter().any(|(known, _)| *known == path)
}

/// The parameters of a runbook and what it is picked by, in JSON, by the path of its first file.
pub fn head_json(path: &str) -> Option<String> {
    unpacked(HEAD_JSON, path)
}

/// A runbook with all that it includes as one document in JSON, by the path of its first file.
pub fn whole_json(path: &str) -> Option<String> {
    unpacked(WHOLE_JSON, path)
}

/// The same in YAML.
pub fn whole_yaml(path: &str) -> Option<String> {
    unpacked(WHOLE_YAML, path)
}

fn unpacked(files: &[(&str, &[u8])], path: &str) -> Option<String> {
    let (_, packed) = files.iter().find(|(known, _)| *known == path)?;
    // Its header says how long it is.
    let length = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    let text = zstd::bulk::decompress(packed, usize::try_from(length).ok()?).ok()?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_as_it_is() {
        let folder = env!("CARGO_MANIFEST_DIR");
        for (path, _) in FILES {
            let there = std::fs::read_to_string(format!("{folder}/{path}")).unwrap();
            assert_eq!(text(path).as_deref(), Some(there.as_str()), "{path}");
        }
        assert_eq!(text("runbooks/none.yaml"), None);
    }

    #[test]
    fn a_folder_has_its_own_files_and_no_others() {
        let runbooks: Vec<&str> = below("runbooks").collect();
        assert!(runbooks.contains(&"high-inbound-traffic/high-inbound-traffic.yaml"), "{runbooks:?}");
        assert!(names("lua/checks").any(|name| name == "open_resolver.lua"));
        assert_eq!(names("lua").count(), 0);
    }
}
