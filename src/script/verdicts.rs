//! Where a check's script gives its verdicts: the lines that tests should reach.

use super::lexer::{Kind, Token, tokens};
use crate::case::Verdict;

/// The lines on which a check calls `cx.ok(…)`, `cx.warning(…)` and so on, each with the verdict; lines count from 1. What
/// reaches `cx` under another name than that of the first parameter of its `run` is not found.
pub fn verdict_lines(text: &str) -> Vec<(usize, Verdict)> {
    let Ok(tokens) = tokens(text) else { return Vec::new() };
    let context = context_name(&tokens);
    let calls = tokens.windows(4).filter_map(|window| {
        let [name, dot, member, open] = window else { return None };
        let is_call = name.kind == Kind::Name && name.text == context && dot.is(".") && open.is("(");
        let verdict = Verdict::ALL.into_iter().find(|verdict| is_call && member.is(verdict.word()))?;
        Some((text[..member.start].matches('\n').count() + 1, verdict))
    });
    calls.collect()
}

/// What the check calls the first parameter of its `run`.
fn context_name<'a>(tokens: &[Token<'a>]) -> &'a str {
    let heads = |window: &&[Token<'a>]| {
        window[0].is("run") && window[1].is("=") && window[2].is("function") && window[3].is("(")
    };
    tokens.windows(5).find(heads).filter(|window| window[4].kind == Kind::Name).map_or("cx", |window| window[4].text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_and_comments_and_texts_are_none() {
        let text = "return check { run = function(c)\n  -- c.ok(\n  local s = 'c.ok('\n  if x then return c.ok(s) end\n  return c.critical (s)\nend }";
        assert_eq!(verdict_lines(text), [(4, Verdict::Ok), (5, Verdict::Critical)]);
        assert_eq!(verdict_lines("local function judge(cx) return cx.unknown(\"x\") end"), [(1, Verdict::Unknown)]);
    }

    #[test]
    fn what_is_not_lua_has_no_lines() {
        assert_eq!(verdict_lines("cx.ok('"), []);
    }
}
