//! One form of a pattern: an expression, whose lines it is about, and what it captures.

use std::sync::OnceLock;

use crate::case::{Gap, Reason};

use super::bad;
use super::reading::reading;
use crate::probe::logs::frame::LineFrame;
use crate::probe::logs::kind::Kind;
use crate::probe::logs::single::{BadPattern, Single};
use crate::probe::logs::usual;
use crate::probe::logs::wanted::{Bound, Wanted};

/// Programs and loggers cut messages at 1 KiB, headers included. Of one that may have been cut, the end is not the program's own
/// any more: an expression that goes to the end captures nothing from it.
pub(super) const MAYBE_CUT: usize = 900;

/// One form of a pattern.
#[derive(Debug)]
pub(super) struct Form {
    /// Which pattern it is of.
    pub pattern: usize,
    /// Whose lines it is about; none where any line counts.
    pub bound: Option<Bound>,
    /// Its expression; none where every request of an access log counts.
    pub text: Option<String>,
    /// Whether it is that of a built-in pattern, as it is.
    pub built_in: bool,
    /// Compiled by itself: of few at once, of built-in ones when a line first needs it.
    pub single: OnceLock<Option<Single>>,
    /// What it captures: the place among the pattern's groups, and where the text comes from.
    pub parts: Vec<(usize, Part)>,
}

/// Where a captured text comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// A group of the expression, by its number.
    Group(usize),
    Client,
    Path,
    Agent,
    Status,
    Forwarded,
}

/// What is captured of each request, unless the expression has a group of that name.
const OF_REQUESTS: &[(&str, Part)] = &[
    ("client", Part::Client),
    ("path", Part::Path),
    ("agent", Part::Agent),
    ("status", Part::Status),
    ("forwarded", Part::Forwarded),
];

impl Form {
    /// The forms of a pattern; the names of what they capture are added to its groups.
    pub(super) fn of(name: &str, pattern: usize, wanted: &Wanted, groups: &mut Vec<String>) -> Result<Vec<Self>, Gap> {
        let built_in = matches!(wanted, Wanted::Bound(bound) if bound.expression.is_none());
        let each = match wanted {
            Wanted::Free(text) => vec![(Some(text.clone()), None)],
            Wanted::Bound(bound) => {
                let each = resolved(name, bound)?.into_iter();
                each.map(|bound| (bound.expression.clone(), Some(bound))).collect()
            }
        };
        let mut place = |name: &str| {
            groups.iter().position(|group| group == name).unwrap_or_else(|| {
                groups.push(name.to_owned());
                groups.len() - 1
            })
        };
        let mut forms = Vec::with_capacity(each.len());
        for (text, bound) in each {
            let mut parts = Vec::new();
            if let Some(text) = &text {
                let read = reading(text, built_in);
                let named = read.groups().map_err(|error| bad(name, error))?;
                parts.extend(named.iter().map(|group| (place(&group.name), Part::Group(group.index))));
            }
            if bound.as_ref().is_some_and(of_requests) {
                for (name, part) in OF_REQUESTS {
                    let place = place(name);
                    if parts.iter().all(|(taken, _)| *taken != place) {
                        parts.push((place, *part));
                    }
                }
            }
            forms.push(Form { pattern, bound, text, built_in, single: OnceLock::new(), parts });
        }
        Ok(forms)
    }

    /// Whether it is about requests.
    pub(super) fn of_requests(&self) -> bool {
        self.bound.as_ref().is_some_and(of_requests)
    }

    /// Whether lines of whatever program count, and no requests.
    pub(super) fn of_any_program(&self) -> bool {
        self.bound.as_ref().is_some_and(|bound| !bound.names_author())
    }

    /// Compiles it by itself.
    pub(super) fn compile(&self) -> Result<Option<Single>, BadPattern> {
        let Some(text) = &self.text else { return Ok(None) };
        if self.bound.is_some() { Single::compile_at_beginning(text) } else { Single::compile(text) }.map(Some)
    }

    /// What a whole line holds that may match.
    pub(super) fn in_line(&self) -> Option<String> {
        let text = self.text.as_ref()?;
        if self.bound.is_none() {
            return Some(text.clone());
        }
        let text = text.strip_prefix(".*?").unwrap_or(text);
        // A message that is told with how often it came has a bracket behind it.
        Some(match text.strip_suffix('$').filter(|rest| !rest.ends_with('\\')) {
            Some(rest) => format!(r"(?:{rest})(?:\]\s*)?$"),
            None => text.to_owned(),
        })
    }

    /// Whether a line that the file's origin or the frame names counts.
    pub(super) fn is_about(&self, kind: Kind, origin: Option<&str>, frame: &LineFrame<'_>) -> bool {
        let Some(bound) = &self.bound else { return true };
        let in_place = match bound.kind {
            Some(Kind::Kernel) => frame.is_kernel(),
            Some(wanted) => frame.kind == wanted,
            None => true,
        };
        // A logger's file holds lines of loggers, and an application's file none.
        let fits = match frame.kind {
            Kind::Syslog => kind == Kind::Syslog,
            Kind::Kernel => matches!(kind, Kind::Kernel | Kind::Syslog),
            _ => kind == Kind::Application,
        };
        let program = frame.program.or(origin.filter(|_| frame.kind == Kind::Application).map(str::as_bytes));
        let named = bound.program.is_empty()
            || program.is_some_and(|program| bound.program.iter().any(|wanted| wanted.as_bytes() == program));
        in_place && fits && named
    }

    /// Whether the program's own words at the end of the message may be missing.
    pub(super) fn is_cut(&self, message: &[u8]) -> bool {
        message.len() > MAYBE_CUT && self.text.as_ref().is_some_and(|text| text.ends_with('$'))
    }
}

fn of_requests(bound: &Bound) -> bool {
    bound.kind == Some(Kind::Access)
}

/// The pattern as it is asked for, in each form, with what the built-in one of that name says where it says nothing.
fn resolved(name: &str, bound: &Bound) -> Result<Vec<Bound>, Gap> {
    let refused = |why: &str, to_fix: &str| {
        Err(Gap::new(Reason::Malformed, format!("understand the pattern `{name}`"), why).to_fix(to_fix))
    };
    let usual = if bound.expression.is_none() { usual::by_name(name) } else { None };
    let forms = match usual {
        Some(forms) => {
            let completed = |mut form: Bound| {
                form.kind = bound.kind.or(form.kind);
                if !bound.program.is_empty() {
                    form.program.clone_from(&bound.program);
                }
                form
            };
            forms.into_iter().map(completed).collect()
        }
        None => vec![bound.clone()],
    };
    for form in &forms {
        let access = of_requests(form);
        if !access && form.expression.is_none() {
            return refused("it has no `match`", "give it an expression, or the name of a built-in pattern");
        }
        if access && !form.program.is_empty() {
            return refused("requests of an access log name no program", "leave `program` out");
        }
    }
    Ok(forms)
}
