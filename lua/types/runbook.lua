---@meta

-- Written by `casebook generate`. Changes here are lost.

---@alias casebook.runbook.ParamType
---| "interface" # A network interface, or `auto`.
---| "duration" # A span of time: 10s.
---| "bitrate" # A bit rate: 20Mbit/s.
---| "size" # A size: 64MiB.
---| "share" # A share: 5%.
---| "integer" # A whole number.
---| "number" # A number.
---| "string" # Any text.
---| "path" # The path of a file or folder.
---| "address" # An IP address.
---| "port" # A port number.
---| "boolean" # `true` or `false`.

---A parameter. It is checked before anything runs.
---@class casebook.runbook.Param
---@field type casebook.runbook.ParamType What its value must be.
---@field default? any Its value when none is given. Without one the parameter is false in conditions until it is given.
---@field min? any The least value.
---@field max? any The greatest value.
---@field choices? any[] The values that it can have.
---@field help string What it is for, and the reason for its default.
---@field required? boolean Its value must be given.
---@field secret? boolean Its value is kept out of cases and reports. Expressions see a stand-in for it; only `with:` passes the value on.

---@alias casebook.runbook.Verdict
---| "ok" # Looked, and fine.
---| "warning" # Looked, and worth attention.
---| "critical" # Looked, and bad.
---| "unknown" # Could not look, or could not judge.
---| "skipped" # Does not apply here.

---@alias casebook.runbook.Urgency
---| "now" # On this host, at once.
---| "lasting" # On this host, for good.
---| "upstream" # Outside this host: a text for the provider or the network's owner.

---What to do about it.
---@class casebook.runbook.Remedy
---@field urgency? casebook.runbook.Urgency When and where it helps.
---@field when? string A condition: the remedy is left out when this does not hold.
---@field ["do"] string What to do, as a sentence.
---@field run? string Commands, ready to paste; what `{{ }}` fills in is quoted for the shell. A remedy whose commands cannot be filled in is left out.
---@field undo? string Commands that take it back.
---@field risk? string What may go wrong: none, low, medium or high, and why.

---What a step can find.
---@class casebook.runbook.Outcome
---@field when? string A condition; the outcome always holds if there is none.
---@field verdict casebook.runbook.Verdict What it means for the host.
---@field say string The sentence, with figures filled in by `{{ }}`.
---@field remedy? casebook.runbook.Remedy What to do about it.

---A step: one probe or check looks, and the first outcome that holds is the finding. What could not be seen makes it unknown, never ok.
---@class casebook.runbook.Step
---@field id string The name by which conditions reach its evidence: a Lua name, `rates` in `rates.watched.rx.packets`.
---@field title string What it asks, for people: "How much arrives".
---@field probe? string The probe that looks.
---@field check? string The check, written in Lua, that looks and judges; instead of `probe`.
---@field with? table<string, any> The parameters of the probe or check, by name; `{{ }}` fills in values.
---@field when? string A condition: the step is skipped when this does not hold.
---@field otherwise? string The sentence when it is skipped.
---@field needs? string[] Ids of steps that must have looked before; what a probe derives its result from is known without it.
---@field timeout? string|number How long it may take; the window and 5 s more when none is given.
---@field outcomes? casebook.runbook.Outcome[] What it can find; the first whose condition holds wins. Without any, a check's own findings count.
---@field stop? string A condition: the run ends after this step when this holds.

---@alias casebook.runbook.Weight
---| "weak" # A hint.
---| "moderate" # Worth something.
---| "strong" # Worth much.
---| "decisive" # Settles it.

---A sign: either `for` or `against`, with its weight.
---@class casebook.runbook.Sign
---@field ["for"] casebook.runbook.Weight? It speaks for the cause, with this weight.
---@field against? casebook.runbook.Weight It speaks against the cause, with this weight.
---@field when string A condition.
---@field say? string The sentence when it holds; the condition itself, if there is none.

---A hypothesis: signs that hold move the scale, signs that could not be seen widen the doubt.
---@class casebook.runbook.Cause
---@field id string Its id: lower case, digits and hyphens.
---@field name? string What it is called when nothing is known of its subject: "SYN flood". The id, when there is none.
---@field title string What happens, with its subject filled in by `{{ }}`.
---@field severity? casebook.runbook.Verdict The verdict of a run in which it is likely: `critical` or `warning`.
---@field rank? integer Among causes that are equally likely the higher comes first.
---@field let? table<string, string> Names for expressions that its signs, sentences and remedies share.
---@field subject? table<string, string> What it is about: expressions by name, such as `process`, `ports`, `rule`. What is none is left out.
---@field signs casebook.runbook.Sign[] Signs for and against.
---@field remedies? casebook.runbook.Remedy[] What to do.

---A runbook: parameters, steps that look and judge, and causes that are weighed.
---@class casebook.runbook.Runbook
---@field name string The name by which it is run: lower case, digits and hyphens.
---@field title string Its title, for people.
---@field summary? string What it finds out, in a sentence.
---@field tags? string[] Words that it is found by.
---@field symptoms? string[] Complaints that call for it: "the server is slow".
---@field params? table<string, casebook.runbook.Param> What can be set when it is run, by name: `--set NAME=VALUE`.
---@field let? table<string, string> Names for expressions that conditions and sentences share; evaluated in order when all steps have looked.
---@field headlines? string[] Sentences with the headline figures; one whose figures could not be seen is left out.
---@field calm? string The first sentence of the report when no cause is likely.
---@field steps casebook.runbook.Step[] What is asked, and how the answers are judged. Steps that need nothing of each other look at the same time.
---@field causes? casebook.runbook.Cause[] Hypotheses that are weighed and ranked.

