//! LuaLS function types as declarations: `fun(a: T, b?: U): R` as `---@param`, `---@return` and a function.

use std::fmt::Write;

/// A function as a declaration that the language server reads. `overloads` are further types of it.
pub(super) fn declare(path: &str, fun: &str, about: &str, overloads: &[String]) -> Option<String> {
    let inside = fun.strip_prefix("fun(")?;
    let close = closing(inside)?;
    let (parameters, returns) = (&inside[..close], inside[close + 1..].trim_start_matches(':').trim());
    let mut text = format!("---{about}\n");
    let mut names = Vec::new();
    for parameter in split(parameters) {
        let (name, kind) = parameter.split_once(':').unwrap_or((parameter, "any"));
        let _ = writeln!(text, "---@param {} {}", name.trim(), kind.trim());
        names.push(name.trim().trim_end_matches('?'));
    }
    for kind in split(returns) {
        let _ = writeln!(text, "---@return {}", if kind == "..." { "any ..." } else { kind });
    }
    for overload in overloads {
        let _ = writeln!(text, "---@overload {overload}");
    }
    let names = if path.contains(':') { names.get(1..).unwrap_or_default() } else { &names };
    if path.contains(':') {
        // A method has its `self` without saying so.
        text =
            text.lines().filter(|line| !line.starts_with("---@param self ")).map(|line| format!("{line}\n")).collect();
    }
    let _ = writeln!(text, "function {path}({}) end\n", names.join(", "));
    Some(text)
}

/// Where the bracket closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(index),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The parts between commas that stand outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0i32);
    for (index, c) in text.char_indices() {
        match c {
            '(' | '<' | '{' => depth += 1,
            ')' | '>' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[begin..index].trim());
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_becomes_a_declaration() {
        let text = declare("re.x", "fun(a: table<string, any>, b?: fun(c: any): any): string?, ...", "Does.", &[]);
        assert_eq!(
            text.unwrap(),
            "---Does.\n---@param a table<string, any>\n---@param b? fun(c: any): any\n---@return string?\n---@return any ...\nfunction re.x(a, b) end\n\n"
        );
        let method = declare("Finding:data", "fun(self: F, figures: table): F", "Keeps.", &[]);
        assert_eq!(
            method.unwrap(),
            "---Keeps.\n---@param figures table\n---@return F\nfunction Finding:data(figures) end\n\n"
        );
        assert_eq!(declare("x", "number", "", &[]), None);
    }
}
