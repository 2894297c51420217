---@meta

-- Written by `casebook generate`. Changes here are lost.

---A sign in the first look that a runbook is wanted. Its expressions name probes, each of which looks once with its defaults (`disk.fullest_share`), and the runbook's `params`.
---@class casebook.runbook.Suspect
---@field when? string A condition. The last entry has none: it says what was seen where nothing is suspected.
---@field say string What was seen, as part of a sentence: why the runbook was picked, or why it was left out.

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

---What to do about it: `now: SENTENCE` (on this host, at once), `lasting: SENTENCE` (on this host, for good) or `upstream: SENTENCE` (a text for the provider); or in two fields, `urgency` and `do`.
---@class casebook.runbook.Remedy
---@field now? string What to do on this host at once, as a sentence.
---@field lasting? string What to do on this host for good, as a sentence.
---@field upstream? string A text for the provider.
---@field urgency? casebook.runbook.Urgency When and where it helps, where the sentence stands under `do`; `now` unless said.
---@field ["do"] string? What to do, as a sentence, beside `urgency`.
---@field when? string A condition: the remedy is left out when this does not hold.
---@field live_only? boolean It helps on a live host only.
---@field run? string Commands, ready to paste; what `{{ }}` fills in is quoted for the shell. A remedy whose commands cannot be filled in is left out.
---@field undo? string Commands that take it back.
---@field risk? string What may go wrong: none, low, medium or high, and why.

---What a step can find: its verdict and its sentence, as `ok: SENTENCE`, `warning: SENTENCE`, `critical: SENTENCE`, `unknown: SENTENCE` or `skipped: SENTENCE`; or in two fields, `verdict` and `say`.
---@class casebook.runbook.Outcome
---@field when? string A condition; the outcome always holds if there is none.
---@field ok? string All is well: the sentence, with figures filled in by `{{ }}`.
---@field warning? string Worth attention: the sentence.
---@field critical? string Bad: the sentence.
---@field unknown? string It cannot be told: the sentence.
---@field skipped? string It does not apply here: the sentence.
---@field verdict? casebook.runbook.Verdict What it means for the host, where the sentence stands under `say`.
---@field say? string The sentence, beside `verdict`.
---@field remedy? casebook.runbook.Remedy What to do about it.

---A further list of outcomes of a step.
---@class casebook.runbook.Also
---@field title? string What its findings are called; the step's title when none is given.
---@field outcomes casebook.runbook.Outcome[] As those of the step.

---A step: one probe or check looks, and the first outcome that holds is the finding. What could not be seen makes it unknown, never ok.
---@class casebook.runbook.Step
---@field id string The name by which conditions reach its evidence: a Lua name, `rates` in `rates.watched.rx.packets`.
---@field title string What it asks, for people: "How much arrives".
---@field probe? string The probe that looks.
---@field check? string The check, written in Lua, that looks and judges; instead of `probe`.
---@field with? table<string, any> The parameters of the probe or check, by name; `{{ }}` fills in values.
---@field when? string A condition: the step is skipped when this does not hold.
---@field live_only? boolean It looks at a live host only: it is skipped where the runbook's `live_when` does not hold.
---@field skip_message? string The sentence when it is skipped.
---@field needs? string[] Ids of steps that must have looked before; what a probe derives its result from is known without it.
---@field timeout? string|number How long it may take; the window and 5 s more when none is given.
---@field outcomes? casebook.runbook.Outcome[] What it can find; the first whose condition holds wins. Without any, a check's own findings count.
---@field also? casebook.runbook.Also[] Further lists of outcomes, each judged by itself as `outcomes` is: the gravest finding is that of the step. So runbooks that judge the same evidence are one in `casebook diagnose`.
---@field stop? string A condition: the run ends after this step when this holds.

---A sign: either `for` or `against` the cause.
---@class casebook.runbook.Sign
---@field ["for"] string? It speaks for the cause: `WEIGHT when CONDITION`, or the weight alone and the condition under `when`. The weights are `weak`, `moderate`, `strong` and `decisive`.
---@field against? string It speaks against the cause; written as `for` is.
---@field when? string A condition, where it does not stand behind the weight.
---@field live_only? boolean It is looked for on a live host only: elsewhere it does not hold.
---@field say? string The sentence when it holds; the condition itself, if there is none.

---A hypothesis: signs that hold move the scale, signs that could not be seen widen the doubt.
---@class casebook.runbook.Cause
---@field each? any A list: the cause stands for as many causes as the list has entries, and `each` is the entry in its expressions. The name of a list under `data`, or a list written out. `id` and `name` fill it in: `reflection-{{ each.service }}`.
---@field id string Its id: lower case, digits and hyphens.
---@field left_to? string The runbook that looks into it: where `casebook diagnose` runs that as well, the cause is left to it.
---@field runbooks? string[] The runbooks that it is from, where several were made one.
---@field name? string What it is called when nothing is known of its subject: "SYN flood". The id, when there is none.
---@field title string What happens, with its subject filled in by `{{ }}`.
---@field severity? casebook.runbook.Verdict The verdict of a run in which it is likely: `critical` or `warning`.
---@field rank? number Among causes that are equally likely the higher comes first.
---@field live_only? boolean Only a live host tells of it: it is not considered where the runbook's `live_when` does not hold.
---@field let? table<string, string> Names for expressions that its signs, sentences and remedies share.
---@field facts? table<string, string> Names for conditions of its own.
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
---@field complaints? string[] Words and phrases of the complaints by which `casebook diagnose` picks it: `ssh`, `no space left`. Capital letters, endings (hang, hangs, hanging) and small words between those of a phrase do not matter; two words may be written as one.
---@field suspect? casebook.runbook.Suspect[] What `casebook diagnose` suspects without a word of it: judged by one look of a second or two that is taken before anything is picked. The first that holds picks the runbook; what is not known picks it, too.
---@field lines? table<string, any> What picks it of the lines of logs that were pasted (`casebook read`): patterns by name, as the probe `logs` takes them. A live host's logs are not read before something is picked.
---@field include? string[] Further files of the runbook, by their paths from its folder: each may hold `params`, `data`, `let`, `facts`, `steps` and `causes`, which are added to those of this file in the order of the list.
---@field live_when? string A condition over parameters: whether the run looks at a live host. Steps, causes, signs and remedies that say `live_only: true` do not apply where this does not hold.
---@field params? table<string, casebook.runbook.Param> What can be set when it is run, by name: `--set NAME=VALUE`.
---@field data? table<string, any> Lists that expressions and `each` can use, by name: written out, or the name of a list that a probe knows, such as `capture.reflectors`.
---@field let? table<string, string> Names for values that conditions and sentences share. One unknown part makes the whole value unknown; conditions get their names under `facts`.
---@field facts? table<string, string> Names for conditions: yes, no or unknown, judged as if the condition stood where the name stands.
---@field headlines? string[] Sentences with the headline figures; one whose figures could not be seen is left out.
---@field all_clear? string The first sentence of the report when no cause is likely.
---@field steps? casebook.runbook.Step[] What is asked, and how the answers are judged. Steps that need nothing of each other look at the same time. They may all stand in files that are included.
---@field causes? casebook.runbook.Cause[] Hypotheses that are weighed and ranked.

