//! The fenced blocks of a page.

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// The language that it names.
    pub language: String,
    /// The line on which its text begins.
    pub line: usize,
    /// The file that it shows: the line above the fence is nothing but a path in backquotes.
    pub file: Option<String>,
    pub text: String,
}

/// All blocks of a page, in order. In front of the fence there may be blanks, as in a list.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    for (number, line) in page.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(language), None) => {
                let file = above.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
                let file = file.filter(|path| !path.contains('`'));
                open = Some(Block {
                    language: language.to_owned(),
                    line: number + 2,
                    file: file.map(str::to_owned),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
        if !line.trim().is_empty() {
            above = line;
        }
    }
    found
}

/// The part of a page under a heading, up to the next heading of its rank or above.
pub fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let begin = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("the page has a section {heading}"));
    let rest = &page[begin + heading.len() + 2..];
    let rank = heading.chars().take_while(|c| *c == '#').count();
    let mut fenced = false;
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        if !fenced && (1..=rank).contains(&level) && line[level..].starts_with(' ') {
            break;
        }
        length += line.len();
    }
    &rest[..length]
}
