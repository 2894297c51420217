//! The secrets of a case taken out.

use super::secret::{closes_key, first, is_secret_name, is_secret_value, line_of_key, opens_key, stand_in, without};
use super::texts::{Place, Visitor};

/// Lines of a private key that are followed from line to line. The largest keys in use have fewer.
const LINES_OF_KEY: usize = 256;
/// Bytes of the items before that are kept: a command line, each of whose words is an item.
const MOST_OF_A_LINE: usize = 400;

/// Takes the secrets out of every text that it is shown.
#[derive(Default)]
pub struct Scrubber {
    /// How many were taken out.
    pub count: u64,
    /// Lines that may still belong to a private key that began in a line before.
    key_lines: usize,
    /// The items before, for a flag whose value is the next item.
    before: String,
    /// Whether the last of them was a flag.
    after_flag: bool,
}

impl Scrubber {
    fn replace(&mut self, text: &mut String, clean: String, count: u64) {
        *text = clean;
        self.count += count;
    }

    /// A line of a list: its neighbours tell what it is.
    fn item(&mut self, number: usize, text: &mut String) {
        if number == 0 {
            self.before.clear();
            self.after_flag = false;
            self.key_lines = 0;
        }
        let after_flag = std::mem::take(&mut self.after_flag);
        if self.key_lines > 0 {
            self.key_lines = if closes_key(text) { 0 } else { self.key_lines - 1 };
            if let Some(line) = line_of_key(text) {
                text.replace_range(line, &stand_in("private key"));
                self.count += 1;
            }
        } else if opens_key(text) {
            self.key_lines = LINES_OF_KEY;
        }
        let joined = |last: &str| format!("{} {last}", self.before);
        // The first line tells what the flags of a program mean: `docker login -p SECRET`.
        let is_value = after_flag
            && !text.starts_with('(')
            && without(&joined(text), false)
                .is_some_and(|(clean, _)| clean.ends_with(" left out)") && without(&joined("value"), false).is_some());
        if self.before.len() + text.len() < MOST_OF_A_LINE {
            if !self.before.is_empty() {
                self.before.push(' ');
            }
            self.before.push_str(if is_value { "value" } else { text });
            self.after_flag = text.starts_with('-') && text.len() < 64;
        }
        if is_value {
            self.replace(text, stand_in("password"), 1);
        }
    }
}

impl Visitor for Scrubber {
    fn text(&mut self, place: Place<'_>, text: &mut String) {
        if let Place::Item(_, number) = place {
            self.item(number, text);
        }
        if let Place::Field(name) | Place::Item(name, _) = place
            && is_secret_name(name)
            && is_secret_value(text)
        {
            return self.replace(text, stand_in("password"), 1);
        }
        if let Some((clean, count)) = without(text, place == Place::Source) {
            self.replace(text, clean, count);
        }
    }
}

/// Counts the stand-ins in every text that it is shown, so that a replay counts what the run has counted.
#[derive(Default)]
pub struct Counter {
    /// How many there are.
    pub count: u64,
}

impl Visitor for Counter {
    fn text(&mut self, place: Place<'_>, text: &mut String) {
        if place != Place::Source {
            self.count += text.matches(" left out)").count() as u64;
        }
    }
}

/// The rule that finds a secret in a text that is about to leave, if there is one.
pub fn scan(text: &str) -> Option<&'static str> {
    first(text, false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::redact::texts::of_value;

    fn scrubbed(mut value: serde_json::Value) -> (serde_json::Value, u64) {
        let mut scrubber = Scrubber::default();
        of_value(&mut value, Place::Field(""), &mut scrubber);
        (value, scrubber.count)
    }

    #[test]
    fn a_field_with_the_name_of_a_secret_is_one() {
        let (clean, count) = scrubbed(json!({"password": "a", "api_token": "b", "secrets_left_out": 3, "name": "c"}));
        assert_eq!(clean["password"], "(password left out)");
        assert_eq!(clean["api_token"], "(password left out)");
        assert_eq!((clean["name"].as_str(), count), (Some("c"), 2));
    }

    #[test]
    fn a_key_is_followed_through_the_lines_of_a_log() {
        let (clean, _) = scrubbed(json!({"lines": [
            "app: -----BEGIN RSA PRIVATE KEY-----",
            "app: MIIEpAIBAAKCAQEAxyzzyxyzzyxyzzyxyzzyxyzzyxyzzyxyzzyxyzzyxyzzyxyz",
            "app: -----END RSA PRIVATE KEY-----",
            "app: MIIEpAIBAAKCAQEAisnokeyhere"
        ]}));
        let text = clean.to_string();
        assert!(!text.contains("xyzzy") && text.contains("isnokeyhere"), "{text}");
    }

    #[test]
    fn a_flag_and_its_value_may_be_neighbours() {
        let (clean, _) = scrubbed(json!({"arguments": ["tool", "--password", "hunter2", "--verbose", "loud"]}));
        assert_eq!(clean["arguments"][2], "(password left out)");
        assert_eq!(clean["arguments"][4], "loud");
    }

    #[test]
    fn the_scan_names_the_rule_and_not_the_secret() {
        assert_eq!(scan("AKIAIOSFODNN7EXAMPLE"), Some("cloud key"));
        assert_eq!(scan("calm"), None);
    }
}
