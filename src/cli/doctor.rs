//! `casebook doctor`: each probe is asked briefly, and says what it could not see.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::confinement::Start;
use super::list::counted;
use crate::case::{Reason, advice};
use crate::config::{BadConfig, Config};
use crate::engine::{Live, Observer, ProbeRequest};
use crate::printable::printable;
use crate::probe::space::SpaceProbe;
use crate::probe::{Cancel, Inputs, PROBES, Probe as _};
use crate::sys::capability;
use crate::sys::confine::{Confinement, Enforced};
use crate::sys::identity;

/// How long each probe watches.
const WINDOW: f64 = 0.5;

pub(super) fn doctor(start: Start) -> anyhow::Result<u8> {
    let configured = start.configured;
    let host = identity::host();
    let live = Live::new(Arc::new(Cancel::default()), Arc::new(|_| {})).on(start.threads);
    let probes: Vec<_> = PROBES.iter().copied().filter(|probe| probe.derives_from().is_empty()).collect();
    let asks = probes
        .iter()
        .map(|probe| {
            let takes =
                |param: &str| probe.params_schema().to_value().pointer(&format!("/properties/{param}")).is_some();
            let watches = takes("window");
            let given = match watches {
                true => json!({ "window": WINDOW }),
                // What is read until its time is over is read for a moment: whether it may be read is the question.
                false if takes("budget") => json!({ "budget": WINDOW }),
                false => json!({}),
            };
            ProbeRequest {
                by_check: false,
                typed_alone: false,
                derived: Vec::new(),
                step: probe.name().into(),
                title: probe.name().into(),
                probe: *probe,
                params: probe.complete_params(&given).unwrap_or(Value::Null),
                window: watches.then(|| Duration::from_secs_f64(WINDOW)),
                time_limit: Duration::from_secs(10),
                inputs: Inputs::new(),
            }
        })
        .collect();
    let mut out = super::screen::stdout();
    let who = if host.root { "as root" } else { "not as root" };
    writeln!(out, "casebook {} on {}, Linux {}, {who}\n", env!("CARGO_PKG_VERSION"), host.name, host.kernel)?;
    if let Some(vantage) = &start.vantage {
        writeln!(out, "{}\n", vantage.sentence())?;
    }
    let mut blind = 0;
    let mut capabilities = BTreeSet::new();
    for (probe, mut evidence) in probes.iter().zip(live.observe(asks)) {
        if probe.name() == SpaceProbe::NAME {
            // That the walk came to no end in that moment says nothing; what it was refused does.
            evidence.missing.retain(|missing| {
                missing.gap.reason != Reason::TimedOut || missing.fields.iter().any(|field| field == "deleted_files")
            });
        }
        match &evidence.gap {
            None if evidence.missing.is_empty() => {
                writeln!(out, "  full        {:<12} {}", probe.name(), probe.about())?
            }
            None => writeln!(out, "  partial     {:<12} {}", probe.name(), probe.about())?,
            Some(_) => writeln!(out, "  unavailable {:<12} {}", probe.name(), probe.about())?,
        }
        for gap in evidence.gap.iter().chain(evidence.missing.iter().map(|missing| &missing.gap)) {
            blind += 1;
            writeln!(out, "              {:<12} could not {}: {}", "", gap.tried, gap.why)?;
            if let Some(to_fix) = &gap.to_fix {
                writeln!(out, "              {:<12} to fix: {to_fix}", "")?;
                let named = advice::capabilities(to_fix).into_iter().flat_map(|named| named.split(" and "));
                capabilities.extend(named.map(str::to_owned));
            }
        }
        // Where nothing was refused no right is lacking, and where nothing is absent no newer kernel helps.
        let meets = |reason| {
            evidence
                .gap
                .iter()
                .chain(evidence.missing.iter().map(|missing| &missing.gap))
                .any(|gap| gap.reason == reason)
        };
        let (denied, absent) = (meets(Reason::Denied), meets(Reason::Absent));
        let lacks =
            |what: &str| if what.starts_with("Linux ") { absent } else { denied && !capability::held().has(what) };
        for need in probe.needs().iter().filter(|need| lacks(need.what)) {
            writeln!(out, "              {:<12} without {}: {}", "", need.what, need.without)?;
        }
    }
    writeln!(
        out,
        "\n{}",
        if blind == 0 {
            "Everything can be seen here."
        } else {
            "A run works all the same; its report says what it could not see."
        }
    )?;
    if !capabilities.is_empty() {
        let capabilities: Vec<String> = capabilities.into_iter().collect();
        writeln!(out, "\n{}", advice::group_restricted(&capabilities))?;
    }
    confinement(&mut out, &start.confinement)?;
    defaults(&mut out, configured)?;
    out.flush()?;
    Ok(0)
}

/// Says which files defaults come from.
fn defaults(out: &mut impl Write, configured: Option<Result<Config, BadConfig>>) -> std::io::Result<()> {
    writeln!(out, "\nDefaults (casebook config)")?;
    match configured {
        Some(Err(bad)) => bad.to_string().lines().try_for_each(|line| writeln!(out, "  {line}")),
        Some(Ok(config)) => {
            let mut files: Vec<_> = config.entries().map(|(_, entry)| &entry.file).collect();
            files.dedup();
            files.sort();
            files.dedup();
            for file in &files {
                let count = config.entries().filter(|(_, entry)| entry.file == **file).count();
                writeln!(
                    out,
                    "  {} from {}",
                    counted(count, "default"),
                    printable(file.as_os_str().as_encoded_bytes())
                )?;
            }
            for file in &config.unread {
                let file = printable(file.as_os_str().as_encoded_bytes());
                writeln!(out, "  this user may not read {file}; its defaults do not apply")?;
            }
            if files.is_empty() && config.unread.is_empty() { writeln!(out, "  none are set") } else { Ok(()) }
        }
        None => Ok(()),
    }
}

/// Says what judging, Lua and reports have given up, as this thread has.
fn confinement(out: &mut impl Write, given_up: &Confinement) -> std::io::Result<()> {
    writeln!(out, "\nJudging, Lua and reports, as this command itself, run with")?;
    let kept = given_up.capabilities.join(", ");
    let capabilities = if kept.is_empty() { "none" } else { &kept };
    writeln!(out, "  {:<14} {capabilities}", "capabilities")?;
    let said = |enforced: &Enforced, full: &str| match enforced {
        Enforced::Fully => full.to_owned(),
        Enforced::Partly => format!("{full}, as far as the Landlock of this kernel goes; a newer kernel enforces all"),
        Enforced::No(why) => format!("not confined: {why}"),
    };
    writeln!(out, "  {:<14} {}", "files", said(&given_up.files, "only those that the command line names (Landlock)"))?;
    writeln!(out, "  {:<14} {}", "TCP ports", said(&given_up.ports, "none; `attach` those of its targets (Landlock)"))?;
    let calls = said(&given_up.calls, "no programs, no sockets (seccomp)");
    writeln!(out, "  {:<14} {calls}", "system calls")
}
