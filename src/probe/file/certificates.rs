//! Certificates (X.509) in the bytes of a file, in PEM or DER: whom they are of, for which names, and when they end. Nothing is
//! verified: that is the business of those who connect.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use memchr::memmem;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode as _, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::time::Time;

use super::output::Certificate;
use crate::printable::printable;

/// Certificates that are kept of a file.
const MOST: usize = 64;
/// Names that are kept of a certificate.
const MOST_NAMES: usize = 64;
/// Characters of a name that are kept.
const LONGEST_NAME: usize = 256;
/// The largest certificate: real ones have some kilobytes.
const LARGEST: usize = 256 << 10;

/// What was found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The certificates, in their order.
    pub certificates: Vec<Certificate>,
    /// Further ones that are not kept.
    pub left_out: u64,
    /// Blocks that call themselves a certificate and are none.
    pub damaged: u64,
}

/// Reads the certificates in what was read of a file. Time and memory are linear in its length, whatever it holds.
pub fn of(bytes: &[u8]) -> Found {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const LINE_END: &[u8] = b"-----";
    let mut found = Found::default();
    // DER begins with a sequence; PEM is text.
    if bytes.first() == Some(&0x30) && memmem::find(bytes, BEGIN).is_none() {
        found.take(one(bytes));
        return found;
    }
    let mut rest = bytes;
    while let Some(at) = memmem::find(rest, BEGIN) {
        rest = &rest[at + BEGIN.len()..];
        let Some(end) = memmem::find(rest, LINE_END) else { break };
        let (label, after) = (&rest[..end], &rest[end + LINE_END.len()..]);
        if !matches!(label, b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE") {
            continue;
        }
        let end = memmem::find(after, b"-----END ").unwrap_or(after.len());
        let text: Vec<u8> =
            after[..end].iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(LARGEST * 4 / 3 + 4).collect();
        found.take(STANDARD.decode(&text).ok().and_then(|der| one(&der)));
        rest = &after[end..];
    }
    found
}

impl Found {
    fn take(&mut self, certificate: Option<Certificate>) {
        match certificate {
            None => self.damaged += 1,
            Some(_) if self.certificates.len() == MOST => self.left_out += 1,
            Some(certificate) => self.certificates.push(certificate),
        }
    }
}

/// Reads a certificate; what stands after it, such as what OpenSSL trusts it for, is of no account.
fn one(der: &[u8]) -> Option<Certificate> {
    let mut reader = SliceReader::new(der).ok()?;
    let read = CertificateInner::<Raw>::decode(&mut reader).ok()?;
    let about = read.tbs_certificate();
    let names = match about.get_extension::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().filter_map(name).take(MOST_NAMES).collect(),
        // One whose names cannot be read still ends at its time.
        Ok(None) | Err(_) => Vec::new(),
    };
    Some(Certificate {
        subject: clipped(&about.subject().to_string()),
        issuer: clipped(&about.issuer().to_string()),
        names,
        not_before: moment(about.validity().not_before),
        not_after: moment(about.validity().not_after),
        authority: matches!(about.get_extension::<BasicConstraints>(), Ok(Some((_, of))) if of.ca),
        self_issued: about.subject() == about.issuer(),
    })
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(clipped(name.as_str())),
        GeneralName::Rfc822Name(name) => Some(clipped(name.as_str())),
        GeneralName::UniformResourceIdentifier(name) => Some(clipped(name.as_str())),
        GeneralName::IpAddress(address) => match address.as_bytes().len() {
            4 => <[u8; 4]>::try_from(address.as_bytes()).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(address.as_bytes()).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn clipped(text: &str) -> String {
    printable(text.chars().take(LONGEST_NAME).collect::<String>())
}

/// A moment in UTC. The last one of the calendar, by which certificates say that they never end, is a day further than the
/// last one that is kept here.
fn moment(time: Time) -> String {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two names and an address, from 2026-11-01 to 2026-12-01, signed by its own key (`openssl req -x509`).
    const SHORT: &str = include_str!("short.pem");

    #[test]
    fn a_certificate_says_whom_it_is_of_and_when_it_ends() {
        let found = of(SHORT.as_bytes());
        let one = &found.certificates[0];
        assert_eq!(
            (one.subject.as_str(), one.self_issued, one.authority),
            ("CN=www.example.org,O=Example", true, false)
        );
        assert_eq!(one.names, ["www.example.org", "*.example.org", "192.0.2.1", "2001:db8::1"]);
        assert_eq!((one.not_before.as_str(), one.not_after.as_str()), ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
        assert_eq!((found.certificates.len(), found.damaged, found.left_out), (1, 0, 0));
    }

    #[test]
    fn a_key_beside_it_is_passed_over_and_der_is_read_too() {
        let text = format!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{SHORT}{SHORT}");
        assert_eq!(of(text.as_bytes()).certificates.len(), 2);
        let inner: String = SHORT.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = STANDARD.decode(inner).unwrap();
        assert_eq!(of(&der), of(SHORT.as_bytes()));
        der.extend(b"what OpenSSL trusts it for");
        assert_eq!(of(&der), of(SHORT.as_bytes()));
    }

    #[test]
    fn what_is_none_is_damaged_and_what_is_too_many_is_counted() {
        let broken = SHORT.replacen("MIIB", "MIXB", 1);
        assert_eq!(of(broken.as_bytes()), Found { damaged: 1, ..Found::default() });
        assert_eq!(of(b"-----BEGIN CERTIFICATE-----"), Found { damaged: 1, ..Found::default() });
        assert_eq!(of(b"no certificate"), Found::default());
        assert_eq!(of(b""), Found::default());
        let many = of(SHORT.repeat(MOST + 3).as_bytes());
        assert_eq!((many.certificates.len(), many.left_out), (MOST, 3));
    }

    #[test]
    fn one_that_never_ends_has_the_last_moment() {
        assert_eq!(moment(Time::INFINITY), Timestamp::MAX.to_string());
    }
}
