//! A network namespace of a test's own, which ends with the thread that made it.

use std::process::Command;

/// Runs `test` on a thread in a fresh network namespace with `lo` up. Says so and returns without the privilege to make
/// one, unless it must run (`CI`).
pub fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
            assert!(std::env::var_os("CI").is_none(), "this test must run: cannot make a network namespace: {error}");
            eprintln!("skipped: cannot make a network namespace: {error}; run the tests as root");
            return;
        }
        ip("link set lo up");
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` with these arguments in the namespace of the calling thread.
pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().expect("ip, of iproute2, is installed");
    assert!(status.success(), "ip {arguments}");
}
