//! Values in commands: the one place that quotes for the shell, for runbooks and for checks.

use serde_json::Value;

use super::json::display;
use crate::printable::shell_word;

/// Adds a value to a command. Where the shell would read more than one word in it, it stands in quotes; where quotes would not
/// hold, only a plainly harmless value can stand, and any other is refused, with the reason.
///
/// `command` is what stands before the value: text of the template's author and values that were added in this way.
pub(super) fn push_value(command: &mut String, value: &Value) -> Result<(), String> {
    let word = display(value);
    let quoted = shell_word(&word);
    if quoted != word && !quotes_hold(command) {
        return Err(format!("{quoted} would not be safe there"));
    }
    if value.is_string() && word.starts_with('-') && is_read_as_option(command) {
        return Err(format!("{quoted} would be read as an option"));
    }
    command.push_str(&quoted);
    Ok(())
}

/// What begins a text in which the shell's quotes have another meaning: substitutions, documents, C's escapes.
const NESTING: [&str; 5] = ["$(", "`", "${", "<<", "$'"];

/// Whether a word in quotes after this text is one word to the shell.
fn quotes_hold(before: &str) -> bool {
    if NESTING.iter().any(|sign| before.contains(sign)) {
        return false;
    }
    let (mut open, mut escaped, mut comment, mut starts_word) = (None, false, false, true);
    for c in before.chars() {
        if comment {
            comment = c != '\n';
            starts_word = true;
            continue;
        }
        match (open, c) {
            (_, _) if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '#') if starts_word => comment = true,
            (None, '\'' | '"') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
        starts_word = open.is_none() && !escaped && (c.is_whitespace() || ";&|()<>".contains(c));
    }
    open.is_none() && !escaped
}

/// Whether a word after this text that begins with `-` would be taken for an option of the program.
fn is_read_as_option(before: &str) -> bool {
    let starts_word = before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || ";&|()<>".contains(c));
    let program = before.rsplit(['\n', ';', '&', '|']).next().unwrap_or_default();
    starts_word && !program.contains(" -- ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(before: &str, value: Value) -> Result<String, String> {
        let mut command = before.to_owned();
        push_value(&mut command, &value).map(|()| command)
    }

    #[test]
    fn a_value_is_one_word_whatever_it_holds() {
        assert_eq!(after("ip link show ", json!("eth0")).unwrap(), "ip link show eth0");
        assert_eq!(after("ip link show ", json!("eth0;touch x")).unwrap(), "ip link show 'eth0;touch x'");
        assert_eq!(after("echo ", json!("a\nb\u{202e}")).unwrap(), r"echo 'a\nb\u{202e}'");
        assert_eq!(after("# it's here\necho ", json!("$(id)")).unwrap(), "# it's here\necho '$(id)'");
    }

    #[test]
    fn where_quotes_would_not_hold_only_a_harmless_value_stands() {
        for before in [
            "nft '{ device ",
            "echo \"",
            "echo \\",
            "# it's here\necho '",
            "x=\"$(cat \"",
            "x=`cat ",
            "echo ${X:-",
            "cat <<END\n",
            "echo $'",
        ] {
            assert!(after(before, json!("$(id)")).is_err(), "{before}");
            assert!(after(before, json!("a b")).is_err(), "{before}");
            assert_eq!(after(before, json!("eth0")).unwrap(), format!("{before}eth0"));
        }
    }

    #[test]
    fn a_text_cannot_become_an_option_and_a_number_may_be_negative() {
        assert!(after("whois ", json!("-h192.0.2.1")).is_err());
        assert!(after("a -- x; whois ", json!("-h192.0.2.1")).is_err());
        assert_eq!(after("grep -F -- ", json!("-x")).unwrap(), "grep -F -- '-x'");
        assert_eq!(after("x --name=", json!("-x")).unwrap(), "x --name='-x'");
        assert_eq!(after("nice -n ", json!(-5)).unwrap(), "nice -n '-5'");
    }
}
