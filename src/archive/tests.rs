//! Cases that come back as they were, and archives that nobody should make.

use std::path::Path;

use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::manifest::{MANIFEST, digest, is_plain};
use super::*;

fn unpacked(bytes: &[u8]) -> Result<CaseFile, Broken> {
    super::read_with(bytes, &mut Budget::default(), LARGEST_ATTACHED)
}

fn recorded(name: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    Case::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn flood() -> CaseFile {
    let mut case = recorded("udp-flood-closed-port.json");
    case.runbook.text = "name: x\n".to_owned();
    let modules = [("lib/dns".to_owned(), "return {}".to_owned())].into();
    let check = crate::case::CheckRef {
        origin: "here".into(),
        overrides_embedded: false,
        text: "return check{}".into(),
        modules,
    };
    case.runbook.checks.insert("open_resolver".into(), check);
    let evidence = case.evidence.values().next().cloned().unwrap();
    for odd in ["open_resolver.dns#2", "../../etc/passwd", "a/~b", "", "Ä"] {
        case.evidence.insert(odd.to_owned(), evidence.clone());
    }
    let report = Attached { name: "report.md".into(), bytes: b"# Report\n".to_vec() };
    CaseFile { case, attached: vec![report] }
}

/// A packed tar of these members, whatever they are.
fn archive(members: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    compress_to_vec(tar.into_inner().unwrap().as_slice(), CompressionLevel::Fastest)
}

/// An archive whose manifest is right for the members.
fn listed(members: &[(&str, &[u8])]) -> Vec<u8> {
    let names = members.iter().map(|(name, bytes)| {
        let at = if *name == "case.json" { "" } else { "/extra" };
        serde_json::json!({"name": name, "form": "json", "at": at, "bytes": bytes.len(), "sha256": digest(bytes)})
    });
    let manifest = serde_json::json!({"format": 1, "casebook": "0", "members": names.collect::<Vec<_>>()}).to_string();
    let mut all = vec![(MANIFEST, tar::EntryType::Regular, manifest.as_bytes())];
    all.extend(members.iter().map(|(name, bytes)| (*name, tar::EntryType::Regular, *bytes)));
    archive(&all)
}

fn refused(bytes: &[u8]) -> String {
    unpacked(bytes).unwrap_err().to_string()
}

#[test]
fn a_case_comes_back_as_it_was_with_odd_names_and_all() {
    let file = flood();
    let bytes = pack(file.clone()).unwrap();
    assert_eq!(unpacked(&bytes).unwrap(), file);
    assert_eq!(read(&bytes).unwrap(), file);
    assert_eq!(pack(file.clone()).unwrap(), bytes, "the same case gives the same bytes");
    let json = serde_json::to_vec(&file.case).unwrap();
    assert_eq!(read(&json).unwrap().case, file.case);
}

#[test]
fn every_recorded_case_comes_back_bit_for_bit() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let case = Case::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let back = unpacked(&pack(case.clone().into()).unwrap()).unwrap().case;
            assert_eq!(serde_json::to_string(&back).unwrap(), serde_json::to_string(&case).unwrap(), "{path:?}");
        }
    }
}

#[test]
fn a_case_cut_anywhere_is_refused() {
    let bytes = pack(flood()).unwrap();
    for end in (0..bytes.len()).step_by(97).chain(bytes.len() - 40..bytes.len()) {
        assert!(read(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
    assert!(refused(&bytes[..bytes.len() / 2]).contains("damaged or cut short"));
}

#[test]
fn what_follows_the_end_is_refused() {
    let bytes = pack(flood()).unwrap();
    assert!(refused(&[&bytes[..], b"x"].concat()).contains("something follows its end"));
    assert!(refused(&[&bytes[..], &bytes[..]].concat()).contains("something follows its end"));
}

#[test]
fn members_that_lead_elsewhere_are_refused() {
    for name in ["../x", "/etc/passwd", "a/../../x", "./x", ".x", "a//b", "a\\..\\b", "-rf", "a b", "\u{1b}[2J"] {
        assert!(!is_plain(name), "{name}");
        let said = refused(&listed(&[("case.json", b"{}"), (name, b"{}")]));
        assert!(said.contains("leads elsewhere"), "{name}: {said}");
        assert!(!said.contains('\x1b'), "{said}");
    }
}

#[test]
fn links_folders_and_devices_are_refused() {
    use tar::EntryType::{Block, Directory, Fifo, GNULongName, Link, Regular, Symlink, XHeader};
    let manifest: &[u8] = br#"{"format":1,"casebook":"0","members":[]}"#;
    for kind in [Symlink, Link, Directory, Fifo, Block, GNULongName, XHeader] {
        let said = refused(&archive(&[(MANIFEST, Regular, manifest), ("case.json", kind, b"")]));
        assert!(said.contains("not a plain file"), "{kind:?}: {said}");
        let said = refused(&archive(&[(MANIFEST, kind, b"")]));
        assert!(said.contains("not a plain file"), "{kind:?}: {said}");
    }
}

#[test]
fn members_that_are_missing_unlisted_or_twice_are_refused() {
    use tar::EntryType::Regular;
    let empty: &[u8] = br#"{"format":1,"casebook":"0","members":[]}"#;
    assert!(refused(&archive(&[(MANIFEST, Regular, empty), ("x", Regular, b"")])).contains("not the one"));
    assert!(refused(&archive(&[(MANIFEST, Regular, empty)])).contains("no case is in it"));
    assert!(refused(&archive(&[("case.json", Regular, b"{}")])).contains("does not begin with manifest.json"));
    assert!(refused(&archive(&[])).contains("does not begin with manifest.json"));
    assert!(refused(&listed(&[("case.json", b"{}"), ("case.json", b"{}")])).contains("is there twice"));
    assert!(refused(&listed(&[("a", b"1")])).contains("does not begin with the case"));
    assert!(refused(&listed(&[("case.json", b"{}"), ("a", b"1"), ("b", b"2")])).contains("no place in the case"));
    let missing = r#"{"format":1,"casebook":"0","members":[{"name":"x","form":"json","at":"","bytes":0,"sha256":""}]}"#;
    assert!(refused(&archive(&[(MANIFEST, Regular, missing.as_bytes())])).contains("is missing"));
}

#[test]
fn a_member_that_was_changed_is_told_by_its_digest() {
    use tar::EntryType::Regular;
    let manifest = serde_json::json!({"format": 1, "casebook": "0", "members": [
        {"name": "case.json", "form": "json", "at": "", "bytes": 2, "sha256": digest(b"{}")}]});
    let manifest = manifest.to_string();
    for changed in [&b"[]"[..], b"", b"{}}", b"{ }"] {
        let said = refused(&archive(&[(MANIFEST, Regular, manifest.as_bytes()), ("case.json", Regular, changed)]));
        assert!(said.contains("the digest of case.json"), "{said}");
    }
    assert!(refused(&listed(&[("case.json", b"{}")])).contains("no `format`"), "whole, but no case");
}

#[test]
fn a_newer_form_is_named_not_guessed_at() {
    use tar::EntryType::Regular;
    let said = refused(&archive(&[(MANIFEST, Regular, br#"{"format":2,"cats":true}"#)]));
    assert!(said.contains("form 2") && said.contains("use a newer one"), "{said}");
}

#[test]
fn a_bomb_is_given_up_before_it_fills_the_memory() {
    // 1 GiB of zeros, as repeated blocks of one byte each, in some 8 KiB.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for block in 0..8192_u32 {
        let last = u32::from(block == 8191);
        let header = last | 1 << 1 | (128 * 1024) << 3;
        bomb.extend(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    assert!(
        refused(&bomb).contains("is not a case file") || refused(&bomb).contains("more than"),
        "{}",
        refused(&bomb)
    );
    // The same inside of a member that says how large it is.
    let mut header = tar::Header::new_ustar();
    header.set_path(MANIFEST).unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let said = refused(&compress_to_vec(header.as_bytes().as_slice(), CompressionLevel::Fastest));
    assert!(said.contains("more than"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
        let _ = unpacked(&[&MAGIC[..], &bytes].concat());
    }

    #[test]
    fn a_mutated_case_is_refused_or_is_the_same(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let file: CaseFile = recorded("quiet.json").into();
        let mut bytes = pack(file.clone()).unwrap();
        for (place, byte) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        // Only the manifest itself has no digest: a change of it that goes unseen changes no evidence.
        if let Ok(back) = read(&bytes) {
            prop_assert_eq!(back.case, file.case);
        }
    }

    #[test]
    fn a_mutated_tar_is_refused_or_is_the_same(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let file: CaseFile = recorded("quiet.json").into();
        let packed = pack(file.clone()).unwrap();
        let mut tar = Vec::new();
        let mut source = packed.as_slice();
        std::io::Read::read_to_end(&mut ruzstd::decoding::StreamingDecoder::new(&mut source).unwrap(), &mut tar).unwrap();
        for (place, byte) in &changes {
            let place = place.index(tar.len());
            tar[place] = *byte;
        }
        if let Ok(back) = unpacked(&compress_to_vec(tar.as_slice(), CompressionLevel::Fastest)) {
            prop_assert_eq!(&back.case.evidence, &file.case.evidence);
        }
        tar.truncate(cut.index(tar.len()));
        if let Ok(back) = unpacked(&compress_to_vec(tar.as_slice(), CompressionLevel::Fastest)) {
            prop_assert_eq!(&back.case.evidence, &file.case.evidence);
        }
    }
}

#[test]
fn many_tiny_values_in_many_members_are_refused_while_they_are_unpacked() {
    let values = format!("[{}0]", "0,".repeat(300_000));
    let member = values.as_bytes();
    let packed =
        listed(&[("case.json", b"{}"), ("a.json", member), ("b.json", member), ("c.json", member), ("d.json", member)]);
    assert!(packed.len() < 40_000, "{} bytes", packed.len());
    let said = refused(&packed);
    assert!(said.contains("more values than fit into 128 MB of memory") && said.contains("--max-memory"), "{said}");
    // Each of them alone would fit.
    assert!(!refused(&listed(&[("case.json", b"{}"), ("a.json", member)])).contains("memory"));
}

#[test]
fn a_list_shows_a_case_without_reading_what_lies_behind_its_beginning() {
    let file = flood();
    let packed = pack(file.clone()).unwrap();
    let shown = summary(packed.as_slice()).unwrap();
    assert_eq!((&shown.host, &shown.runbook), (&file.case.host.name, &file.case.runbook.name));
    assert_eq!((shown.verdict, &shown.summary), (file.case.verdict, &file.case.diagnosis.summary));
    let plain = serde_json::to_vec(&file.case).unwrap();
    assert_eq!(summary(plain.as_slice()).unwrap(), shown);
    assert!(summary(&packed[..100]).is_err());
    assert!(summary(&b"PK\x03\x04"[..]).is_err());
    let newer = r#"{"format": 9, "host": {"name": "h"}}"#;
    assert!(summary(newer.as_bytes()).is_err());
    // Its evidence may be damaged or too much for memory: the list does not look at it.
    let values = format!("[{}0]", "0,".repeat(2_000_000));
    let mut case = serde_json::to_value(&file.case).unwrap();
    case["evidence"] = serde_json::json!({});
    let huge = listed(&[("case.json", case.to_string().as_bytes()), ("extra.json", values.as_bytes())]);
    assert_eq!(summary(huge.as_slice()).unwrap(), shown);
    assert!(read(&huge).is_err());
}
