//! Whether a server takes its configuration: `nginx -t`, `apachectl configtest`.

use super::here::Here;
use super::told::Told;
use crate::printable::printable;

/// Lines of such an output.
const MOST: usize = 200;
/// Sentences that are told.
const TOLD: usize = 3;
/// Characters of one.
const LONGEST: usize = 240;
/// How nginx calls what it cannot go on with.
const GRAVE: [&str; 4] = ["[emerg] ", "[alert] ", "[crit] ", "[error] "];

/// What a server says of its configuration, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Told)> {
    nginx(here).or_else(|| apache(here))
}

fn short(text: &str) -> String {
    printable(text.chars().take(LONGEST).collect::<String>())
}

fn nginx(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let said = |at: usize| {
        let rest = document.line(at).trim().strip_prefix("nginx: ")?;
        let known = rest.starts_with('[')
            || rest.starts_with("the configuration file ")
            || rest.starts_with("configuration file ");
        known.then_some(rest)
    };
    let mut place = here.at;
    let mut told = Told { tool: "nginx", ..Told::default() };
    let mut failed = false;
    while place < document.len() && place - here.at < MOST {
        let Some(rest) = said(place) else { break };
        if let Some(why) = GRAVE.iter().find_map(|level| rest.strip_prefix(level))
            && told.stands_out.len() < TOLD
        {
            failed = true;
            told.stands_out.push(format!("nginx -t: {}", short(why)));
        }
        failed |= rest.ends_with("test failed");
        place += 1;
    }
    if failed {
        told.about = "nginx";
        if told.stands_out.is_empty() {
            told.stands_out.push("nginx -t: the configuration is refused".to_owned());
        }
    }
    (place > here.at).then(|| (place - here.at, told))
}

/// `AH00526: Syntax error on line 12 of /etc/apache2/…:`, and the reason in the next line.
fn apache(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    let line = document.line(here.at).trim();
    let mut told = Told { tool: "apache", ..Told::default() };
    if line == "Syntax OK" {
        return Some((1, told));
    }
    let at = line.find("Syntax error on line ").filter(|at| *at < 60)?;
    let place = line.get(at..)?.trim_end_matches(':');
    let why = document.line(here.at + 1).trim();
    told.stands_out.push(format!("apachectl configtest: {}: {}", short(place), short(why)));
    told.about = "apache";
    Some((if why.is_empty() { 1 } else { 2 }, told))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stands_out, taken};

    #[test]
    fn why_a_configuration_is_refused_is_told() {
        let text = "nginx: [warn] conflicting server name \"shop.example\" on 0.0.0.0:80, ignored\nnginx: [emerg] unknown directive \"lisen\" in /etc/nginx/sites-enabled/shop:3\nnginx: configuration file /etc/nginx/nginx.conf test failed\n";
        assert_eq!(stands_out(text), ["nginx -t: unknown directive \"lisen\" in /etc/nginx/sites-enabled/shop:3"]);
        let fine = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n";
        let (lines, told) = taken(super::take, fine).unwrap();
        assert_eq!((lines, told.stands_out.len()), (2, 0));
        let text = "AH00526: Syntax error on line 12 of /etc/apache2/sites-enabled/shop.conf:\nSSLCertificateFile: file '/etc/ssl/shop.pem' does not exist or is empty\n";
        assert_eq!(
            stands_out(text),
            [
                "apachectl configtest: Syntax error on line 12 of /etc/apache2/sites-enabled/shop.conf: SSLCertificateFile: file '/etc/ssl/shop.pem' does not exist or is empty"
            ]
        );
    }
}
