//! Servers of files: vsftpd, ProFTPD.

use super::{Lines, Usual, Weight, from};

pub(super) const USUAL: &[Usual] = &[Usual {
    name: "ftp_login_failed",
    service: "FTP server",
    means: "somebody gave a wrong name or password",
    weight: Weight::Trouble,
    one: "failed login",
    many: "failed logins",
    by: &[from("address")],
    lines: &[
        Lines {
            programs: &["vsftpd"],
            expression: r#"\[.*\] FAIL LOGIN: Client "(?:::ffff:)?(?P<address>[0-9A-Fa-f:.]+)""#,
            of: "vsftpd 3 by its source",
        },
        Lines {
            programs: &["proftpd"],
            expression: r"\S+ \([^ )]*\[(?P<address>[0-9A-Fa-f:.]+)\]\) - USER .*(?:no such user found from|Login failed)",
            of: "ProFTPD 1.3 by its source",
        },
    ],
}];
