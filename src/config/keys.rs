//! What can stand in a file: one table, from which files are judged and the reference is made.

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// Any text.
    Text,
    /// The path of a file.
    Path,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list of these words.
    Words(fn() -> Vec<&'static str>),
}

/// A key that a section can have.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section: `report`, `tracker.github`.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// The flag and the variable of the environment that go before it.
    pub before: &'static str,
    /// What it is.
    pub about: &'static str,
}

impl Key {
    /// The key with its section: `report.format`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// What it takes, in words.
    pub fn takes_word(&self) -> String {
        match self.takes {
            Takes::Text => "text".to_owned(),
            Takes::Path => "path".to_owned(),
            Takes::Flag => "`true` or `false`".to_owned(),
            Takes::Word(words) => format!("one of {}", words().join(", ")),
            Takes::Words(words) => format!("list of {}", words().join(", ")),
        }
    }
}

const fn key(
    section: &'static str,
    name: &'static str,
    takes: Takes,
    before: &'static str,
    about: &'static str,
) -> Key {
    Key { section, name, takes, before, about }
}

fn formats() -> Vec<&'static str> {
    crate::report::RENDERERS.iter().map(|renderer| renderer.name()).collect()
}

/// Every key but those of `[params]`, which are the names of parameters.
pub const KEYS: &[Key] = &[
    key("report", "format", Takes::Word(formats), "`--format`", "The format of what is printed."),
    key("report", "color", Takes::Word(|| vec!["auto", "always", "never"]), "`--color`", "When to use colours."),
    key("report", "verbose", Takes::Flag, "`--verbose`", "Say more."),
    key(
        "report",
        "redact",
        Takes::Words(|| vec!["addresses", "users", "hosts"]),
        "`--redact`",
        "What gets pseudonyms in reports, saved cases and tickets.",
    ),
    key("report", "redact_map", Takes::Path, "`--redact-map`", "Where pseudonyms are kept."),
    key("mail", "server", Takes::Text, "`--smtp`, `CASEBOOK_SMTP`", "The mail server: `mail.example.org:587`."),
    key("mail", "from", Takes::Text, "`--from`, `CASEBOOK_SMTP_FROM`", "The sender."),
    key("mail", "user", Takes::Text, "`CASEBOOK_SMTP_USER`", "The user of the mail server."),
    key("mail", "password_file", Takes::Path, "`--token-file`, `CASEBOOK_SMTP_PASSWORD`", PASSWORD_FILE),
    key("mail", "password_env", Takes::Text, "`--token-file`, `CASEBOOK_SMTP_PASSWORD`", PASSWORD_ENV),
    key("tracker.github", "url", Takes::Text, "`GITHUB_API_URL`", "The base of GitHub's API."),
    key("tracker.github", "token_file", Takes::Path, "`--token-file`, `GITHUB_TOKEN`, `GH_TOKEN`", TOKEN_FILE),
    key("tracker.github", "token_env", Takes::Text, "`--token-file`, `GITHUB_TOKEN`, `GH_TOKEN`", TOKEN_ENV),
    key("tracker.gitlab", "url", Takes::Text, "`CASEBOOK_GITLAB_URL`", "The base of GitLab."),
    key("tracker.gitlab", "token_file", Takes::Path, "`--token-file`, `GITLAB_TOKEN`", TOKEN_FILE),
    key("tracker.gitlab", "token_env", Takes::Text, "`--token-file`, `GITLAB_TOKEN`", TOKEN_ENV),
    key("tracker.jira", "url", Takes::Text, "`CASEBOOK_JIRA_URL`", "The base of Jira."),
    key("tracker.jira", "user", Takes::Text, "`JIRA_USER`", "The user, for Jira Cloud."),
    key("tracker.jira", "token_file", Takes::Path, "`--token-file`, `JIRA_TOKEN`", TOKEN_FILE),
    key("tracker.jira", "token_env", Takes::Text, "`--token-file`, `JIRA_TOKEN`", TOKEN_ENV),
    key("tracker.webhook", "token_file", Takes::Path, "`--token-file`, `CASEBOOK_WEBHOOK_TOKEN`", TOKEN_FILE),
    key("tracker.webhook", "token_env", Takes::Text, "`--token-file`, `CASEBOOK_WEBHOOK_TOKEN`", TOKEN_ENV),
];

const TOKEN_FILE: &str = "A file that holds the token, which only its owner may read.";
const TOKEN_ENV: &str = "The variable of the environment that holds the token.";
const PASSWORD_FILE: &str = "A file that holds the password, which only its owner may read.";
const PASSWORD_ENV: &str = "The variable of the environment that holds the password.";

/// The sections, and what each is for.
pub const SECTIONS: &[(&str, &str)] = &[
    ("params", "Defaults of parameters, for every runbook and check that has one of the name"),
    ("report", "How reports look, and what they leave out"),
    ("mail", "How `attach` sends mail"),
    ("tracker", "How `attach` reaches issue trackers and webhooks"),
];

/// What holds a secret in files of other programs, and never in this one.
pub(super) const SECRETS: &[(&str, &str)] =
    &[("token", "token_file or token_env"), ("password", "password_file or password_env")];
