//! What a secret looks like: the one table of rules, each with what it must find and what it must leave alone.
//!
//! Every pattern is a regular expression of the `regex` crate, whose time is linear in the text. What a group matches is
//! the secret; a pattern without a group is all secret. A new rule is one entry here, with its hits and non-hits.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

/// A form that secrets take.
pub struct Rule {
    /// What is left out, as the stand-in and the messages name it: `password`.
    pub name: &'static str,
    /// How it looks; `{name}` stands for the names of settings that are secrets, `{whole name}` for them with all that may
    /// stand before.
    pattern: &'static str,
    /// What stands in every match, in whatever case: one word of each group. Nearly all texts lack them, so that nearly
    /// no expression is ever compiled or run.
    needs: &'static [&'static [&'static str]],
    /// Whether the pattern is so telling that it also counts in program text, where `password: {type: text}` is none.
    pub telling: bool,
    /// Which of the matches are meant.
    pub means: fn(&str) -> bool,
    /// Texts with a secret, and the secret.
    #[cfg(test)]
    hits: &'static [(&'static str, &'static str)],
    /// Texts without.
    #[cfg(test)]
    misses: &'static [&'static str],
}

/// Names of settings, parameters and headers whose values are secrets; anything may stand before them.
const NAMES: &str = concat!(
    r"(?:pass[_\-]?word|passwd|pass[_\-]?phrase|passcode|secret|token|credentials?|sess(?:ion)?[_\-]?id",
    r"|(?:api|access|account|auth|client|encryption|fastopen|license|master|preshared|private|shared|signing|storage)[_\-]?key",
    r"|[_\-.]pass|[_\-.]pwd|[_\-.]psk)(?:[_\-](?:id|base|value|hash|key|data)){0,3}"
);

/// What may stand before such a name.
const BEFORE_NAMES: &str = r"[0-9A-Za-z_.\-]{0,60}";

/// One of these is a part of every such name.
const IN_NAMES: &[&str] = &["pass", "secret", "token", "credential", "sess", "key", "pwd", "psk"];

/// The value behind a name: in quotes that are escaped, in quotes, or up to the next blank.
const VALUE: &str =
    r#"(?:\\+"((?:[^"\\]|\\[^"])+)|\\+'((?:[^'\\]|\\[^'])+)|"((?:[^"\\]|\\.)+)|'((?:[^'\\]|\\.)+)|(\S+))"#;

fn any(_: &str) -> bool {
    true
}

/// Not another flag, nor the path of the file that holds the secret.
fn is_word(value: &str) -> bool {
    !value.starts_with(['-', '/', '~']) && !value.starts_with("./") && is_value(value)
}

/// Not one of the words that settings of these names have when they hold no secret.
fn is_value(value: &str) -> bool {
    const NONE: &[&str] = &[
        "yes",
        "no",
        "true",
        "false",
        "on",
        "off",
        "none",
        "null",
        "nil",
        "files",
        "compat",
        "systemd",
        "sss",
        "required",
        "requisite",
        "sufficient",
        "optional",
        "expired",
        "incorrect",
        "invalid",
        "missing",
        "empty",
        "unset",
        "{",
        "[",
        "(",
        "|",
        "\"\"",
        "''",
        "*",
        "x",
        "!",
    ];
    let bare = value.trim_end_matches([',', ';', '.', ')', '}', ']']);
    !value.is_empty() && !NONE.contains(&bare.to_ascii_lowercase().as_str()) && !value.starts_with(['{', '$', '<'])
}

/// More than a plain word of a sentence, such as "bad password: ignored".
fn is_no_prose(value: &str) -> bool {
    is_value(value) && !value.trim_end_matches([',', ';', '.', ':', ')']).bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Letters with a figure among them: a token, not a word.
fn has_figure(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Every rule; where two match, the one above has its way.
pub const RULES: &[Rule] = &[
    Rule {
        name: "private key",
        // Up to its end is found in code: a bound of this size would make the expression huge.
        pattern: r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        needs: &[&["private key"]],
        telling: true,
        means: any,
        #[cfg(test)]
        hits: &[
            (
                "x -----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY----- y",
                "MIIEpAIBAAKCAQEA",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXk\\n", "b3BlbnNzaC1rZXk"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQdGBGM\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----", "lQdGBGM"),
        ],
        #[cfg(test)]
        misses: &["-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----"],
    },
    Rule {
        name: "JSON web token",
        pattern: r"\beyJ[0-9A-Za-z_\-]{8,}\.eyJ[0-9A-Za-z_\-]{4,}\.[0-9A-Za-z_\-]*",
        needs: &[&["eyj"]],
        telling: true,
        means: any,
        #[cfg(test)]
        hits: &[(
            "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVm ok",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVm",
        )],
        #[cfg(test)]
        misses: &["eyJ.eyJ.", "hey.eyJhbGciOiJI.x"],
    },
    Rule {
        name: "cloud key",
        pattern: concat!(
            r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b|\bAIza[0-9A-Za-z_\-]{35}|\bya29\.[0-9A-Za-z_\-]{20,}|\bGOCSPX-[0-9A-Za-z_\-]{20,}",
            r"|\bdop_v1_[0-9a-f]{64}|\bLTAI[0-9A-Za-z]{12,20}\b|\bhvs\.[0-9A-Za-z_\-]{24,}|\bAGE-SECRET-KEY-1[0-9A-Z]{58}"
        ),
        needs: &[&[
            "a3t",
            "akia",
            "asia",
            "abia",
            "acca",
            "aiza",
            "ya29.",
            "gocspx-",
            "dop_v1_",
            "ltai",
            "hvs.",
            "age-secret-key-1",
        ]],
        telling: true,
        means: any,
        #[cfg(test)]
        hits: &[
            ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
            ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA1234567890abcdefghijklmnopqrstuv"),
        ],
        #[cfg(test)]
        misses: &["AKIA is a prefix", "MAKIAIOSFODNN7EXAMPLEX", "/sys/AKIA0"],
    },
    Rule {
        name: "service token",
        pattern: concat!(
            r"\bgh[pousr]_[0-9A-Za-z]{30,255}|\bgithub_pat_[0-9A-Za-z_]{22,255}|\bgl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat)-[0-9A-Za-z_.\-]{20,}",
            r"|\bxox[abeoprs]-[0-9A-Za-z\-]{10,}|\bxapp-[0-9A-Za-z\-]{10,}|\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z]{16,}",
            r"|\bsk-(?:ant-|proj-|svcacct-)?[0-9A-Za-z_\-]{20,}|\bnpm_[0-9A-Za-z]{36}|\bpypi-[0-9A-Za-z_\-]{50,}|\bdckr_pat_[0-9A-Za-z_\-]{20,}",
            r"|\bhf_[0-9A-Za-z]{30,}|\bSG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}|\bATATT3[0-9A-Za-z_=\-]{50,}|\bshpat_[0-9a-f]{32}",
            r"|\b[0-9]{8,10}:AA[0-9A-Za-z_\-]{33}|\bhooks\.slack\.com/services/[0-9A-Za-z/]{20,}"
        ),
        needs: &[&[
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "glptt-",
            "gldt-",
            "glrt-",
            "glcbt-",
            "glft-",
            "glimt-",
            "glagent-",
            "glsoat-",
            "xox",
            "xapp-",
            "k_live_",
            "k_test_",
            "whsec_",
            "sk-",
            "npm_",
            "pypi-",
            "dckr_pat_",
            "hf_",
            "sg.",
            "atatt3",
            "shpat_",
            ":aa",
            "hooks.slack.com/services/",
        ]],
        telling: true,
        means: has_figure,
        #[cfg(test)]
        hits: &[
            ("using ghp_0123456789abcdefghijABCDEFGHIJ012345 now", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
            ("glpat-0123456789abcdefABCD", "glpat-0123456789abcdefABCD"),
            ("xoxb-123456789012-abcdef", "xoxb-123456789012-abcdef"),
            ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", "services/T00000000/B00000000/XXXXXXXX"),
        ],
        #[cfg(test)]
        misses: &["ghp_short", "disk-encryption-of-the-whole-machine", "risk-assessment", "npm_config_registry"],
    },
    Rule {
        name: "password",
        // `scheme://user:password@host`; a password may hold an @, so the last one counts.
        pattern: r"[A-Za-z][0-9A-Za-z+.\-]{0,20}://[^\s/?#:@]*:([^\s/?#]+)@",
        needs: &[&["://"], &["@"]],
        telling: true,
        means: is_value,
        #[cfg(test)]
        hits: &[
            ("postgres://app:s3c@ret@db:5432/x", "s3c@ret"),
            ("redis://:hunter2@10.0.0.1/0", "hunter2"),
            ("GET https://u:p%40ss@example.org/", "p%40ss"),
        ],
        #[cfg(test)]
        misses: &["https://example.org:8443/a@b", "http://[2001:db8::1]:80/", "ssh://git@example.org/x", "mailto:a@b"],
    },
    Rule {
        name: "token",
        pattern: r"[A-Za-z][0-9A-Za-z+.\-]{0,20}://([0-9A-Za-z_\-]{20,})@",
        needs: &[&["://"], &["@"]],
        telling: true,
        means: has_figure,
        #[cfg(test)]
        hits: &[(
            "git clone https://0123456789abcdef0123456789abcdef01234567@example.org/x",
            "0123456789abcdef0123456789abcdef01234567",
        )],
        #[cfg(test)]
        misses: &["https://deployment-of-the-site@example.org/"],
    },
    Rule {
        name: "password hash",
        pattern: r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9\-]{0,10})\$[0-9A-Za-z./$=,+\-]{12,}",
        needs: &[&["$"]],
        telling: true,
        means: any,
        #[cfg(test)]
        hits: &[("root:$6$saltsalt$abcdefghijklmnopqrst:19000:", "$6$saltsalt$abcdefghijklmnopqrst")],
        #[cfg(test)]
        misses: &["costs $1 or $2", "echo $1$2", "$6$"],
    },
    Rule {
        name: "authorization",
        // All that follows: a digest, or a signature, has many parts.
        pattern: r#"(?i)\b(?:proxy-|x-)?authorization\\*["']?\s{0,4}[:=]\s{0,4}\\*["']?\s{0,4}(?:digest|hawk|aws4-hmac-sha256)\s+([^\r\n]+)"#,
        needs: &[&["authorization"], &["digest", "hawk", "aws4-hmac-sha256"]],
        telling: false,
        means: any,
        #[cfg(test)]
        hits: &[(
            "Authorization: Digest username=\"a\", response=\"6629fae49393a05397450978507c4ef1\"",
            "6629fae49393a05397450978507c4ef1",
        )],
        #[cfg(test)]
        misses: &["authorization digest is on"],
    },
    Rule {
        name: "authorization",
        pattern: concat!(
            r#"(?i)\b(?:proxy-|x-)?authorization\\*["']?\s{0,4}[:=]\s{0,4}\\*["']?\s{0,4}"#,
            r#"(?:(?:basic|bearer|token|negotiate|ntlm|apikey|splunk|key)\s+)?([^\s"']+)"#
        ),
        needs: &[&["authorization"], &[":", "="]],
        telling: false,
        means: is_no_prose,
        #[cfg(test)]
        hits: &[
            ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("curl -H 'Authorization: Bearer abc.def' http://x", "abc.def"),
            ("{\"authorization\":\"Bearer Zm9v\"}", "Zm9v"),
            ("proxy-authorization=Negotiate YIIB", "YIIB"),
        ],
        #[cfg(test)]
        misses: &["authorization failed", "polkit authorization: denied"],
    },
    Rule {
        name: "authorization",
        pattern: r"(?i)\bbearer\s+([0-9A-Za-z._~+/=\-]{12,})",
        needs: &[&["bearer"]],
        telling: false,
        means: has_figure,
        #[cfg(test)]
        hits: &[("sent bearer 0123456789abcdef to it", "0123456789abcdef")],
        #[cfg(test)]
        misses: &["the bearer of authentication-details", "bearer eth0"],
    },
    Rule {
        name: "authorization",
        pattern: r"\bAUTH (?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5) ([0-9A-Za-z+/=]{8,})",
        needs: &[&["auth "]],
        telling: false,
        means: any,
        #[cfg(test)]
        hits: &[("smtp: AUTH PLAIN AHVzZXIAcGFzcw==", "AHVzZXIAcGFzcw==")],
        #[cfg(test)]
        misses: &["250-AUTH PLAIN LOGIN"],
    },
    Rule {
        name: "cookie",
        pattern: r#"(?i)\b(?:set-)?cookie2?\\*["']?\s{0,4}[:=]\s{0,4}\\*["']?([^\s=;,"']+=[^\r\n"']*)"#,
        needs: &[&["cookie"], &["="]],
        telling: false,
        means: any,
        #[cfg(test)]
        hits: &[
            ("Cookie: session=abc; theme=dark", "abc; theme=dark"),
            ("set-cookie: sid=31d4d96e407aad42; Path=/; HttpOnly", "31d4d96e407aad42"),
        ],
        #[cfg(test)]
        misses: &[
            "TCP: Possible SYN flooding on port 80. Sending cookies.",
            "net.ipv4.tcp_syncookies = 1",
            "cookie: 7f01",
        ],
    },
    Rule {
        name: "key",
        // In the query of a URL even `key` and `sig` are secrets.
        pattern: r"(?i)[?&;](?:key|sig|signature|auth|code|hmac|jwt|x-amz-(?:signature|credential|security-token)|x-goog-signature)=([^&\s#\x22']+)",
        needs: &[
            &["?", "&", ";"],
            &["key=", "sig=", "signature=", "auth=", "code=", "hmac=", "jwt=", "credential=", "token="],
        ],
        telling: false,
        means: any,
        #[cfg(test)]
        hits: &[("GET /map?zoom=3&key=s3cr3t HTTP/1.1", "s3cr3t"), ("https://b/x?sv=2022&sig=a%2Bb", "a%2Bb")],
        #[cfg(test)]
        misses: &["GET /map?zoom=3&keyboard=us", "key=1"],
    },
    Rule {
        name: "password",
        pattern: r"(?:^|\s)--?[0-9A-Za-z\-]{0,40}(?:password|passwd|passphrase|secret|token|api-?key|access-?key|auth-?key|pass|psk)\s+(\S+)",
        needs: &[&["-"], &["pass", "secret", "token", "key", "psk"]],
        telling: false,
        means: is_word,
        #[cfg(test)]
        hits: &[
            ("tool --db-password hunter2 -v", "hunter2"),
            ("x -pass pass:hunter2", "pass:hunter2"),
            ("--token abc", "abc"),
        ],
        #[cfg(test)]
        misses: &["tool --password --verbose", "x --private-key /etc/x", "--token-file /run/x", "--no-token-check now"],
    },
    Rule {
        name: "password",
        pattern: concat!(
            r"\b(?:mysql\w*|mariadb[\w\-]*)\b[^\n]{0,400}?\s-p(\S+)|\bsshpass\s+(?:-v\s+)?-p\s{0,4}(\S+)|\bredis-cli\b[^\n]{0,200}?\s-a\s+(\S+)",
            r"|\b(?:curl|wget|http)\b[^\n]{0,400}?\s(?:-u|--user|-U|--proxy-user)[\s=]{0,4}[^\s:]+:(\S+)|\bpass:(\S+)|\bhtpasswd\s+-[a-zA-Z]*b[a-zA-Z]*\s+\S+\s+\S+\s+(\S+)"
        ),
        needs: &[
            &["mysql", "mariadb", "sshpass", "redis-cli", "curl", "wget", "http", "htpasswd", "pass:"],
            &["-p", "-a", "-u", "--user", "--proxy-user", "htpasswd", "pass:"],
        ],
        telling: false,
        means: any,
        #[cfg(test)]
        hits: &[
            ("mysqldump -u root -phunter2 db", "hunter2"),
            ("sshpass -p hunter2 ssh a@b", "hunter2"),
            ("curl -s -u bob:hunter2 http://x", "hunter2"),
            ("redis-cli -h x -a hunter2 ping", "hunter2"),
            ("openssl rsa -passin pass:hunter2", "hunter2"),
            ("htpasswd -bc f bob hunter2", "hunter2"),
        ],
        #[cfg(test)]
        misses: &["mysqld --port=3306", "ssh -p 22 host", "curl -s http://x:80", "nmap -p80 x"],
    },
    Rule {
        name: "password",
        pattern: "(?i){name}[\\\\]*[\"']?\\s{0,4}(?:=>|:=|=)\\s{0,4}{value}",
        needs: &[IN_NAMES, &["="]],
        telling: false,
        means: is_value,
        #[cfg(test)]
        hits: &[
            ("DB_PASSWORD=hunter2 exec", "hunter2"),
            ("app --password=a&b;c", "a&b;c"),
            ("GET /?access_token=abc HTTP/1.1", "abc"),
            ("AccountKey=Zm9vYmFy==;Endpoint=x", "Zm9vYmFy=="),
            ("PrivateKey = aGVsbG8=", "aGVsbG8="),
            ("MYSQL_PWD=hunter2", "hunter2"),
            ("SECRET_KEY_BASE='a b c'", "a b c"),
            ("password => \"a\\\"b\"", "a\\\"b"),
        ],
        #[cfg(test)]
        misses: &[
            "PWD=/root",
            "OLDPWD=/",
            "tokens=5",
            "secretary=bob",
            "password =",
            "password=no",
            "net.core.somaxconn=1",
        ],
    },
    Rule {
        name: "password",
        pattern: "(?i){name}(?:[\\\\]*[\"']\\s{0,4}:\\s{0,4}|:)(?:[\\\\]+\"((?:[^\"\\\\]|[\\\\][^\"])+)|\"((?:[^\"\\\\]|[\\\\].)+)|'((?:[^'\\\\]|[\\\\].)+)|([^\\s\"':][^\\s\"']*))",
        needs: &[IN_NAMES, &[":"]],
        telling: false,
        means: is_value,
        #[cfg(test)]
        hits: &[
            ("{\"user\":\"a\",\"password\":\"hunter2\"}", "hunter2"),
            ("body {\\\"token\\\":\\\"hunter2\\\",\\\"a\\\":1}", "hunter2"),
            ("{'api_key': 'k v'}", "k v"),
            ("x-api-key:abc", "abc"),
        ],
        #[cfg(test)]
        misses: &["passwd: files systemd", "a secret: set it", "password::reset"],
    },
    Rule {
        name: "password",
        // A line that is nothing but a setting.
        pattern: "(?im)^\\s{0,40}(?:-\\s+)?[\"']?{whole name}[\"']?:[ \\t]+([^\\r\\n]+)",
        needs: &[IN_NAMES, &[":"]],
        telling: false,
        means: is_setting,
        #[cfg(test)]
        hits: &[("password: swordfish", "swordfish"), ("  db_password:  \"a b\"", "a b"), ("X-Auth-Token: abc", "abc")],
        #[cfg(test)]
        misses: &[
            "passwd:  files systemd",
            "password: expired",
            "secret: dir of the machine that is read",
            "token: {type: text}",
        ],
    },
    Rule {
        name: "password",
        pattern: "(?i){name}:\\s{1,4}(\\S+)",
        needs: &[IN_NAMES, &[":"]],
        telling: false,
        means: is_no_prose,
        #[cfg(test)]
        hits: &[("login with password: hunter2 done", "hunter2"), ("new API-Key: AbC", "AbC")],
        #[cfg(test)]
        misses: &["bad password: ignored", "error: invalid token: retry", "no secret: none"],
    },
];

/// The value of a line that is a setting: one word, or in quotes. More words are a sentence.
fn is_setting(value: &str) -> bool {
    let quoted = value.starts_with(['"', '\'']);
    is_value(value) && (quoted || !value.trim().contains(char::is_whitespace))
}

/// A set of words, a bit for each.
type Words = u128;

/// The words that rules need, and which of them each rule needs.
struct Needs {
    words: AhoCorasick,
    /// One of each set, for each rule.
    of_rules: Vec<Vec<Words>>,
    in_names: Words,
}

/// None would mean that there are too many words, which a test excludes.
static NEEDS: LazyLock<Option<Needs>> = LazyLock::new(|| {
    // Outside of ASCII, these two count as the same letter as an `s` and a `k`: they make every rule possible.
    let mut all: Vec<&str> = vec!["\u{17f}", "\u{212a}"];
    let mut set = |words: &[&'static str]| {
        words.iter().try_fold(0b11, |set: Words, word| {
            let place = all.iter().position(|other| other == word).unwrap_or_else(|| {
                all.push(word);
                all.len() - 1
            });
            Some(set | (1 as Words).checked_shl(u32::try_from(place).ok()?)?)
        })
    };
    let in_names = set(IN_NAMES)?;
    let of_rules: Option<_> =
        RULES.iter().map(|rule| rule.needs.iter().map(|words| set(words)).collect::<Option<_>>()).collect();
    let words = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&all).ok()?;
    Some(Needs { words, of_rules: of_rules?, in_names })
});

impl Needs {
    /// The words in a text.
    fn found(&self, text: &str) -> Words {
        if !self.words.is_match(text) {
            return 0;
        }
        let places = self.words.find_overlapping_iter(text).map(|word| word.pattern().as_u32());
        places.fold(0, |set, place| set | (1 as Words).checked_shl(place).unwrap_or(0))
    }
}

/// The rules that match the text, by their place in [`RULES`], of those that `wanted` lets count; an error when one of them
/// does not compile, which a test excludes.
pub fn matching(text: &str, wanted: impl Fn(&Rule) -> bool) -> Result<Vec<(usize, &'static Regex)>, Broken> {
    let needs = NEEDS.as_ref().ok_or(Broken)?;
    let found = needs.found(text);
    let mut matching = Vec::new();
    if found == 0 {
        return Ok(matching);
    }
    for (index, (rule, needed)) in RULES.iter().zip(&needs.of_rules).enumerate() {
        if wanted(rule) && needed.iter().all(|words| found & words != 0) {
            let regex = compiled(index).ok_or(Broken)?;
            if regex.is_match(text) {
                matching.push((index, regex));
            }
        }
    }
    Ok(matching)
}

/// A rule does not compile.
#[derive(Debug)]
pub struct Broken;

/// A rule's expression, compiled when it is first needed.
fn compiled(index: usize) -> Option<&'static Regex> {
    static COMPILED: [OnceLock<Option<Regex>>; RULES.len()] = [const { OnceLock::new() }; RULES.len()];
    let compile = || Regex::new(&expression(RULES.get(index)?.pattern)).ok();
    COMPILED.get(index)?.get_or_init(compile).as_ref()
}

/// A pattern with what its words in braces stand for.
fn expression(pattern: &str) -> String {
    let whole = format!("{BEFORE_NAMES}{NAMES}");
    pattern.replace("{whole name}", &whole).replace("{name}", NAMES).replace("{value}", VALUE)
}

/// Whether a name is that of a secret, and nothing else.
pub fn is_name(name: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!("(?i)^(?:{BEFORE_NAMES}{NAMES}|password|pass|pwd|psk)$")).ok());
    NEEDS.as_ref().is_none_or(|needs| needs.found(name) & needs.in_names != 0)
        && NAME.as_ref().is_none_or(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::secret;

    #[test]
    fn every_rule_finds_what_it_is_for() {
        let mut faults = Vec::new();
        for rule in RULES {
            assert!(!rule.hits.is_empty() && !rule.misses.is_empty(), "{}", rule.name);
            for (text, hidden) in rule.hits {
                let clean = secret::without(text, false);
                match clean {
                    Some((clean, _)) if !clean.contains(hidden) => {}
                    other => faults.push(format!("{}: {text} -> {other:?}", rule.name)),
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn every_rule_leaves_the_rest_alone() {
        let mut faults = Vec::new();
        for rule in RULES {
            for text in rule.misses {
                if let Some((clean, _)) = secret::without(text, false) {
                    faults.push(format!("{}: {text} -> {clean}", rule.name));
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Texts that an expression matches, made from it. What it looks at without taking it is left out.
    fn generated(pattern: &str) -> impl proptest::strategy::Strategy<Value = String> {
        let bare = expression(pattern).replace(r"\b", "").replace("^", "").replace("(?im)", "(?i)");
        let bare =
            bare.replace("[\\w", "[a-z").replace(r"\w", "[a-z]").replace(r"[^\s", "[a-z").replace(r"\S", "[a-z]");
        proptest::string::string_regex(&bare).unwrap()
    }

    #[test]
    fn what_a_rule_needs_stands_in_every_text_that_it_matches() {
        use proptest::strategy::{Strategy, ValueTree};
        let needs = NEEDS.as_ref().unwrap();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for (rule, needed) in RULES.iter().zip(&needs.of_rules) {
            let possible = |text: &str| {
                let found = needs.found(text);
                needed.iter().all(|words| found & words != 0)
            };
            for (text, _) in rule.hits {
                assert!(possible(text), "{}: {text}", rule.name);
            }
            let texts = generated(rule.pattern);
            for _ in 0..64 {
                let text = texts.new_tree(&mut runner).unwrap().current();
                assert!(possible(&text), "{}, {}: {text:?}", rule.name, rule.pattern);
            }
        }
    }

    #[test]
    fn letters_that_count_as_others_hide_no_secret() {
        assert!(
            is_name("to\u{212a}en") && is_name("pa\u{17f}\u{17f}word") && is_name("DB_Password") && !is_name("state")
        );
        assert!(secret::without("pa\u{17f}\u{17f}word=hunter2", false).is_some());
    }

    #[test]
    fn telling_rules_need_no_context() {
        for rule in RULES.iter().filter(|rule| rule.telling) {
            for (text, hidden) in rule.hits {
                let (clean, _) = secret::without(text, true).unwrap_or_else(|| panic!("{text}"));
                assert!(!clean.contains(hidden), "{clean}");
            }
        }
    }
}
