//! What needs what, and in which order steps are asked.

use std::time::Duration;

use crate::probe::{self, AnyProbe};
use crate::runbook::{Runbook, Step};

/// How much longer than its window a step may take when the runbook does not say.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long a step without a window may take when the runbook does not say.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The order of a run: waves of steps that are asked together.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Waves, in order; the steps of one wave start together and share one window.
    pub waves: Vec<Vec<PlannedStep>>,
}

/// A step with what follows from its probe.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// Its place in the runbook.
    pub index: usize,
    /// Ids of the steps whose evidence it needs.
    pub needs: Vec<String>,
    /// It watches over a window.
    pub watches: bool,
}

/// Whether a probe watches over a window.
pub(super) fn watches(probe: &dyn AnyProbe) -> bool {
    probe::takes(probe, "window")
}

/// How long a step may take.
pub(super) fn time_limit(step: &Step, watches: bool, window: Duration) -> Duration {
    match step.timeout_seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(PATIENCE),
        None if watches => window.saturating_add(GRACE),
        None => PATIENCE,
    }
}

/// Orders the steps of a checked runbook.
pub fn plan(runbook: &Runbook) -> Plan {
    let mut left: Vec<PlannedStep> = runbook
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let probe = step.probe();
            let derived = probe.map(|probe| probe.derives_from()).unwrap_or_default();
            let mut needs = step.needs.clone();
            for other in &runbook.steps {
                if other.probe().is_some_and(|other| derived.contains(&other.name()))
                    && other.id != step.id
                    && !needs.contains(&other.id)
                {
                    needs.push(other.id.clone());
                }
            }
            PlannedStep { index, needs, watches: probe.is_some_and(watches) }
        })
        .collect();
    let mut waves = Vec::new();
    let mut done: Vec<String> = Vec::new();
    while !left.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|step| step.needs.iter().all(|need| done.contains(need)));
        // A checked runbook has no cycles; if one slipped through, the rest is asked as it stands rather than never.
        let (ready, waiting) = if ready.is_empty() { (waiting, Vec::new()) } else { (ready, waiting) };
        done.extend(ready.iter().map(|step| runbook.steps[step.index].id.clone()));
        waves.push(ready);
        left = waiting;
    }
    Plan { waves }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::PROBES;

    #[test]
    fn a_probe_watches_where_its_schema_has_a_window() {
        for probe in PROBES {
            let schema = probe.params_schema();
            let has = schema.get("properties").is_some_and(|properties| properties.get("window").is_some());
            assert_eq!(watches(*probe), has, "{}", probe.name());
        }
    }
}
