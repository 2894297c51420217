//! Names of hosts in a binary that carries its C library.
#![allow(unsafe_code)]

/// Lets names be looked up by `/etc/hosts` and DNS alone where the C library is linked into the binary; nothing elsewhere.
///
/// `/etc/nsswitch.conf` may name modules (`resolve`, `mymachines`, `sss`). They are shared objects of the host's own C library, and
/// glibc ends the program that loads one made for another version. What systemd-resolved knows is asked for by DNS at 127.0.0.53, as
/// `/etc/resolv.conf` says on such hosts. To be called before other threads start.
pub fn without_modules() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
    configured();
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
fn configured() {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        /// glibc, nss/nsswitch.c: overrides the line of a database; 0 when it was understood.
        fn __nss_configure_lookup(database: *const c_char, line: *const c_char) -> c_int;
    }
    const LINES: [(&CStr, &CStr); 2] = [(c"hosts", c"files dns"), (c"passwd", c"files")];
    for (database, line) in LINES {
        // SAFETY: both are texts that end with 0 and live as long as the program; glibc copies what it keeps, and no other thread
        // looks up a name yet.
        let _ = unsafe { __nss_configure_lookup(database.as_ptr(), line.as_ptr()) };
    }
}
