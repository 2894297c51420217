//! Who wrote an entry: what journald saw of the process, not what the process said of itself.
//!
//! Whoever may write to the log chooses the name `SYSLOG_IDENTIFIER`, and the name of its own process, too. Fields that begin with
//! `_` are journald's own. The name of a program stands for that program when the kernel or root wrote the entry, or a service of
//! the system that has that name or whose program of that name lies where only root installs programs. Any other name is told with
//! the user before it: `uid1000/sshd`.

/// The folders that only root installs programs in.
const INSTALLED: &[&[u8]] = &[b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/lib64/", b"/opt/", b"/nix/store/", b"/snap/"];

/// What the services of the system are called; sessions and containers are scopes.
const SERVICE: &[u8] = b".service";

/// The services below which a user starts what it wants.
const OF_USERS: &[u8] = b"user@";

/// What the kernel is called.
const KERNEL: &[u8] = b"kernel";

/// What stands before the id of a user and a name that is no more than that user's word.
const UID: &[u8] = b"uid";

/// What journald noted of the author of an entry.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Identity<'e> {
    pub transport: Option<&'e [u8]>,
    pub identifier: Option<&'e [u8]>,
    pub command: Option<&'e [u8]>,
    pub executable: Option<&'e [u8]>,
    pub user: Option<&'e [u8]>,
    pub unit: Option<&'e [u8]>,
}

/// The name of an author.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Author<'e> {
    /// The program of that name.
    Known(&'e [u8]),
    /// Somebody of that user who gives that name.
    Claimed(&'e [u8], &'e [u8]),
}

impl<'e> Identity<'e> {
    /// Who wrote the entry.
    pub(super) fn author(&self) -> Author<'e> {
        let name = self.identifier.or(self.command);
        if self.transport == Some(KERNEL) {
            return Author::Known(name.unwrap_or(KERNEL));
        }
        let name = name.or(self.executable.map(last_part)).unwrap_or(b"unknown");
        let user = self.user.unwrap_or(b"?");
        // The kernel writes by its own way alone.
        if name == KERNEL {
            return Author::Claimed(user, name);
        }
        if user == b"0" || self.transport == Some(b"audit") || self.is_service(name) {
            Author::Known(name)
        } else {
            Author::Claimed(user, name)
        }
    }

    /// Whether a service of the system wrote it that has that name, or whose program of that name root installed.
    fn is_service(&self, name: &[u8]) -> bool {
        let service = self.unit.filter(|unit| !unit.starts_with(OF_USERS)).and_then(|unit| unit.strip_suffix(SERVICE));
        let Some(service) = service else { return false };
        let program = last_part(name);
        let of_template = service.split(|byte| *byte == b'@').next().unwrap_or(service);
        let installed = self.executable.filter(|path| INSTALLED.iter().any(|folder| path.starts_with(folder)));
        (!program.is_empty() && of_template == program) || installed.is_some_and(|path| last_part(path) == program)
    }
}

/// The name of a program as it gives it itself, whoever it is.
pub(in crate::probe) fn claimed(program: &[u8]) -> &[u8] {
    let name = program.strip_prefix(UID).and_then(|rest| {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        let (user, name) = rest.split_at(slash);
        (user == b"?" || (!user.is_empty() && user.iter().all(u8::is_ascii_digit))).then(|| name.get(1..)).flatten()
    });
    name.filter(|name| !name.is_empty()).unwrap_or(program)
}

/// A line of a program under the name that it gives itself, if nobody vouches for that name.
pub(in crate::probe) fn as_claimed(line: &[u8]) -> Option<Vec<u8>> {
    // Time and host are one word each.
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (time, host, rest) = (words.next()?, words.next()?, words.next()?);
    let program = rest.split(|byte| matches!(byte, b' ' | b':' | b'[')).next()?;
    let name = claimed(program);
    if name.len() == program.len() {
        return None;
    }
    let rest = rest.get(program.len() - name.len()..)?;
    Some([time, host, rest].join(&b' '))
}

impl Author<'_> {
    /// Writes the name as it stands in a line.
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        match self {
            Author::Known(name) => word(line, name),
            Author::Claimed(user, name) => {
                line.extend_from_slice(UID);
                word(line, user);
                line.push(b'/');
                word(line, name);
            }
        }
    }
}

/// Writes a name as one word that ends where the name does.
pub(super) fn word(line: &mut Vec<u8>, name: &[u8]) {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'[' | b']');
    line.extend(name.iter().map(|byte| if plain(*byte) || *byte >= 0x80 { *byte } else { b'_' }));
    if name.is_empty() {
        line.push(b'-');
    }
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(identity: &Identity<'_>) -> String {
        let mut line = Vec::new();
        identity.author().write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_name_stands_for_a_program_only_where_journald_vouches_for_it() {
        let of_kernel = Identity { transport: Some(b"kernel"), identifier: Some(b"kernel"), ..Identity::default() };
        assert_eq!(told(&of_kernel), "kernel");
        let sshd = Identity {
            transport: Some(b"syslog"),
            identifier: Some(b"sshd"),
            command: Some(b"sshd"),
            executable: Some(b"/usr/sbin/sshd"),
            user: Some(b"0"),
            unit: Some(b"ssh.service"),
        };
        assert_eq!(told(&sshd), "sshd");
        // A user who calls itself so, by whatever of its own.
        for unit in [&b"session-3.scope"[..], b"user@1000.service"] {
            let user = Identity { user: Some(b"1000"), unit: Some(unit), ..sshd };
            assert_eq!(told(&user), "uid1000/sshd");
        }
        let home = Identity { user: Some(b"33"), executable: Some(b"/var/www/sshd"), ..sshd };
        assert_eq!(told(&home), "uid33/sshd");
        let other = Identity { user: Some(b"33"), executable: Some(b"/usr/sbin/php-fpm"), ..sshd };
        assert_eq!(told(&other), "uid33/sshd");
        assert_eq!(told(&Identity { identifier: Some(b"kernel"), ..sshd }), "uid0/kernel");
        // Services that run as users of their own.
        let named = Identity {
            identifier: Some(b"named"),
            executable: Some(b"/usr/sbin/named"),
            user: Some(b"110"),
            unit: Some(b"named.service"),
            ..sshd
        };
        assert_eq!(told(&named), "named");
        let smtpd =
            Identity { identifier: Some(b"postfix/smtpd"), executable: Some(b"/usr/lib/postfix/sbin/smtpd"), ..named };
        assert_eq!(told(&smtpd), "postfix/smtpd");
        assert_eq!(told(&Identity { unit: None, ..named }), "uid110/named");
        // Not so in a container, which brings its own programs.
        assert_eq!(told(&Identity { unit: Some(b"docker-1a2b.scope"), ..named }), "uid110/named");
        let shop = Identity {
            identifier: Some(b"shop"),
            executable: Some(b"/usr/bin/python3.11"),
            unit: Some(b"shop@eu.service"),
            ..named
        };
        assert_eq!(told(&shop), "shop", "a service speaks for itself");
        assert_eq!(told(&Identity { identifier: Some(b"sshd"), ..shop }), "uid110/sshd", "and for nobody else");
    }

    #[test]
    fn no_name_looks_like_more_than_one_word() {
        let odd = Identity { identifier: Some(b"a b: [7]\n"), user: Some(b"0"), ..Identity::default() };
        assert_eq!(told(&odd), "a_b___7__");
        assert_eq!(told(&Identity::default()), "uid?/unknown");
    }

    #[test]
    fn the_name_that_is_claimed_is_the_one_that_other_loggers_write() {
        for (program, name) in [
            ("uid1000/sshd", "sshd"),
            ("uid?/postfix/smtpd", "postfix/smtpd"),
            ("sshd", "sshd"),
            ("uid/x", "uid/x"),
            ("uidx/sshd", "uidx/sshd"),
            ("uid7/", "uid7/"),
        ] {
            assert_eq!(claimed(program.as_bytes()), name.as_bytes(), "{program}");
        }
    }
}
