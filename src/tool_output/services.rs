//! Names of ports that tools print where nobody said `-n`.

const NAMES: &[(&str, u16)] = &[
    ("echo", 7), ("discard", 9), ("daytime", 13), ("qotd", 17), ("chargen", 19), ("ftp-data", 20), ("ftp", 21), ("ssh", 22),
    ("telnet", 23), ("smtp", 25), ("time", 37), ("domain", 53), ("bootps", 67), ("bootpc", 68), ("tftp", 69), ("gopher", 70),
    ("finger", 79), ("http", 80), ("www", 80), ("www-http", 80), ("kerberos", 88), ("pop3", 110), ("sunrpc", 111), ("auth", 113),
    ("ident", 113), ("nntp", 119), ("ntp", 123), ("epmap", 135), ("loc-srv", 135), ("netbios-ns", 137), ("netbios-dgm", 138),
    ("netbios-ssn", 139), ("imap2", 143), ("imap", 143), ("snmp", 161), ("snmp-trap", 162), ("snmptrap", 162), ("xdmcp", 177),
    ("bgp", 179), ("irc", 194), ("ldap", 389), ("svrloc", 427), ("https", 443), ("microsoft-ds", 445), ("isakmp", 500), ("shell", 514),
    ("syslog", 514), ("printer", 515), ("router", 520), ("ntalk", 518), ("submission", 587), ("ipp", 631), ("ldaps", 636),
    ("rsync", 873), ("imaps", 993), ("pop3s", 995), ("socks", 1080), ("openvpn", 1194), ("nessus", 1241), ("ms-sql-s", 1433),
    ("ms-sql-m", 1434), ("l2f", 1701), ("l2tp", 1701), ("pptp", 1723), ("radius", 1812), ("ssdp", 1900), ("nfs", 2049), ("mysql", 3306),
    ("ms-wbt-server", 3389), ("epmd", 4369), ("ipsec-nat-t", 4500), ("sip", 5060), ("sip-tls", 5061), ("xmpp-client", 5222),
    ("mdns", 5353), ("postgresql", 5432), ("postgres", 5432), ("amqp", 5672), ("x11", 6000), ("redis", 6379), ("ircd", 6667),
    ("http-alt", 8080), ("webcache", 8080), ("https-alt", 8443), ("nrpe", 5666), ("bacula-fd", 9102), ("git", 9418),
    ("zabbix-agent", 10050), ("memcache", 11211), ("memcached", 11211), ("munin", 4949), ("ws-discovery", 3702), ("3702", 3702),
];

/// The number of a port that is written as a number or as a name; 0 for `*`.
pub(super) fn port(text: &str) -> Option<u16> {
    if text == "*" {
        return Some(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    NAMES.iter().find(|(name, _)| *name == text).map(|(_, port)| *port)
}
