//! Tests of the probe `file`.

use super::*;

fn observe(params: Params) -> Observed<Output> {
    FileProbe.observe(params, &Context::alone()).unwrap()
}

fn of(path: impl AsRef<Path>) -> Params {
    Params { paths: vec![path.as_ref().to_str().unwrap().to_owned()], ..Params::default() }
}

fn text(contents: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd_config");
    std::fs::write(&path, contents).unwrap();
    (folder, path)
}

fn lines(observed: &Observed<Output>) -> Vec<(u64, &str)> {
    observed.output.files[0].lines.iter().flatten().map(|line| (line.number, line.text.as_str())).collect()
}

#[test]
fn lines_that_fit_come_with_their_numbers() {
    let (_folder, path) = text("# UseDNS no\nPort 22\n\tUseDNS\tyes\r\n");
    let observed = observe(Params { pattern: Some(r"^\s*UseDNS\b".into()), ..of(&path) });
    assert_eq!(lines(&observed), [(3, " UseDNS yes")]);
    let file = &observed.output.files[0];
    assert_eq!((file.lines_read, file.bytes, file.exists), (Some(3), Some(33), Some(true)));
    assert!(file.modified.is_some() && observed.missing.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_a_fact() {
    for path in ["/no/such/file", "/etc/hosts/below"] {
        let observed = observe(of(path));
        assert_eq!((observed.output.files[0].exists, observed.missing.len()), (Some(false), 0), "{path}");
        assert_eq!(observed.output.files[0].lines, None);
    }
}

#[test]
fn what_is_no_text_is_a_gap() {
    for path in ["/dev/zero", "/proc", "/proc/kcore", "/proc/self/mem", "/proc/kmsg"] {
        let observed = observe(of(path));
        // Not every kernel has all of them.
        if observed.output.files[0].exists == Some(true) {
            assert!(!observed.missing.is_empty() && observed.output.files[0].lines.is_none(), "{path}");
        }
    }
}

#[test]
fn secrets_are_a_gap_also_behind_a_link_and_under_another_name() {
    let (folder, path) = text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n");
    let key = folder.path().join("id_ed25519");
    std::fs::write(&key, "whatever").unwrap();
    let link = folder.path().join("harmless");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    for path in [&path, &key, &link] {
        let observed = observe(of(path));
        let gap = &observed.missing[0].gap;
        assert!(
            gap.reason == Reason::Denied && gap.to_fix.as_ref().is_some_and(|it| it.contains("allow_secrets")),
            "{gap}"
        );
        assert_eq!(observed.output.files[0].lines, None);
        assert_eq!(observe(Params { allow_secrets: true, ..of(path) }).missing, []);
    }
}

#[test]
fn the_value_of_a_secret_is_left_out_and_counted() {
    let (_folder, path) = text("[Interface]\nPrivateKey = AAAA\n");
    let observed = observe(of(&path));
    assert_eq!(lines(&observed)[1], (2, "PrivateKey = (left out)"));
    assert_eq!(observed.output.files[0].secrets_left_out, Some(1));
}

#[test]
fn a_long_file_is_cut_and_says_so() {
    let (_folder, path) = text(&"line\n".repeat(100));
    let cut = observe(Params { max_bytes: Size(50), ..of(&path) });
    assert_eq!((lines(&cut).len(), cut.missing.len()), (10, 1));
    assert_eq!(cut.output.files[0].bytes, Some(500));
    let few = observe(Params { max_lines: 3, ..of(&path) });
    assert_eq!((lines(&few).len(), few.output.files[0].lines_left_out, few.missing.len()), (3, Some(97), 1));
}

#[test]
fn a_pipe_hangs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(observe(of(&path)).missing[0].gap.why.contains("a pipe"));
}

#[test]
fn a_file_of_the_kernel_is_read_though_it_says_to_be_empty() {
    let observed = observe(of("/proc/sys/kernel/ostype"));
    assert_eq!(lines(&observed), [(1, "Linux")]);
    assert_eq!(observed.output.files[0].modified, None);
}

#[test]
fn what_a_stranger_wrote_is_harmless_to_print() {
    let (_folder, path) = text("\u{1b}[31mred\n");
    assert_eq!(lines(&observe(of(&path))), [(1, "\\u{1b}[31mred")]);
}

#[test]
fn a_wrong_parameter_says_how_to_write_it() {
    for params in [of("etc/hosts"), Params { pattern: Some("(".into()), ..of("/etc/hosts") }] {
        let gap = FileProbe.observe(params, &Context::alone()).unwrap_err();
        assert!(gap.reason == Reason::Malformed && gap.to_fix.is_some(), "{gap}");
    }
}
