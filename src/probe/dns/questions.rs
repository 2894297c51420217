//! What is to be asked, out of the parameters.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;

use domain::base::iana::Rtype;

use super::Params;
use super::configuration::Server;
use super::message::Asked;
use crate::case::{Gap, Reason};
use crate::sys::identity;

/// A question and the address that it is about.
pub type Item = (Asked, Option<IpAddr>);

/// The question that is asked as somebody else would.
pub fn of_stranger(params: &Params) -> Result<Asked, Gap> {
    asked("stranger_name", &params.stranger_name, kind("stranger_type", &params.stranger_type)?)
}

/// The questions for the resolvers.
pub fn items(params: &Params, search: Option<&str>) -> Result<Vec<Item>, Gap> {
    let kinds: Vec<Rtype> = params.types.iter().map(|text| kind("types", text)).collect::<Result<_, _>>()?;
    let mut names = params.names.clone();
    if names.is_empty() && params.addresses.is_empty() && !params.as_stranger {
        names.push(own_name(&identity::host().name, search));
    }
    let mut items = Vec::new();
    for name in names {
        for kind in &kinds {
            items.push((asked("names", &name, *kind)?, None));
        }
    }
    for text in &params.addresses {
        let bad = |why: String| malformed("addresses", text, why).to_fix("write it like 192.0.2.1 or 2001:db8::1");
        let address: IpAddr = text.trim().parse().map_err(|_| bad("it is not an address".to_owned()))?;
        items.push((Asked::reverse(address).map_err(bad)?, Some(address)));
    }
    // Every question once: an answer is found by its question.
    let mut once: Vec<Item> = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    Ok(once)
}

/// The name to ask for when none was given: the host's own, with the domain that is tried behind short names. A name that
/// resolvers do not know of says nothing, so the root stands in for it.
fn own_name(name: &str, search: Option<&str>) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let speaks = plain && Asked::forward(name, Rtype::A).is_ok() && name.split('.').next() != Some("localhost");
    match search {
        _ if !speaks => ".".to_owned(),
        Some(domain) if !name.contains('.') && domain != "." => format!("{name}.{domain}"),
        _ => name.to_owned(),
    }
}

fn malformed(param: &str, text: &str, why: String) -> Gap {
    Gap::new(Reason::Malformed, format!("read the parameter `{param}`: `{}`", text.escape_debug()), why)
}

fn asked(param: &str, name: &str, kind: Rtype) -> Result<Asked, Gap> {
    Asked::forward(name.trim(), kind).map_err(|why| malformed(param, name, why).to_fix("write it like www.example.org"))
}

fn kind(param: &str, text: &str) -> Result<Rtype, Gap> {
    let bad = |why: &str| malformed(param, text, why.to_owned()).to_fix("write it like A, AAAA, MX, TXT, NS or ANY");
    let kind = Rtype::from_str(text.trim()).map_err(|_| bad("it is not a type of record"))?;
    match kind {
        Rtype::AXFR | Rtype::IXFR => Err(bad("whole zones are not asked for")),
        kind => Ok(kind),
    }
}

/// The server that is named.
pub fn named_server(text: &str, port: u16) -> Result<SocketAddr, Gap> {
    let at = Server::read(text.trim()).at(port);
    at.ok_or_else(|| {
        malformed("server", text, "it is not an address".to_owned())
            .to_fix("write it like 192.0.2.53; names are not looked up")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_name_is_asked_for_unless_it_says_nothing() {
        assert_eq!(own_name("web1", Some("example.org")), "web1.example.org");
        assert_eq!(own_name("web1.example.org", Some("example.net")), "web1.example.org");
        assert_eq!(own_name("web1", None), "web1");
        assert_eq!(own_name("localhost", Some("example.org")), ".");
        assert_eq!(own_name("(none) of them", None), ".");
    }

    #[test]
    fn a_question_that_cannot_be_asked_says_how_to_write_it() {
        let refused = |params: Params| items(&params, None).unwrap_err();
        let gap = refused(Params { addresses: vec!["example.org".into()], ..Params::default() });
        assert!(gap.to_string().contains("`example.org`") && gap.to_fix.is_some(), "{gap}");
        refused(Params { names: vec!["a..b".into()], ..Params::default() });
        refused(Params { types: vec!["AXFR".into()], names: vec!["a".into()], ..Params::default() });
        assert!(named_server("dns.example.org", 53).is_err());
        assert_eq!(named_server("::1", 53).unwrap().to_string(), "[::1]:53");
    }

    #[test]
    fn every_question_is_asked_once() {
        let params = Params { names: vec!["a".into(), "a".into(), "A.".into()], ..Params::default() };
        assert_eq!(items(&params, None).unwrap().len(), 1);
    }
}
