---@meta

-- Written by `casebook generate`. Changes here are lost.

---@alias casebook.test.Reason
---| "denied" # The kernel refused: a capability or a permission is missing.
---| "absent" # What was looked for does not exist here.
---| "timed_out" # It did not answer by its deadline.
---| "malformed" # It answered something that could not be understood.
---| "cancelled" # The operator ended the run before it was done.
---| "failed" # Anything else went wrong.

---Why something could not be seen.
---@class casebook.test.Gap
---@field tried string What was tried, as a phrase: "read /proc/1423/fd".
---@field reason casebook.test.Reason The kind of failure.
---@field why string Why it failed, in words.
---@field to_fix? string How to see it next time.

---A part of an output that could not be seen.
---@class casebook.test.Missing
---@field fields string[] Paths in the output: `processes`, `connections.process`.
---@field gap casebook.test.Gap Why.

---What one probe saw: its output, or the gap that kept it from looking.
---@class casebook.test.testEvidence
---@field output? any The probe's output, as far as it matters; `casebook probe NAME --format yaml` shows a whole one. A field that is not given is null: the host did not say.
---@field gap? casebook.test.Gap Why it saw nothing, instead of an output.
---@field missing? casebook.test.Missing[] Parts of the output that it could not see.
---@field loss? string[] What was lost while it looked, as sentences.
---@field seconds? number How long it looked, in seconds; the window that it was asked for, when there is one.

---@alias casebook.test.Verdict
---| "ok" # Looked, and fine.
---| "warning" # Looked, and worth attention.
---| "critical" # Looked, and bad.
---| "unknown" # Could not look, or could not judge.
---| "skipped" # Does not apply here.

---A regular expression that it matches.
---@class casebook.test.PatternForm
---@field matches string The regular expression.

---What must be said of a step.
---@class casebook.test.Finding
---@field verdict? casebook.test.Verdict Its verdict.
---@field sentence? string|casebook.test.PatternForm A part of its sentence, or `{matches: REGEX}`.
---@field data? table<string, any> Figures that come with it, where the step calls a check.
---@field remedies? (string|casebook.test.PatternForm)[] Parts of what its remedies say or run.

---What must be said. What is not named here may be anything.
---@class casebook.test.Expect
---@field verdict? casebook.test.Verdict The verdict of the check or of the run.
---@field sentence? string|casebook.test.PatternForm A part of the check's sentence or of the runbook's summary; `{matches: REGEX}` for a regular expression.
---@field data? table<string, any> Figures that the check gives with its finding; it may give more.
---@field remedies? (string|casebook.test.PatternForm)[] Parts of what remedies say or run, or `{matches: REGEX}`; each must be found in one of them. An empty list: there is no remedy.
---@field besides? (string|casebook.test.PatternForm)[] Parts of the sentences that a check finds besides the gravest; each must be found.
---@field findings? table<string, casebook.test.Finding> Findings of a runbook, by the step's id.
---@field causes? table<string, string> How likely causes of a runbook are, by their ids: `certain`, `likely`, `possible`, `unlikely` or `ruled-out`, maybe with a comparison: `">= likely"`, `"< possible"`.
---@field first_cause? string The cause that comes first. `none`: no cause is likely.

---One test: what there is to see, and what must be said of it. No probe looks at the host.
---@class casebook.test.Test
---@field name string The situation and its answer, in a sentence: "a resolver that answers strangers is critical".
---@field params? table<string, any> Parameters of the check or runbook, as they are written on the command line. With `recorded`, those of the case are the base.
---@field now? string When it happens, as in 2026-01-02T03:04:05Z; when the recorded case began, else the start of 2026.
---@field evidence? table<string, casebook.test.testEvidence> What the probes saw. For a check by the probe's name, `sockets`, and `sockets#2` for its second call; for a runbook by the step's id or the probe's name, and `STEP.sockets#2` for what a check that it calls asks.
---@field recorded? string A case, by its path from this file, whose evidence is there where `evidence` gives none. `casebook run --save` writes one. It lies in the project, which is the folder that holds `runbooks` or `lua/checks`, or else beside this file or below; links are not followed.
---@field without? string[] Steps or probes whose recorded evidence is left out, as if they could not look.
---@field expect casebook.test.Expect What must be said.

---Tests of a check or of a runbook: given this evidence, it must say that.
---@class casebook.test.Tests
---@field check? string The check that is tested, by its name. The one beside this file goes first, then the usual places.
---@field runbook? string The runbook that is tested, by its name; instead of `check`.
---@field tests casebook.test.Test[] The tests.

