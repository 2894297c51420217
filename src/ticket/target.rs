//! Where a ticket is: `github:owner/repo#7`, `mailto:a@b` and the like.

use std::fmt;
use std::str::FromStr;

use lettre::Address;

use super::http;

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Mailboxes.
    Mail(Vec<Address>),
    /// An issue or pull request on GitHub.
    GitHub {
        /// The owner.
        owner: String,
        /// The repository.
        repo: String,
        /// The number.
        number: u64,
    },
    /// An issue on GitLab.
    GitLab {
        /// The path of the project, groups included.
        project: String,
        /// The number.
        number: u64,
    },
    /// An issue in Jira.
    Jira {
        /// Its key: `OPS-17`.
        key: String,
    },
    /// A URL that takes JSON.
    Webhook(String),
}

/// A target that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no place for a ticket: {why}")]
pub struct BadTarget {
    text: String,
    why: String,
}

const FORMS: &str = "write it like mailto:ops@example.org, github:owner/repo#7, gitlab:group/project#7, jira:OPS-7 or https://host/hook";
/// Mailboxes of one mail.
const MOST_MAILBOXES: usize = 32;

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        // A webhook's address is a secret of its own: it is not repeated.
        let shown = if text.contains("://") { text.split("://").next().unwrap_or_default() } else { text };
        let bad = |why: &str| BadTarget { text: shown.chars().take(80).collect(), why: why.to_owned() };
        let name = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        };
        let issue = |rest: &str| -> Result<(String, u64), BadTarget> {
            let (path, number) =
                rest.split_once('#').ok_or_else(|| bad("the number of the issue is missing; add #7"))?;
            let number = number.parse().map_err(|_| bad("behind # stands the number of the issue"))?;
            Ok((path.to_owned(), number))
        };
        match text.split_once(':') {
            Some(("mailto", rest)) => {
                let mailbox = |text: &str| -> Result<Address, BadTarget> {
                    let text = text.trim();
                    let parsed = text.parse().ok().filter(|_| text.is_ascii());
                    parsed.ok_or_else(|| bad(&format!("`{text}` is no mailbox; write it like ops@example.org")))
                };
                let boxes = rest.split(',').map(mailbox).collect::<Result<Vec<Address>, BadTarget>>()?;
                if boxes.len() > MOST_MAILBOXES {
                    return Err(bad(&format!("more than {MOST_MAILBOXES} mailboxes")));
                }
                Ok(Target::Mail(boxes))
            }
            Some(("github", rest)) => {
                let (path, number) = issue(rest)?;
                match path.split_once('/') {
                    Some((owner, repo)) if name(owner) && name(repo) => {
                        Ok(Target::GitHub { owner: owner.to_owned(), repo: repo.to_owned(), number })
                    }
                    _ => Err(bad("before # stands owner/repository")),
                }
            }
            Some(("gitlab", rest)) => {
                let (project, number) = issue(rest)?;
                let parts = project.split('/').count();
                if (2..=20).contains(&parts) && project.split('/').all(name) {
                    Ok(Target::GitLab { project, number })
                } else {
                    Err(bad("before # stands group/project"))
                }
            }
            Some(("jira", key)) => {
                let (project, number) = key.split_once('-').unwrap_or_default();
                let good = project.starts_with(|c: char| c.is_ascii_alphabetic())
                    && project.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !number.is_empty()
                    && key.len() <= 64
                    && number.bytes().all(|byte| byte.is_ascii_digit());
                if good { Ok(Target::Jira { key: key.to_owned() }) } else { Err(bad("a key of Jira is like OPS-7")) }
            }
            Some(("http" | "https", _)) => match http::validate(text) {
                Ok(_) => Ok(Target::Webhook(text.to_owned())),
                Err(why) => Err(bad(&why)),
            },
            _ => Err(bad(FORMS)),
        }
    }
}

impl fmt::Display for Target {
    /// Without what is secret: the path of a webhook often is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Mail(to) => {
                let boxes: Vec<&str> = to.iter().map(AsRef::as_ref).collect();
                write!(f, "mailto:{}", boxes.join(","))
            }
            Target::GitHub { owner, repo, number } => write!(f, "github:{owner}/{repo}#{number}"),
            Target::GitLab { project, number } => write!(f, "gitlab:{project}#{number}"),
            Target::Jira { key } => write!(f, "jira:{key}"),
            Target::Webhook(url) => f.write_str(&http::host_of(url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_shown() {
        for text in ["mailto:a@b.org", "mailto:a@b,c+d@e", "github:o/r.x#7", "gitlab:g/h/p#12", "jira:OPS-17"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        let hook: Target = "https://hooks.example.org/services/secret".parse().unwrap();
        assert_eq!(hook.to_string(), "https://hooks.example.org");
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_way_out() {
        for (text, why) in [
            ("ops@example.org", "write it like"),
            ("mailto:a b@c", "no mailbox"),
            ("mailto:a@b>\r\nRCPT TO:<x@y", "no mailbox"),
            ("github:o/r", "number"),
            ("github:o#7", "owner/repository"),
            ("github:o/../r#7", "owner/repository"),
            ("gitlab:p#1", "group/project"),
            ("jira:OPS", "OPS-7"),
            ("jira:OPS-1/../../x", "OPS-7"),
            ("http://example.org/hook", "https"),
            ("ftp://example.org/", "write it like"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
