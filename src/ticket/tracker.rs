//! The programming interfaces of GitHub, GitLab and Jira, as far as a comment needs them.

use serde_json::{Value, json};

use super::cut::cut;
use super::http::{Failure, Request, Scheme, path_part};
use super::target::Target;
use super::{DeliveryConfig, TicketReport};

/// Comments of a page.
const PAGE: usize = 100;

/// A comment that is there.
pub struct Comment {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// An issue that takes comments.
pub struct IssueTracker {
    kind: Kind,
    /// Where its comments are listed and written.
    comments: String,
    /// Where a single comment is updated, its id to be added.
    comment: String,
    /// Where files are uploaded. GitHub takes none from programs.
    files: Option<String>,
    /// Where the files of the issue are listed.
    listed: Option<String>,
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// REST, 2022-11-28: `GET|POST /repos/O/R/issues/N/comments`, `PATCH /repos/O/R/issues/comments/ID`.
    GitHub,
    /// REST v4: `GET|POST /projects/P/issues/N/notes`, `PUT /projects/P/issues/N/notes/ID`.
    GitLab,
    /// REST 2, of Cloud and Data Center: `GET|POST /issue/KEY/comment`, `PUT /issue/KEY/comment/ID`.
    Jira,
}

impl IssueTracker {
    /// The tracker of a target that is an issue.
    pub fn of(target: &Target, config: &DeliveryConfig) -> Result<Self, Failure> {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        let tracker = match target {
            Target::GitHub { owner, repo, number } => {
                let repo = format!("{}/repos/{}/{}/issues", base(&config.github), path_part(owner), path_part(repo));
                IssueTracker {
                    kind: Kind::GitHub,
                    comments: format!("{repo}/{number}/comments"),
                    comment: format!("{repo}/comments"),
                    files: None,
                    listed: None,
                    scheme: Scheme::Bearer,
                }
            }
            Target::GitLab { project, number } => {
                let project = format!("{}/api/v4/projects/{}", base(&config.gitlab), path_part(project));
                let notes = format!("{project}/issues/{number}/notes");
                IssueTracker {
                    kind: Kind::GitLab,
                    comments: notes.clone(),
                    comment: notes,
                    files: Some(format!("{project}/uploads")),
                    listed: None,
                    scheme: Scheme::Bare,
                }
            }
            Target::Jira { key } => {
                let Some(url) = &config.jira else {
                    return Err(Failure::Usage("where is Jira? Set CASEBOOK_JIRA_URL to https://…".into()));
                };
                let issue = format!("{}/rest/api/2/issue/{}", base(url), path_part(key));
                let comments = format!("{issue}/comment");
                let scheme = if config.credential.user.is_some() { Scheme::Basic } else { Scheme::Bearer };
                IssueTracker {
                    kind: Kind::Jira,
                    comments: comments.clone(),
                    comment: comments,
                    files: Some(format!("{issue}/attachments")),
                    listed: Some(format!("{issue}?fields=attachment")),
                    scheme,
                }
            }
            other => return Err(Failure::Usage(format!("{other} has no comments"))),
        };
        super::http::validate(&tracker.comments)
            .map_err(|why| Failure::Usage(format!("{}: {why}", tracker.comments)))?;
        Ok(tracker)
    }

    /// That there is a token to send.
    pub fn validate_credential(&self, config: &DeliveryConfig) -> Result<(), Failure> {
        let (who, variable) = match self.kind {
            Kind::GitHub => ("GitHub", "GITHUB_TOKEN"),
            Kind::GitLab => ("GitLab", "GITLAB_TOKEN"),
            Kind::Jira => ("Jira", "JIRA_TOKEN (and JIRA_USER for Jira Cloud)"),
        };
        match config.credential.secret() {
            Some(_) => Ok(()),
            None => {
                Err(Failure::Usage(format!("{who} wants a token: set {variable}, or name its file by --token-file")))
            }
        }
    }

    fn request(&self, method: &'static str, url: String, body: Option<Value>) -> Request {
        let mut headers = match self.kind {
            Kind::GitHub => vec![
                ("Accept", "application/vnd.github+json".to_owned()),
                ("X-GitHub-Api-Version", "2022-11-28".to_owned()),
            ],
            Kind::GitLab | Kind::Jira => vec![("Accept", "application/json".to_owned())],
        };
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let header = if self.kind == Kind::GitLab { "PRIVATE-TOKEN" } else { "Authorization" };
        let body = body.map(|body| body.to_string().into_bytes());
        Request { method, url, headers, authorization: Some((header, self.scheme)), body }
    }

    /// A page of the comments, the oldest first; pages are counted from 1.
    pub fn list(&self, page: u32) -> Request {
        let url = &self.comments;
        let query = match self.kind {
            Kind::GitHub => format!("per_page={PAGE}&page={page}"),
            Kind::GitLab => format!("sort=asc&order_by=created_at&per_page={PAGE}&page={page}"),
            Kind::Jira => {
                format!("startAt={}&maxResults={PAGE}&orderBy=created", (page as usize).saturating_sub(1) * PAGE)
            }
        };
        self.request("GET", format!("{url}?{query}"), None)
    }

    /// The comments of a page, and whether it is the last.
    pub fn comments(&self, body: &Value, page: u32) -> (Vec<Comment>, bool) {
        let list = if self.kind == Kind::Jira { body.get("comments") } else { Some(body) };
        let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let comments = list.iter().filter_map(|comment| {
            let id = match comment.get("id")? {
                Value::String(id) => id.clone(),
                id => id.as_u64()?.to_string(),
            };
            let text = comment.get("body")?.as_str()?.to_owned();
            // It becomes a part of a path.
            id.bytes().all(|byte| byte.is_ascii_digit()).then_some(Comment { id, text })
        });
        let last = match body.get("total").and_then(Value::as_u64) {
            Some(total) => (page as usize * PAGE) as u64 >= total,
            None => list.len() < PAGE,
        };
        (comments.collect(), last)
    }

    /// Writes a new comment.
    pub fn create(&self, text: &str) -> Request {
        self.request("POST", self.comments.clone(), Some(json!({ "body": text })))
    }

    /// Updates a comment.
    pub fn update(&self, id: &str, text: &str) -> Request {
        let method = if self.kind == Kind::GitHub { "PATCH" } else { "PUT" };
        self.request(method, format!("{}/{id}", self.comment), Some(json!({ "body": text })))
    }

    /// Uploads a file, where files are taken.
    pub fn upload(&self, name: &str, content: &str) -> Option<Request> {
        let url = self.files.clone()?;
        // A case is JSON on one line, which begins with no dash.
        let boundary = "--------casebook-file";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/json\r\n\r\n{content}\r\n--{boundary}--\r\n"
        );
        let mut request = self.request("POST", url, None);
        request.headers.push(("Content-Type", format!("multipart/form-data; boundary={boundary}")));
        if self.kind == Kind::Jira {
            request.headers.push(("X-Atlassian-Token", "no-check".to_owned()));
        }
        request.body = Some(body.into_bytes());
        Some(request)
    }

    /// The files that the issue has, where they are listed.
    pub fn files(&self) -> Option<Request> {
        self.listed.clone().map(|url| self.request("GET", url, None))
    }

    /// Whether a list of files names this one.
    pub fn has_file(&self, body: &Value, name: &str) -> bool {
        let files = body.pointer("/fields/attachment").and_then(Value::as_array);
        files.is_some_and(|files| files.iter().any(|file| file.get("filename").and_then(Value::as_str) == Some(name)))
    }

    /// How a comment refers to a file that was uploaded; only GitLab wants that.
    pub fn reference(&self, body: &Value) -> Option<String> {
        let text = body.get("markdown").filter(|_| self.kind == Kind::GitLab)?.as_str()?;
        (text.len() <= 500 && !text.contains(char::is_control)).then(|| text.to_owned())
    }

    /// Where a comment can be seen.
    pub fn link(&self, body: &Value) -> Option<String> {
        let link = match self.kind {
            Kind::GitHub => body.get("html_url")?.as_str()?,
            Kind::GitLab => return None,
            Kind::Jira => body.get("self")?.as_str()?,
        };
        Some(crate::printable::printable(link.chars().take(300).collect::<String>()))
    }

    /// Characters that a comment may have.
    pub const fn limit(&self) -> usize {
        match self.kind {
            Kind::GitHub => 65_536,
            Kind::GitLab => 1_000_000,
            Kind::Jira => 32_767,
        }
    }

    /// How a comment of the case begins. Jira has no hidden text.
    pub fn marker(&self, id: &str) -> String {
        match self.kind {
            Kind::GitHub | Kind::GitLab => format!("<!-- casebook:{id} -->"),
            Kind::Jira => format!("casebook case {id}"),
        }
    }

    /// The comment, and whether it had to be cut.
    pub fn text(&self, report: &TicketReport) -> (String, bool) {
        let marker = self.marker(&report.id);
        let name = report.case_name();
        let rest = format!("\n… the report is longer than a comment may be; the rest is in the case ({name}).\n");
        match self.kind {
            Kind::GitHub | Kind::GitLab => cut(&format!("{marker}\n{}", report.markdown), self.limit(), &rest),
            Kind::Jira => {
                // What others wrote must not end the block and become markup.
                let text = report.text.replace("{noformat", "{ noformat");
                let frame = "{noformat}".len() * 2 + 8;
                let room = self.limit().saturating_sub(frame + marker.len());
                let (text, was_cut) = cut(&text, room, &rest);
                (format!("{marker}\n{{noformat}}\n{text}\n{{noformat}}"), was_cut)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{Credential, RetryPolicy};

    fn config() -> DeliveryConfig {
        DeliveryConfig {
            github: "https://api.github.com/".into(),
            gitlab: "https://gitlab.com".into(),
            jira: Some("https://jira.example.org".into()),
            credential: Credential::new(Some("t".into()), "X"),
            smtp: None,
            from: None,
            retry: RetryPolicy::default(),
        }
    }

    fn tracker(target: &str) -> IssueTracker {
        IssueTracker::of(&target.parse().unwrap(), &config()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_paths_are_those_that_the_interfaces_publish() {
        let update = |target: &str| tracker(target).update("9", "x");
        for (target, method, url) in [
            ("github:o/r#7", "PATCH", "https://api.github.com/repos/o/r/issues/comments/9"),
            ("gitlab:g/h/p#7", "PUT", "https://gitlab.com/api/v4/projects/g%2Fh%2Fp/issues/7/notes/9"),
            ("jira:OPS-7", "PUT", "https://jira.example.org/rest/api/2/issue/OPS-7/comment/9"),
        ] {
            assert_eq!((update(target).method, update(target).url.as_str()), (method, url));
        }
    }

    #[test]
    fn a_comment_of_jira_cannot_be_left() {
        let report = TicketReport {
            id: "1".into(),
            title: String::new(),
            summary: String::new(),
            verdict: "ok",
            host: String::new(),
            text: "a\n{noformat}\nh1. mine\n".into(),
            markdown: String::new(),
            html: None,
            case: None,
        };
        assert_eq!(tracker("jira:OPS-7").text(&report).0.matches("{noformat").count(), 2);
        let long = TicketReport { text: "line\n".repeat(20_000), ..report };
        assert!(tracker("jira:OPS-7").text(&long).0.len() <= 32_767);
    }

    #[test]
    fn an_id_that_is_no_number_is_no_comment() {
        let body = json!([{"id": "../../user", "body": "x"}, {"id": 3, "body": "y"}]);
        let (comments, last) = tracker("github:o/r#7").comments(&body, 1);
        assert_eq!((comments.len(), comments[0].id.as_str(), last), (1, "3", true));
    }
}
