//! Ways in which bytes, texts and JSON are damaged, each decided by dice with a fixed seed.

use serde_json::Value;

/// Numbers in a sequence that is fixed by its seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    /// The dice of an input: always the same for the same corpus and number.
    pub fn of(corpus: &str, number: usize) -> Self {
        let seed = corpus
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Dice(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Bytes that readers trip over: ends of ranges, signs, lengths.
const TELLING: &[u8] = &[0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x5c];

/// Damages bytes in one to eight places; sometimes the end is missing, or a piece stands twice.
pub fn bytes(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(8) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len());
        match dice.below(7) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = *dice.pick(TELLING),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 1 + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + 1 + dice.below(256)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            5 => {
                let word = (*dice.pick(&[0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])).to_le_bytes();
                for (byte, new) in bytes[at..].iter_mut().zip(word) {
                    *byte = new;
                }
            }
            _ => {
                let more: Vec<u8> = (0..dice.below(32)).map(|_| dice.number() as u8).collect();
                bytes.splice(at..at, more);
            }
        }
    }
}

/// Texts that mean something to a shell, a terminal, a browser, a path or a parser. None does harm where it ends up.
const WORDS: &[&str] = &[
    "",
    "../../../../canary",
    "/proc/self/environ",
    "$(touch created)",
    "`touch created`",
    "'; touch created; '",
    "<script>alert(1)</script>",
    "\u{202e}gnp.exe",
    "\u{1b}[2J",
    "\u{0}",
    "{{ params.window }}",
    "{{ ",
    "99999999999999999999",
    "-1",
    "1e308",
    "nan",
    "10s",
    "true",
    "~",
    "&a [*a, *a]",
    "!!binary AAAA",
    "while true do end",
];

/// Damages a text line by line: lines vanish, stand twice, change places, or get a telling word.
pub fn text(dice: &mut Dice, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = dice.below(lines.len());
        match dice.below(7) {
            0 => {
                lines.remove(at);
            }
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = dice.below(lines.len());
                lines.swap(at, other);
            }
            3 => {
                let words: Vec<&str> = lines[at].split(' ').collect();
                let hit = dice.below(words.len());
                let new = *dice.pick(WORDS);
                let changed: Vec<&str> =
                    words.iter().enumerate().map(|(place, word)| if place == hit { new } else { word }).collect();
                lines[at] = changed.join(" ");
            }
            4 => {
                let cut = (0..=dice.below(lines[at].len() + 1)).rev().find(|&cut| lines[at].is_char_boundary(cut));
                lines[at].truncate(cut.unwrap_or(0));
            }
            5 => lines[at] = lines[at].repeat(1 + dice.below(40)),
            _ => lines.truncate(at),
        }
    }
    lines.join("\n")
}

/// Damages a case in one to four places, and keeps it JSON. What probes saw is damaged most: it has no form of its own, so
/// it gets past the reader.
pub fn case(dice: &mut Dice, case: &mut Value) {
    for _ in 0..=dice.below(4) {
        let depth = 1 + dice.below(9);
        if dice.below(8) == 0 {
            damage(dice, case, depth);
            continue;
        }
        let steps = case["evidence"].as_object().map_or(0, serde_json::Map::len);
        let step = dice.below(steps);
        if let Some((_, evidence)) = case["evidence"].as_object_mut().and_then(|all| all.iter_mut().nth(step)) {
            damage(dice, &mut evidence["output"], depth);
        }
    }
}

fn damage(dice: &mut Dice, value: &mut Value, depth: usize) {
    if depth > 0 {
        match value {
            Value::Array(items) if !items.is_empty() => {
                let at = dice.below(items.len());
                return damage(dice, &mut items[at], depth - 1);
            }
            Value::Object(fields) if !fields.is_empty() => {
                let at = dice.below(fields.len());
                if let Some((_, field)) = fields.iter_mut().nth(at) {
                    return damage(dice, field, depth - 1);
                }
            }
            _ => {}
        }
    }
    let old = value.take();
    *value = match dice.below(9) {
        0 => Value::Null,
        1 => Value::Bool(dice.below(2) == 0),
        2 => Value::from(*dice.pick(&[0u64, 1, u64::MAX, 1 << 53])),
        3 => Value::from(*dice.pick(&[-1.0, 0.5, 1e300, -0.0])),
        4 => Value::from(*dice.pick(WORDS)),
        5 => Value::Array(vec![old; 1 + dice.below(20)]),
        6 => Value::Object([((*dice.pick(WORDS)).to_owned(), old)].into_iter().collect()),
        7 => Value::Array(Vec::new()),
        _ => (0..dice.below(200)).fold(old, |inner, _| Value::Array(vec![inner])),
    };
}
