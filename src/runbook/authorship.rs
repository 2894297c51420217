//! Whether a runbook or check is the one that this casebook carries: then nobody else can have written its commands.

use std::sync::Arc;

use super::compose::{COMPOSED, compose};
use super::library::{self, Kind};
use super::load::{load_found, load_head, load_recorded, wrap_check};
use super::model::{Check, Runbook};
use crate::case::{Choice, RunbookRef};
use crate::sys::trust::Trust;

impl Check {
    /// Whether its text is that of the shipped check of its name.
    pub fn is_shipped(&self) -> bool {
        let shipped = library::embedded(Kind::Check);
        shipped.iter().any(|found| found.name == self.name && found.text == self.script.text)
    }
}

impl Runbook {
    /// Whether its text is that of the shipped runbook of its name, and its checks are shipped, too.
    pub fn is_shipped(&self) -> bool {
        let own = match &self.wraps_check {
            // It was read out of this program a moment ago.
            _ if self.ships => true,
            // One that was picked alone is itself.
            None if self.choice.is_some() && self.name == COMPOSED => {
                self.choice.as_ref().is_some_and(|choice| self.is_made_of_shipped(choice))
            }
            Some(_) => {
                let mut checks = self.checks();
                let check = checks.next().filter(|_| checks.next().is_none());
                check
                    .and_then(|check| wrap_check(&Arc::clone(check)).ok())
                    .is_some_and(|wrapped| wrapped.text() == self.text())
            }
            None => library::embedded(Kind::Runbook).into_iter().filter(|found| found.name == self.name).any(|found| {
                found.text == self.text()
                    || load_found(&found, Trust::Required).is_ok_and(|it| it.text() == self.text())
            }),
        };
        own && self.checks().all(|check| check.is_shipped())
    }
}

impl Runbook {
    /// Whether the shipped runbooks of which it says that it was made are all that is in it.
    fn is_made_of_shipped(&self, choice: &Choice) -> bool {
        let shipped = library::embedded(Kind::Runbook);
        let members: Option<Vec<Runbook>> = choice
            .picked
            .iter()
            .map(|picked| shipped.iter().find(|found| found.name == picked.runbook))
            .map(|found| load_head(found?, Trust::Required).ok())
            .collect();
        let Some(members) = members.filter(|members| members.len() <= shipped.len()) else { return false };
        let members: Vec<&Runbook> = members.iter().collect();
        compose(&members, choice.clone()).is_ok_and(|(whole, _)| whole.text() == self.text())
    }
}

/// Whether the runbook of a case is the one that this casebook carries.
pub fn is_shipped(recorded: &RunbookRef) -> bool {
    recorded.checks.values().all(|check| check.modules.is_empty())
        && load_recorded(recorded).is_ok_and(|runbook| runbook.is_shipped())
}
