//! The tools of the server: one table, from which their list follows.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::Usage;
use super::answer::{Answer, Cases, Judged, Part, Probed, Probes, Runbooks};
use super::asked::{
    ListCases, ListProbes, ListRunbooks, MergeCases, ReadCase, ReadToolOutput, ReplayCase, RunProbe, RunRunbook,
};
use super::desk::Desk;
use super::look::Call;
use super::{cases, lists, look};

/// A tool.
pub(super) struct Entry {
    pub name: &'static str,
    title: &'static str,
    about: &'static str,
    input: fn() -> JsonObject,
    output: fn() -> JsonObject,
    answer: fn(&Desk, Value, &Call) -> anyhow::Result<Answer>,
}

/// All of them, in the order in which a diagnosis uses them.
pub(super) const TOOLS: &[Entry] = &[
    Entry {
        name: "list_runbooks",
        title: "List runbooks",
        about: "The runbooks that can be run here: what each is for, and its parameters. Begin here if you do not know which one \
                fits the complaint; with a name it also tells what each parameter is for.",
        input: arguments_schema::<ListRunbooks>,
        output: result_schema::<Runbooks>,
        answer: |desk, asked, _| lists::list_runbooks(desk, &read(asked)?),
    },
    Entry {
        name: "run_runbook",
        title: "Diagnose this host by a runbook",
        about: "Watches this host for one window (10 s unless said otherwise) with all probes of the runbook at once, weighs its \
                causes, and answers with the verdict, the causes at work with their signs and figures, what to do, and what could \
                not be seen. It asks the kernel itself and changes nothing. One call takes the place of ss, ip, sar, top, dmesg \
                and the like; for traffic, drops, floods and slow services take high-inbound-traffic, for CPU, memory and disk \
                pressure host-under-pressure. The whole case stays readable by read_case.",
        input: arguments_schema::<RunRunbook>,
        output: result_schema::<Judged>,
        answer: |desk, asked, call| look::run_runbook(desk, read(asked)?, call),
    },
    Entry {
        name: "list_probes",
        title: "List probes",
        about: "The probes: what each observes, and the names of its parameters. With a name: the JSON schema of its parameters, \
                and of its output where that is asked for.",
        input: arguments_schema::<ListProbes>,
        output: result_schema::<Probes>,
        answer: |_, asked, _| lists::list_probes(&read(asked)?),
    },
    Entry {
        name: "run_probe",
        title: "Look at one part of this host",
        about: "One probe by itself: sockets, interfaces, processes, disk, space, firewall, kernel counters, drops, logs and more. \
                It gives figures and judges nothing; for a cause run a runbook.",
        input: arguments_schema::<RunProbe>,
        output: result_schema::<Probed>,
        answer: |desk, asked, call| look::run_probe(desk, read(asked)?, call),
    },
    Entry {
        name: "list_cases",
        title: "List cases",
        about: "The cases that this server made since it began (the last 16), and the files below the folders that its operator \
                opened: cases, and outputs of tools.",
        input: arguments_schema::<ListCases>,
        output: result_schema::<Cases>,
        answer: |desk, asked, _| lists::list_cases(desk, &read(asked)?),
    },
    Entry {
        name: "read_case",
        title: "Read a part of a case",
        about: "A part of a case that was made here or lies in a folder of the operator: the summary, the causes with all their \
                signs, the findings of the steps, the evidence of one step or what stands at a path in it, the ledger of bytes, \
                or the report as text.",
        input: arguments_schema::<ReadCase>,
        output: result_schema::<Part>,
        answer: |desk, asked, _| cases::read_case(desk, &read(asked)?),
    },
    Entry {
        name: "replay_case",
        title: "Judge a case again",
        about: "Judges what was recorded again, by another runbook or with other parameters. This host is not looked at.",
        input: arguments_schema::<ReplayCase>,
        output: result_schema::<Judged>,
        answer: |desk, asked, _| cases::replay_case(desk, read(asked)?),
    },
    Entry {
        name: "merge_cases",
        title: "Merge the cases of many hosts",
        about: "One case of those of many hosts: which causes they have in common, who differs, who floods whom.",
        input: arguments_schema::<MergeCases>,
        output: result_schema::<Judged>,
        answer: |desk, asked, _| cases::merge_cases(desk, &read(asked)?),
    },
    Entry {
        name: "read_tool_output",
        title: "Judge what tools printed",
        about: "Recognises outputs of tools in a text, such as a ticket or a forum post, and judges them by a runbook. It works for \
                hosts that cannot be reached; this host is not looked at.",
        input: arguments_schema::<ReadToolOutput>,
        output: result_schema::<Judged>,
        answer: |desk, asked, _| cases::read_tool_output(desk, read(asked)?),
    },
];

impl Entry {
    /// The tool of that name.
    pub fn find(name: &str) -> Option<&'static Entry> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// The tool, as it is listed.
    pub fn tool(&self) -> Tool {
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Tool::new(Cow::Borrowed(self.name), Cow::Borrowed(self.about), (self.input)())
            .with_title(self.title)
            .with_raw_output_schema(Arc::new((self.output)()))
            .with_annotations(annotations)
    }

    /// Its answer.
    pub fn answer(&self, desk: &Desk, asked: Value, call: &Call) -> anyhow::Result<Answer> {
        (self.answer)(desk, asked, call)
    }
}

/// The arguments in their types.
fn read<T: DeserializeOwned>(asked: Value) -> Result<T, Usage> {
    serde_json::from_value(asked).map_err(|error| Usage(error.to_string()))
}

fn arguments_schema<T: JsonSchema>() -> JsonObject {
    schema::<T>(SchemaSettings::draft2020_12())
}

/// As it is written: what is left out where there is nothing to say may be missing.
fn result_schema<T: JsonSchema>() -> JsonObject {
    without_notes(schema::<T>(SchemaSettings::draft2020_12().for_serialize()))
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> JsonObject {
    let generator: SchemaGenerator = settings.into_generator();
    let mut object = match generator.into_root_schema_for::<T>().to_value() {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    };
    // The name of a type means nothing to a client.
    object.shift_remove("title");
    object.entry("type").or_insert_with(|| Value::from("object"));
    object
}

/// A schema without what explains the types in it: that stands in `casebook schema case`, and every client pays for each byte.
fn without_notes(mut schema: JsonObject) -> JsonObject {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(object) => {
                // A property may be called so, too: what explains is a text.
                if object.get("description").is_some_and(Value::is_string) {
                    object.shift_remove("description");
                }
                object.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    schema.get_mut("$defs").into_iter().for_each(strip);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_takes_and_gives_an_object_and_is_read_only() {
        for entry in TOOLS {
            let tool = entry.tool();
            assert_eq!(tool.input_schema["type"], "object", "{}", entry.name);
            assert_eq!(tool.output_schema.unwrap()["type"], "object", "{}", entry.name);
            let annotations = tool.annotations.unwrap();
            assert_eq!((annotations.read_only_hint, annotations.destructive_hint), (Some(true), Some(false)));
            assert!(tool.description.is_some_and(|about| about.len() < 700), "{}", entry.name);
        }
    }
}
